//! Producer snapshots of one log: when they are written, read and removed.

use std::io::IoSlice;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_records::{Mutation, Offset, Timestamp};

use crate::batch_scanner::{BatchScanner, Depth};
use crate::disk::{Disk, DiskFile, OpenMode, read_file};
use crate::error::{AtPath, StorageFault};
use crate::log::Log;
use crate::producer_snapshot::{
    SIDECAR_SUFFIX, SNAPSHOT_BYTES_MAX, SNAPSHOT_SUFFIX, read_producers, write_snapshot,
};
use crate::producer_state::Producers;
use crate::segment::remove_if_there;
use crate::transactions::marker_at;

/// Both files of a snapshot, to be written.
#[derive(Debug)]
pub(crate) struct SnapshotFiles {
    files: [(PathBuf, Vec<u8>); 2],
}

impl SnapshotFiles {
    /// Writes both, synced before they get their names, ours durably before Kafka's: a snapshot
    /// that a crash left alone would pass for one of Kafka's and cost four of the five batches.
    /// The second name is for the caller's sync of the directory.
    pub(crate) fn write(&self, disk: &dyn Disk) -> Result<(), StorageFault> {
        let [snapshot, sidecar] = &self.files;
        put_named(disk, sidecar)?;
        let dir = sidecar.0.parent().unwrap_or(Path::new("."));
        disk.sync_dir(dir).at_path("sync", dir)?;
        put_named(disk, snapshot)
    }

    /// Writes both, not synced; who looks from outside sees all of a file or none.
    fn write_unsynced(&self, disk: &dyn Disk) -> Result<(), StorageFault> {
        self.files.iter().try_for_each(|(path, bytes)| {
            // A checkpoint may be writing the same snapshot, on another thread.
            let temporary = temporary_of(path, ".roll.tmp");
            put(disk, &temporary, bytes)?;
            disk.rename(&temporary, path).at_path("rename", &temporary)
        })
    }
}

fn put_named(disk: &dyn Disk, (path, bytes): &(PathBuf, Vec<u8>)) -> Result<(), StorageFault> {
    let temporary = temporary_of(path, ".tmp");
    put(disk, &temporary, bytes)?.sync_data().at_path("sync", &temporary)?;
    disk.rename(&temporary, path).at_path("rename", &temporary)
}

fn temporary_of(path: &Path, suffix: &str) -> PathBuf {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(suffix);
    PathBuf::from(temporary)
}

