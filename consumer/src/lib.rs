//! A consumer for Kafka: it reads assigned partitions from a position on, in order, ahead of who
//! asks.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use highwater_consumer::{Consumer, SeekTo, TopicPartition};
//!
//! let mut consumer = Consumer::builder("127.0.0.1:9092").build()?;
//! let partition = TopicPartition::new("orders".parse()?, 0);
//! consumer.assign([(partition, SeekTo::Earliest)]);
//! loop {
//!     for record in consumer.poll(Duration::from_secs(1)).await? {
//!         println!("{} {:?}", record.offset, record.value);
//!     }
//! }
//! # }
//! ```
//!
//! With a group the partitions come from its coordinator, and where to go on too:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # use std::time::Duration;
//! # use highwater_consumer::Consumer;
//! let mut consumer = Consumer::builder("127.0.0.1:9092").group_id("readers").build()?;
//! consumer.subscribe(["orders".parse()?])?;
//! for record in consumer.poll(Duration::from_secs(10)).await? {
//!     println!("{} {:?}", record.offset, record.value);
//! }
//! consumer.close().await?; // commits and leaves
//! # Ok(())
//! # }
//! ```
//!
//! Not here: classic groups (later; the broker must speak KIP-848), deserialization (keys and values are bytes).
//! Fetches are sessionless: every request names its partitions (KIP-227 comes later).
//!
//! **Invariant:** records of a partition are given out in the order of their offsets, each once,
//! none below the position; control records never.
//! **Invariant:** a batch whose CRC is wrong is never given out.
//! **Invariant:** dropping a future or the consumer never blocks; a dropped `poll` loses no record.
//!
//! Start at [`Consumer`], then follow a fetch through `fetch.rs` and `partition.rs`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod consumer;
mod error;
mod fetch;
mod fetched;
mod group;
mod options;
mod partition;
mod record;

pub use highwater_client::{Isolation, ListedOffset, OffsetSpec};
pub use highwater_records::TopicPartition;

pub use self::consumer::Consumer;
pub use self::error::ConsumeError;
pub use self::options::{ConsumerBuilder, OffsetReset};
pub use self::partition::SeekTo;
pub use self::record::ConsumerRecord;
