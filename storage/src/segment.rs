//! One `.log` file with its indexes, shared between the log and its readers.

use std::fmt;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};

use highwater_records::{BatchHeader, Mutant, Offset, Timestamp};
use parking_lot::Mutex;

use crate::batch_scanner::{BatchScanner, Depth, Scanned};
use crate::buffer_pool::BufferPool;
use crate::config::LogConfig;
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{AtPath, ReadError, StorageFault, is_disk_full, is_out_of_descriptors};
use crate::index_file::{IndexEntry, IndexFile};
use crate::offset_index::OffsetEntry;
use crate::open_files::OpenFiles;
use crate::room_ahead::{Ahead, Room};
use crate::segment_indexes::SegmentIndexes;
use crate::time_index::TimeEntry;
use crate::transaction_index::AbortedTransaction;

/// Suffix of a segment's file.
pub(crate) const LOG_SUFFIX: &str = "log";
/// Suffix of the index of aborted transactions.
pub(crate) const TXN_INDEX_SUFFIX: &str = AbortedTransaction::SUFFIX;
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
    pub(crate) buffers: Arc<BufferPool>,
    pub(crate) index_interval_bytes: AtomicU64,
    pub(crate) mutant: Mutant,
    /// How often the log was cut. Rises before bytes that a reader could look at are cut off; work
    /// taken before counts for nothing after.
    cuts: AtomicU64,
    /// How often it was cut, or segments were replaced by cleaned ones. Rises before; views taken
    /// before count for nothing after.
    pub(crate) generation: Arc<AtomicU64>,
    /// See `cleaner/compacted_through.rs`.
    pub(crate) compacted_through: AtomicI64,
    /// Held while the log is cut, and by work that writes files which a cut makes untrue.
    pub(crate) cutting: Mutex<()>,
    /// Held while appended bytes are synced: why one of those syncs failed, if one did.
    pub(crate) failed_sync: Mutex<Option<String>>,
}

impl SegmentHome {
    pub(crate) fn path(&self, offset: Offset, suffix: &str) -> PathBuf {
        self.dir.join(file_name(offset, suffix))
    }

    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        open_files: Arc<OpenFiles>,
        buffers: Arc<BufferPool>,
        config: &LogConfig,
    ) -> Arc<Self> {
        Arc::new(Self {
            disk,
            dir,
            open_files,
            buffers,
            index_interval_bytes: AtomicU64::new(config.index_interval_bytes),
            mutant: config.mutant,
            cuts: AtomicU64::new(0),
            generation: Arc::default(),
            compacted_through: AtomicI64::new(0),
            cutting: Mutex::new(()),
            failed_sync: Mutex::new(None),
        })
    }

    /// Opens a `.log`. Without a free descriptor, others are closed first: they are opened again
    /// by their next users.
    pub(crate) fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        loop {
            match self.disk.open(path, mode) {
                Err(error)
                    if is_out_of_descriptors(&error)
                        && (self.open_files.close_oldest() || self.open_files.wait_for_sync()) => {}
                opened => return opened,
            }
        }
    }

    /// Makes the names in the directory durable. Without a free descriptor, files are closed first.
    pub(crate) fn sync_names(&self) -> Result<(), StorageFault> {
        loop {
            match self.disk.sync_dir(&self.dir) {
                Err(error)
                    if is_out_of_descriptors(&error)
                        && (self.open_files.close_oldest() || self.open_files.wait_for_sync()) => {}
                synced => return synced.at_path("sync", &self.dir),
            }
        }
    }

    pub(crate) fn cut_count(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }

    /// The log is about to be cut or deleted.
    pub(crate) fn on_cut(&self) {
        self.cuts.fetch_add(1, Ordering::SeqCst);
        self.on_replaced();
    }

    /// Segments are about to be replaced by cleaned ones.
    pub(crate) fn on_replaced(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn index_interval_bytes(&self) -> u64 {
        self.index_interval_bytes.load(Ordering::Relaxed)
    }
}

/// What the names of a segment's files end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// As they are named for good.
    Final,
    /// A cleaner's output, being written.
    Cleaned,
    /// A cleaner's output, complete: it takes the place of the segments in its range.
    Swap,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Final, Self::Cleaned, Self::Swap];

    /// From which a segment comes to this one.
    const fn before(self) -> Self {
        match self {
            Self::Final => Self::Swap,
            Self::Cleaned | Self::Swap => Self::Cleaned,
        }
    }

    /// What stands behind a name.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Final => "",
            Self::Cleaned => ".cleaned",
            Self::Swap => ".swap",
        }
    }
}

