//! What becomes durable when.
//!
//! Two kinds of work are handed to the threads that may block. A **sync** makes the appended bytes
//! durable: it is asked for often and moves `synced_end_offset`. A **checkpoint** also makes
//! durable what a restart needs beside them (indexes, epochs, producer state): it is rare and
//! moves the recovery point. Work says up to which offset it counts when it is *taken*; what is
//! appended while it runs waits for the next one.

use std::path::PathBuf;
use std::sync::Arc;

use highwater_records::{Mutation, Offset, Timestamp};

use crate::disk::{Disk, DiskFile, OpenMode, write_atomically};
use crate::error::{AtPath, StorageFault};
use crate::leader_epochs::LEADER_EPOCHS_FILE;
use crate::log::Log;
use crate::open_files::UnsyncedFile;
use crate::producer_files::SnapshotFiles;
use crate::recovery_limit::RECOVERY_LIMIT_FILE;
use crate::segment::{LOG_SUFFIX, Segment, SegmentHome, remove_if_there};

/// What is not durable yet.
#[derive(Debug)]
pub(crate) struct SyncState {
    /// All below is durable.
    pub(crate) synced_end_offset: Offset,
    /// All below is durable together with indexes, epochs and producer state.
    pub(crate) recovery_point: Offset,
    /// Log files written since the sync that is known to have succeeded.
    unsynced: Vec<Unsynced>,
    /// Segments written since the last checkpoint.
    pub(crate) since_checkpoint: Vec<Arc<Segment>>,
    /// Changes of names in the directory, and how many of them are durable.
    names_changed: u64,
    names_synced: u64,
    /// Bytes appended or recovered, and how many of them the last checkpoint covered.
    written_bytes: u64,
    checkpointed_bytes: u64,
    flushed_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Unsynced {
    base_offset: Offset,
    file: Arc<dyn DiskFile>,
    _counted: Arc<UnsyncedFile>,
    /// The log end when it was last written.
    written_until: Offset,
}

impl SyncState {
    /// Everything below `end` is durable.
    pub(crate) const fn synced_to(end: Offset) -> Self {
        Self {
            synced_end_offset: end,
            recovery_point: end,
            unsynced: Vec::new(),
            since_checkpoint: Vec::new(),
            names_changed: 0,
            names_synced: 0,
            written_bytes: 0,
            checkpointed_bytes: 0,
            flushed_at: None,
        }
    }

    /// What was read from `recovery_point` on is durable up to `end`, without what lies beside it.
    pub(crate) const fn on_recovered(&mut self, recovery_point: Offset, end: Offset, bytes: u64) {
        self.recovery_point = recovery_point;
        self.synced_end_offset = end;
        self.written_bytes += bytes;
    }

    pub(crate) fn on_written(
        &mut self,
        segment: &Arc<Segment>,
        file: Arc<dyn DiskFile>,
        bytes: u64,
        log_end_offset: Offset,
    ) {
        self.written_bytes += bytes;
        let base_offset = segment.base_offset();
        match self.unsynced.last_mut() {
            Some(last) if last.base_offset == base_offset => {
                last.written_until = log_end_offset;
                last.file = file;
            }
            Some(_) | None => {
                let _counted = UnsyncedFile::new(&segment.home.open_files);
                let written_until = log_end_offset;
                self.unsynced.push(Unsynced { base_offset, file, _counted, written_until });
            }
        }
        self.on_segment_written(segment);
    }

    pub(crate) fn on_segment_written(&mut self, segment: &Arc<Segment>) {
        let base_offset = segment.base_offset();
        if self.since_checkpoint.last().is_none_or(|last| last.base_offset() < base_offset) {
            self.since_checkpoint.push(Arc::clone(segment));
        }
    }

    pub(crate) fn on_new_segment(&mut self, segment: &Arc<Segment>) {
        self.on_names_changed();
        self.since_checkpoint.push(Arc::clone(segment));
    }

    pub(crate) const fn on_names_changed(&mut self) {
        self.names_changed += 1;
    }

