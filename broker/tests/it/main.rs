#![cfg(test)]
//! The broker through its public face: real sockets, real files.

mod admin;
mod api_versions;
mod harness;
mod hostile;
mod limits;
mod pipelining;
mod start;
mod stop;
