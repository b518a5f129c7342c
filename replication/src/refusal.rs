//! The answers a client will not like.

use highwater_records::{LeaderEpoch, Offset};

/// Why an append, a read or a look-up is refused; `broker/error_map.rs` gives each its Kafka code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// This replica does not lead, or the reader is no replica of this partition.
    #[error("not the leader of this partition")]
    NotLeaderOrFollower,
    /// The caller's leader epoch is older than ours.
    #[error("leader epoch is older than {current}")]
    FencedLeaderEpoch {
        /// Our epoch.
        current: LeaderEpoch,
    },
    /// The caller's leader epoch is newer than ours.
    #[error("leader epoch is newer than {current}")]
    UnknownLeaderEpoch {
        /// Our epoch.
        current: LeaderEpoch,
    },
    /// Too few in-sync replicas to accept `acks=all`; nothing was appended.
    #[error("{isr_count} in-sync replicas, {min_insync_replicas} needed")]
    NotEnoughReplicas {
        /// Members of the ISR.
        isr_count: usize,
        /// The effective minimum.
        min_insync_replicas: usize,
    },
    /// The ISR shrank below the minimum after the append.
    #[error("appended, then only {isr_count} in-sync replicas, {min_insync_replicas} needed")]
    NotEnoughReplicasAfterAppend {
        /// Members of the ISR.
        isr_count: usize,
        /// The effective minimum.
        min_insync_replicas: usize,
    },
    /// Just elected: the high watermark is not known well enough to answer without going back later (KIP-207).
    #[error(
        "high watermark {high_watermark} is below the start {epoch_start} of the leader's epoch"
    )]
    OffsetNotAvailable {
        /// Our high watermark.
        high_watermark: Offset,
        /// Log end at election.
        epoch_start: Offset,
    },
    /// The fetch offset is outside of the log.
    #[error("offset {offset} is outside of {log_start}..{log_end}")]
    OffsetOutOfRange {
        /// What was asked for.
        offset: Offset,
        /// First kept offset.
        log_start: Offset,
        /// Log end (exclusive).
        log_end: Offset,
    },
}
