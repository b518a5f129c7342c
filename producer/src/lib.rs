//! A producer for Kafka: it collects records into batches, compresses them, sends them to the
//! partitions' leaders and tries again, without losing their order and without writing one twice.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use highwater_producer::{Producer, ProducerRecord};
//!
//! let producer = Producer::builder("127.0.0.1:9092").build()?;
//! let record = ProducerRecord::new("orders".parse()?).key("42").value("two apples");
//! let delivery = producer.send(record).await?; // in the buffer; waits when that is full
//! let written = delivery.await?; // acknowledged by every in-sync replica
//! println!("{} {} {:?}", written.topic, written.partition, written.offset);
//! producer.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Not here: transactions (later), serialization (keys and values are bytes).
//!
//! **Invariant:** records of one partition leave in the order of their `send` calls; with
//! idempotence (the default) they are written in that order and once, retries included.
//! **Invariant:** the buffer never holds more than `buffer_memory`; at the limit `send` waits.
//! **Invariant:** dropping a future or the producer never blocks. A `send` that was dropped before
//! it returned has either put its whole record into the buffer or nothing.
//!
//! Start at [`Producer`], then follow a record through `accumulator.rs` and `sender.rs`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod accumulator;
mod delivery;
mod error;
mod options;
mod partition;
pub mod partitioner;
mod producer;
mod record;
mod request;
mod sender;
mod sequence;

pub use self::delivery::Delivery;
pub use self::error::ProduceError;
pub use self::options::{Acks, ProducerBuilder};
pub use self::producer::Producer;
pub use self::record::{ProducerRecord, RecordMetadata};
