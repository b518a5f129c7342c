//! Why a record was not written, or may not have been.

use std::time::Duration;

use highwater_client::ClientError;
use highwater_records::{Codec, ErrorCode, TopicPartition};

/// Why a record was not written, or may not have been.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProduceError {
    /// A record larger than one request may be.
    #[error("record of {size_bytes} bytes, at most {max_bytes} fit into a request")]
    RecordTooLarge {
        /// Its size with the batch around it.
        size_bytes: usize,
        /// The limit (`max.request.size`).
        max_bytes: usize,
    },
    /// The topic has no such partition.
    #[error(
        "no partition {} in topic {}, which has {partition_count}",
        partition.partition,
        partition.topic
    )]
    NoSuchPartition {
        /// What was asked for.
        partition: TopicPartition,
        /// How many there are; they are numbered from 0.
        partition_count: usize,
    },
    /// The buffer stayed full.
    #[error("the buffer stayed full for {after:?}")]
    BufferFull {
        /// How long the record waited (`max.block.ms`).
        after: Duration,
    },
    /// The topic's metadata, or a producer id, could not be had.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The leader said no.
    #[error("{partition}: {}", Said { code: *code, message: message.as_deref() })]
    Refused {
        /// The partition.
        partition: TopicPartition,
        /// What the leader said.
        code: ErrorCode,
        /// Its own words, from Produce version 8 on.
        message: Option<String>,
    },
    /// No attempt succeeded in time; the last may still have been written.
    #[error("{partition}: not delivered within {after:?}")]
    DeliveryTimedOut {
        /// The partition.
        partition: TopicPartition,
        /// The time it was given (`delivery.timeout.ms`).
        after: Duration,
        /// Why the last attempt failed, if there was one.
        #[source]
        last: Option<Box<ProduceError>>,
    },
    /// The answer was lost, and the broker no longer remembers the batch. To send it again could
    /// write it twice.
    #[error(
        "{partition}: the answer was lost and the broker no longer knows the batch; it may have been written"
    )]
    OutcomeUnknown {
        /// The partition.
        partition: TopicPartition,
        /// What the broker said when the batch came again.
        #[source]
        last: Option<Box<ProduceError>>,
    },
    /// The producer was closed or dropped first; the record may have been written.
    #[error("the producer was closed")]
    Closed,
    /// The codec is not built into this program.
    #[error("codec {} is not built in; enable the cargo feature of that name", .0.name())]
    UnsupportedCodec(Codec),
    /// Settings that contradict each other.
    #[error("{0}")]
    InvalidOptions(String),
}

impl ProduceError {
    /// The error code of the broker, if it was a broker that refused.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::Client(error) => error.code(),
            Self::DeliveryTimedOut { last, .. } | Self::OutcomeUnknown { last, .. } => {
                last.as_ref().and_then(|last| last.code())
            }
            _ => None,
        }
    }
}

struct Said<'a> {
    code: ErrorCode,
    message: Option<&'a str>,
}

impl std::fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.message {
            Some(message) if !message.is_empty() => write!(f, "{} ({message})", self.code),
            _ => write!(f, "{}", self.code),
        }
    }
}
