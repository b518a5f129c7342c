//! What readers hold: a picture of the log that its writer replaces after each turn.
//!
//! A view is immutable, the files are not: a truncation or deletion after the view was taken could
//! put other bytes where it looks. So each log counts those; a read that finds the count changed
//! when it is done answers [`ReadError::Stale`] instead of bytes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use highwater_records::{LeaderEpoch, Offset, Timestamp};

use crate::error::ReadError;
use crate::leader_epochs::LeaderEpochs;
use crate::segment::Segment;
use crate::tail_cache::LogTail;

/// An immutable picture of a log, cheap to clone and to hold.
#[derive(Clone)]
pub struct LogView {
    pub(crate) generation: Arc<AtomicU64>,
    pub(crate) generation_seen: u64,
    pub(crate) tail: Arc<LogTail>,
    /// Ordered by base offset, never empty.
    pub(crate) segments: Arc<Vec<Arc<Segment>>>,
    pub(crate) epochs: Arc<LeaderEpochs>,
    pub(crate) log_start_offset: Offset,
    pub(crate) local_log_start_offset: Offset,
    pub(crate) log_end_offset: Offset,
}

/// What a read may return.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    /// No record at or above this.
    pub upper_bound: Offset,
    /// No more bytes than this.
    pub bytes_max: usize,
    /// Whether the first batch is returned even if it alone is larger than `bytes_max`.
    pub min_one_batch: bool,
}

/// Whole batches.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Their bytes, in order; a batch may be spread over two chunks.
    pub chunks: Vec<Bytes>,
    /// Sum of the chunks.
    pub size_bytes: usize,
    /// Where the next read goes on; the offset asked for if nothing was found.
    pub next_offset: Offset,
}

/// A record found by its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampOffset {
    /// Its time.
    pub timestamp: Timestamp,
    /// Its offset.
    pub offset: Offset,
    /// Epoch of the leader that appended it.
    pub leader_epoch: LeaderEpoch,
}

/// Where a leader epoch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// The epoch that the answer is about; [`LeaderEpoch::NONE`] if none is known.
    pub epoch: LeaderEpoch,
    /// First offset after it; -1 with no epoch.
    pub end_offset: Offset,
}

impl fmt::Debug for LogView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogView({}..{})", self.log_start_offset, self.log_end_offset)
    }
}

impl LogView {
    /// First offset kept.
    #[must_use]
    pub const fn log_start_offset(&self) -> Offset {
        self.log_start_offset
    }

    /// First offset kept on this disk; tiering would keep earlier ones elsewhere.
    #[must_use]
    pub const fn local_log_start_offset(&self) -> Offset {
        self.local_log_start_offset
    }

    /// End of what this view shows.
    #[must_use]
    pub const fn log_end_offset(&self) -> Offset {
        self.log_end_offset
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size_bytes()).sum()
    }

    /// Where `epoch` ends. Source: KIP-101, KIP-279.
    #[must_use]
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> EpochEnd {
        self.epochs.end_offset_for(epoch, self.log_end_offset)
    }

    /// The newest leader epoch.
    #[must_use]
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest()
    }

    /// The leader epoch that `offset` belongs to.
    #[must_use]
    pub fn epoch_of(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.epochs.epoch_of(offset)
    }

    /// Whether nothing was cut off the log, and no segment replaced, since the view was taken.
    pub(crate) fn is_current(&self) -> bool {
        self.generation.load(Ordering::SeqCst) == self.generation_seen
    }

    /// The segment in which `offset` would be.
    pub(crate) fn segment_index_of(&self, offset: Offset) -> usize {
        let after = self.segments.partition_point(|segment| segment.base_offset() <= offset);
        after.saturating_sub(1)
    }

    pub(crate) const fn out_of_range(&self, offset: Offset) -> Option<ReadError> {
        if offset.value() < self.log_start_offset.value()
            || offset.value() > self.log_end_offset.value()
        {
            return Some(ReadError::OffsetOutOfRange {
                offset,
                log_start_offset: self.log_start_offset,
                log_end_offset: self.log_end_offset,
            });
        }
        None
    }
}
