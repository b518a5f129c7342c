//! The two indexes of a segment, kept in step with its batches.

use std::path::Path;

use highwater_records::{BatchHeader, Offset, Timestamp};

use crate::disk::{Disk, OpenMode};
use crate::error::{AtPath, StorageFault};
use crate::index_file::{IndexEntry, IndexFile};
use crate::offset_index::OffsetEntry;
use crate::time_index::TimeEntry;

/// The indexes of one segment, and what must be known to extend them.
#[derive(Debug)]
pub(crate) struct SegmentIndexes {
    pub(crate) offsets: IndexFile<OffsetEntry>,
    pub(crate) times: IndexFile<TimeEntry>,
    /// `None` until first needed: an idle log does not open its indexes.
    pub(crate) ends: Option<IndexEnds>,
}

/// Where the indexes of a segment stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct IndexEnds {
    /// Position of the last entry of the offset index; 0 without one. Entries are therefore a
    /// function of the batches alone, however often the log was opened in between.
    pub(crate) last_position_bytes: u64,
    /// Last entry of the time index.
    pub(crate) last_time: Option<TimeEntry>,
    /// Greatest timestamp of the segment, and the last offset of the batch that brought it.
    pub(crate) greatest: Option<TimeEntry>,
    /// Batches that were not looked at, since by the entries after them they are old.
    pub(crate) unverified: Option<Unverified>,
}

/// Batches that should not be younger than what the time index knew when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unverified {
    /// Positions, half-open.
    pub(crate) range: (u64, u64),
    /// Timestamp of the last entry.
    pub(crate) known: Timestamp,
}

impl IndexEnds {
    /// Takes note of a batch's maximum timestamp.
    pub(crate) fn note_time(&mut self, timestamp: Timestamp, relative_offset: u32) {
        let is_greater = self.greatest.is_none_or(|known| timestamp > known.timestamp);
        if timestamp.value() >= 0 && is_greater {
            self.greatest = Some(TimeEntry { timestamp, relative_offset });
        }
    }
}

impl SegmentIndexes {
    /// Indexes of an empty segment.
    pub(crate) fn empty() -> Self {
        Self {
            offsets: IndexFile::empty(),
            times: IndexFile::empty(),
            ends: Some(IndexEnds::default()),
        }
    }

    /// Takes note of a batch at the end of the segment.
    pub(crate) fn on_batch(
        &mut self,
        base_offset: Offset,
        header: &BatchHeader,
        position_bytes: u64,
        interval_bytes: u64,
    ) {
        let ends = self.ends.as_mut().expect("loaded before the first append");
        let relative = header.last_offset().checked_distance_from(base_offset);
        let relative = relative.and_then(|relative| u32::try_from(relative).ok());
        let (Some(relative_offset), Ok(position)) = (relative, u32::try_from(position_bytes))
        else {
            return;
        };
        ends.note_time(header.max_timestamp, relative_offset);
        if position_bytes.saturating_sub(ends.last_position_bytes) > interval_bytes {
            ends.last_position_bytes = position_bytes;
            self.offsets.push(OffsetEntry { relative_offset, position_bytes: position });
            self.push_greatest();
        }
    }

    /// Adds the greatest timestamp to the time index, if it is not there yet.
    pub(crate) fn push_greatest(&mut self) {
        if let Some(ends) = &mut self.ends
            && let Some(greatest) = ends.greatest
            && ends.last_time.is_none_or(|last| greatest.may_follow(&last))
        {
            ends.last_time = Some(greatest);
            self.times.push(greatest);
        }
    }

    /// Whether an index has no room for one more entry. The time index keeps one free.
    pub(crate) fn are_full(&self, index_bytes_max: u64) -> bool {
        self.offsets.count() >= index_bytes_max / OffsetEntry::BYTES as u64
            || self.times.count() + 1 >= index_bytes_max / TimeEntry::BYTES as u64
    }

    /// Writes what is only in memory, not synced; false if there was nothing to do.
    pub(crate) fn write(
        &mut self,
        disk: &dyn Disk,
        offsets_path: &Path,
        times_path: &Path,
    ) -> Result<bool, StorageFault> {
        // Kafka makes both files at once, and its kafka-dump-log reads no time index alone.
        let is_first_time = self.times.stored_count() == 0 && !self.times.tail().is_empty();
        if is_first_time && self.offsets.count() == 0 {
            disk.open(offsets_path, OpenMode::Create).at_path("create", offsets_path)?;
        }
        let has_written = self.offsets.write_tail(disk, offsets_path)?;
        Ok(self.times.write_tail(disk, times_path)? || has_written)
    }

    pub(crate) fn wants_write(&self) -> bool {
        self.offsets.wants_write() || self.times.wants_write()
    }
}

/// The greatest timestamp of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GreatestTimestamp {
    pub(crate) timestamp: Timestamp,
    /// Last offset of the batch that brought it.
    pub(crate) batch_last_offset: Offset,
}
