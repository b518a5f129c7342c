//! The producer's public face against brokers that misbehave.
#![cfg(test)]

#[path = "../../../client/tests/it/fake_broker.rs"]
mod fake_broker;
mod faults;
mod model;
mod producer;
