//! Which transactions of a log are open, and which were aborted.
//!
//! A transaction opens with its producer's first transactional batch and ends with its marker. What
//! the log must say of them: the earliest offset that is not decided yet ([`Log::first_unstable_offset`],
//! for the last stable offset) and, for `read_committed` readers, the aborted transactions of a range
//! ([`LogView::aborted_transactions`]).
//!
//! Source: KIP-98.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use highwater_records::{
    BatchHeader, ControlRecord, EndTransactionMarker, Offset, ProducerId, RecordBatch,
};

use crate::batch_scanner::{BatchScanner, Depth, Scanned};
use crate::disk::{DiskFile, read_file};
use crate::error::{AtPath, StorageFault};
use crate::log::Log;
use crate::producer_snapshot::{SNAPSHOT_BYTES_MAX, SNAPSHOT_SUFFIX, SnapshotEntry, read_snapshot};
use crate::segment::{Segment, SegmentHome};
use crate::transaction_index::AbortedTransaction;

/// Largest batch in which a marker is looked for; Kafka's are 78 bytes.
const MARKER_BATCH_BYTES_MAX: usize = 4096;

/// The transactions of a log that are not decided yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transactions {
    open: BTreeMap<ProducerId, Offset>,
    /// The same by first offset.
    by_first: BTreeSet<(Offset, ProducerId)>,
    /// First offset and marker of those that ended where the high watermark has not been yet.
    ended: Vec<(Offset, Offset)>,
}

impl Transactions {
    /// Those that a producer snapshot says are open.
    pub(crate) fn of_snapshot(entries: &[SnapshotEntry]) -> Self {
        let mut transactions = Self::default();
        for entry in entries.iter().filter(|entry| entry.current_txn_first_offset >= 0) {
            transactions.begin(entry.producer_id, Offset::new(entry.current_txn_first_offset));
        }
        transactions
    }

    fn begin(&mut self, id: ProducerId, first: Offset) {
        self.open.entry(id).or_insert_with(|| {
            self.by_first.insert((first, id));
            first
        });
    }

    /// Takes note of a batch, in the order of offsets; `marker` is what a control batch says.
    /// Returns the transaction that it aborts.
    pub(crate) fn on_batch(
        &mut self,
        header: &BatchHeader,
        marker: Option<EndTransactionMarker>,
    ) -> Option<AbortedTransaction> {
        if !header.has_producer_id() {
            return None;
        }
        let id = header.producer_id;
        let Some(marker) = marker else {
            if header.is_transactional() && !header.is_control() {
                self.begin(id, header.base_offset);
            }
            return None;
        };
        let first = self.open.remove(&id)?;
        self.by_first.remove(&(first, id));
        let last = header.last_offset();
        self.ended.push((first, last));
        let stable = self.by_first.first().map_or(last.next(), |(first, _)| *first);
        (!marker.is_commit).then(|| AbortedTransaction::new(id, first, last, stable))
    }

    /// The earliest offset that readers of committed records must not pass while the high
    /// watermark is `high_watermark`: a marker above it may yet be lost.
    fn first_unstable(&self, high_watermark: Offset) -> Option<Offset> {
        let open = self.by_first.first().map(|(first, _)| *first);
        let ended = self.ended.iter().filter(|(_, marker)| *marker >= high_watermark);
        open.into_iter().chain(ended.map(|(first, _)| *first)).min()
    }
}

/// What a batch says, if it is the end of a transaction.
pub(crate) fn marker_in(batch: &RecordBatch) -> Option<EndTransactionMarker> {
    if !batch.header().is_control() || !batch.header().has_producer_id() {
        return None;
    }
    let record = batch.records().ok()?.next()?.ok()?;
    match ControlRecord::read(&record) {
        Ok(ControlRecord::EndTransaction(marker)) => Some(marker),
        Ok(ControlRecord::Other(_)) | Err(_) => None,
    }
}

/// The same for a batch on its way into the log.
pub(crate) fn marker_of(header: &BatchHeader, body: &Bytes) -> Option<EndTransactionMarker> {
    if !header.is_control() || header.size_bytes() > MARKER_BATCH_BYTES_MAX {
        return None;
    }
    let bytes = [&header.write()[..], body].concat();
    marker_in(&RecordBatch::parse(Bytes::from(bytes)).ok()?)
}

