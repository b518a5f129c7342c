//! The checkpoint files of a log directory: recovery points, high watermarks, log starts.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_records::{Offset, Timestamp, TopicPartition};
use highwater_storage::{CheckpointKind, LogDirError, StorageFault};

use super::hosted_dir::HostedDir;
use crate::partition::{Partition, PartitionView};

const KINDS: [CheckpointKind; 4] = [
    CheckpointKind::RecoveryPoint,
    CheckpointKind::HighWatermark,
    CheckpointKind::LogStart,
    CheckpointKind::Cleaner,
];

/// Offsets, and whose they are.
type Moved = Vec<(Arc<Partition>, Offset)>;

impl HostedDir {
    /// Makes everything appended so far independent of recovery and notes how far that is.
    ///
    /// Blocks; for worker threads. A fault takes the directory offline.
    pub(super) fn checkpoint_recovery_points(self: &Arc<Self>, now: Timestamp) {
        let mut moved = Moved::new();
        for partition in self.partitions() {
            if self.fault().is_some() {
                return;
            }
            match checkpoint(&partition, now) {
                Ok(Some(recovery_point)) => {
                    moved.push((partition, recovery_point));
                }
                Ok(None) => {}
                // Nothing was synced in vain: the recovery point stays, and moves when there is room again.
                Err(fault) if self.survives(&fault) => {
                    let topic_partition = partition.topic_partition();
                    tracing::warn!(%topic_partition, %fault, cause = %fault.source, "recovery point not moved");
                }
                Err(fault) => return self.fail(&fault),
            }
        }
        let is_written = self.update(CheckpointKind::RecoveryPoint, moved);
        if !is_written {
            tracing::debug!(dir = %self.path().display(), "the recovery points stay where they were");
        }
    }

    /// Notes the high watermarks that moved since the last call; says whether that is durable now. Blocks.
    pub(super) fn checkpoint_high_watermarks(&self) -> bool {
        let moved = self.collect(|view| match view {
            PartitionView::Leading(leading) => Some(leading.high_watermark),
            PartitionView::Offline(_) | PartitionView::Gone => None,
        });
        self.update(CheckpointKind::HighWatermark, moved)
    }

    /// Notes the log starts that moved since the last call; says whether all of them are durable now. Blocks.
    pub(crate) fn checkpoint_log_starts(&self) -> bool {
        let moved = self.collect(|view| match view {
            PartitionView::Leading(leading) => {
                let log_start = leading.log.log_start_offset();
                (log_start > Offset::ZERO).then_some(log_start)
            }
            PartitionView::Offline(_) | PartitionView::Gone => None,
        });
        self.update(CheckpointKind::LogStart, moved)
    }

    /// Notes that a log was closed at its end; says whether that is durable. Blocks.
    pub(super) fn note_closed(&self, topic_partition: &TopicPartition, log_end: Offset) -> bool {
        let closed = BTreeMap::from([(topic_partition.clone(), log_end)]);
        self.put(CheckpointKind::RecoveryPoint, |_| closed)
    }

    /// Notes one offset in a checkpoint; says whether that is durable. Blocks.
    pub(super) fn note_offset(
        &self,
        kind: CheckpointKind,
        partition: &Arc<Partition>,
        offset: Offset,
    ) -> bool {
        self.update(kind, vec![(Arc::clone(partition), offset)])
    }

    /// What a checkpoint says of a partition, zero if nothing.
    pub(super) fn noted(&self, kind: CheckpointKind, topic_partition: &TopicPartition) -> Offset {
        let mut checkpoints = self.checkpoints.lock();
        checkpoints.of(kind).get(topic_partition).copied().unwrap_or(Offset::ZERO)
    }

    /// Sees to it that the recovery point on disk is at least `wanted`, and says what it is; `None` if that cannot be.
    /// Blocks.
    pub(super) fn secure_recovery_point(
        &self,
        partition: &Arc<Partition>,
        wanted: Offset,
        now: Timestamp,
    ) -> Option<Offset> {
        let topic_partition = partition.topic_partition();
        let noted = self.noted(CheckpointKind::RecoveryPoint, topic_partition);
        if noted >= wanted {
            return Some(noted);
        }
        match checkpoint(partition, now) {
            Ok(_) => {}
            Err(fault) if self.survives(&fault) => return None,
            Err(fault) => {
                self.fail(&fault);
                return None;
            }
        }
        let reached = partition.in_turn(|leading, _| leading.log.recovery_point()).ok()?;
        let is_noted = self.note_offset(CheckpointKind::RecoveryPoint, partition, reached);
        is_noted.then_some(reached)
    }

