//! The producer's public face against brokers that misbehave.
#![cfg(test)]

#[path = "../../../client/tests/it/fake_broker.rs"]
#[expect(dead_code, reason = "shared with the tests of the client, which use more of it")]
mod fake_broker;
mod faults;
mod model;
mod producer;
