//! Hosts: what drives the pure machines: asks them, commits their records, and gives their answers.
//!
//! No host decides anything about Kafka's semantics.

pub(crate) mod auto_create;
pub(crate) mod controller;
pub(crate) mod groups;
pub(crate) mod producer_ids;