/// One segment. The log is its only writer; readers share it through views.
pub(crate) struct Segment {
    base_offset: Offset,
    pub(crate) home: Arc<SegmentHome>,
    /// A [`Stage`]; changes while `indexes`, `aborted` and `file` are locked.
    stage: AtomicU8,
    /// Bytes of whole batches in the file; published after they are written.
    size_bytes: AtomicU64,
    file: Mutex<Option<Arc<dyn DiskFile>>>,
    /// When it was last appended to, by our clock, in milliseconds. The file itself says the same.
    last_append: AtomicI64,
    /// Room that the file is known to have on the disk (`room_ahead.rs`).
    pub(crate) room: Room,
    pub(crate) indexes: Mutex<SegmentIndexes>,
    /// Transactions that markers of this segment aborted.
    pub(crate) aborted: Mutex<IndexFile<AbortedTransaction>>,
    /// Whether an index file was written since it was synced.
    indexes_are_unsynced: AtomicBool,
    /// Whether the `.log` was used since somebody asked.
    is_used: AtomicBool,
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
        let segment = Self::create_staged(home, base_offset, Stage::Final)?;
        let Some(bytes) = preallocate_bytes else { return Ok(segment) };
        let path = segment.log_path();
        if let Err(source) = segment.file()?.allocate_keep_size(bytes) {
            // The log may go on in the segment before it; this one must not pass for its end.
            remove_if_there(&*home.disk, &path)?;
            return Err(StorageFault::new("reserve room for", &path, source));
        }
        segment.room.on_cut(bytes);
        Ok(segment)
    }

    /// The same for a cleaner's output.
    pub(crate) fn create_staged(
        home: &Arc<SegmentHome>,
        base_offset: Offset,
        stage: Stage,
    ) -> Result<Arc<Self>, StorageFault> {
        let path = home.path(base_offset, &format!("{LOG_SUFFIX}{}", stage.suffix()));
        let file = home.open(&path, OpenMode::Create).at_path("create", &path)?;
        file.set_len(0).at_path("cut", &path)?;
        let segment = Arc::new(Self {
            base_offset,
            home: Arc::clone(home),
            stage: AtomicU8::new(stage as u8),
            size_bytes: AtomicU64::new(0),
            file: Mutex::new(Some(file)),
            last_append: AtomicI64::new(0),
            room: Room::of(0),
            indexes: Mutex::new(SegmentIndexes::empty()),
            aborted: Mutex::new(IndexFile::empty()),
            indexes_are_unsynced: AtomicBool::new(false),
            is_used: AtomicBool::new(false),
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
        last_append: Timestamp,
    ) -> Arc<Self> {
        let offsets = IndexFile::with_file_of(index_bytes.0);
        let times = IndexFile::with_file_of(index_bytes.1);
        let indexes = SegmentIndexes { offsets, times, ends: None };
        Arc::new(Self {
            base_offset,
            home: Arc::clone(home),
            stage: AtomicU8::new(Stage::Final as u8),
            size_bytes: AtomicU64::new(size_bytes),
            file: Mutex::new(None),
            last_append: AtomicI64::new(last_append.value()),
            room: Room::of(0),
            indexes: Mutex::new(indexes),
            aborted: Mutex::new(IndexFile::with_file_of(0)),
            indexes_are_unsynced: AtomicBool::new(false),
            is_used: AtomicBool::new(false),
        })
    }

    pub(crate) const fn base_offset(&self) -> Offset {
        self.base_offset
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes.load(Ordering::Acquire)
    }

    /// When it was last appended to, by our clock.
    pub(crate) fn last_append(&self) -> Timestamp {
        Timestamp::new(self.last_append.load(Ordering::Relaxed))
    }

    pub(crate) fn note_append(&self, now: Timestamp) {
        self.last_append.store(now.value(), Ordering::Relaxed);
    }

    /// Makes the file say again when it was last appended to, after a write that appended nothing.
    pub(crate) fn restore_modified(&self) -> Result<(), StorageFault> {
        let (path, at) = (self.log_path(), self.last_append());
        if at.value() <= 0 {
            return Ok(());
        }
        self.home.disk.set_modified(&path, at).at_path("set the time of", &path)
    }

    pub(crate) fn path(&self, suffix: &str) -> PathBuf {
        match self.stage().suffix() {
            "" => self.home.path(self.base_offset, suffix),
            staged => self.home.path(self.base_offset, &format!("{suffix}{staged}")),
        }
    }

    fn stage(&self) -> Stage {
        Stage::ALL[usize::from(self.stage.load(Ordering::Acquire))]
    }

    /// Gives all files the names of the next stage, not synced; what an earlier try has renamed
    /// stays so. Readers that look meanwhile wait.
    pub(crate) fn rename_to(&self, stage: Stage) -> Result<(), StorageFault> {
        let (_indexes, _aborted, _file) =
            (self.indexes.lock(), self.aborted.lock(), self.file.lock());
        let name = |suffix: &str, stage: Stage| {
            self.home.path(self.base_offset, &format!("{suffix}{}", stage.suffix()))
        };
        for suffix in SEGMENT_SUFFIXES {
            let (from, to) = (name(suffix, stage.before()), name(suffix, stage));
            let renamed = match self.home.disk.rename(&from, &to) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // An index need not be there. A log is there already if this is the second try.
                    let is_there = suffix != LOG_SUFFIX || self.stage() == stage;
                    if is_there { Ok(()) } else { Err(error) }
                }
                renamed => renamed,
            };
            renamed.at_path("rename", &from)?;
            if suffix == LOG_SUFFIX {
                self.stage.store(stage as u8, Ordering::Release);
            }
        }
        Ok(())
    }

    /// Bytes of the offset index and of the time index.
    pub(crate) fn index_bytes(&self) -> (u64, u64) {
        let indexes = self.indexes.lock();
        let (offsets, times) = (indexes.offsets.count(), indexes.times.count());
        (offsets * OffsetEntry::BYTES as u64, times * TimeEntry::BYTES as u64)
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.path(LOG_SUFFIX)
    }

    /// The open `.log`, opened now if need be.
    pub(crate) fn file(self: &Arc<Self>) -> Result<Arc<dyn DiskFile>, StorageFault> {
        let mut file = self.file.lock();
        self.is_used.store(true, Ordering::Relaxed);
        if let Some(open) = &*file {
            return Ok(Arc::clone(open));
        }
        let path = self.log_path();
        let open = self.home.open(&path, OpenMode::Write).at_path("open", &path)?;
        *file = Some(Arc::clone(&open));
        drop(file);
        self.home.open_files.on_opened(self);
        Ok(open)
    }

    /// Whether the `.log` was used since the last call.
    pub(crate) fn take_used(&self) -> bool {
        self.is_used.swap(false, Ordering::Relaxed)
    }

    /// Closes the `.log` once nobody reads or writes it; the next user opens it again.
    pub(crate) fn close_file(&self) {
        self.file.lock().take();
    }

    /// The same, if nobody is about to use it.
    pub(crate) fn close_idle_file(&self) {
        if let Some(mut file) = self.file.try_lock() {
            file.take();
        }
    }

    /// Writes `slices` at the end, in room that is reserved before and reaches past them
    /// where the disk has it; readers see them after [`Segment::publish`]. If that fails the
    /// file is cut back to what it was.
    pub(crate) fn write(
        self: &Arc<Self>,
        slices: &mut [IoSlice<'_>],
        ahead: Ahead,
    ) -> Result<Arc<dyn DiskFile>, StorageFault> {
        let file = self.file()?;
        let size_bytes = self.size_bytes();
        let written_bytes: u64 = slices.iter().map(|slice| slice.len() as u64).sum();
        self.reserve(&*file, size_bytes + written_bytes, ahead)?;
        if let Err(source) = file.write_all_at(slices, size_bytes) {
            let path = self.log_path();
            file.set_len(size_bytes).at_path("cut a half-written batch off", &path)?;
            self.room.on_cut(size_bytes);
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
        self.scan(0, |batch| {
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
        let written = self.indexes.lock().write(&*self.home.disk, &offsets, &times);
        let written = written.and_then(|written| Ok(self.write_aborted()? || written));
        if !matches!(written, Ok(false)) {
            self.indexes_are_unsynced.store(true, Ordering::Release);
        }
        written.map(drop)
    }

    pub(crate) fn has_unsynced_indexes(&self) -> bool {
        self.indexes_are_unsynced.load(Ordering::Acquire)
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

    /// Syncs the index files, if they were written. What is written meanwhile waits for the next.
    pub(crate) fn sync_indexes(&self) -> Result<(), StorageFault> {
        if !self.indexes_are_unsynced.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        for suffix in [OffsetEntry::SUFFIX, TimeEntry::SUFFIX, TXN_INDEX_SUFFIX] {
            let path = self.path(suffix);
            match self.home.disk.open(&path, OpenMode::Write) {
                Ok(file) => file.sync_data().at_path("sync", &path)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    // Nothing was synced in vain.
                    self.indexes_are_unsynced.store(true, Ordering::Release);
                    return Err(StorageFault::new("open", &path, error));
                }
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
        self.room.on_cut(size_bytes);
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
        self.cut_aborted(end)?;
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
        self.restore_times()
    }

    /// Shows readers the file up to `size_bytes`.
    pub(crate) fn set_size(&self, size_bytes: u64) {
        self.size_bytes.store(size_bytes, Ordering::Release);
    }

    /// Renames all files of the segment for deletion, not synced; adds the new names to `deleted`.
    /// What an earlier try has renamed stays so. Where the disk is too full for a name, the file
    /// goes at once: that needs no room and makes some.
    pub(crate) fn rename_for_deletion(
        &self,
        deleted: &mut Vec<PathBuf>,
    ) -> Result<(), StorageFault> {
        for suffix in SEGMENT_SUFFIXES {
            let from = self.path(suffix);
            let to = self.home.path(self.base_offset, &format!("{suffix}.{DELETED_SUFFIX}"));
            match self.home.disk.rename(&from, &to) {
                Ok(()) => deleted.push(to),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if is_disk_full(&error) => {
                    remove_if_there(&*self.home.disk, &from)?;
                }
                Err(error) => return Err(StorageFault::new("rename", &from, error)),
            }
        }
        Ok(())
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
