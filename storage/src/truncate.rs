//! Cutting the log: its end (replication), its start (DeleteRecords, retention), all of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_records::{Offset, TopicPartition, Uuid};

use crate::cleaner::{COMPACTED_THROUGH_FILE, remove_staged};
use crate::disk::Disk;
use crate::error::{AtPath, ReadError, StorageFault, is_disk_full};
use crate::log::Log;
use crate::partition_metadata::PARTITION_METADATA_FILE;
use crate::recovery_limit::RecoveryLimit;
use crate::segment::{Segment, remove_if_there};
use crate::sync::SyncState;
use crate::transactions::Transactions;

/// Longest file name that the usual file systems take.
const FILE_NAME_BYTES_MAX: usize = 255;

/// Where an end truncation cuts.
#[derive(Clone, Copy, Debug)]
struct Cut {
    segment: usize,
    position_bytes: u64,
    end: Offset,
}

impl Log {
    /// Cuts the log so that it ends at `offset`, or at the start of the batch that holds it, never
    /// below the log start. Durable when it returns. Returns the new log end.
    ///
    /// # Errors
    /// Any fault is final.
    pub fn truncate_to(&mut self, offset: Offset) -> Result<Offset, StorageFault> {
        self.check_usable()?;
        assert!(self.turn.is_empty(), "a turn ends with flush_writes");
        let offset = offset.max(self.log_start_offset);
        if offset < self.log_end_offset {
            let cut = self.find_cut(offset).and_then(|cut| self.cut(cut));
            self.keep_fault(cut)?;
        }
        Ok(self.log_end_offset)
    }

    fn find_cut(&self, offset: Offset) -> Result<Cut, StorageFault> {
        let after = self.segments.partition_point(|segment| segment.base_offset() <= offset);
        let segment = after.saturating_sub(1);
        let found = &self.segments[segment];
        let start = found.position_before(offset)?;
        match found.find_batch(start, |header| header.last_offset() >= offset) {
            Ok(Some(batch)) => {
                let end = offset.min(batch.header.base_offset);
                Ok(Cut { segment, position_bytes: batch.position_bytes, end })
            }
            Ok(None) => Ok(Cut { segment, position_bytes: found.size_bytes(), end: offset }),
            Err(ReadError::Corrupt(damage)) => {
                let end = offset;
                Ok(Cut { segment, position_bytes: damage.position_bytes, end })
            }
            Err(ReadError::Fault(fault)) => Err(fault),
            Err(ReadError::Stale | ReadError::OffsetOutOfRange { .. }) => {
                unreachable!("only views answer that")
            }
        }
    }

    /// A crash between any two steps leaves a log that recovery can mend: the limit on the recovery
    /// point comes first, then later segments go, then the tail of this one.
    fn cut(&mut self, cut: Cut) -> Result<(), StorageFault> {
        let home = Arc::clone(&self.home);
        let _cutting = home.cutting.lock();
        home.on_cut();
        self.finish_replacing(true)?;
        remove_staged(&home, None)?;
        self.tail.truncate(cut.end);
        home.lower_compacted_through(cut.end)?;
        if cut.end < self.log_start_offset {
            // The batch that holds the log start goes; nothing is left.
            return self.begin_anew(self.log_start_offset);
        }
        self.limit_recovery_point(cut.end)?;
        self.drop_segments_after(cut.segment)?;
        let active = Arc::clone(self.active());
        active.truncate(cut.position_bytes, cut.end)?;
        self.remove_snapshots_above(cut.end)?;
        self.producers = None;
        if Arc::make_mut(&mut self.epochs).truncate_from_end(cut.end) {
            self.epochs_changed += 1;
        }
        home.disk.sync_dir(&home.dir).at_path("sync", &home.dir)?;
        self.sync.on_truncated(cut.end);
        self.log_end_offset = cut.end;
        self.active_since = None;
        self.transactions = self.transactions_at(cut.end)?;
        Ok(())
    }

