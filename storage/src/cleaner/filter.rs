//! What a pass keeps of one batch.

use std::collections::BTreeMap;

use highwater_records::{
    BatchBuilder, BatchError, BatchHeader, Offset, ProducerEpoch, ProducerId, Record, RecordBatch,
    Timestamp,
};

use super::offset_map::OffsetMap;
use super::transactions::{CleanedTransactions, Marker};
use crate::transaction_index::AbortedTransaction;
use crate::transactions::marker_in;

/// What a pass goes by.
#[derive(Clone, Copy, Debug)]
pub struct CleaningRules {
    /// When the pass began.
    pub now: Timestamp,
    /// How long a deletion or a marker stays once a pass could have dropped it.
    pub delete_retention_ms: u64,
    /// Deletions and markers at or above this offset stay, however old: another replica may not
    /// have compacted up to there, and would keep what they delete. The least compacted-through
    /// offset of the other replicas; `None` if there are none.
    pub others_compacted_through: Option<Offset>,
}

/// The last thing that a producer which is still known has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastOfProducer {
    /// Its newest batch ends here.
    Batch(Offset),
    /// Only a marker of this epoch is known.
    Marker(ProducerEpoch),
}

/// The producers that are known, and what their state hangs on.
pub(crate) type LastOfProducers = BTreeMap<ProducerId, LastOfProducer>;

/// What is kept of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Nothing,
    AsItIs,
    Rewritten(RecordBatch),
}

/// Decides batch by batch, in the order of their offsets.
pub(super) struct Filter<'a> {
    pub(super) rules: &'a CleaningRules,
    pub(super) map: &'a OffsetMap,
    /// Offsets from here on are not in the map.
    pub(super) end: Offset,
    pub(super) producers: &'a LastOfProducers,
    pub(super) transactions: &'a mut CleanedTransactions,
}

/// What is known of a batch before its records are looked at.
struct Fate {
    /// None of its records stays.
    drops_all: bool,
    /// It is the marker of a transaction of which nothing is left.
    is_empty_marker: bool,
    aborted: Option<AbortedTransaction>,
}

impl Filter<'_> {
    /// What is kept of a batch, and the transaction whose index entry must be.
    pub(super) fn keep(
        &mut self,
        batch: &RecordBatch,
    ) -> Result<(Kept, Option<AbortedTransaction>), BatchError> {
        let header = batch.header();
        let fate = self.fate_of(batch);
        let aborted = fate.aborted;
        let mut kept = Vec::new();
        let mut has_deletion = false;
        if !fate.drops_all {
            for record in batch.records()? {
                let record = record?;
                if header.is_control() || self.keeps(header, &record) {
                    has_deletion |= record.value.is_none() && record.offset < self.end;
                    kept.push(record);
                }
            }
        }
        if kept.is_empty() {
            let kept = match self.is_last_of_its_producer(header) {
                true if header.record_count == 0 => Kept::AsItIs,
                true => Kept::Rewritten(batch.emptied()),
                false => Kept::Nothing,
            };
            return Ok((kept, aborted));
        }
        let needs_horizon =
            (has_deletion || fate.is_empty_marker) && header.delete_horizon().is_none();
        let is_whole = usize::try_from(header.record_count).is_ok_and(|count| count == kept.len());
        if is_whole && !needs_horizon {
            return Ok((Kept::AsItIs, aborted));
        }
        let mut builder = BatchBuilder::rewriting(header)?;
        if needs_horizon {
            let retention_ms = i64::try_from(self.rules.delete_retention_ms).unwrap_or(i64::MAX);
            builder.delete_horizon(self.rules.now.saturating_plus_ms(retention_ms));
        }
        for record in &kept {
            let delta = record.offset.distance_from(header.base_offset);
            let delta = i32::try_from(delta).map_err(|_| BatchError::InvalidRecord {
                index: 0,
                reason: "offset outside of its batch",
            })?;
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            builder.append_at(delta, record.timestamp, key, value, &record.headers);
        }
        Ok((Kept::Rewritten(builder.build()), aborted))
    }

    fn fate_of(&mut self, batch: &RecordBatch) -> Fate {
        let header = batch.header();
        if !header.is_control() {
            let drops_all = self.transactions.is_aborted(header);
            return Fate { drops_all, is_empty_marker: false, aborted: None };
        }
        match self.transactions.on_marker(header, marker_in(batch)) {
            Marker::Needed => Fate { drops_all: false, is_empty_marker: false, aborted: None },
            Marker::Empty => {
                let drops_all = self.may_delete(header, header.last_offset());
                Fate { drops_all, is_empty_marker: true, aborted: None }
            }
            Marker::Aborted(aborted) => {
                Fate { drops_all: false, is_empty_marker: false, aborted: Some(aborted) }
            }
        }
    }

    fn keeps(&self, header: &BatchHeader, record: &Record) -> bool {
        if record.offset >= self.end {
            return true;
        }
        // A record without a key can be replaced by none; Kafka refuses them on compacted topics, and so do we.
        let Some(key) = &record.key else { return false };
        if self.map.get(key).is_some_and(|newest| record.offset < newest) {
            return false;
        }
        record.value.is_some() || !self.may_delete(header, record.offset)
    }

    /// Whether deletions and markers of this batch have stayed long enough, for readers and for the other replicas.
    fn may_delete(&self, header: &BatchHeader, offset: Offset) -> bool {
        let is_old = header.delete_horizon().is_some_and(|horizon| horizon <= self.rules.now);
        is_old && self.rules.others_compacted_through.is_none_or(|through| offset < through)
    }

    fn is_last_of_its_producer(&self, header: &BatchHeader) -> bool {
        match self.producers.get(&header.producer_id) {
            Some(LastOfProducer::Batch(last_offset)) => header.last_offset() == *last_offset,
            Some(LastOfProducer::Marker(epoch)) => {
                header.is_control() && header.producer_epoch == *epoch
            }
            None => false,
        }
    }
}
