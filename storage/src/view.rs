//! What readers hold.
use bytes::Bytes;
use highwater_records::{LeaderEpoch, Offset, Timestamp};
use crate::*;

/// An immutable picture of a log, cheap to clone and to hold.
#[derive(Clone, Debug)]
pub struct LogView {}

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

impl LogView {
    /// First offset kept.
    pub fn log_start_offset(&self) -> Offset { todo!() }
    /// First offset kept on this disk.
    pub fn local_log_start_offset(&self) -> Offset { todo!() }
    /// End of what this view shows.
    pub fn log_end_offset(&self) -> Offset { todo!() }
    /// Bytes of all segments.
    pub fn size_bytes(&self) -> u64 { todo!() }
    /// Reads whole batches from the one that holds `from`. May touch files: worker threads only.
    pub fn read(&self, _from: Offset, _limits: ReadLimits) -> Result<Fetched, ReadError> { todo!() }
    /// The same from memory only: `None` if a file would have to be read.
    pub fn try_read_cached(&self, _from: Offset, _limits: ReadLimits) -> Option<Result<Fetched, ReadError>> { todo!() }
    /// First record below `upper_bound` with a time not below `timestamp`. Touches files.
    pub fn offset_for_timestamp(&self, _timestamp: Timestamp, _upper_bound: Offset) -> Result<Option<TimestampOffset>, ReadError> { todo!() }
    /// The first record with the greatest time of all below `upper_bound`. Touches files.
    pub fn offset_of_max_timestamp(&self, _upper_bound: Offset) -> Result<Option<TimestampOffset>, ReadError> { todo!() }
    /// Where `epoch` ends.
    pub fn end_offset_for_epoch(&self, _epoch: LeaderEpoch) -> EpochEnd { todo!() }
    /// The newest leader epoch.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> { todo!() }
    /// Epoch of the batch at `offset`.
    pub fn epoch_of(&self, _offset: Offset) -> Option<LeaderEpoch> { todo!() }
}
