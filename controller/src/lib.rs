//! Cluster metadata: its records, the image they build, and the decisions that change it.
//!
//! For: everything a cluster agrees on (topics, partitions, brokers, configurations, features,
//! producer ids). Not for: consensus, files, sockets, time. The host in `broker` asks
//! [`decide`] what to do, proposes the records to the quorum, and [`replay()`]s what
//! comes back committed.
//!
//! **Invariant:** only [`replay()`] changes a [`MetadataImage`]; a decision is a pure function of
//! image and input.
//! **Invariant:** replaying the same records in the same order gives an equal image.
//! **Invariant:** topic name and topic id are bijective after every record.
//!
//! Start at [`MetadataImage`], then [`decide`]; the meaning of every configuration
//! key is in [`config`].
#![forbid(unsafe_code)]
#![deny(clippy::wildcard_enum_match_arm)]

mod codec;
pub mod config;
pub mod decide;
mod delta;
#[cfg(test)]
mod fixture;
pub mod image;
#[cfg(test)]
mod properties;
mod record;
mod refusal;
mod replay;

pub use codec::{RecordDecodeError, RecordEncodeError, decode_records, encode_records};
pub use delta::MetadataDelta;
pub use image::MetadataImage;
pub use record::{MetadataRecord, PartitionChange};
pub use refusal::{AssignmentError, Refusal};
pub use replay::{ReplayError, replay};
