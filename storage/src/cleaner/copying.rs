//! The second part of a pass: segments are copied without what newer records replace.

use std::sync::Arc;

use highwater_records::{Offset, RecordBatch};

use super::batch_reader::BatchReader;
use super::filter::{CleaningRules, Filter, Kept, LastOfProducers};
use super::offset_map::OffsetMap;
use super::output::Output;
use super::pass::{CleanError, CleaningSummary, STEP_BYTES, damaged, unreadable};
use super::transactions::CleanedTransactions;
use crate::config::LogConfig;
use crate::index_file::IndexEntry;
use crate::offset_index::OffsetEntry;
use crate::segment::{Segment, SegmentHome};
use crate::time_index::TimeEntry;

/// What the copying goes by.
pub(super) struct Copied<'a> {
    pub(super) home: &'a Arc<SegmentHome>,
    /// The log is what it was when the pass began, as long as this many cuts are counted.
    pub(super) cuts: u64,
    pub(super) rules: &'a CleaningRules,
    pub(super) map: &'a OffsetMap,
    /// Offsets from here on are not in the map.
    pub(super) mapped_to: Offset,
    pub(super) producers: &'a LastOfProducers,
}

/// The walk over all segments below the end of the map, in groups that become one segment each.
#[derive(Debug)]
pub(super) struct Copying {
    /// The next group last.
    groups: Vec<Vec<Arc<Segment>>>,
    /// The segment of the group at hand.
    at: usize,
    reader: Option<BatchReader>,
    output: Option<Output>,
    /// The last batch of the group so far, if nothing of it was kept.
    dropped: Option<RecordBatch>,
    transactions: CleanedTransactions,
}

/// A finished group: the old segments and the new one.
pub(super) type Finished = (Vec<Arc<Segment>>, Arc<Segment>);

/// What a step did.
pub(super) struct Copy {
    pub(super) bytes: u64,
    pub(super) finished: Option<Finished>,
}

impl Copying {
    pub(super) fn new(groups: Vec<Vec<Arc<Segment>>>, transactions: CleanedTransactions) -> Self {
        let groups = groups.into_iter().rev().collect();
        Self { groups, at: 0, reader: None, output: None, dropped: None, transactions }
    }

    /// Copies about a megabyte, or finishes a group; `None` when all are done.
    pub(super) fn step(
        &mut self,
        copied: &Copied<'_>,
        summary: &mut CleaningSummary,
    ) -> Result<Option<Copy>, CleanError> {
        let Some(group) = self.groups.last() else { return Ok(None) };
        let Some(segment) = group.get(self.at).cloned() else {
            return self.finish_group(summary).map(Some);
        };
        let mut output = match self.output.take() {
            Some(output) => output,
            None => create(copied, segment.base_offset())?,
        };
        let worked = self.copy_some(&segment, &mut output, copied, summary);
        // Kept also after an error: it is to be discarded.
        self.output = Some(output);
        worked.map(|bytes| Some(Copy { bytes, finished: None }))
    }

    fn copy_some(
        &mut self,
        segment: &Arc<Segment>,
        output: &mut Output,
        copied: &Copied<'_>,
        summary: &mut CleaningSummary,
    ) -> Result<u64, CleanError> {
        let mut reader =
            self.reader.take().unwrap_or_else(|| BatchReader::new(Arc::clone(segment), 0));
        let mut filter = Filter {
            rules: copied.rules,
            map: copied.map,
            end: copied.mapped_to,
            producers: copied.producers,
            transactions: &mut self.transactions,
        };
        let mut bytes = 0;
        while bytes < STEP_BYTES {
            let Some(batch) = reader.next_batch().map_err(unreadable)? else {
                self.at += 1;
                return Ok(bytes);
            };
            let header = batch.header();
            bytes += batch.size_bytes() as u64;
            summary.bytes_read += batch.size_bytes() as u64;
            summary.records_read += u64::try_from(header.record_count).unwrap_or(0);
            let kept = filter.keep(&batch).map_err(|error| damaged(segment, header, &error))?;
            let (kept, aborted) = kept;
            if let Some(aborted) = aborted {
                output.add_aborted(aborted);
            }
            self.dropped = None;
            let kept = match kept {
                Kept::Nothing => {
                    self.dropped = Some(batch);
                    continue;
                }
                Kept::AsItIs => batch,
                Kept::Rewritten(batch) => batch,
            };
            summary.records_kept += u64::try_from(kept.header().record_count).unwrap_or(0);
            let written = output.add(kept)?;
            summary.bytes_written += written;
            bytes += written;
        }
        self.reader = Some(reader);
        Ok(bytes)
    }

    fn finish_group(&mut self, summary: &mut CleaningSummary) -> Result<Copy, CleanError> {
        let (Some(group), Some(mut output)) = (self.groups.last(), self.output.take()) else {
            unreachable!("a group has a segment, and its first step made the output");
        };
        let last = group.last().unwrap_or_else(|| unreachable!("a group has a segment"));
        // Its last offset says how far the segment reaches: to a reader at the log end, and to an
        // opening that must know which segments it replaces.
        if let Some(dropped) = self.dropped.take() {
            output.add(dropped.emptied())?;
        }
        let (new, bytes) = output.finish(last)?;
        summary.bytes_written += bytes;
        let old = self.groups.pop().unwrap_or_default();
        self.at = 0;
        Ok(Copy { bytes, finished: Some((old, new)) })
    }

    /// What was written for the group at hand.
    pub(super) fn into_output(self) -> Option<Output> {
        self.output
    }
}

/// Makes the output in the log's directory, if that is still the log's.
fn create(copied: &Copied<'_>, base: Offset) -> Result<Output, CleanError> {
    let _cutting = copied.home.cutting.lock();
    if copied.home.cut_count() != copied.cuts {
        return Err(CleanError::Changed);
    }
    Ok(Output::create(copied.home, base)?)
}

/// Divides segments so that each group fits into one.
pub(super) fn groups(
    segments: &[Arc<Segment>],
    end: Offset,
    config: &LogConfig,
) -> Vec<Vec<Arc<Segment>>> {
    let mut groups: Vec<Vec<Arc<Segment>>> = Vec::new();
    let (mut bytes, mut offsets, mut times) = (0, 0, 0);
    for (index, segment) in segments.iter().enumerate() {
        let next_base = segments.get(index + 1).map_or(end, |next| next.base_offset());
        let size_bytes = segment.size_bytes();
        let (offset_bytes, time_bytes) = segment.index_bytes();
        let first_base = groups.last().and_then(|group| group.first()).map(|it| it.base_offset());
        let fits = first_base.is_some_and(|first| {
            next_base.distance_from(first) <= i64::from(i32::MAX)
                && bytes + size_bytes <= config.segment_bytes
                && offsets + offset_bytes + OffsetEntry::BYTES as u64 <= config.segment_index_bytes
                && times + time_bytes + TimeEntry::BYTES as u64 <= config.segment_index_bytes
        });
        match groups.last_mut().filter(|_| fits) {
            Some(group) => {
                group.push(Arc::clone(segment));
                (bytes, offsets, times) =
                    (bytes + size_bytes, offsets + offset_bytes, times + time_bytes);
            }
            None => {
                groups.push(vec![Arc::clone(segment)]);
                (bytes, offsets, times) = (size_bytes, offset_bytes, time_bytes);
            }
        }
    }
    groups
}
