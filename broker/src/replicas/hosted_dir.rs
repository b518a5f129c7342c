//! A log directory in use: its partitions, its syncs, its checkpoints, and its fall.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use highwater_records::{Offset, Timestamp, TopicPartition, Uuid};
use highwater_storage::{LogDir, StorageFault};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::room::{Room, full_text};
use super::saved_times::SavedTimes;
use super::sync_queue::SyncQueue;
use crate::broker::FatalSignal;
use crate::partition::Partition;
use crate::seams::Clock;
use crate::workers::{Pool, Workers};

/// How much may lie past the recovery points of a log directory, all its partitions together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecoveryWindow {
    /// Where only `fsync` partitions are written (`highwater.recovery.window.bytes`).
    pub(crate) fsync_bytes: u64,
    /// Where only `os` partitions are written (`highwater.recovery.window.os.bytes`).
    pub(crate) os_bytes: u64,
}

impl RecoveryWindow {
    /// Bytes of `os` partitions, as bytes of `fsync` partitions that fill the same share of the window.
    pub(crate) fn weigh_os(self, bytes: u64) -> u64 {
        let weighed =
            u128::from(bytes) * u128::from(self.fsync_bytes) / u128::from(self.os_bytes.max(1));
        u64::try_from(weighed).unwrap_or(u64::MAX)
    }

    /// Bytes past the recovery points after which they move.
    const fn checkpoint_after_bytes(self) -> u64 {
        self.fsync_bytes / 2
    }

    /// Bytes past them at which producers wait for their answers: what a restart after a crash has to read stays small
    /// even if the disk cannot keep up.
    const fn behind_at_bytes(self) -> u64 {
        self.fsync_bytes / 8 * 7
    }
}

/// A log directory and the partitions in it.
pub(crate) struct HostedDir {
    pub(super) dir: LogDir,
    id: Uuid,
    pub(super) workers: Arc<dyn Workers>,
    sync: Arc<SyncQueue>,
    partitions: Mutex<BTreeMap<TopicPartition, Weak<Partition>>>,
    /// Why it is offline; set once.
    fault: OnceLock<Arc<str>>,
    /// The broker cannot go on without this directory.
    fatal: Option<FatalSignal>,
    pub(super) checkpoints: Mutex<Checkpoints>,
    pub(super) saved_times: SavedTimes,
    window: RecoveryWindow,
    /// Of its file system, which other log directories may share.
    room: Arc<Room>,
    /// Written since the last completed move of the recovery points began.
    unrecovered_bytes: AtomicU64,
    is_checkpoint_running: AtomicBool,
    /// Logs were recovered whose recovery points have not moved yet.
    has_recovered: AtomicBool,
    /// The recovery points have moved, or never will.
    caught_up: Notify,
}

/// What log directories share with others.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) workers: Arc<dyn Workers>,
    pub(super) window: RecoveryWindow,
    pub(super) room: Arc<Room>,
}

/// What the checkpoint files hold.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    pub(super) recovery_points: BTreeMap<TopicPartition, Offset>,
    pub(super) high_watermarks: BTreeMap<TopicPartition, Offset>,
    pub(super) log_starts: BTreeMap<TopicPartition, Offset>,
    /// How far logs have been compacted.
    pub(super) cleaned: BTreeMap<TopicPartition, Offset>,
}

impl HostedDir {
    pub(super) fn new(
        dir: LogDir,
        shared: Shared,
        fatal: Option<FatalSignal>,
        checkpoints: Checkpoints,
        saved_times: SavedTimes,
    ) -> Arc<Self> {
        let Shared { workers, window, room } = shared;
        Arc::new(Self {
            id: dir.meta().map_or(Uuid::ZERO, |meta| meta.directory_id),
            dir,
            sync: SyncQueue::new(Arc::clone(&workers)),
            workers,
            partitions: Mutex::new(BTreeMap::new()),
            fault: OnceLock::new(),
            fatal,
            checkpoints: Mutex::new(checkpoints),
            saved_times,
            window,
            room,
            unrecovered_bytes: AtomicU64::new(0),
            is_checkpoint_running: AtomicBool::new(false),
            has_recovered: AtomicBool::new(false),
            caught_up: Notify::new(),
        })
    }

