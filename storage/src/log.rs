//! One partition replica's log.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use highwater_records::{BatchHeader, LeaderEpoch, Offset, RecordBatch, Timestamp, TopicPartition, Uuid};

use crate::*;

/// What a log is made from.
#[derive(Clone, Debug)]
pub struct LogSetup {
    /// Where its files are.
    pub disk: Arc<dyn Disk>,
    /// Shared by all logs of a process.
    pub tail_cache: Arc<TailCache>,
    /// Shared by all logs of a process.
    pub open_files: Arc<OpenFiles>,
    /// The partition's own directory, `<log dir>/<topic>-<partition>`.
    pub dir: PathBuf,
    /// Whose log it is.
    pub topic_partition: TopicPartition,
    /// Which incarnation of the topic.
    pub topic_id: Uuid,
    /// Its settings.
    pub config: LogConfig,
}

/// What is known about a log before it is opened.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// Whether the log directory was stopped cleanly: its files are then trusted.
    pub is_clean: bool,
    /// From the recovery-point checkpoint; zero if there is none.
    pub recovery_point: Offset,
    /// From the log-start checkpoint; zero if there is none.
    pub log_start_offset: Offset,
    /// Whether offsets missing between batches past the recovery point are kept (a compacted log
    /// of Apache Kafka's) instead of being taken for a loss.
    pub keep_holes: bool,
    /// Wall clock.
    pub now: Timestamp,
}

/// What opening found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Whether the files were trusted.
    pub was_clean: bool,
    /// Bytes read and checked past the recovery point.
    pub checked_bytes: u64,
    /// What was cut off, if anything.
    pub truncated: Option<Truncation>,
}

/// What recovery cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truncation {
    /// The file in which the first bad batch begins.
    pub path: PathBuf,
    /// Where in it.
    pub position_bytes: u64,
    /// The log ends here now.
    pub log_end_offset: Offset,
    /// Bytes cut off, later segments included.
    pub dropped_bytes: u64,
    /// What was wrong with the first bad batch.
    pub reason: String,
}

/// A batch that passed every check, to be stamped with its offset and leader epoch.
#[derive(Clone, Debug)]
pub struct ValidatedBatch {
    /// Its header; length, CRC, maximum timestamp and all else are true, base offset and leader
    /// epoch are not looked at.
    pub header: BatchHeader,
    /// All bytes after the 61 of the header.
    pub body: Bytes,
}

impl From<&RecordBatch> for ValidatedBatch {
    fn from(_batch: &RecordBatch) -> Self {
        todo!()
    }
}

/// Where a batch went. True once [`Log::flush_writes`] returned, and then if and only if
/// `last_offset` is below [`Log::log_end_offset`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offset of its first record.
    pub base_offset: Offset,
    /// Offset of its last record.
    pub last_offset: Offset,
    /// The append time if the batch carries that, else [`Timestamp::NONE`].
    pub log_append_time: Timestamp,
    /// Whether it was here already (an idempotent producer's retry); the offsets are the old ones.
    pub duplicate: bool,
}

/// What a truncation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated {
    /// The log ends here now; below what was asked for if that was inside a batch.
    pub log_end_offset: Offset,
}

/// One partition replica's log on disk.
#[derive(Debug)]
pub struct Log {}