    /// Forgets partitions that are no longer here; says whether that is durable. Blocks. What a new topic of the same
    /// name finds must not be theirs.
    pub(super) fn forget(&self, deleted: &[TopicPartition]) -> bool {
        let mut checkpoints = self.checkpoints.lock();
        let mut is_forgotten = true;
        for kind in KINDS {
            let known = checkpoints.of(kind);
            let mut kept = known.clone();
            kept.retain(|topic_partition, _| !deleted.contains(topic_partition));
            if kept.len() == known.len() {
                continue;
            }
            // What the file still says must be tried again, and is not forgotten here before.
            if self.is_written(self.dir.write_checkpoint(kind, &kept)) {
                *known = kept;
            } else {
                is_forgotten = false;
            }
        }
        is_forgotten
    }

    /// Keeps room for the checkpoint files, and has them there: what is there already can be replaced on a full disk. Blocks.
    pub(super) fn keep_spare_room(&self, bytes: u64) -> Result<(), LogDirError> {
        let mut checkpoints = self.checkpoints.lock();
        for kind in KINDS {
            if !self.dir.has_checkpoint(kind)? {
                self.dir.write_checkpoint(kind, checkpoints.of(kind))?;
            }
        }
        self.dir.keep_spare_room(bytes)
    }

    fn collect(&self, offset: impl Fn(&PartitionView) -> Option<Offset>) -> Moved {
        let found = |partition: Arc<Partition>| {
            let offset = offset(&partition.view())?;
            Some((partition, offset))
        };
        self.partitions().into_iter().filter_map(found).collect()
    }

    /// Takes over what moved and writes the file if anything did; says whether the file holds it all.
    ///
    /// What a partition told that was deleted meanwhile is not taken: a new one of its name must not find it.
    fn update(&self, kind: CheckpointKind, moved: Moved) -> bool {
        self.put(kind, |dir| {
            let here = moved.into_iter().filter(|(partition, _)| dir.has(partition));
            here.map(|(partition, offset)| (partition.topic_partition().clone(), offset)).collect()
        })
    }

    /// Writes the file if `moved` changes anything; it is called once nobody else writes, and nobody forgets.
    fn put(
        &self,
        kind: CheckpointKind,
        moved: impl FnOnce(&Self) -> BTreeMap<TopicPartition, Offset>,
    ) -> bool {
        if self.fault().is_some() {
            return false;
        }
        // The lock is held while the file is written, so that two writers do not mix; only worker threads take it.
        let mut checkpoints = self.checkpoints.lock();
        let known = checkpoints.of(kind);
        let mut wanted = known.clone();
        wanted.extend(moved(self));
        if wanted == *known {
            return true;
        }
        let is_written = self.is_written(self.dir.write_checkpoint(kind, &wanted));
        if is_written {
            *known = wanted;
        }
        is_written
    }

    fn is_written(&self, written: Result<(), LogDirError>) -> bool {
        match &written {
            Ok(()) => {}
            // A full disk leaves the old file as it was: older, and still true.
            Err(LogDirError::Fault(fault)) if self.survives(fault) => {
                let dir = self.path().display();
                tracing::warn!(%dir, %fault, cause = %fault.source, "checkpoint not written");
            }
            Err(LogDirError::Fault(fault)) => self.fail(fault),
            Err(error) => {
                let dir = self.path().display();
                tracing::error!(%dir, %error, "checkpoint not written");
            }
        }
        written.is_ok()
    }
}

impl super::hosted_dir::Checkpoints {
    fn of(&mut self, kind: CheckpointKind) -> &mut BTreeMap<TopicPartition, Offset> {
        match kind {
            CheckpointKind::RecoveryPoint => &mut self.recovery_points,
            CheckpointKind::HighWatermark => &mut self.high_watermarks,
            CheckpointKind::LogStart => &mut self.log_starts,
            CheckpointKind::Cleaner => &mut self.cleaned,
        }
    }
}

/// Moves one recovery point to the log end; `None` if it is there already or the replica does not serve.
fn checkpoint(partition: &Arc<Partition>, now: Timestamp) -> Result<Option<Offset>, StorageFault> {
    let taken = partition.in_turn(|leading, _| leading.log.take_checkpoint(now));
    let Ok(taken) = taken else { return Ok(None) };
    let Some(work) = taken? else { return Ok(None) };
    let checkpointed = work.run()?;
    let noted = partition.in_turn(|leading, turn| {
        leading.log.on_checkpointed(&checkpointed);
        let effects = leading.leader.on_synced(leading.log.synced_end_offset());
        turn.act(leading, effects);
        leading.log.recovery_point()
    });
    Ok(noted.ok())
}