    /// A directory that was found unusable at the start, for this reason.
    pub(super) fn failed(
        dir: LogDir,
        shared: Shared,
        saved_times: SavedTimes,
        reason: &str,
    ) -> Arc<Self> {
        let failed = Self::new(dir, shared, None, Checkpoints::default(), saved_times);
        failed.fault.get_or_init(|| Arc::from(reason));
        failed
    }

    /// The room of its file system.
    pub(crate) fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Refuses a client's append when the disk is full, and says so in words for the client.
    pub(crate) fn check_room(&self) -> Result<(), String> {
        if !self.room.is_full() {
            return Ok(());
        }
        self.room.refused_count.fetch_add(1, Ordering::Relaxed);
        Err(self.full_text())
    }

    /// What is said of it when it is full.
    pub(crate) fn full_text(&self) -> String {
        full_text(self.path())
    }

    /// Takes note that a write found no room.
    pub(crate) fn note_full(&self) {
        self.room.note_full(self.path());
    }

    pub(crate) fn window(&self) -> RecoveryWindow {
        self.window
    }

    /// The directory's own id, from its `meta.properties`.
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn log_dir(&self) -> &LogDir {
        &self.dir
    }

    pub(crate) fn sync(&self) -> &Arc<SyncQueue> {
        &self.sync
    }

    /// Why it is offline, if it is.
    pub(crate) fn fault(&self) -> Option<&Arc<str>> {
        self.fault.get()
    }

    /// The partitions in it, by name.
    pub(crate) fn partitions(&self) -> Vec<Arc<Partition>> {
        self.partitions.lock().values().filter_map(Weak::upgrade).collect()
    }

    /// Whether this partition is in it, and not another one of its name.
    pub(super) fn has(&self, partition: &Arc<Partition>) -> bool {
        let partitions = self.partitions.lock();
        let here = partitions.get(partition.topic_partition());
        here.is_some_and(|here| std::ptr::eq(here.as_ptr(), Arc::as_ptr(partition)))
    }

    pub(crate) fn partition_count(&self) -> usize {
        self.partitions.lock().len()
    }

    pub(super) fn add(&self, partition: &Arc<Partition>) {
        let key = partition.topic_partition().clone();
        self.partitions.lock().insert(key, Arc::downgrade(partition));
    }

    pub(super) fn remove(&self, topic_partition: &TopicPartition) {
        self.partitions.lock().remove(topic_partition);
    }

    /// Whether the directory goes on after a fault: the disk was too full for a write, or the process had no descriptor left,
    /// and nothing that was believed to be written is lost. A failed sync is not survived, whatever its reason.
    pub(crate) fn survives(&self, fault: &StorageFault) -> bool {
        if self.fault().is_some() || fault.operation == "sync" {
            return false;
        }
        if fault.is_disk_full() {
            self.note_full();
        }
        fault.is_disk_full() || fault.is_out_of_descriptors()
    }

    /// Takes the directory offline: a fault is final, nothing is tried again and believed.
    ///
    /// Must not be called in a turn. Whoever waits on one of its partitions gets a storage error.
    pub(crate) fn fail(&self, fault: &StorageFault) {
        if fault.is_out_of_descriptors() {
            // The disk is as it was; whoever needs it tries again.
            let dir = self.path().display();
            tracing::error!(%dir, %fault, cause = %fault.source, "raise the limit of open files");
            return;
        }
        let reason: Arc<str> = Arc::from(format!("{fault}: {}", fault.source));
        if self.fault.set(Arc::clone(&reason)).is_err() {
            return;
        }
        let dir = self.path().display();
        tracing::error!(%dir, %reason, "the log directory is offline from now on");
        for partition in self.partitions() {
            partition.take_offline(&reason);
        }
        self.caught_up.notify_waiters();
        if let Some(fatal) = &self.fatal {
            fatal.report(&format!("log directory {dir}: {reason}"));
        }
    }

