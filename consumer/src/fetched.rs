//! What a fetch brought of one partition, decoded record by record.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use highwater_records::{
    BatchError, BatchHeader, Batches, ControlRecord, LeaderEpoch, Offset, ProducerId, Record,
    RecordBatch, Records, TimestampType, batches,
};

/// Batches of one answer; the first may begin below the position, the last may be cut.
#[derive(Debug)]
pub(crate) struct Fetched {
    batches: Batches,
    current: Option<Current>,
    aborted: Aborted,
}

#[derive(Debug)]
struct Current {
    records: Records,
    timestamp_type: TimestampType,
    leader_epoch: LeaderEpoch,
    next_offset: Offset,
}

/// One step through fetched bytes.
#[derive(Debug)]
pub(crate) enum Step {
    Record {
        record: Record,
        timestamp_type: TimestampType,
        leader_epoch: LeaderEpoch,
    },
    /// A batch is done: the position moves behind it, over offsets that nobody sees.
    BatchEnd {
        next_offset: Offset,
    },
}

/// Which producers' records are to be hidden from here on (read_committed).
#[derive(Debug, Default)]
struct Aborted {
    is_filtered: bool,
    /// By the offset from which on they count.
    to_come: VecDeque<(Offset, ProducerId)>,
    open: BTreeSet<ProducerId>,
}

impl Fetched {
    /// `aborted` are the transactions to be hidden; none shows everything.
    pub(crate) fn new(bytes: &Bytes, aborted: Option<Vec<(Offset, ProducerId)>>) -> Self {
        let is_filtered = aborted.is_some();
        let mut to_come = aborted.unwrap_or_default();
        to_come.sort_unstable();
        let aborted = Aborted { is_filtered, to_come: to_come.into(), open: BTreeSet::new() };
        Self { batches: batches(bytes), current: None, aborted }
    }

    /// The next record at or after `position`, or the end of a batch; none at the end.
    ///
    /// After an error, nothing more of these bytes can be had.
    pub(crate) fn step(&mut self, position: Offset) -> Option<Result<Step, BatchError>> {
        loop {
            if let Some(current) = &mut self.current {
                for record in current.records.by_ref() {
                    let record = match record {
                        Ok(record) => record,
                        Err(error) => return Some(Err(error)),
                    };
                    if record.offset >= position {
                        return Some(Ok(Step::Record {
                            record,
                            timestamp_type: current.timestamp_type,
                            leader_epoch: current.leader_epoch,
                        }));
                    }
                }
                let next_offset = current.next_offset;
                self.current = None;
                return Some(Ok(Step::BatchEnd { next_offset }));
            }
            let batch = match self.batches.next()? {
                Ok(batch) => batch,
                Err(error) => return Some(Err(error)),
            };
            let header = batch.header();
            let (next_offset, leader_epoch) = (header.next_offset(), header.partition_leader_epoch);
            if next_offset <= position {
                self.aborted.on_batch(&batch);
                continue;
            }
            if self.aborted.on_batch(&batch) || header.is_control() {
                return Some(Ok(Step::BatchEnd { next_offset }));
            }
            let timestamp_type = header.timestamp_type();
            let records = match batch.records() {
                Ok(records) => records,
                Err(error) => return Some(Err(error)),
            };
            self.current = Some(Current { records, timestamp_type, leader_epoch, next_offset });
        }
    }
}

impl Aborted {
    /// Takes in a batch; says whether it belongs to an aborted transaction.
    ///
    /// Source: KIP-98. A transaction is hidden from its first offset to its marker.
    fn on_batch(&mut self, batch: &RecordBatch) -> bool {
        let header = batch.header();
        if !self.is_filtered || !header.is_transactional() {
            return false;
        }
        while let Some((_, producer)) =
            self.to_come.pop_front_if(|(first, _)| *first <= header.last_offset())
        {
            self.open.insert(producer);
        }
        if header.is_control() {
            let first = batch.records().ok().and_then(|mut records| records.next());
            let marker = first.and_then(Result::ok).map(|record| ControlRecord::read(&record));
            if let Some(Ok(ControlRecord::EndTransaction(_))) = marker {
                self.open.remove(&header.producer_id);
            }
            return true;
        }
        self.open.contains(&header.producer_id)
    }
}

/// Where to fetch after `bytes`, and the epoch of the last whole batch; looks at headers only.
///
/// None if no whole batch is in them.
pub(crate) fn end_of(bytes: &Bytes) -> Option<(Offset, LeaderEpoch)> {
    let mut rest: &[u8] = bytes;
    let mut end = None;
    while let Ok(header) = BatchHeader::read(rest) {
        let Some(after) = rest.get(header.size_bytes()..) else { break };
        end = Some((header.next_offset(), header.partition_leader_epoch));
        rest = after;
    }
    end
}

#[cfg(test)]
mod tests;