fn put(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<Arc<dyn DiskFile>, StorageFault> {
    let file = disk.open(path, OpenMode::Create).at_path("create", path)?;
    file.set_len(0).at_path("cut", path)?;
    file.write_all_at(&mut [IoSlice::new(bytes)], 0).at_path("write", path)?;
    Ok(file)
}

impl Log {
    /// The producers of this log, read from disk now if nobody asked before.
    pub(crate) fn loaded_producers(
        &mut self,
        now: Timestamp,
    ) -> Result<&mut Producers, StorageFault> {
        if self.producers.is_none() {
            let loaded = self.load_producers(now, self.log_end_offset);
            self.producers = Some(match loaded {
                Err(fault) if fault.is_out_of_descriptors() => return Err(fault),
                loaded => self.keep_fault(loaded)?,
            });
        }
        Ok(self.producers.as_mut().expect("loaded just now"))
    }

    /// Producer state at `end`: the newest readable snapshot not above it, and the batches from
    /// there. A snapshot that cannot be read, or whose sidecar cannot, is removed: the log knows
    /// all five batches, it only takes longer.
    pub(crate) fn load_producers(
        &mut self,
        now: Timestamp,
        end: Offset,
    ) -> Result<Producers, StorageFault> {
        let mut producers = self.producers_at(now, end)?;
        producers.remove_expired(now, self.config.producer_id_expiration_ms);
        Ok(producers)
    }

    /// As [`Log::load_producers`], with those that have expired.
    pub(crate) fn producers_at(
        &mut self,
        now: Timestamp,
        end: Offset,
    ) -> Result<Producers, StorageFault> {
        if self.config.mutant.is(Mutation::ProducersForgotten) {
            return Ok(Producers::default());
        }
        let (mut producers, from) = self.newest_snapshot(now, end)?;
        self.replay(&mut producers, from, end, now)?;
        Ok(producers)
    }

    /// The newest readable snapshot not above `end`, and its offset.
    pub(crate) fn newest_snapshot(
        &mut self,
        now: Timestamp,
        end: Offset,
    ) -> Result<(Producers, Offset), StorageFault> {
        while let Some(offset) =
            self.snapshots.range((Bound::Unbounded, Bound::Included(end))).next_back().copied()
        {
            if let Some(producers) = self.read_snapshot_at(offset, now)? {
                return Ok((producers, offset));
            }
            self.remove_snapshots(&[offset])?;
        }
        Ok((Producers::default(), Offset::ZERO))
    }

    fn read_snapshot_at(
        &self,
        offset: Offset,
        now: Timestamp,
    ) -> Result<Option<Producers>, StorageFault> {
        let [snapshot_path, sidecar_path] = self.snapshot_paths(offset);
        let snapshot = match read_file(self.disk(), &snapshot_path, SNAPSHOT_BYTES_MAX) {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => return Ok(None),
            Err(error) => return Err(StorageFault::new("read", &snapshot_path, error)),
        };
        let sidecar = read_file(self.disk(), &sidecar_path, SNAPSHOT_BYTES_MAX);
        let sidecar = sidecar.unwrap_or(None);
        match read_producers(&snapshot, sidecar.as_deref(), now) {
            Ok(producers) => Ok(Some(producers)),
            Err(reason) => {
                let path = snapshot_path.display();
                tracing::warn!(%path, %reason, "producer snapshot is damaged and removed");
                Ok(None)
            }
        }
    }

    /// Adds the batches of `from..end` to `producers`, by their headers.
    fn replay(
        &self,
        producers: &mut Producers,
        from: Offset,
        end: Offset,
        now: Timestamp,
    ) -> Result<(), StorageFault> {
        if from >= end {
            return Ok(());
        }
        let first = self.segments.partition_point(|segment| segment.base_offset() <= from);
        for segment in &self.segments[first.saturating_sub(1)..] {
            let start = segment.position_before(from.max(segment.base_offset()))?;
            let (file, path) = (segment.file()?, segment.log_path());
            let range = start..segment.size_bytes();
            let mut scanner = BatchScanner::new(&*file, &path, range, Depth::Headers);
            // A damaged batch in the trusted part ends the replay of its segment; readers and
            // `verify` report it.
            while let Ok(Some(batch)) = scanner.next_batch() {
                let header = &batch.header;
                if header.base_offset >= end {
                    return Ok(());
                }
                if header.base_offset >= from && header.has_producer_id() {
                    let marker = marker_at(&*file, &batch).at_path("read", &path)?;
                    producers.update(header, marker, now);
                }
            }
        }
        Ok(())
    }

    /// A snapshot of the log end, unless there is one. An empty log needs none.
    pub(crate) fn snapshot_at_end(
        &mut self,
        now: Timestamp,
    ) -> Result<Option<SnapshotFiles>, StorageFault> {
        let end = self.log_end_offset;
        if self.snapshots.contains(&end)
            || self.segments.iter().all(|known| known.size_bytes() == 0)
        {
            return Ok(None);
        }
        let expiration_ms = self.config.producer_id_expiration_ms;
        let producers = self.loaded_producers(now)?;
        producers.remove_expired(now, expiration_ms);
        let (snapshot, sidecar) = write_snapshot(producers);
        let [snapshot_path, sidecar_path] = self.snapshot_paths(end);
        Ok(Some(SnapshotFiles { files: [(snapshot_path, snapshot), (sidecar_path, sidecar)] }))
    }

    /// Leaves a snapshot where a new segment begins, not synced: its CRC tells whether it got to
    /// disk, and a restart trusts none above the recovery point.
    pub(crate) fn write_roll_snapshot(&mut self, now: Timestamp) -> Result<(), StorageFault> {
        // One right at the recovery point (a truncation put it there) would be trusted unsynced.
        if self.log_end_offset <= self.sync.recovery_point {
            return Ok(());
        }
        if let Some(files) = self.snapshot_at_end(now)? {
            files.write_unsynced(self.disk())?;
            self.snapshots.insert(self.log_end_offset);
            self.unsynced_snapshots.insert(self.log_end_offset);
        }
        Ok(())
    }

    /// Snapshots that are neither a segment's nor the newest.
    pub(crate) fn outdated_snapshots(&self) -> Vec<Offset> {
        let newest = self.snapshots.last().copied();
        let is_segment = |offset: &Offset| {
            self.segments.binary_search_by_key(offset, |segment| segment.base_offset()).is_ok()
        };
        let outdated =
            self.snapshots.iter().filter(|offset| Some(**offset) != newest && !is_segment(offset));
        outdated.copied().collect()
    }

    pub(crate) fn snapshot_paths(&self, offset: Offset) -> [PathBuf; 2] {
        [self.home.path(offset, SNAPSHOT_SUFFIX), self.home.path(offset, SIDECAR_SUFFIX)]
    }

    /// Removes snapshots: Kafka's files durably before ours, since one of ours that a crash left
    /// without its sidecar would pass for one of Kafka's. The last names are for the caller's sync.
    pub(crate) fn remove_snapshots(&mut self, offsets: &[Offset]) -> Result<(), StorageFault> {
        if offsets.is_empty() {
            return Ok(());
        }
        let paths: Vec<_> = offsets.iter().map(|offset| self.snapshot_paths(*offset)).collect();
        for [snapshot, _] in &paths {
            remove_if_there(self.disk(), snapshot)?;
        }
        self.disk().sync_dir(&self.home.dir).at_path("sync", &self.home.dir)?;
        for [_, sidecar] in &paths {
            remove_if_there(self.disk(), sidecar)?;
        }
        for offset in offsets {
            self.snapshots.remove(offset);
            self.unsynced_snapshots.remove(offset);
        }
        self.sync.on_names_changed();
        Ok(())
    }

    /// Removes snapshots above `end`, as [`Log::remove_snapshots`].
    pub(crate) fn remove_snapshots_above(&mut self, end: Offset) -> Result<(), StorageFault> {
        let above: Vec<Offset> =
            self.snapshots.range((Bound::Excluded(end), Bound::Unbounded)).copied().collect();
        self.remove_snapshots(&above)
    }
}
