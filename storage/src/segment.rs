//! One `.log` file with its indexes, shared between the log and its readers.

use std::fmt;
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use highwater_records::{BATCH_HEADER_BYTES, BatchHeader, Offset, Timestamp};
use parking_lot::Mutex;

use crate::batch_scanner::{BatchScanner, Depth, ScanError, Scanned};
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{AtPath, ReadError, StorageFault};
use crate::index_file::{IndexEntry, IndexFile, floor_stored};
use crate::offset_index::OffsetEntry;
use crate::open_files::OpenFiles;
use crate::segment_indexes::{GreatestTimestamp, IndexEnds, SegmentIndexes};
use crate::time_index::TimeEntry;

/// Suffix of a segment's file.
pub(crate) const LOG_SUFFIX: &str = "log";
/// Suffix of the index of aborted transactions; read and written once transactions come.
pub(crate) const TXN_INDEX_SUFFIX: &str = "txnindex";
/// Suffixes of all files of a segment.
pub(crate) const SEGMENT_SUFFIXES: [&str; 4] =
    [LOG_SUFFIX, OffsetEntry::SUFFIX, TimeEntry::SUFFIX, TXN_INDEX_SUFFIX];
/// Suffix of a file that was renamed for deletion.
pub(crate) const DELETED_SUFFIX: &str = "deleted";

/// `<20-digit offset>.<suffix>`.
pub(crate) fn file_name(offset: Offset, suffix: &str) -> String {
    format!("{:020}.{suffix}", offset.value())
}

/// Offset and suffix of a name made by [`file_name`].
pub(crate) fn parse_file_name(name: &str) -> Option<(Offset, &str)> {
    let (digits, suffix) = name.split_once('.')?;
    let is_offset = digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit());
    let offset = is_offset.then(|| digits.parse().ok()).flatten()?;
    Some((Offset::new(offset), suffix))
}

/// What the segments of one log share.
#[derive(Debug)]
pub(crate) struct SegmentHome {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) open_files: Arc<OpenFiles>,
    pub(crate) index_interval_bytes: AtomicU64,
    /// How often the log was cut. Rises before bytes that a reader could look at are cut off or
    /// replaced; views and work taken before count for nothing after.
    pub(crate) cuts: Arc<AtomicU64>,
    /// Held while the log is cut, and by work that writes files which a cut makes untrue.
    pub(crate) cutting: Mutex<()>,
}

impl SegmentHome {
    pub(crate) fn path(&self, offset: Offset, suffix: &str) -> PathBuf {
        self.dir.join(file_name(offset, suffix))
    }

    pub(crate) fn cut_count(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }

    fn index_interval_bytes(&self) -> u64 {
        self.index_interval_bytes.load(Ordering::Relaxed)
    }
}

/// One segment. The log is its only writer; readers share it through views.
pub(crate) struct Segment {
    base_offset: Offset,
    home: Arc<SegmentHome>,
    /// Bytes of whole batches in the file; published after they are written.
    size_bytes: AtomicU64,
    file: Mutex<Option<Arc<dyn DiskFile>>>,
    indexes: Mutex<SegmentIndexes>,
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment({}, {} bytes)", self.base_offset, self.size_bytes())
    }
}

impl Segment {
    /// Makes the file of a new segment, not synced. Its name is durable after a sync of the
    /// directory.
    pub(crate) fn create(
        home: &Arc<SegmentHome>,
        base_offset: Offset,
        preallocate_bytes: Option<u64>,
    ) -> Result<Arc<Self>, StorageFault> {
        let path = home.path(base_offset, LOG_SUFFIX);
        let file = home.disk.open(&path, OpenMode::Create).at_path("create", &path)?;
        file.set_len(0).at_path("cut", &path)?;
        if let Some(bytes) = preallocate_bytes {
            file.allocate_keep_size(bytes).at_path("reserve room for", &path)?;
        }
        let segment = Arc::new(Self {
            base_offset,
            home: Arc::clone(home),
            size_bytes: AtomicU64::new(0),
            file: Mutex::new(Some(file)),
            indexes: Mutex::new(SegmentIndexes::empty()),
        });
        home.open_files.on_opened(&segment);
        Ok(segment)
    }

