//! Why records cannot be had.

use highwater_client::ClientError;
use highwater_records::{BatchError, ErrorCode, Offset, TopicPartition};

/// Why records cannot be had. The position of the partition stays; `poll` may be called again.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumeError {
    /// The cluster cannot be asked, or a position not be looked up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The broker does not know groups of the consumer protocol (KIP-848).
    #[error(
        "the broker has no groups of the consumer protocol (KIP-848), and this client cannot be a \
         classic member yet"
    )]
    NoConsumerGroups {
        /// What the broker said.
        source: ClientError,
    },
    /// The leader refused to serve the partition.
    #[error("{partition}: {code}")]
    Refused {
        /// The partition.
        partition: TopicPartition,
        /// What the leader said.
        code: ErrorCode,
    },
    /// The position lies outside of the log, and no reset policy says where to go on.
    #[error("{partition}: no record at offset {offset}, and no reset policy is set")]
    OffsetOutOfRange {
        /// The partition.
        partition: TopicPartition,
        /// The position.
        offset: Offset,
    },
    /// Records below the position were replaced by others after an unclean election (KIP-320), and
    /// no reset policy says that this may pass.
    #[error("{partition}: the log was truncated to {diverges_at}, below the position {offset}")]
    LogTruncated {
        /// The partition.
        partition: TopicPartition,
        /// The position.
        offset: Offset,
        /// Where the logs part.
        diverges_at: Offset,
    },
    /// The group has no offset for the partition, and no reset policy says where to begin.
    #[error("{partition}: the group has no committed offset, and no reset policy is set")]
    NoCommittedOffset {
        /// The partition.
        partition: TopicPartition,
    },
    /// The records are not what the format says; seek past them to go on.
    #[error("{partition} at offset {offset}: {source}")]
    InvalidBatch {
        /// The partition.
        partition: TopicPartition,
        /// The position, or the first offset of the batch.
        offset: Offset,
        /// What is wrong.
        source: BatchError,
    },
}