    /// Takes note that a read failed. What a disk does not give back is gone, and the next write may be as well: it is a fault of the
    /// directory. A file that ends too early is damaged, but no fault of the disk.
    pub(crate) fn note_read_fault(&self, fault: &StorageFault) {
        if fault.source.raw_os_error().is_some() {
            self.fail(fault);
        }
    }

    /// Counts what was written, and has the recovery points moved before too much lies past them.
    pub(crate) fn note_written(self: &Arc<Self>, bytes: u64, clock: &dyn Clock) {
        let unrecovered = self.unrecovered_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if unrecovered >= self.window.checkpoint_after_bytes() {
            self.begin_checkpoint(clock);
        }
    }

    /// Takes note of a log that was opened after an unclean stop, and of what another one would have to read again.
    pub(super) fn note_recovered(&self, bytes: u64) {
        self.unrecovered_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.has_recovered.store(true, Ordering::Release);
    }

    /// Has the recovery points of recovered logs moved, now that these are served: many small syncs.
    pub(super) fn checkpoint_recovered(self: &Arc<Self>, clock: &dyn Clock) {
        if self.has_recovered.load(Ordering::Acquire) && self.begin_checkpoint(clock) {
            self.has_recovered.store(false, Ordering::Release);
        }
    }

    /// Has the recovery points moved by a worker; false if that is under way already.
    fn begin_checkpoint(self: &Arc<Self>, clock: &dyn Clock) -> bool {
        let begins = !self.is_checkpoint_running.swap(true, Ordering::AcqRel);
        if begins {
            let (dir, now) = (Arc::clone(self), clock.now().wall);
            self.workers.submit(Pool::File, Box::new(move || dir.run_checkpoint(now)));
        }
        begins
    }

    /// Moves the recovery points, unless that is under way. Blocks.
    pub(super) fn move_recovery_points(self: &Arc<Self>, now: Timestamp) {
        if !self.is_checkpoint_running.swap(true, Ordering::AcqRel) {
            self.run_checkpoint(now);
        }
    }

    /// Whether so much lies past the recovery points that producers should wait for their answers.
    pub(crate) fn is_behind(&self) -> bool {
        self.unrecovered_bytes.load(Ordering::Relaxed) >= self.window.behind_at_bytes()
    }

    /// Waits until the recovery points have moved, or the directory has failed.
    pub(crate) async fn catch_up(&self) {
        loop {
            let caught_up = self.caught_up.notified();
            if !self.is_behind() || self.fault().is_some() {
                return;
            }
            caught_up.await;
        }
    }

    fn run_checkpoint(self: &Arc<Self>, now: Timestamp) {
        // Also after a panic, or no later call would do anything.
        let _running = CheckpointRunning { dir: self };
        let covered = self.unrecovered_bytes.load(Ordering::Relaxed);
        self.checkpoint_recovery_points(now);
        self.unrecovered_bytes.fetch_sub(covered, Ordering::Relaxed);
    }
}

/// Marks the end of a move of the recovery points, however it ends.
struct CheckpointRunning<'a> {
    dir: &'a HostedDir,
}

impl Drop for CheckpointRunning<'_> {
    fn drop(&mut self) {
        self.dir.is_checkpoint_running.store(false, Ordering::Release);
        self.dir.caught_up.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_partitions_fill_the_window_by_their_own_measure() {
        let window = RecoveryWindow { fsync_bytes: 64 << 20, os_bytes: 1 << 30 };
        assert_eq!(window.weigh_os(1 << 30), 64 << 20);
        assert_eq!(window.checkpoint_after_bytes(), 32 << 20);
        assert_eq!(window.behind_at_bytes(), 56 << 20);
        let narrow = RecoveryWindow { fsync_bytes: 4 << 20, os_bytes: 1 << 20 };
        assert_eq!(narrow.weigh_os(1 << 20), 4 << 20);
    }
}