    /// Puts one empty segment in the place of all. Each step is durable before the next: were a
    /// later segment left alone by a crash, it would pass for the first one.
    pub(crate) fn begin_anew(&mut self, start: Offset) -> Result<(), StorageFault> {
        let home = Arc::clone(&self.home);
        let sync = || home.disk.sync_dir(&home.dir).at_path("sync", &home.dir);
        self.limit_recovery_point(Offset::ZERO)?;
        self.drop_segments_after(0)?;
        sync()?;
        let new = Segment::create(&home, start, None)?;
        sync()?;
        self.active().remove_files()?;
        self.segments = Arc::new(vec![new]);
        let snapshots: Vec<Offset> = self.snapshots.iter().copied().collect();
        self.remove_snapshots(&snapshots)?;
        remove_if_there(self.disk(), &home.dir.join(COMPACTED_THROUGH_FILE))?;
        home.set_compacted_through(Offset::ZERO);
        sync()?;
        self.producers = None;
        self.transactions = Transactions::default();
        self.epochs = Arc::default();
        self.epochs_changed += 1;
        self.sync = SyncState::synced_to(start);
        self.log_start_offset = start;
        self.log_end_offset = start;
        self.active_since = None;
        Ok(())
    }

    /// Leaves word on disk that nothing above `end` is known to be durable, if the checkpoint may
    /// say otherwise.
    pub(crate) fn limit_recovery_point(&mut self, end: Offset) -> Result<(), StorageFault> {
        let claimed = self.sync.recovery_point;
        if end >= claimed {
            return Ok(());
        }
        let until = self.limit_until.map_or(claimed, |until| until.max(claimed));
        RecoveryLimit { limit: end, until }.put(self.disk(), &self.home.dir)?;
        self.limit_until = Some(until);
        Ok(())
    }

    /// Removes the segments after the one of this index, the last first; the names are for the
    /// caller's sync.
    pub(crate) fn drop_segments_after(&mut self, index: usize) -> Result<(), StorageFault> {
        let segments = Arc::make_mut(&mut self.segments);
        let dropped: Vec<Arc<Segment>> = segments.drain(index + 1..).collect();
        for segment in dropped.iter().rev() {
            segment.remove_files()?;
            self.sync.on_names_changed();
        }
        Ok(())
    }

    /// Raises the log start: what lies below is not read any more. Nothing is deleted and nothing
    /// is durable yet: write the log-start checkpoint, then call [`Log::delete_old_segments`].
    ///
    /// Shapes: `to` is not above the high watermark; a lower one than now changes nothing.
    pub fn advance_log_start(&mut self, to: Offset) {
        assert!(to <= self.log_end_offset, "the log start is at most the log end");
        if to > self.log_start_offset {
            self.log_start_offset = to;
            if Arc::make_mut(&mut self.epochs).truncate_from_start(to) {
                self.epochs_changed += 1;
            }
        }
    }

    /// Renames the segments that lie wholly below the log start for deletion. Readers of older
    /// views that have not opened them get [`ReadError::Stale`]. See [`Log::take_deleted`].
    ///
    /// # Errors
    /// A full disk and a want of descriptors pass by themselves: call it again later. Any other fault is
    /// final.
    pub fn delete_old_segments(&mut self) -> Result<(), StorageFault> {
        self.check_usable()?;
        let start = self.log_start_offset;
        let below = self.segments.iter().skip(1).take_while(|next| next.base_offset() <= start);
        let count = below.count();
        if count == 0 {
            return Ok(());
        }
        self.finish_replacing(false)?;
        // Were the name of the new first segment lost to a crash and that of a later one kept, the
        // later one would pass for the first.
        if self.sync.names_are_unsynced() {
            let synced = self.home.sync_names();
            self.keep_lasting(synced)?;
            self.sync.on_names_synced();
        }
        let old: Vec<Arc<Segment>> = self.segments[..count].to_vec();
        for segment in &old {
            let renamed = segment.rename_for_deletion(&mut self.deleted);
            self.keep_lasting(renamed)?;
        }
        let bases = old.iter().map(|segment| segment.base_offset());
        let snapshots: Vec<Offset> = bases.filter(|base| self.snapshots.contains(base)).collect();
        let removed = self.remove_snapshots(&snapshots);
        self.keep_lasting(removed)?;
        Arc::make_mut(&mut self.segments).drain(..count);
        self.sync.on_names_changed();
        let first = self.segments[0].base_offset();
        self.sync.forget_segments_below(first);
        Ok(())
    }