impl Log {
    /// Makes the directory of a new, empty log, durably.
    pub fn create(_setup: LogSetup) -> Result<Self, OpenError> { todo!() }
    /// Opens the log in an existing directory; after an unclean stop checks and mends it.
    pub fn open(_setup: LogSetup, _opening: Opening) -> Result<(Self, Recovery), OpenError> { todo!() }
    /// Checks a batch, gives it its offsets and puts it into the turn's write.
    /// Nothing is on disk, and no reader sees it, before [`Log::flush_writes`].
    pub fn append(&mut self, _batch: ValidatedBatch, _leader_epoch: LeaderEpoch, _now: Timestamp) -> Result<Appended, AppendError> { todo!() }
    /// Writes all that was appended since the last call with one vectored write.
    /// On an error the batches not below `log_end_offset()` are not in the log.
    pub fn flush_writes(&mut self) -> Result<(), AppendError> { todo!() }
    /// Notes that `epoch` begins at the log end (a new leader, before its first append).
    pub fn assign_leader_epoch(&mut self, _epoch: LeaderEpoch) { todo!() }
    /// First offset kept.
    pub fn log_start_offset(&self) -> Offset { todo!() }
    /// First offset kept on this disk (tiering would keep earlier ones elsewhere).
    pub fn local_log_start_offset(&self) -> Offset { todo!() }
    /// Next offset to be written.
    pub fn log_end_offset(&self) -> Offset { todo!() }
    /// End of what survives a power loss.
    pub fn synced_end_offset(&self) -> Offset { todo!() }
    /// All below is synced together with indexes, epochs and producer state.
    pub fn recovery_point(&self) -> Offset { todo!() }
    /// Log bytes that a recovery would have to read.
    pub fn bytes_past_recovery_point(&self) -> u64 { todo!() }
    /// Whether a checkpoint would move the recovery point.
    pub fn wants_checkpoint(&self) -> bool { todo!() }
    /// Whether `flush.messages` or `flush.ms` ask for a sync.
    pub fn wants_flush(&self, _now: Timestamp) -> bool { todo!() }
    /// Bytes of all segments.
    pub fn size_bytes(&self) -> u64 { todo!() }
    /// The partition's directory.
    pub fn dir(&self) -> &Path { todo!() }
    /// The topic's id.
    pub fn topic_id(&self) -> Uuid { todo!() }
    /// The newest leader epoch in the log.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> { todo!() }
    /// Largest epoch not above `epoch`, and where it ends.
    pub fn end_offset_for_epoch(&self, _epoch: LeaderEpoch) -> EpochEnd { todo!() }
    /// The fault after which this log takes nothing any more.
    pub fn fault(&self) -> Option<&StorageFault> { todo!() }
    /// Replaces the settings.
    pub fn set_config(&mut self, _config: LogConfig) { todo!() }
    /// What must be synced so that all appended so far counts; `None` if nothing.
    pub fn take_sync(&mut self) -> Option<SyncWork> { todo!() }
    /// Takes note of a finished sync.
    pub fn on_synced(&mut self, _synced: Synced) { todo!() }
    /// Takes note of a failed sync or checkpoint: final.
    pub fn on_fault(&mut self, _fault: StorageFault) { todo!() }
    /// Work after which the recovery point may move to the log end.
    pub fn take_checkpoint(&mut self) -> Result<Option<CheckpointWork>, StorageFault> { todo!() }
    /// Takes note of finished checkpoint work; the recovery point moves.
    pub fn on_checkpointed(&mut self, _checkpointed: Checkpointed) { todo!() }
    /// Raises the log start (DeleteRecords); whole segments below are renamed.
    pub fn advance_log_start(&mut self, _to: Offset) -> Result<(), StorageFault> { todo!() }
    /// Files renamed for deletion, to be removed by [`remove_files`] after `file.delete.delay.ms`.
    pub fn take_deleted(&mut self) -> Vec<PathBuf> { todo!() }
    /// Cuts the log so that it ends at `offset` or just below, durably.
    pub fn truncate_to(&mut self, _offset: Offset) -> Result<Truncated, StorageFault> { todo!() }
    /// Starts a new segment at the log end.
    pub fn roll(&mut self) -> Result<(), AppendError> { todo!() }
    /// Forgets producers that were silent for `producer.id.expiration.ms`.
    pub fn remove_expired_producers(&mut self, _now: Timestamp) { todo!() }
    /// Clean stop: everything synced, producer snapshot at the log end.
    pub fn close(self) -> Result<(), StorageFault> { todo!() }
    /// Renames the directory for deletion, durably; `unique` makes the name. The caller removes it
    /// later by `Disk::remove_dir_all`.
    pub fn delete(self, _unique: Uuid) -> Result<PathBuf, StorageFault> { todo!() }
    /// What readers hold.
    pub fn view(&self) -> LogView { todo!() }
}
