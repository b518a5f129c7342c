//! Kafka's words and its record batch.
//!
//! The words ([`Offset`], [`LeaderEpoch`], [`ProducerId`], [`TopicName`], [`Uuid`], [`ErrorCode`]
//! and the like) are the nouns that every other crate speaks in. The batch is Kafka's format v2:
//! read ([`RecordBatch::parse`]), check once what a client sent ([`validate()`]), walk
//! ([`RecordBatch::records`]) and make ([`BatchBuilder`]), with all of Kafka's codecs.
//!
//! Not here: wire messages (`protocol`), files (`storage`), the old message sets (magic 0 and 1),
//! and any clock, file, socket or random source.
//!
//! **Invariant:** a [`RecordBatch`] holds exactly one whole batch of magic 2 whose CRC was right.
//! **Invariant:** no function that reads bytes panics on them, and none allocates what a length
//! field claims: only what has arrived or was produced, up to the caller's limit.
//!
//! Start at [`RecordBatch`] for the batch, at [`Offset`] for the words.

#![forbid(unsafe_code)]
#![deny(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

mod batch;
mod builder;
mod check;
pub mod compression;
mod control;
mod crc;
mod cursor;
mod epoch;
mod error_code;
mod header;
mod ids;
mod mutant;
mod offset;
mod record;
mod time;
mod topic;
pub mod validate;
mod varint;

pub use self::batch::{BatchError, Batches, RecordBatch, batches};
pub use self::builder::BatchBuilder;
pub use self::check::{RecordsFault, check_records};
pub use self::compression::{Codec, CompressionError, UnknownCodec, UnknownCodecName};
pub use self::control::{ControlRecord, ControlRecordError, ControlType, EndTransactionMarker};
pub use self::crc::crc32c;
pub use self::epoch::{LeaderEpoch, ProducerEpoch};
pub use self::error_code::{ErrorCode, Retry};
pub use self::header::{
    Attributes, BATCH_CRC_START, BATCH_HEADER_BYTES, BATCH_LENGTH_MIN, BATCH_MAGIC,
    BATCH_PREFIX_BYTES, BatchHeader, TimestampType,
};
pub use self::ids::{NodeId, ProducerId, Sequence, Uuid, UuidError};
pub use self::mutant::{Mutant, Mutation};
pub use self::offset::Offset;
pub use self::record::{Header, Record, Records};
pub use self::time::{Monotonic, Now, Timestamp};
pub use self::topic::{TOPIC_NAME_LENGTH_MAX, TopicName, TopicNameError, TopicPartition};
pub use self::validate::{BatchRefusal, BatchRules, Validated, validate};
