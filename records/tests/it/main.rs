#![cfg(test)]
//! The public face of `highwater-records`, as other crates and Kafka's clients meet it.

mod compression;
mod corpus;
mod golden;
mod properties;
mod sample;
mod validate;
