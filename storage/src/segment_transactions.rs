//! The transaction index of a segment, and what a view answers from it.

use std::io;
use std::sync::Arc;

use highwater_records::Offset;

use crate::error::{ReadError, StorageFault};
use crate::index_file::IndexFile;
use crate::segment::{Segment, TXN_INDEX_SUFFIX};
use crate::transaction_index::{AbortedTransaction, visit_aborted};
use crate::transactions::find_aborted;
use crate::view::LogView;

impl Segment {
    /// The segment has an index file of this many bytes.
    pub(crate) fn set_aborted_file(&self, len_bytes: u64) {
        *self.aborted.lock() = IndexFile::with_file_of(len_bytes);
    }

    /// Adds a transaction that a marker of this segment aborted. In memory; see
    /// [`Segment::write_indexes`].
    pub(crate) fn push_aborted(&self, aborted: AbortedTransaction) {
        self.aborted.lock().push(aborted);
    }

    /// Puts these entries in the place of all.
    pub(crate) fn replace_aborted(&self, entries: &[AbortedTransaction]) {
        let mut index = self.aborted.lock();
        // What was appended while they were looked for.
        let last = entries.last().map_or(-1, |last| last.last_offset.value());
        let newer: Vec<AbortedTransaction> =
            index.tail().iter().filter(|entry| entry.last_offset.value() > last).copied().collect();
        *index = IndexFile::empty();
        entries.iter().chain(&newer).for_each(|entry| index.push(*entry));
    }

    /// Writes entries that are only in memory, not synced; false if there was nothing to do.
    pub(crate) fn write_aborted(&self) -> Result<bool, StorageFault> {
        self.aborted.lock().write_tail(&*self.home.disk, &self.path(TXN_INDEX_SUFFIX))
    }

    /// Forgets transactions whose markers are at or above `end`.
    pub(crate) fn cut_aborted(&self, end: Offset) -> Result<(), StorageFault> {
        let path = self.path(TXN_INDEX_SUFFIX);
        let below = |entry: &AbortedTransaction| entry.last_offset < end;
        let cut = self.aborted.lock().truncate(&*self.home.disk, &path, below);
        cut.map_err(|source| StorageFault::new("read", &path, source))
    }

    /// Whether the entries can be what was written: those whose markers lie below `end`, and
    /// nothing else if they must all lie there.
    pub(crate) fn aborted_are_good(&self, end: Offset, is_all: bool) -> Result<bool, StorageFault> {
        let mut is_below = true;
        let visited = self.visit_aborted(|entry| {
            is_below = entry.last_offset < end;
            is_below
        });
        match visited {
            Ok(()) => Ok(is_below || !is_all),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(false),
            Err(error) => Err(StorageFault::new("read", &self.path(TXN_INDEX_SUFFIX), error)),
        }
    }

    fn visit_aborted(&self, visit: impl FnMut(&AbortedTransaction) -> bool) -> io::Result<()> {
        let index = self.aborted.lock();
        if index.count() == 0 {
            return Ok(());
        }
        let path = self.path(TXN_INDEX_SUFFIX);
        visit_aborted(&index, &*self.home.disk, &path, self.base_offset(), visit)
    }

    /// Whether entries must be looked up in the file.
    fn has_stored_aborted(&self) -> bool {
        self.aborted.lock().stored_count() > 0
    }
}

impl LogView {
    /// The aborted transactions that a reader of committed records in `from..upper_bound` must
    /// know: those that end at or after `from` and begin below `upper_bound`.
    ///
    /// May read files: for worker threads only.
    ///
    /// # Errors
    /// As [`LogView::read`], the range apart.
    pub fn aborted_transactions(
        &self,
        from: Offset,
        upper_bound: Offset,
    ) -> Result<Vec<AbortedTransaction>, ReadError> {
        self.checked(self.find_aborted(from, upper_bound))
    }

    /// As [`LogView::aborted_transactions`], but from memory only: `None` if a file would have to
    /// be read.
    #[must_use]
    pub fn try_aborted_transactions(
        &self,
        from: Offset,
        upper_bound: Offset,
    ) -> Option<Result<Vec<AbortedTransaction>, ReadError>> {
        let mut segments = self.segments[self.segment_index_of(from)..].iter();
        if segments.any(|segment| segment.has_stored_aborted()) {
            return None;
        }
        Some(self.aborted_transactions(from, upper_bound))
    }

    fn find_aborted(
        &self,
        from: Offset,
        upper_bound: Offset,
    ) -> Result<Vec<AbortedTransaction>, ReadError> {
        let mut found = Vec::new();
        for index in self.segment_index_of(from)..self.segments.len() {
            let is_complete = match self.collect_aborted(index, from, upper_bound, &mut found) {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    let segment = &self.segments[index];
                    let path = segment.path(TXN_INDEX_SUFFIX);
                    tracing::warn!(path = %path.display(), "building a damaged transaction index anew");
                    segment.replace_aborted(&find_aborted(&self.segments, index)?);
                    self.collect_aborted(index, from, upper_bound, &mut found)
                }
                collected => collected,
            };
            let segment: &Arc<Segment> = &self.segments[index];
            let is_complete = is_complete.map_err(|source| {
                StorageFault::new("read", &segment.path(TXN_INDEX_SUFFIX), source)
            })?;
            if is_complete {
                break;
            }
        }
        Ok(found)
    }

    /// Adds what the index of one segment knows; true if later segments know nothing more.
    fn collect_aborted(
        &self,
        index: usize,
        from: Offset,
        upper_bound: Offset,
        found: &mut Vec<AbortedTransaction>,
    ) -> io::Result<bool> {
        let before = found.len();
        let mut is_complete = false;
        let visited = self.segments[index].visit_aborted(|entry| {
            if entry.last_offset >= from && entry.first_offset < upper_bound {
                found.push(*entry);
            }
            // All transactions that end later begin at or above that.
            is_complete = entry.last_stable_offset >= upper_bound;
            !is_complete
        });
        if visited.is_err() {
            found.truncate(before);
        }
        visited.map(|()| is_complete)
    }
}
