//! The client's public face against a scripted broker.
#![cfg(test)]

mod cluster;
mod connection;
mod fake_broker;
mod groups;
