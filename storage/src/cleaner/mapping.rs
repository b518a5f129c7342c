//! The first part of a pass: the keys of what was never cleaned.

use std::sync::Arc;

use highwater_records::{Offset, RecordBatch};

use super::batch_reader::BatchReader;
use super::offset_map::{Full, OffsetMap};
use super::pass::{CleanError, STEP_BYTES, damaged, unreadable};
use super::transactions::CleanedTransactions;
use crate::segment::Segment;
use crate::transaction_index::AbortedTransaction;
use crate::transactions::marker_in;

/// The walk over the segments that were never cleaned.
#[derive(Debug)]
pub(super) struct Mapping {
    /// The segment at hand.
    at: usize,
    reader: Option<BatchReader>,
    transactions: CleanedTransactions,
    /// What lies below is in the map, or need not be.
    mapped_to: Offset,
}

impl Mapping {
    pub(super) fn new(
        segments: &[Arc<Segment>],
        first_dirty: Offset,
        aborted: &[AbortedTransaction],
    ) -> Self {
        let after = segments.partition_point(|segment| segment.base_offset() <= first_dirty);
        let ends_later = |aborted: &&AbortedTransaction| aborted.last_offset >= first_dirty;
        let aborted = aborted.iter().filter(ends_later).copied().collect();
        Self {
            at: after.saturating_sub(1),
            reader: None,
            transactions: CleanedTransactions::new(aborted),
            mapped_to: first_dirty,
        }
    }

    /// Reads about a megabyte; returns the bytes read, and the end of the map if it is complete:
    /// all segments are in it, or it is full.
    pub(super) fn step(
        &mut self,
        segments: &[Arc<Segment>],
        end: Offset,
        map: &mut OffsetMap,
    ) -> Result<(u64, Option<Offset>), CleanError> {
        let mut bytes = 0;
        while bytes < STEP_BYTES {
            let Some(segment) = segments.get(self.at) else { return Ok((bytes, Some(end))) };
            let mut reader = match self.reader.take() {
                Some(reader) => reader,
                None => {
                    let from = self.mapped_to.max(segment.base_offset());
                    BatchReader::new(Arc::clone(segment), segment.position_before(from)?)
                }
            };
            let Some(batch) = reader.next_batch().map_err(unreadable)? else {
                self.at += 1;
                continue;
            };
            bytes += batch.size_bytes() as u64;
            if batch.header().last_offset() >= self.mapped_to
                && self.put_batch(&batch, segment, map)? == Err(Full)
            {
                return Ok((bytes, Some(self.mapped_to)));
            }
            self.reader = Some(reader);
        }
        Ok((bytes, None))
    }

    /// Puts the keys of a batch into the map, as far as there is room.
    fn put_batch(
        &mut self,
        batch: &RecordBatch,
        segment: &Segment,
        map: &mut OffsetMap,
    ) -> Result<Result<(), Full>, CleanError> {
        let header = batch.header();
        if header.is_control() {
            self.transactions.on_marker(header, marker_in(batch));
        } else if !self.transactions.is_aborted(header) {
            for record in batch.records().map_err(|error| damaged(segment, header, &error))? {
                let record = record.map_err(|error| damaged(segment, header, &error))?;
                let Some(key) = record.key.filter(|_| record.offset >= self.mapped_to) else {
                    continue;
                };
                if map.put(&key, record.offset) == Err(Full) {
                    self.mapped_to = record.offset;
                    return Ok(Err(Full));
                }
            }
        }
        self.mapped_to = self.mapped_to.max(header.next_offset());
        Ok(Ok(()))
    }
}