    /// A segment whose files exist; they are opened when first used.
    pub(crate) fn existing(
        home: &Arc<SegmentHome>,
        base_offset: Offset,
        size_bytes: u64,
        index_bytes: (u64, u64),
    ) -> Arc<Self> {
        let offsets = IndexFile::with_file_of(index_bytes.0);
        let times = IndexFile::with_file_of(index_bytes.1);
        let indexes = SegmentIndexes { offsets, times, ends: None };
        Arc::new(Self {
            base_offset,
            home: Arc::clone(home),
            size_bytes: AtomicU64::new(size_bytes),
            file: Mutex::new(None),
            indexes: Mutex::new(indexes),
        })
    }

    pub(crate) const fn base_offset(&self) -> Offset {
        self.base_offset
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes.load(Ordering::Acquire)
    }

    pub(crate) fn path(&self, suffix: &str) -> PathBuf {
        self.home.path(self.base_offset, suffix)
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.path(LOG_SUFFIX)
    }

    /// The open `.log`, opened now if need be.
    pub(crate) fn file(self: &Arc<Self>) -> Result<Arc<dyn DiskFile>, StorageFault> {
        let mut file = self.file.lock();
        if let Some(open) = &*file {
            return Ok(Arc::clone(open));
        }
        let path = self.log_path();
        let open = self.home.disk.open(&path, OpenMode::Write).at_path("open", &path)?;
        *file = Some(Arc::clone(&open));
        drop(file);
        self.home.open_files.on_opened(self);
        Ok(open)
    }

    /// Closes the `.log` once nobody reads or writes it; the next user opens it again.
    pub(crate) fn close_file(&self) {
        self.file.lock().take();
    }

    /// Writes `slices` at the end; readers see them after [`Segment::publish`]. If that fails the
    /// file is cut back to what it was.
    pub(crate) fn write(
        self: &Arc<Self>,
        slices: &mut [IoSlice<'_>],
    ) -> Result<Arc<dyn DiskFile>, StorageFault> {
        let file = self.file()?;
        let size_bytes = self.size_bytes();
        let path = self.log_path();
        if let Err(source) = file.write_all_at(slices, size_bytes) {
            file.set_len(size_bytes).at_path("cut a half-written batch off", &path)?;
            return Err(StorageFault::new("write", &path, source));
        }
        Ok(file)
    }

    /// Takes note of a written batch and shows it to readers.
    pub(crate) fn publish(&self, header: &BatchHeader) {
        let position_bytes = self.size_bytes();
        let interval_bytes = self.home.index_interval_bytes();
        let mut indexes = self.indexes.lock();
        indexes.on_batch(self.base_offset, header, position_bytes, interval_bytes);
        self.size_bytes.store(position_bytes + header.size_bytes() as u64, Ordering::Release);
    }

    /// The indexes, ready to be extended.
    fn loaded_indexes(
        self: &Arc<Self>,
    ) -> Result<parking_lot::MutexGuard<'_, SegmentIndexes>, StorageFault> {
        let mut indexes = self.indexes.lock();
        if indexes.ends.is_none() {
            match self.find_ends(&indexes)? {
                Some(ends) => indexes.ends = Some(ends),
                None => self.rebuild_locked(&mut indexes)?,
            }
        }
        Ok(indexes)
    }

    /// Reads as much of the indexes as an append needs.
    pub(crate) fn prepare_append(self: &Arc<Self>) -> Result<(), StorageFault> {
        self.loaded_indexes().map(drop)
    }