    /// Everything is durable up to the new end; what was in flight counts for nothing.
    pub(crate) fn on_truncated(&mut self, end: Offset) {
        self.synced_end_offset = self.synced_end_offset.min(end);
        self.recovery_point = self.recovery_point.min(end);
        self.unsynced.retain(|unsynced| unsynced.base_offset < end);
        for unsynced in &mut self.unsynced {
            unsynced.written_until = unsynced.written_until.min(end);
        }
        self.since_checkpoint.retain(|segment| segment.base_offset() < end);
    }

    /// These segments are replaced by cleaned ones, which are durable.
    pub(crate) fn forget_segments(&mut self, replaced: &[Arc<Segment>]) {
        let is_replaced =
            |segment: &Arc<Segment>| replaced.iter().any(|old| Arc::ptr_eq(old, segment));
        self.since_checkpoint.retain(|segment| !is_replaced(segment));
    }

    /// These segments are deleted: their bytes need not become durable.
    pub(crate) fn forget_segments_below(&mut self, first: Offset) {
        self.unsynced.retain(|unsynced| unsynced.base_offset >= first);
        self.since_checkpoint.retain(|segment| segment.base_offset() >= first);
    }

    pub(crate) const fn on_names_synced(&mut self) {
        self.names_synced = self.names_changed;
    }

    pub(crate) const fn names_are_unsynced(&self) -> bool {
        self.names_changed > self.names_synced
    }
}

/// Files to be synced, for a thread that may block.
#[derive(Debug)]
pub struct SyncWork {
    home: Arc<SegmentHome>,
    files: Vec<Unsynced>,
    /// Whether names in the directory must be synced, after the files.
    syncs_names: bool,
    synced: Synced,
}

/// Proof of a sync, for [`Log::on_synced`].
#[derive(Clone, Copy, Debug)]
pub struct Synced {
    end_offset: Offset,
    names: u64,
    cuts: u64,
}

impl Synced {
    /// All below is durable.
    #[must_use]
    pub const fn end_offset(&self) -> Offset {
        self.end_offset
    }
}

impl SyncWork {
    /// How many system calls it takes: one for each file, and one if names changed.
    #[must_use]
    pub const fn sync_count(&self) -> usize {
        self.files.len() + self.syncs_names as usize
    }

    /// The log end that this makes durable.
    #[must_use]
    pub const fn end_offset(&self) -> Offset {
        self.synced.end_offset
    }

    /// Syncs the files, then the directory if names changed.
    ///
    /// # Errors
    /// A failed sync is final: give it to [`Log::on_fault`], and take the log directory offline.
    pub fn run(self) -> Result<Synced, StorageFault> {
        // One at a time: an error of the disk is told once for a file, and then it looks synced.
        let mut failed = self.home.failed_sync.lock();
        check_synced(&self.home, failed.as_deref())?;
        let synced = self.sync();
        *failed = synced.as_ref().err().and_then(why_final);
        synced
    }

    fn sync(&self) -> Result<Synced, StorageFault> {
        for unsynced in &self.files {
            let synced = unsynced.file.sync_data();
            if let Err(source) = synced
                && !self.home.mutant.is(Mutation::SyncErrorIgnored)
            {
                let path = self.home.path(unsynced.base_offset, LOG_SUFFIX);
                return Err(StorageFault::new("sync", &path, source));
            }
        }
        if self.syncs_names && !self.home.mutant.is(Mutation::NewSegmentNameUnsynced) {
            self.home.disk.sync_dir(&self.home.dir).at_path("sync", &self.home.dir)?;
        }
        Ok(self.synced)
    }