    /// Files renamed for deletion since the last call: give them to [`remove_files`] after
    /// `file.delete.delay.ms`.
    pub fn take_deleted(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.deleted)
    }

    /// Renames the directory for deletion, durably, and ends the log; `unique` makes the name. The
    /// caller removes the directory later, by [`Disk::remove_dir_all`], and leaves this partition
    /// out of the next recovery-point checkpoint *before* it creates one of the same name.
    ///
    /// # Errors
    /// If it cannot be renamed or synced.
    pub fn delete(self, unique: Uuid) -> Result<PathBuf, StorageFault> {
        // Whoever works on the files looks at the count while it has the lock.
        let home = Arc::clone(&self.home);
        let _cutting = home.cutting.lock();
        home.on_cut();
        if let Some(replacing) = &self.replacing {
            replacing.abandon();
        }
        self.tail.truncate(Offset::ZERO);
        delete_partition_dir(&*self.home.disk, &self.home.dir, &self.topic_partition, unique)
    }
}

/// [`Log::delete`] for a directory that nobody has open. On a disk that is too full for a new name
/// it is removed at once, and there is nothing at the path returned.
///
/// # Errors
/// If it cannot be renamed or synced.
pub fn delete_partition_dir(
    disk: &dyn Disk,
    dir: &Path,
    topic_partition: &TopicPartition,
    unique: Uuid,
) -> Result<PathBuf, StorageFault> {
    let to = dir.with_file_name(deleted_dir_name(topic_partition, unique));
    match disk.rename(dir, &to) {
        // Too full for a longer name: it goes at once, which needs no room and makes some.
        Err(error) if is_disk_full(&error) => remove_partition_dir(disk, dir)?,
        renamed => renamed.at_path("rename", dir)?,
    }
    if let Some(parent) = dir.parent() {
        disk.sync_dir(parent).at_path("sync", parent)?;
    }
    Ok(to)
}

/// Removes a partition's directory where it stands. What a crash leaves of it still says whose it
/// was, so that no other topic of this name takes it over.
fn remove_partition_dir(disk: &dyn Disk, dir: &Path) -> Result<(), StorageFault> {
    for entry in disk.read_dir(dir).at_path("list", dir)? {
        if !entry.is_dir && entry.name != PARTITION_METADATA_FILE {
            remove_if_there(disk, &dir.join(&entry.name))?;
        }
    }
    disk.sync_dir(dir).at_path("sync", dir)?;
    disk.remove_dir_all(dir).at_path("remove", dir)
}

/// Removes files that a log renamed for deletion; what is gone already is fine.
///
/// # Errors
/// If one cannot be removed.
pub fn remove_files(disk: &dyn Disk, paths: &[PathBuf]) -> Result<(), StorageFault> {
    paths.iter().try_for_each(|path| remove_if_there(disk, path))
}

/// `<topic>-<partition>.<32 hex>-delete`, the topic cut so that the name is not too long.
fn deleted_dir_name(topic_partition: &TopicPartition, unique: Uuid) -> String {
    let hex: String = unique.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let rest = format!("-{}.{hex}-delete", topic_partition.partition);
    let topic = topic_partition.topic.as_str();
    let kept = topic.len().min(FILE_NAME_BYTES_MAX - rest.len());
    format!("{}{rest}", &topic[..kept])
}