    /// Where the indexes stand, or `None` if they contradict the log.
    fn find_ends(
        self: &Arc<Self>,
        indexes: &SegmentIndexes,
    ) -> Result<Option<IndexEnds>, StorageFault> {
        let mut ends = IndexEnds::default();
        let disk = &*self.home.disk;
        let Ok(last) = indexes.offsets.last(disk, &self.path(OffsetEntry::SUFFIX)) else {
            return Ok(None);
        };
        if let Some(last) = last {
            if !self.is_batch_at(last)? {
                return Ok(None);
            }
            ends.last_position_bytes = u64::from(last.position_bytes);
        } else if self.size_bytes() > self.home.index_interval_bytes() {
            // Entries are missing; or the segment is one large batch, and building is cheap.
            return Ok(None);
        }
        let Ok(last) = indexes.times.last(disk, &self.path(TimeEntry::SUFFIX)) else {
            return Ok(None);
        };
        let mut from = 0;
        if let Some(last) = last {
            let Some(position_bytes) = self.batch_of_time_entry(indexes, last)? else {
                return Ok(None);
            };
            (ends.last_time, ends.greatest, from) = (Some(last), Some(last), position_bytes);
        }
        self.scan(from, Depth::Headers, |batch| {
            let header = &batch.header;
            let is_greater =
                ends.greatest.is_none_or(|known| header.max_timestamp > known.timestamp);
            let relative_offset = self.relative(header.last_offset());
            if header.max_timestamp.value() >= 0
                && is_greater
                && let Some(relative_offset) = relative_offset
            {
                let timestamp = header.max_timestamp;
                ends.greatest = Some(TimeEntry { timestamp, relative_offset });
            }
            true
        })?;
        Ok(Some(ends))
    }

    fn relative(&self, offset: Offset) -> Option<u32> {
        u32::try_from(offset.checked_distance_from(self.base_offset)?).ok()
    }

    /// Walks headers from `position_bytes` while `visit` says true; a batch that is none ends the
    /// walk (who reads it will say so). Returns where the walk ended.
    fn scan(
        self: &Arc<Self>,
        position_bytes: u64,
        depth: Depth,
        mut visit: impl FnMut(&Scanned) -> bool,
    ) -> Result<u64, StorageFault> {
        let (file, path) = (self.file()?, self.log_path());
        let range = position_bytes..self.size_bytes();
        let mut scanner = BatchScanner::new(&*file, &path, range, depth);
        loop {
            match scanner.next_batch() {
                Ok(Some(batch)) if visit(&batch) => {}
                Ok(Some(_) | None) => return Ok(scanner.position_bytes()),
                Err(ScanError::Bad(bad)) => {
                    tracing::warn!(
                        path = %path.display(), position = bad.position_bytes, reason = %bad.reason,
                        "the log is damaged"
                    );
                    return Ok(bad.position_bytes);
                }
                Err(ScanError::Fault(fault)) => return Err(fault),
            }
        }
    }

    /// Makes both indexes anew from the batches, in memory.
    fn rebuild_locked(self: &Arc<Self>, indexes: &mut SegmentIndexes) -> Result<(), StorageFault> {
        if self.size_bytes() > 0 {
            tracing::debug!(path = %self.log_path().display(), "building the indexes anew");
        }
        *indexes = SegmentIndexes::empty();
        let interval_bytes = self.home.index_interval_bytes();
        self.scan(0, Depth::Headers, |batch| {
            indexes.on_batch(self.base_offset, &batch.header, batch.position_bytes, interval_bytes);
            true
        })?;
        Ok(())
    }

    /// Whether the batch that an entry names is where it says.
    fn is_batch_at(self: &Arc<Self>, entry: OffsetEntry) -> Result<bool, StorageFault> {
        let position_bytes = u64::from(entry.position_bytes);
        if position_bytes >= self.size_bytes() {
            return Ok(false);
        }
        let mut head = [0; BATCH_HEADER_BYTES];
        let read = self.file()?.read_at(&mut head, position_bytes);
        read.at_path("read", &self.log_path())?;
        Ok(BatchHeader::read(&head)
            .is_ok_and(|header| self.relative(header.last_offset()) == Some(entry.relative_offset)))
    }