    /// For a caller that synced the whole file system *after* this work was taken, by
    /// [`Disk::sync_file_system`].
    #[must_use]
    pub fn after_file_system_sync(self) -> Synced {
        self.synced
    }
}

/// Work after which the recovery point may move, for a thread that may block.
#[derive(Debug)]
pub struct CheckpointWork {
    sync: SyncWork,
    /// Segments whose indexes are written but not synced.
    segments: Vec<Arc<Segment>>,
    /// Producer snapshots that are written but not synced.
    rolled_snapshots: Vec<PathBuf>,
    epochs: Option<String>,
    snapshot: Option<SnapshotFiles>,
    /// Snapshots that nothing needs once this is done, and what goes durably after them.
    outdated_snapshots: Vec<PathBuf>,
    outdated: Vec<PathBuf>,
    checkpointed: Checkpointed,
}

/// Proof of a checkpoint, for [`Log::on_checkpointed`].
#[derive(Clone, Debug)]
pub struct Checkpointed {
    synced: Synced,
    written_bytes: u64,
    epochs_changed: u64,
    /// Base offset of the then active segment: those below were complete.
    sealed_below: Offset,
    writes_snapshot: bool,
    rolled_snapshots: Vec<Offset>,
    removed_snapshots: Vec<Offset>,
    removes_limit: bool,
}

impl Checkpointed {
    /// The recovery point that this stands for, once [`Log::on_checkpointed`] took note of it.
    #[must_use]
    pub const fn recovery_point(&self) -> Offset {
        self.synced.end_offset
    }
}

impl CheckpointWork {
    /// Syncs the log, writes and syncs indexes, epochs and producer snapshot, then removes
    /// snapshots that are older than needed.
    ///
    /// # Errors
    /// As [`SyncWork::run`].
    pub fn run(self) -> Result<Checkpointed, StorageFault> {
        let home = Arc::clone(&self.sync.home);
        let cutting = home.cutting.lock();
        if home.cut_count() != self.checkpointed.synced.cuts {
            return Ok(self.checkpointed);
        }
        check_synced(&home, home.failed_sync.lock().as_deref())?;
        let done = self.run_uncut();
        if let Some(reason) = done.as_ref().err().and_then(why_final) {
            home.failed_sync.lock().get_or_insert(reason);
        }
        drop(cutting);
        done
    }

    /// Nothing is cut meanwhile.
    fn run_uncut(self) -> Result<Checkpointed, StorageFault> {
        let home = Arc::clone(&self.sync.home);
        let disk: &dyn Disk = &*home.disk;
        self.segments.iter().try_for_each(|segment| segment.sync_indexes())?;
        for path in &self.rolled_snapshots {
            match disk.open(path, OpenMode::Write) {
                Ok(file) => file.sync_data().at_path("sync", path)?,
                // Its segment was deleted after this work was taken.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(StorageFault::new("open", path, error)),
            }
        }
        if let Some(text) = &self.epochs {
            let path = home.dir.join(LEADER_EPOCHS_FILE);
            write_atomically(disk, &path, text.as_bytes()).at_path("write", &path)?;
        }
        if let Some(snapshot) = &self.snapshot {
            snapshot.write(disk)?;
        }
        let sync = SyncWork { syncs_names: true, ..self.sync };
        sync.run()?;
        if !self.outdated_snapshots.is_empty() {
            self.outdated_snapshots.iter().try_for_each(|path| remove_if_there(disk, path))?;
            disk.sync_dir(&home.dir).at_path("sync", &home.dir)?;
        }
        self.outdated.iter().try_for_each(|path| remove_if_there(disk, path))?;
        Ok(self.checkpointed)
    }
}

/// Refuses work of a log of which a sync failed.
fn check_synced(home: &SegmentHome, failed: Option<&str>) -> Result<(), StorageFault> {
    let Some(reason) = failed else { return Ok(()) };
    let failed = std::io::Error::other(format!("an earlier sync failed: {reason}"));
    Err(StorageFault::new("sync", &home.dir, failed))
}

/// Why nothing may be believed to be synced after a fault, if so.
fn why_final(fault: &StorageFault) -> Option<String> {
    let is_final = fault.operation == "sync" && !fault.is_out_of_descriptors();
    is_final.then(|| fault.source.to_string())
}

impl Log {
    /// End of what survives a power loss.
    #[must_use]
    pub const fn synced_end_offset(&self) -> Offset {
        self.sync.synced_end_offset
    }

