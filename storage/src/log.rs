//! One partition replica's log: what it is made of, and what can be asked of it.
//!
//! Its actions are in files of their own: `open.rs` and `recovery.rs` (from disk to memory),
//! `append.rs` (write, roll), `sync.rs` (what becomes durable when), `truncate.rs` (cutting either
//! end, deletion), `producer_files.rs` (snapshots); `view.rs` and `read.rs` are the readers' side.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use highwater_records::{
    BatchHeader, LeaderEpoch, Mutant, Offset, RecordBatch, Timestamp, TopicPartition, Uuid,
};

use crate::append::Turn;
use crate::append_times::Times;
use crate::buffer_pool::BufferPool;
use crate::cleaner::Replacement;
use crate::config::LogConfig;
use crate::disk::Disk;
use crate::error::StorageFault;
use crate::leader_epochs::LeaderEpochs;
use crate::open_files::OpenFiles;
use crate::producer_state::Producers;
use crate::segment::{Segment, SegmentHome};
use crate::sync::SyncState;
use crate::tail_cache::{LogTail, TailCache};
use crate::transactions::Transactions;
use crate::view::{EpochEnd, LogView};

/// What a log is made from.
#[derive(Clone, Debug)]
pub struct LogSetup {
    /// Where its files are.
    pub disk: Arc<dyn Disk>,
    /// Shared by all logs of a process.
    pub tail_cache: Arc<TailCache>,
    /// Shared by all logs of a process.
    pub open_files: Arc<OpenFiles>,
    /// Shared by all logs of a process.
    pub buffers: Arc<BufferPool>,
    /// The partition's own directory, `<log dir>/<topic>-<partition>`.
    pub dir: PathBuf,
    /// Whose log it is.
    pub topic_partition: TopicPartition,
    /// Which incarnation of the topic.
    pub topic_id: Uuid,
    /// Its settings.
    pub config: LogConfig,
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
    fn from(batch: &RecordBatch) -> Self {
        Self { header: batch.header().clone(), body: batch.body() }
    }
}

/// Where a batch went: true once [`Log::flush_writes`] returned, and then if and only if
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

/// One partition replica's log on disk.
///
/// `&mut self` functions run only inside the partition's turn; readers hold a [`LogView`]. After
/// a [`StorageFault`] the log takes nothing any more; it may still be read.
pub struct Log {
    pub(crate) home: Arc<SegmentHome>,
    pub(crate) topic_partition: TopicPartition,
    pub(crate) topic_id: Uuid,
    pub(crate) config: LogConfig,
    pub(crate) tail_cache: Arc<TailCache>,
    pub(crate) tail: Arc<LogTail>,
    /// Ordered by base offset, never empty; the last one is active.
    pub(crate) segments: Arc<Vec<Arc<Segment>>>,
    pub(crate) epochs: Arc<LeaderEpochs>,
    /// Changes of the epochs, and how many of them are in their file, durably.
    pub(crate) epochs_changed: u64,
    pub(crate) epochs_saved: u64,
    /// `None` until a producer with an id comes, or a snapshot is due.
    pub(crate) producers: Option<Producers>,
    /// Offsets of the producer snapshots on disk.
    pub(crate) snapshots: BTreeSet<Offset>,
    /// Those of them that were written at a roll and not synced yet.
    pub(crate) unsynced_snapshots: BTreeSet<Offset>,
    /// While the log is opened: those of `snapshots` that hold no producers.
    pub(crate) empty_snapshots: BTreeSet<Offset>,
    /// Transactions at the log end.
    pub(crate) transactions: Transactions,
    pub(crate) log_start_offset: Offset,
    /// End of what is written.
    pub(crate) log_end_offset: Offset,
    /// What this turn appended and did not write yet.
    pub(crate) turn: Turn,
    pub(crate) sync: SyncState,
    /// Set while `recovery-point-limit` exists: it may go once the recovery point is here.
    pub(crate) limit_until: Option<Offset>,
    /// First timestamp of the active segment, once known; and when it got its first batch.
    pub(crate) active_since: Option<(Option<Timestamp>, Timestamp)>,
    pub(crate) deleted: Vec<PathBuf>,
    /// Cleaned segments that are in the log and whose files have not their names yet.
    pub(crate) replacing: Option<Replacement>,
    pub(crate) fault: Option<StorageFault>,
    /// When the segments were last written before this log was opened; taken once.
    pub(crate) found_times: Times,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = (self.log_start_offset, self.log_end_offset);
        write!(f, "Log({} {start}..{end})", self.home.dir.display())
    }
}

