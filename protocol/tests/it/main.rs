//! The public face of `protocol`: against another codec, against recorded bytes, against bad ones.
#![cfg(test)]

mod corpus;
mod debug_tree;
mod differential;
mod golden;
mod hostile;
mod memory;
mod record_samples;
mod records;
mod round_trip;
mod sample;
mod samples;
mod stream;
