//! Highwater: a partitioned log that speaks the Apache Kafka protocol.
//!
//! For services: [`producer`] sends records, [`consumer`] reads them, [`admin`] looks after topics.
//! All three talk to any Kafka, not only to Highwater. With the feature `broker`, `Broker` runs the
//! real broker inside this process, many per process if need be: for a service's own tests.
//!
//! ```toml
//! [dependencies]
//! highwater = { version = "0.1", default-features = false } # no C compiler needed
//!
//! [dev-dependencies]
//! highwater = { version = "0.1", default-features = false, features = ["broker"] }
//! ```
//!
//! Not here: the `highwater` command (`src/main.rs`, feature `cli`).
//!
//! **Invariant:** nothing here changes the process it lives in: no panic hook, no limit, no logger.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[cfg(feature = "broker")]
mod broker;

pub use highwater_client as client;
pub use highwater_client::{Admin, admin};
pub use highwater_consumer as consumer;
pub use highwater_producer as producer;
pub use highwater_records::{
    Codec, ErrorCode, Header, Offset, Timestamp, TopicName, TopicPartition,
};

#[cfg(feature = "broker")]
pub use self::broker::{Broker, BrokerBuilder, BrokerError};
