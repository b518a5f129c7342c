//! The consumer's public face against a scripted broker.
#![cfg(test)]

mod consumer;
#[path = "../../../client/tests/it/fake_broker.rs"]
#[expect(dead_code, reason = "shared with the tests of the client, which use more of it")]
mod fake_broker;
mod group;
