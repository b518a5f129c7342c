//! A log directory in use: its partitions, its sync rounds, its checkpoints, and its fall.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use highwater_records::{Offset, Timestamp, TopicPartition, Uuid};
use highwater_storage::{LogDir, StorageFault};
use parking_lot::Mutex;

use super::sync_rounds::SyncRounds;
use crate::broker::FatalSignal;
use crate::partition::Partition;
use crate::workers::{Pool, Workers};

/// Bytes written to a log directory after which its recovery points move. Half of what may lie past them at a crash:
/// the other half may arrive while they do.
const CHECKPOINT_AFTER_BYTES: u64 = 32 << 20;

/// A log directory and the partitions in it.
pub(crate) struct HostedDir {
    pub(super) dir: LogDir,
    id: Uuid,
    pub(super) workers: Arc<dyn Workers>,
    sync: Arc<SyncRounds>,
    partitions: Mutex<BTreeMap<TopicPartition, Weak<Partition>>>,
    /// Why it is offline; set once.
    fault: OnceLock<Arc<str>>,
    /// The broker cannot go on without this directory.
    fatal: Option<FatalSignal>,
    pub(super) checkpoints: Mutex<Checkpoints>,
    written_bytes: AtomicU64,
    is_checkpoint_requested: AtomicBool,
}

/// What the checkpoint files hold.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    pub(super) recovery_points: BTreeMap<TopicPartition, Offset>,
    pub(super) high_watermarks: BTreeMap<TopicPartition, Offset>,
    pub(super) log_starts: BTreeMap<TopicPartition, Offset>,
}

impl HostedDir {
    pub(super) fn new(
        dir: LogDir,
        id: Uuid,
        workers: Arc<dyn Workers>,
        fatal: Option<FatalSignal>,
        checkpoints: Checkpoints,
    ) -> Arc<Self> {
        Arc::new(Self {
            dir,
            id,
            sync: SyncRounds::new(Arc::clone(&workers)),
            workers,
            partitions: Mutex::new(BTreeMap::new()),
            fault: OnceLock::new(),
            fatal,
            checkpoints: Mutex::new(checkpoints),
            written_bytes: AtomicU64::new(0),
            is_checkpoint_requested: AtomicBool::new(false),
        })
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

    pub(crate) fn sync(&self) -> &Arc<SyncRounds> {
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

    /// Takes the directory offline: a fault is final, nothing is tried again and believed.
    ///
    /// Must not be called in a turn. Whoever waits on one of its partitions gets a storage error.
    pub(crate) fn fail(&self, fault: &StorageFault) {
        let reason: Arc<str> = Arc::from(format!("{fault}: {}", fault.source));
        if self.fault.set(Arc::clone(&reason)).is_err() {
            return;
        }
        let dir = self.path().display();
        tracing::error!(%dir, %reason, "the log directory is offline from now on");
        for partition in self.partitions() {
            partition.take_offline(&reason);
        }
        if let Some(fatal) = &self.fatal {
            fatal.report(&format!("log directory {dir}: {reason}"));
        }
    }

    /// Counts what was written, and has the recovery points moved before too much lies past them.
    pub(crate) fn note_written(self: &Arc<Self>, bytes: u64, now: Timestamp) {
        let written_bytes = self.written_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if written_bytes < CHECKPOINT_AFTER_BYTES
            || self.is_checkpoint_requested.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let dir = Arc::clone(self);
        let job = move || dir.move_recovery_points(now);
        self.workers.submit(Pool::File, Box::new(job));
    }

    /// Moves the recovery points; one call at a time does it, those that come meanwhile are served by the next.
    pub(crate) fn move_recovery_points(self: &Arc<Self>, now: Timestamp) {
        self.written_bytes.store(0, Ordering::Relaxed);
        self.is_checkpoint_requested.store(false, Ordering::Release);
        self.checkpoint_recovery_points(now);
    }
}