    /// All below is durable together with indexes, epochs and producer state; a restart after a
    /// crash reads only what lies above. The broker writes it to the log directory's checkpoint.
    #[must_use]
    pub const fn recovery_point(&self) -> Offset {
        self.sync.recovery_point
    }

    /// Log bytes that a restart after a crash would have to read: the broker bounds their sum.
    #[must_use]
    pub const fn bytes_past_recovery_point(&self) -> u64 {
        self.sync.written_bytes.saturating_sub(self.sync.checkpointed_bytes)
    }

    /// Whether a checkpoint would move the recovery point or save new epochs.
    #[must_use]
    pub fn wants_checkpoint(&self) -> bool {
        self.fault.is_none()
            && (self.log_end_offset > self.sync.recovery_point
                || self.epochs_changed > self.epochs_saved)
    }

    /// Whether `flush.messages` or `flush.ms` ask for a sync now, or a want of descriptors does.
    /// The time counts from the first call that finds something unsynced.
    pub fn wants_flush(&mut self, now: Timestamp) -> bool {
        if self.sync.unsynced.is_empty() {
            self.sync.flushed_at = None;
            return false;
        }
        let since = *self.sync.flushed_at.get_or_insert(now);
        let waited_ms = u64::try_from(now.saturating_ms_since(since)).unwrap_or(0);
        let records = self.log_end_offset.distance_from(self.sync.synced_end_offset);
        let records = u64::try_from(records).unwrap_or(0);
        records >= self.config.flush_messages
            || waited_ms >= self.config.flush_ms
            || self.home.open_files.wants_sync()
    }

    /// What must be synced so that all written so far is durable; `None` if it is already. Work
    /// that is dropped, or not finished yet, is part of what the next call returns.
    pub fn take_sync(&mut self) -> Option<SyncWork> {
        if self.fault.is_some() {
            return None;
        }
        let is_clean = self.sync.unsynced.is_empty() && !self.sync.names_are_unsynced();
        (!is_clean).then(|| self.sync_work())
    }

    fn sync_work(&mut self) -> SyncWork {
        self.sync.flushed_at = None;
        SyncWork {
            home: Arc::clone(&self.home),
            files: self.sync.unsynced.clone(),
            syncs_names: self.sync.names_are_unsynced(),
            synced: Synced {
                end_offset: self.log_end_offset,
                names: self.sync.names_changed,
                cuts: self.home.cut_count(),
            },
        }
    }

    /// Takes note of a finished sync.
    pub fn on_synced(&mut self, synced: Synced) {
        if synced.cuts != self.home.cut_count() || self.fault.is_some() {
            return;
        }
        assert!(synced.end_offset <= self.log_end_offset, "nothing is synced before it is written");
        self.sync.synced_end_offset = self.sync.synced_end_offset.max(synced.end_offset);
        self.sync.names_synced = self.sync.names_synced.max(synced.names);
        self.sync.unsynced.retain(|unsynced| unsynced.written_until > synced.end_offset);
    }

    /// Work after which the recovery point is the log end; `None` if it is already.
    ///
    /// # Errors
    /// If indexes cannot be written. A full disk leaves the log usable: try again later.
    pub fn take_checkpoint(
        &mut self,
        now: Timestamp,
    ) -> Result<Option<CheckpointWork>, StorageFault> {
        self.check_usable()?;
        if !self.wants_checkpoint() {
            return Ok(None);
        }
        let work = self.checkpoint_work(now);
        match work {
            Err(fault) if !fault.is_disk_full() && !fault.is_out_of_descriptors() => {
                self.keep_fault(Err(fault))
            }
            other => other.map(Some),
        }
    }

