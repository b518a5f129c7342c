//! What producer, consumer and admin share: connections to brokers, metadata, versions, retries;
//! and the admin client itself.
//!
//! It speaks to any Kafka, not only to Highwater. [`Connection`] is one connection with many
//! requests in flight; [`Client`] is a cluster: it finds brokers and leaders and tries again;
//! [`Admin`] creates, describes and changes what a cluster holds.
//!
//! Not here: batching and sequences (`producer`), fetching and positions (`consumer`), TLS and
//! SASL (later, below [`Connection`]).
//!
//! **Invariant:** dropping anything here never blocks; connections end with their last handle.
//! **Invariant:** a call that is dropped half-way leaves the connection usable for others.
//! **Invariant:** no memory is reserved because an answer claims to be large.
//!
//! Start at [`Client`], then follow a request through `connection.rs`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod admin;
mod client;
mod connection;
mod coordinator;
mod error;
mod leaders;
mod metadata;
mod negotiation;
mod offsets;
mod options;
pub mod retry;
mod versions;
mod wire;

pub use self::admin::Admin;
pub use self::client::{Client, Lane, TopicsWanted};
pub use self::connection::{Connection, PendingResponse};
pub use self::coordinator::Coordinator;
pub use self::error::{ClientError, ConnectionFault, FaultCause};
pub use self::metadata::{
    BrokerAddress, ClusterMetadata, LeaderHint, PartitionMetadata, TopicMetadata,
    is_stale_metadata, join_address,
};
pub use self::offsets::{Isolation, ListedOffset, OffsetSpec};
pub use self::options::{ClientOptions, split_servers};
pub use self::versions::BrokerVersions;
