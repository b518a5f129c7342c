//! Look-ups in the indexes of a segment, and what is done when they contradict the log.

use std::sync::Arc;

use highwater_records::{BATCH_HEADER_BYTES, BatchHeader, Offset, Timestamp};
use parking_lot::MutexGuard;

use crate::batch_scanner::{BatchScanner, Depth, ScanError, Scanned};
use crate::error::{AtPath, StorageFault};
use crate::index_file::{IndexEntry, floor_stored};
use crate::offset_index::OffsetEntry;
use crate::segment::Segment;
use crate::segment_indexes::{GreatestTimestamp, IndexEnds, SegmentIndexes, Unverified};
use crate::time_index::TimeEntry;

impl Segment {
    /// The indexes, ready to be extended.
    pub(crate) fn loaded_indexes(
        self: &Arc<Self>,
    ) -> Result<MutexGuard<'_, SegmentIndexes>, StorageFault> {
        let mut indexes = self.indexes.lock();
        if indexes.ends.is_none() {
            match self.find_ends(&indexes)? {
                Some(ends) => indexes.ends = Some(ends),
                None => self.rebuild_locked(&mut indexes)?,
            }
        }
        Ok(indexes)
    }

    /// Reads as much of the indexes as an append needs: a few entries, and the batches after the
    /// last of them.
    pub(crate) fn prepare_append(self: &Arc<Self>) -> Result<(), StorageFault> {
        self.loaded_indexes().map(drop)
    }

    /// Where the indexes stand, or `None` if they contradict the log.
    ///
    /// Both get their entries at the same batches, so after the last entry of the offset index only
    /// the batches behind it are news to the time index. That holds unless the time index has lost
    /// entries, which nobody but a look-up by time would notice: see [`Segment::verify_times`].
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
        if from < ends.last_position_bytes {
            let known = last.map_or(Timestamp::NONE, |last| last.timestamp);
            ends.unverified = Some(Unverified { range: (from, ends.last_position_bytes), known });
            from = ends.last_position_bytes;
        }
        self.scan(from, |batch| {
            if let Some(relative_offset) = self.relative(batch.header.last_offset()) {
                ends.note_time(batch.header.max_timestamp, relative_offset);
            }
            true
        })?;
        Ok(Some(ends))
    }

    /// Loads the indexes, and makes a time index anew that is not there at all: a crash in a swap
    /// may leave a log with its offset index alone. That a part of it is lost takes more than a
    /// crash, and looking for that as many bytes as the segment has: a look-up by time does it, if
    /// one comes before the next start, and `verify`.
    pub(crate) fn restore_times(self: &Arc<Self>) -> Result<(), StorageFault> {
        let unverified = self.loaded_indexes()?.ends.and_then(|ends| ends.unverified);
        match unverified {
            Some(unverified) if unverified.known.is_none() => self.verify_times(),
            Some(_) | None => Ok(()),
        }
    }

    /// Makes sure, once, that the time index has lost no entry.
    pub(crate) fn verify_times(self: &Arc<Self>) -> Result<(), StorageFault> {
        let unverified = self.loaded_indexes()?.ends.and_then(|ends| ends.unverified);
        let Some(Unverified { range: (from, until), known }) = unverified else { return Ok(()) };
        let mut has_lost = false;
        self.scan(from, |batch| {
            has_lost |= batch.header.max_timestamp > known;
            batch.position_bytes < until && !has_lost
        })?;
        let mut indexes = self.indexes.lock();
        if has_lost {
            return self.rebuild_locked(&mut indexes);
        }
        if let Some(ends) = &mut indexes.ends {
            ends.unverified = None;
        }
        Ok(())
    }

    /// Makes both indexes anew from the batches, in memory.
    pub(crate) fn rebuild_locked(
        self: &Arc<Self>,
        indexes: &mut SegmentIndexes,
    ) -> Result<(), StorageFault> {
        if self.size_bytes() > 0 {
            tracing::debug!(path = %self.log_path().display(), "building the indexes anew");
        }
        *indexes = SegmentIndexes::empty();
        let interval_bytes = self.home.index_interval_bytes();
        let base = self.base_offset();
        let mut next = base;
        self.scan(0, |batch| {
            // An entry must be above the one before it: the index ends where the batches stop to rise.
            if batch.header.base_offset < next {
                return false;
            }
            next = batch.header.next_offset();
            indexes.on_batch(base, &batch.header, batch.position_bytes, interval_bytes);
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
        let offset = self.base_offset().plus(i64::from(entry.relative_offset));
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
        self.scan(from, |batch| {
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
        let key = offset.checked_distance_from(self.base_offset()).unwrap_or(-1);
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
        let relative = offset.checked_distance_from(self.base_offset()).unwrap_or(0);
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
        self.verify_times()?;
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
        let offset = self.base_offset().plus(i64::from(entry.relative_offset));
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
        self.verify_times()?;
        let ends = self.loaded_indexes()?.ends.unwrap_or_default();
        Ok(ends.greatest.map(|entry| GreatestTimestamp {
            timestamp: entry.timestamp,
            batch_last_offset: self.base_offset().plus(i64::from(entry.relative_offset)),
        }))
    }

    fn relative(&self, offset: Offset) -> Option<u32> {
        u32::try_from(offset.checked_distance_from(self.base_offset())?).ok()
    }

    /// Walks headers from `position_bytes` while `visit` says true; a batch that is none ends the
    /// walk (who reads it will say so). Returns where the walk ended.
    pub(crate) fn scan(
        self: &Arc<Self>,
        position_bytes: u64,
        mut visit: impl FnMut(&Scanned) -> bool,
    ) -> Result<u64, StorageFault> {
        let (file, path) = (self.file()?, self.log_path());
        let range = position_bytes..self.size_bytes();
        let mut scanner = BatchScanner::new(&*file, &path, range, Depth::Headers);
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
}