    /// Where the batch starts that brought a timestamp, or `None` if the log does not agree.
    fn batch_of_time_entry(
        self: &Arc<Self>,
        indexes: &SegmentIndexes,
        entry: TimeEntry,
    ) -> Result<Option<u64>, StorageFault> {
        let offset = self.base_offset.plus(i64::from(entry.relative_offset));
        let Some(from) = self.stored_position(indexes.offsets.stored_count(), offset)? else {
            return Ok(None);
        };
        let tail = indexes.offsets.tail();
        let newer = tail.partition_point(|found| found.relative_offset <= entry.relative_offset);
        let newer = newer.checked_sub(1).map(|index| u64::from(tail[index].position_bytes));
        self.find_batch_of_time(newer.unwrap_or(from), offset, entry.timestamp)
    }

    fn find_batch_of_time(
        self: &Arc<Self>,
        from: u64,
        offset: Offset,
        timestamp: Timestamp,
    ) -> Result<Option<u64>, StorageFault> {
        let mut found = None;
        self.scan(from, Depth::Headers, |batch| {
            let header = &batch.header;
            if header.base_offset <= offset && header.last_offset() >= offset {
                found = (header.max_timestamp == timestamp).then_some(batch.position_bytes);
            }
            header.last_offset() < offset
        })?;
        Ok(found)
    }