    pub(crate) fn checkpoint_work(
        &mut self,
        now: Timestamp,
    ) -> Result<CheckpointWork, StorageFault> {
        let segments = self.sync.since_checkpoint.clone();
        segments.iter().try_for_each(|segment| segment.write_indexes())?;
        let rolled_snapshots: Vec<Offset> = self.unsynced_snapshots.iter().copied().collect();
        let rolled_paths = rolled_snapshots.iter().flat_map(|at| self.snapshot_paths(*at));
        let rolled_paths = rolled_paths.collect();
        let snapshot = self.snapshot_at_end(now)?;
        let removed_snapshots = self.outdated_snapshots();
        let (mut outdated_snapshots, mut outdated) = (Vec::new(), Vec::new());
        for offset in &removed_snapshots {
            let [snapshot, sidecar] = self.snapshot_paths(*offset);
            outdated_snapshots.push(snapshot);
            outdated.push(sidecar);
        }
        let removes_limit = self.limit_until.is_some_and(|until| self.log_end_offset >= until);
        if removes_limit {
            outdated.push(self.home.dir.join(RECOVERY_LIMIT_FILE));
        }
        let epochs = (self.epochs_changed > self.epochs_saved).then(|| self.epochs.write());
        let sync = self.sync_work();
        let checkpointed = Checkpointed {
            synced: sync.synced,
            written_bytes: self.sync.written_bytes,
            epochs_changed: self.epochs_changed,
            sealed_below: self.active().base_offset(),
            writes_snapshot: snapshot.is_some(),
            rolled_snapshots,
            removed_snapshots,
            removes_limit,
        };
        Ok(CheckpointWork {
            sync,
            segments,
            rolled_snapshots: rolled_paths,
            epochs,
            snapshot,
            outdated_snapshots,
            outdated,
            checkpointed,
        })
    }

    /// Takes note of a finished checkpoint: the recovery point moves.
    pub fn on_checkpointed(&mut self, checkpointed: &Checkpointed) {
        let synced = checkpointed.synced;
        if synced.cuts != self.home.cut_count() || self.fault.is_some() {
            return;
        }
        self.on_synced(synced);
        self.epochs_saved = self.epochs_saved.max(checkpointed.epochs_changed);
        self.sync.recovery_point = self.sync.recovery_point.max(synced.end_offset);
        self.sync.checkpointed_bytes = self.sync.checkpointed_bytes.max(checkpointed.written_bytes);
        if checkpointed.writes_snapshot {
            self.snapshots.insert(synced.end_offset);
        }
        for offset in &checkpointed.rolled_snapshots {
            self.unsynced_snapshots.remove(offset);
        }
        for offset in &checkpointed.removed_snapshots {
            self.snapshots.remove(offset);
        }
        if checkpointed.removes_limit {
            self.limit_until = None;
        }
        let sealed_below = checkpointed.sealed_below;
        self.sync.since_checkpoint.retain(|segment| segment.base_offset() >= sealed_below);
    }

    /// Clean stop: makes everything durable and leaves a producer snapshot at the log end. The
    /// recovery point is then the log end; write it to the checkpoint before the clean marker.
    ///
    /// # Errors
    /// If something cannot be written or synced: the stop is not a clean one.
    pub fn close(mut self, now: Timestamp) -> Result<Offset, StorageFault> {
        self.check_usable()?;
        assert!(self.turn.is_empty(), "a turn ends with flush_writes");
        self.finish_replacing(false)?;
        if self.active().size_bytes() > 0 && self.wants_checkpoint() {
            let active = Arc::clone(self.active());
            active.prepare_append()?;
            active.seal()?;
            self.sync.on_segment_written(&active);
        }
        // What must be writable on a full disk keeps its room; it may be opened on one.
        if self.config.reserved_ahead_bytes == 0 {
            self.active().release_room()?;
        }
        let mut written = self.sync.since_checkpoint.iter();
        let has_unsynced =
            self.sync.names_are_unsynced() || written.any(|segment| segment.has_unsynced_indexes());
        if self.wants_checkpoint() || has_unsynced {
            self.checkpoint_work(now)?.run()?;
        }
        Ok(self.log_end_offset)
    }
}
