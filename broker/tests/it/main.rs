#![cfg(test)]
//! The broker through its public face: real sockets, real files.

mod admin;
mod admin_faults;
mod admin_http;
mod api_versions;
mod corpus;
mod data;
mod fetch;
mod harness;
mod hostile;
mod limits;
mod log_dirs;
mod offsets;
mod pipelining;
mod produce;
mod start;
mod stop;
mod topic_configs;