    /// Position of the last batch that the first `count` entries of the index file know not to be
    /// after `offset` (0 if they know none); `None` if the entry found contradicts the log.
    fn stored_position(
        self: &Arc<Self>,
        count: u64,
        offset: Offset,
    ) -> Result<Option<u64>, StorageFault> {
        let path = self.path(OffsetEntry::SUFFIX);
        let key = offset.checked_distance_from(self.base_offset).unwrap_or(-1);
        match floor_stored::<OffsetEntry>(&*self.home.disk, &path, count, key) {
            Ok(None) => Ok(Some(0)),
            Ok(Some(entry)) if self.is_batch_at(entry)? => {
                Ok(Some(u64::from(entry.position_bytes)))
            }
            Ok(Some(_)) => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StorageFault::new("read", &path, error)),
        }
    }

    /// A position at or before the batch that holds `offset`, as near as the index knows.
    pub(crate) fn position_before(self: &Arc<Self>, offset: Offset) -> Result<u64, StorageFault> {
        let relative = offset.checked_distance_from(self.base_offset).unwrap_or(0);
        let stored_count = {
            let indexes = self.indexes.lock();
            let tail = indexes.offsets.tail();
            let newer = tail.partition_point(|entry| entry.key() <= relative);
            if let Some(index) = newer.checked_sub(1) {
                return Ok(u64::from(tail[index].position_bytes));
            }
            indexes.offsets.stored_count()
        };
        if stored_count == 0 && self.size_bytes() <= self.home.index_interval_bytes() {
            return Ok(0);
        }
        if stored_count > 0
            && let Some(position_bytes) = self.stored_position(stored_count, offset)?
        {
            return Ok(position_bytes);
        }
        let mut indexes = self.indexes.lock();
        if stored_count > 0 || (indexes.ends.is_none() && indexes.offsets.count() == 0) {
            self.rebuild_locked(&mut indexes)?;
        }
        let tail = indexes.offsets.tail();
        let newer = tail.partition_point(|entry| entry.key() <= relative).checked_sub(1);
        Ok(newer.map_or(0, |index| u64::from(tail[index].position_bytes)))
    }

    /// A position such that all batches before it are older than `timestamp`.
    pub(crate) fn position_before_time(
        self: &Arc<Self>,
        timestamp: Timestamp,
    ) -> Result<u64, StorageFault> {
        let (newest, stored_count) = {
            let indexes = self.loaded_indexes()?;
            let tail = indexes.times.tail();
            let newer = tail.partition_point(|entry| entry.timestamp <= timestamp);
            (newer.checked_sub(1).map(|index| tail[index]), indexes.times.stored_count())
        };
        let found = match newest {
            Some(entry) => Ok(Some(entry)),
            None => {
                let path = self.path(TimeEntry::SUFFIX);
                floor_stored::<TimeEntry>(&*self.home.disk, &path, stored_count, timestamp.value())
            }
        };
        let Ok(found) = found else { return Ok(0) };
        let Some(entry) = found else { return Ok(0) };
        let offset = self.base_offset.plus(i64::from(entry.relative_offset));
        let from = self.position_before(offset)?;
        if let Some(position_bytes) = self.find_batch_of_time(from, offset, entry.timestamp)? {
            return Ok(position_bytes);
        }
        self.rebuild_locked(&mut self.indexes.lock())?;
        Ok(0)
    }

    /// The greatest timestamp of all batches.
    pub(crate) fn greatest_timestamp(
        self: &Arc<Self>,
    ) -> Result<Option<GreatestTimestamp>, StorageFault> {
        let ends = self.loaded_indexes()?.ends.unwrap_or_default();
        Ok(ends.greatest.map(|entry| GreatestTimestamp {
            timestamp: entry.timestamp,
            batch_last_offset: self.base_offset.plus(i64::from(entry.relative_offset)),
        }))
    }

    /// The first batch from `position_bytes` on for which `wanted` holds.
    pub(crate) fn find_batch(
        self: &Arc<Self>,
        position_bytes: u64,
        wanted: impl Fn(&BatchHeader) -> bool,
    ) -> Result<Option<Scanned>, ReadError> {
        let (file, path) = (self.file()?, self.log_path());
        let range = position_bytes..self.size_bytes();
        let mut scanner = BatchScanner::new(&*file, &path, range, Depth::Headers);
        loop {
            match scanner.next_batch() {
                Ok(Some(batch)) if wanted(&batch.header) => return Ok(Some(batch)),
                Ok(Some(_)) => {}
                Ok(None) => return Ok(None),
                Err(error) => return Err(error.at(&path)),
            }
        }
    }

    /// Timestamp of the first batch, for rolling by age; `None` if it has none.
    pub(crate) fn first_timestamp(self: &Arc<Self>) -> Result<Option<Timestamp>, StorageFault> {
        let mut first = None;
        self.scan(0, Depth::Headers, |batch| {
            first = Some(batch.header.max_timestamp).filter(|time| time.value() >= 0);
            false
        })?;
        Ok(first)
    }

    pub(crate) fn indexes_are_full(&self, index_bytes_max: u64) -> bool {
        self.indexes.lock().are_full(index_bytes_max)
    }

    /// Writes index entries that are only in memory, not synced.
    pub(crate) fn write_indexes(&self) -> Result<(), StorageFault> {
        let (offsets, times) = (self.path(OffsetEntry::SUFFIX), self.path(TimeEntry::SUFFIX));
        self.indexes.lock().write(&*self.home.disk, &offsets, &times)
    }

    /// The same if there are many of them.
    pub(crate) fn maybe_write_indexes(&self) -> Result<(), StorageFault> {
        if self.indexes.lock().wants_write() { self.write_indexes() } else { Ok(()) }
    }

    /// Adds the last entry to the time index: the segment is full, or the log closes.
    pub(crate) fn seal(self: &Arc<Self>) -> Result<(), StorageFault> {
        self.indexes.lock().push_greatest();
        self.write_indexes()
    }

    /// Syncs the index files.
    pub(crate) fn sync_indexes(&self) -> Result<(), StorageFault> {
        for suffix in [OffsetEntry::SUFFIX, TimeEntry::SUFFIX] {
            let path = self.path(suffix);
            match self.home.disk.open(&path, OpenMode::Write) {
                Ok(file) => file.sync_data().at_path("sync", &path)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(StorageFault::new("open", &path, error)),
            }
        }
        Ok(())
    }

    /// Cuts the file to `size_bytes`, where a batch with base offset `end` or nothing begins, and
    /// the indexes with it. All of it is synced.
    pub(crate) fn truncate(
        self: &Arc<Self>,
        size_bytes: u64,
        end: Offset,
    ) -> Result<(), StorageFault> {
        let (file, path) = (self.file()?, self.log_path());
        let mut indexes = self.indexes.lock();
        self.size_bytes.store(size_bytes, Ordering::Release);
        file.set_len(size_bytes).at_path("cut", &path)?;
        file.sync_data().at_path("sync", &path)?;
        self.cut_indexes(&mut indexes, end)?;
        drop(indexes);
        self.write_indexes()?;
        self.sync_indexes()
    }

    /// Forgets index entries at or above `end`, in memory; the files follow when written.
    pub(crate) fn truncate_indexes(self: &Arc<Self>, end: Offset) -> Result<(), StorageFault> {
        self.cut_indexes(&mut self.indexes.lock(), end)
    }

    fn cut_indexes(
        self: &Arc<Self>,
        indexes: &mut SegmentIndexes,
        end: Offset,
    ) -> Result<(), StorageFault> {
        let end = end.checked_distance_from(self.base_offset).unwrap_or(0);
        let below = |relative: u32| i64::from(relative) < end;
        let disk = &*self.home.disk;
        let (offsets, times) = (self.path(OffsetEntry::SUFFIX), self.path(TimeEntry::SUFFIX));
        let cut = indexes.offsets.truncate(disk, &offsets, |entry| below(entry.relative_offset));
        let cut = cut.and_then(|()| {
            indexes.times.truncate(disk, &times, |entry| below(entry.relative_offset))
        });
        indexes.ends = None;
        match cut {
            Ok(()) => Ok(()),
            Err(_) => self.rebuild_locked(indexes),
        }
    }

    /// Adds a batch that recovery found good to the indexes.
    pub(crate) fn index_recovered(&self, batch: &Scanned) {
        let interval_bytes = self.home.index_interval_bytes();
        let mut indexes = self.indexes.lock();
        indexes.on_batch(self.base_offset, &batch.header, batch.position_bytes, interval_bytes);
    }

    /// Loads the indexes as they are for a segment that ends at `size_bytes`, the place from which
    /// recovery goes on.
    pub(crate) fn prepare_recovery(self: &Arc<Self>, size_bytes: u64) -> Result<(), StorageFault> {
        self.size_bytes.store(size_bytes, Ordering::Release);
        self.loaded_indexes().map(drop)
    }

    /// Shows readers the file up to `size_bytes`.
    pub(crate) fn set_size(&self, size_bytes: u64) {
        self.size_bytes.store(size_bytes, Ordering::Release);
    }

    /// Renames all files of the segment for deletion, not synced; returns the new names.
    pub(crate) fn rename_for_deletion(&self) -> Result<Vec<PathBuf>, StorageFault> {
        let mut renamed = Vec::new();
        for suffix in SEGMENT_SUFFIXES {
            let from = self.path(suffix);
            let to = self.path(&format!("{suffix}.{DELETED_SUFFIX}"));
            match self.home.disk.rename(&from, &to) {
                Ok(()) => renamed.push(to),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(StorageFault::new("rename", &from, error)),
            }
        }
        Ok(renamed)
    }

    /// Removes all files of the segment, not synced.
    pub(crate) fn remove_files(&self) -> Result<(), StorageFault> {
        self.close_file();
        for suffix in SEGMENT_SUFFIXES {
            remove_if_there(&*self.home.disk, &self.path(suffix))?;
        }
        Ok(())
    }
}

/// Removes a file; one that is not there is as good.
pub(crate) fn remove_if_there(disk: &dyn Disk, path: &Path) -> Result<(), StorageFault> {
    match disk.remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StorageFault::new("remove", path, error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