impl Log {
    /// Replaces the settings; they hold from the next append on.
    pub fn set_config(&mut self, config: LogConfig) {
        self.home.index_interval_bytes.store(config.index_interval_bytes, Ordering::Relaxed);
        self.config = config;
    }

    /// The wrong variant that this log is, in builds that have them.
    #[must_use]
    pub const fn mutant(&self) -> Mutant {
        self.config.mutant
    }

    /// Notes that `epoch` begins at the log end: a new leader, before its first append.
    pub fn assign_leader_epoch(&mut self, epoch: LeaderEpoch) {
        let end = self.log_end_offset;
        self.note_epoch(epoch, end);
    }

    pub(crate) fn note_epoch(&mut self, epoch: LeaderEpoch, start_offset: Offset) {
        let is_known = self
            .epochs
            .entries()
            .last()
            .is_some_and(|latest| latest.epoch == epoch && latest.start_offset <= start_offset);
        if !is_known && Arc::make_mut(&mut self.epochs).assign(epoch, start_offset) {
            self.epochs_changed += 1;
        }
    }

    /// Forgets producers that were silent for `producer.id.expiration.ms`.
    pub fn remove_expired_producers(&mut self, now: Timestamp) {
        let expiration_ms = self.config.producer_id_expiration_ms;
        if let Some(producers) = &mut self.producers {
            producers.remove_expired(now, expiration_ms);
        }
    }

    /// First offset kept.
    #[must_use]
    pub const fn log_start_offset(&self) -> Offset {
        self.log_start_offset
    }

    /// First offset kept on this disk; tiering would keep earlier ones elsewhere.
    #[must_use]
    pub const fn local_log_start_offset(&self) -> Offset {
        self.log_start_offset
    }

    /// Next offset to be written. What a turn has appended and not yet written does not count.
    #[must_use]
    pub const fn log_end_offset(&self) -> Offset {
        self.log_end_offset
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size_bytes()).sum()
    }

    /// The partition's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.home.dir
    }

    /// Whose log it is.
    #[must_use]
    pub const fn topic_partition(&self) -> &TopicPartition {
        &self.topic_partition
    }

    /// The topic's id.
    #[must_use]
    pub const fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    /// The newest leader epoch in the log.
    #[must_use]
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest()
    }

    /// Where `epoch` ends. Source: KIP-101, KIP-279.
    #[must_use]
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> EpochEnd {
        self.epochs.end_offset_for(epoch, self.log_end_offset)
    }

    /// The fault after which this log takes nothing any more.
    #[must_use]
    pub const fn fault(&self) -> Option<&StorageFault> {
        self.fault.as_ref()
    }

    /// Takes note of a fault, for instance of a failed sync: final.
    pub fn on_fault(&mut self, fault: StorageFault) {
        self.fault.get_or_insert(fault);
    }

    /// What readers hold. What a turn has appended and not yet written is not in it.
    #[must_use]
    pub fn view(&self) -> LogView {
        LogView {
            generation: Arc::clone(&self.home.generation),
            generation_seen: self.home.generation.load(Ordering::SeqCst),
            tail: Arc::clone(&self.tail),
            segments: Arc::clone(&self.segments),
            epochs: Arc::clone(&self.epochs),
            log_start_offset: self.log_start_offset,
            local_log_start_offset: self.log_start_offset,
            log_end_offset: self.log_end_offset,
        }
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.home.disk
    }

    pub(crate) fn active(&self) -> &Arc<Segment> {
        self.segments.last().expect("a log has at least one segment")
    }

    /// Ok, or the fault after which nothing is taken.
    pub(crate) fn check_usable(&self) -> Result<(), StorageFault> {
        self.fault.clone().map_or(Ok(()), Err)
    }

    /// Keeps a fault that lasts: a full disk and a want of descriptors may be over at the next try.
    pub(crate) fn keep_lasting<T>(
        &mut self,
        result: Result<T, StorageFault>,
    ) -> Result<T, StorageFault> {
        match result {
            Err(fault) if fault.is_disk_full() || fault.is_out_of_descriptors() => Err(fault),
            other => self.keep_fault(other),
        }
    }

    /// Keeps a fault for good and passes it on.
    pub(crate) fn keep_fault<T>(
        &mut self,
        result: Result<T, StorageFault>,
    ) -> Result<T, StorageFault> {
        if let Err(fault) = &result {
            self.on_fault(fault.clone());
        }
        result
    }
}