/// The same for a batch in a file; a damaged one says nothing.
pub(crate) fn marker_at(
    file: &dyn DiskFile,
    batch: &Scanned,
) -> io::Result<Option<EndTransactionMarker>> {
    let (header, size_bytes) = (&batch.header, batch.header.size_bytes());
    if !header.is_control() || !header.has_producer_id() || size_bytes > MARKER_BATCH_BYTES_MAX {
        return Ok(None);
    }
    let mut bytes = vec![0; size_bytes];
    let read = file.read_at(&mut bytes, batch.position_bytes)?;
    bytes.truncate(read);
    Ok(RecordBatch::parse(Bytes::from(bytes)).ok().and_then(|batch| marker_in(&batch)))
}

/// What the snapshot of an offset says of transactions; `None` if there is no good one.
fn snapshot_at(home: &SegmentHome, offset: Offset) -> Result<Option<Transactions>, StorageFault> {
    let path = home.path(offset, SNAPSHOT_SUFFIX);
    match read_file(&*home.disk, &path, SNAPSHOT_BYTES_MAX) {
        Ok(Some(bytes)) => {
            Ok(read_snapshot(&bytes).ok().map(|entries| Transactions::of_snapshot(&entries)))
        }
        Ok(None) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(None),
        Err(error) => Err(StorageFault::new("read", &path, error)),
    }
}

/// Adds the batches of one segment in `from..end`; returns what they aborted.
fn replay_segment(
    segment: &Arc<Segment>,
    transactions: &mut Transactions,
    from: Offset,
    end: Offset,
) -> Result<Vec<AbortedTransaction>, StorageFault> {
    let mut aborted = Vec::new();
    if segment.size_bytes() == 0 {
        return Ok(aborted);
    }
    let start = segment.position_before(from.max(segment.base_offset()))?;
    let (file, path) = (segment.file()?, segment.log_path());
    let mut scanner = BatchScanner::new(&*file, &path, start..segment.size_bytes(), Depth::Headers);
    // A damaged batch ends the replay of its segment; readers and `verify` report it.
    while let Ok(Some(batch)) = scanner.next_batch() {
        let header = &batch.header;
        if header.base_offset >= end {
            break;
        }
        if header.base_offset >= from && header.has_producer_id() {
            let marker = marker_at(&*file, &batch).at_path("read", &path)?;
            aborted.extend(transactions.on_batch(header, marker));
        }
    }
    Ok(aborted)
}

/// Makes the aborted transactions of a segment anew, from the newest snapshot at the base of it or
/// of one before it.
pub(crate) fn find_aborted(
    segments: &[Arc<Segment>],
    index: usize,
) -> Result<Vec<AbortedTransaction>, StorageFault> {
    let (mut first, mut transactions) = (0, Transactions::default());
    for earlier in (0..=index).rev() {
        let segment = &segments[earlier];
        if let Some(found) = snapshot_at(&segment.home, segment.base_offset())? {
            (first, transactions) = (earlier, found);
            break;
        }
    }
    let mut aborted = Vec::new();
    for segment in &segments[first..=index] {
        let (base, end) = (segment.base_offset(), Offset::new(i64::MAX));
        aborted = replay_segment(segment, &mut transactions, base, end)?;
    }
    Ok(aborted)
}

impl Log {
    /// The earliest offset that readers of committed records must not pass while the high
    /// watermark is `high_watermark`: where the first open transaction begins, or the first one
    /// whose marker is not committed yet. `None` if all is decided.
    ///
    /// Source: KIP-98 (last stable offset).
    #[must_use]
    pub fn first_unstable_offset(&self, high_watermark: Offset) -> Option<Offset> {
        let first = self.transactions.first_unstable(high_watermark)?;
        Some(first.max(self.log_start_offset))
    }

    /// Takes note of how far the log is committed: transactions whose markers lie below it are
    /// decided for good.
    pub fn on_high_watermark(&mut self, high_watermark: Offset) {
        self.transactions.ended.retain(|(_, marker)| *marker >= high_watermark);
    }

    /// The transactions that are open at `end`: by the newest snapshot not above it, and the
    /// batches from there. What had ended before counts as decided.
    pub(crate) fn transactions_at(&self, end: Offset) -> Result<Transactions, StorageFault> {
        let mut transactions = Transactions::default();
        let mut from = Offset::ZERO;
        for offset in self.snapshots.range((Bound::Unbounded, Bound::Included(end))).rev() {
            let found = match self.empty_snapshots.contains(offset) {
                true => Some(Transactions::default()),
                false => snapshot_at(&self.home, *offset)?,
            };
            if let Some(found) = found {
                (transactions, from) = (found, *offset);
                break;
            }
        }
        if from < end {
            let first = self.segments.partition_point(|segment| segment.base_offset() <= from);
            for segment in &self.segments[first.saturating_sub(1)..] {
                if segment.base_offset() >= end {
                    break;
                }
                replay_segment(segment, &mut transactions, from, end)?;
            }
        }
        transactions.ended.clear();
        Ok(transactions)
    }

