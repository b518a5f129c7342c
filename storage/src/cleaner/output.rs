//! The segment that a pass writes.

use std::io::IoSlice;
use std::sync::Arc;

use highwater_records::{Offset, RecordBatch};

use crate::error::{AtPath, StorageFault};
use crate::room_ahead::Ahead;
use crate::segment::{Segment, SegmentHome, Stage};
use crate::transaction_index::AbortedTransaction;

/// Bytes that are collected for one write.
const WRITE_BYTES: usize = 1 << 20;

/// A `.cleaned` segment and what is still to be written to it.
#[derive(Debug)]
pub(super) struct Output {
    segment: Arc<Segment>,
    waiting: Vec<RecordBatch>,
    waiting_bytes: usize,
}

impl Output {
    /// Makes the files of an empty one.
    pub(super) fn create(home: &Arc<SegmentHome>, base: Offset) -> Result<Self, StorageFault> {
        let segment = Segment::create_staged(home, base, Stage::Cleaned)?;
        Ok(Self { segment, waiting: Vec::new(), waiting_bytes: 0 })
    }

    /// Adds a batch; returns the bytes written.
    pub(super) fn add(&mut self, batch: RecordBatch) -> Result<u64, StorageFault> {
        self.waiting_bytes += batch.size_bytes();
        self.waiting.push(batch);
        if self.waiting_bytes < WRITE_BYTES { Ok(0) } else { self.flush() }
    }

    /// Adds an entry to the index of aborted transactions.
    pub(super) fn add_aborted(&self, aborted: AbortedTransaction) {
        self.segment.push_aborted(aborted);
    }

    fn flush(&mut self) -> Result<u64, StorageFault> {
        if self.waiting.is_empty() {
            return Ok(0);
        }
        let slices = self.waiting.iter().map(|batch| IoSlice::new(batch.bytes()));
        // Room of its own: the sync at the end must not be what finds the disk full.
        let ahead = Ahead { bytes: 0, segment_bytes: u64::MAX };
        self.segment.write(&mut slices.collect::<Vec<_>>(), ahead)?;
        for batch in self.waiting.drain(..) {
            self.segment.publish(batch.header());
        }
        let written = self.waiting_bytes as u64;
        self.waiting_bytes = 0;
        self.segment.maybe_write_indexes()?;
        Ok(written)
    }

    /// Writes and syncs everything, and says how many bytes were left to write; the file says that it was appended to when `like` was.
    pub(super) fn finish(mut self, like: &Segment) -> Result<(Arc<Segment>, u64), StorageFault> {
        let written = self.flush()?;
        self.segment.seal()?;
        self.segment.release_room()?;
        let (file, path) = (self.segment.file()?, self.segment.log_path());
        self.segment.note_append(like.last_append());
        self.segment.restore_modified()?;
        file.sync_data().at_path("sync", &path)?;
        self.segment.sync_indexes()?;
        Ok((self.segment, written))
    }

    /// Removes what was written.
    pub(super) fn discard(self) -> Result<(), StorageFault> {
        self.segment.remove_files()
    }
}