    /// Notes a batch of recovery or of an append in the transactions, and in the index of the
    /// segment that takes it.
    pub(crate) fn note_transaction(
        &mut self,
        segment: &Segment,
        header: &BatchHeader,
        marker: Option<EndTransactionMarker>,
    ) {
        if let Some(aborted) = self.transactions.on_batch(header, marker) {
            segment.push_aborted(aborted);
        }
    }

    /// Segments whose transaction index, as far as it stood below `end`, cannot be what was
    /// written; in one that was closed at `end` nothing stands above it.
    pub(crate) fn damaged_transaction_indexes(
        &self,
        end: Offset,
        is_closed: bool,
    ) -> Result<Vec<Offset>, StorageFault> {
        let mut damaged = Vec::new();
        for segment in self.segments.iter() {
            if !segment.aborted_are_good(end, is_closed)? {
                damaged.push(segment.base_offset());
            }
        }
        Ok(damaged)
    }

    /// Makes those indexes anew, durably with the next checkpoint of their segments.
    pub(crate) fn rebuild_transaction_indexes(
        &mut self,
        damaged: &[Offset],
    ) -> Result<(), StorageFault> {
        for index in 0..self.segments.len() {
            let segment = Arc::clone(&self.segments[index]);
            if damaged.contains(&segment.base_offset()) {
                let path = segment.path(crate::segment::TXN_INDEX_SUFFIX);
                tracing::warn!(path = %path.display(), "building a damaged transaction index anew");
                segment.replace_aborted(&find_aborted(&self.segments, index)?);
                segment.write_indexes()?;
                segment.sync_indexes()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use highwater_records::{BatchBuilder, Codec, ProducerEpoch, Sequence, Timestamp};

    use super::*;

    fn data(id: i64, offset: i64) -> BatchHeader {
        let mut builder = BatchBuilder::new(Codec::None);
        builder.producer(ProducerId::new(id), ProducerEpoch::new(0), Sequence::new(0));
        builder.transactional().base_offset(Offset::new(offset));
        builder.append(Timestamp::new(0), None, Some(b"x"), &[]);
        builder.build().header().clone()
    }

    fn end(id: i64, offset: i64, is_commit: bool) -> (BatchHeader, Option<EndTransactionMarker>) {
        let marker = EndTransactionMarker { is_commit, coordinator_epoch: 1 };
        let batch = marker.batch(ProducerId::new(id), ProducerEpoch::new(0), Timestamp::new(0));
        let mut header = batch.header().clone();
        header.base_offset = Offset::new(offset);
        (header, marker_in(&batch))
    }

    #[test]
    fn abort_names_first_offset_marker_and_what_is_stable_after_it() {
        let mut transactions = Transactions::default();
        assert_eq!(transactions.on_batch(&data(1, 0), None), None);
        assert_eq!(transactions.on_batch(&data(2, 1), None), None);
        assert_eq!(transactions.on_batch(&data(1, 2), None), None);
        let (header, marker) = end(1, 3, false);
        let aborted = transactions.on_batch(&header, marker).unwrap();
        let expected = (ProducerId::new(1), Offset::new(0), Offset::new(3), Offset::new(1));
        let found = (
            aborted.producer_id,
            aborted.first_offset,
            aborted.last_offset,
            aborted.last_stable_offset,
        );
        assert_eq!(found, expected, "the other one is still open");
        let (header, marker) = end(2, 4, false);
        let aborted = transactions.on_batch(&header, marker).unwrap();
        assert_eq!(aborted.last_stable_offset, Offset::new(5));
        let (header, marker) = end(2, 5, false);
        assert_eq!(transactions.on_batch(&header, marker), None, "nothing was open");
    }

    #[test]
    fn ended_transaction_holds_readers_back_until_its_marker_is_committed() {
        let mut transactions = Transactions::default();
        transactions.on_batch(&data(1, 5), None);
        assert_eq!(transactions.first_unstable(Offset::new(6)), Some(Offset::new(5)));
        let (header, marker) = end(1, 6, true);
        assert_eq!(transactions.on_batch(&header, marker), None, "commits are not indexed");
        assert_eq!(transactions.first_unstable(Offset::new(6)), Some(Offset::new(5)));
        assert_eq!(transactions.first_unstable(Offset::new(7)), None);
    }
}
