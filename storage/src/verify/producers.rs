//! Producer snapshots against what the batches say.
//!
//! A segment's batches are replayed on top of the snapshot at its base; each later snapshot is
//! compared with the state at its offset. Retention and compaction take batches away and expiry
//! takes producers, so what is missing is no contradiction; what is there must be true.

use std::collections::BTreeMap;

use highwater_records::{BatchHeader, EndTransactionMarker, Offset, ProducerId};

use crate::producer_snapshot::SnapshotEntry;
use crate::producer_state::PRODUCERS_MAX;

/// A producer at some offset.
#[derive(Clone, Copy, Debug)]
struct Replayed {
    epoch: i16,
    /// Last sequence, last offset and offset delta of its last batch.
    last: Option<(i32, i64, i32)>,
    timestamp: i64,
    /// Of the last marker in the segment.
    coordinator_epoch: Option<i32>,
    open: Option<Offset>,
    /// Whether the segment has anything of it: no entry of the base snapshot any more.
    is_touched: bool,
    /// Whether the segment has a marker of it.
    has_marker: bool,
}

/// Producer state while a segment is replayed.
#[derive(Debug)]
pub(super) struct Replay {
    base: Offset,
    /// Whether the state at the base is known.
    is_known: bool,
    by_id: BTreeMap<ProducerId, Replayed>,
    /// More producers than are remembered: nothing is compared.
    is_too_large: bool,
}

impl Replay {
    /// Begins at `base`, with what the snapshot there says, if there is a good one.
    pub(super) fn new(base: Offset, snapshot: Option<&[SnapshotEntry]>) -> Self {
        let mut by_id = BTreeMap::new();
        for entry in snapshot.unwrap_or_default() {
            let has_batch = entry.last_offset >= 0;
            let last = (entry.last_sequence.value(), entry.last_offset, entry.offset_delta);
            let open = entry.current_txn_first_offset;
            by_id.insert(
                entry.producer_id,
                Replayed {
                    epoch: entry.producer_epoch.value(),
                    last: has_batch.then_some(last),
                    timestamp: entry.timestamp.value(),
                    coordinator_epoch: Some(entry.coordinator_epoch),
                    open: (open >= 0).then(|| Offset::new(open)),
                    is_touched: false,
                    has_marker: false,
                },
            );
        }
        // Nothing can come before the first offset of all.
        let is_known = snapshot.is_some() || base == Offset::ZERO;
        Self { base, is_known, by_id, is_too_large: false }
    }

    pub(super) fn on_batch(&mut self, header: &BatchHeader, marker: Option<EndTransactionMarker>) {
        if !header.has_producer_id() || self.is_too_large {
            return;
        }
        if self.by_id.len() > PRODUCERS_MAX {
            self.is_too_large = true;
            self.by_id.clear();
            return;
        }
        let epoch = header.producer_epoch.value();
        let producer = self.by_id.entry(header.producer_id).or_insert(Replayed {
            epoch,
            last: None,
            timestamp: -1,
            coordinator_epoch: None,
            open: None,
            is_touched: true,
            has_marker: false,
        });
        if !producer.is_touched {
            producer.coordinator_epoch = None;
        }
        producer.is_touched = true;
        if producer.epoch != epoch {
            (producer.epoch, producer.last) = (epoch, None);
        }
        producer.timestamp = header.max_timestamp.value();
        if let Some(marker) = marker {
            producer.open = None;
            producer.has_marker = true;
            producer.coordinator_epoch = Some(marker.coordinator_epoch);
        }
        if header.is_control() {
            return;
        }
        if header.is_transactional() {
            producer.open.get_or_insert(header.base_offset);
        }
        if !header.base_sequence.is_none() {
            let (sequence, last) = (header.last_sequence().value(), header.last_offset().value());
            producer.last = Some((sequence, last, header.last_offset_delta));
        }
    }

    /// What a snapshot of the present offset says wrongly: index of the entry and why.
    pub(super) fn contradictions(
        &self,
        snapshot: &[SnapshotEntry],
        is_cleaned: bool,
    ) -> Vec<(usize, String)> {
        if self.is_too_large {
            return Vec::new();
        }
        let entries = snapshot.iter().enumerate();
        let wrong = entries.filter_map(|(index, entry)| {
            let reason = self.contradiction(entry, is_cleaned)?;
            Some((index, format!("producer {}: {reason}", entry.producer_id)))
        });
        wrong.collect()
    }

    fn contradiction(&self, entry: &SnapshotEntry, is_cleaned: bool) -> Option<String> {
        // A batch that a cleaner took away would have said what the entry says.
        let is_cleaned_away = is_cleaned && entry.last_offset >= self.base.value();
        let Some(known) = self.by_id.get(&entry.producer_id) else {
            let is_wrong = self.is_known && !is_cleaned;
            return is_wrong.then(|| "the log has nothing of it".to_owned());
        };
        let differ = |what: &str, found: i64, expected: i64| {
            (found != expected).then(|| format!("{what} {found}, but the log says {expected}"))
        };
        let last = known.last.unwrap_or((-1, -1, 0));
        // Kafka notes batches without sequences too, ours does not.
        let has_sequence = entry.last_sequence.value() >= 0;
        let is_last_known = has_sequence && (known.last.is_some() || self.is_known);
        if is_cleaned_away && entry.last_offset > last.1 {
            return None;
        }
        let mut found = differ("epoch", entry.producer_epoch.value().into(), known.epoch.into());
        if is_last_known {
            found = found.or_else(|| differ("last offset", entry.last_offset, last.1));
            let sequence = entry.last_sequence.value();
            found = found.or_else(|| differ("last sequence", sequence.into(), last.0.into()));
            found =
                found.or_else(|| differ("offset delta", entry.offset_delta.into(), last.2.into()));
        }
        found = found.or_else(|| differ("timestamp", entry.timestamp.value(), known.timestamp));
        if let Some(expected) = known.coordinator_epoch {
            let said = entry.coordinator_epoch;
            found = found.or_else(|| differ("coordinator epoch", said.into(), expected.into()));
        }
        let said = entry.current_txn_first_offset;
        let expected = known.open.map_or(-1, Offset::value);
        // It may have begun before all that is known.
        let is_older = !self.is_known && !known.has_marker && said < self.base.value();
        if is_older || is_cleaned {
            return found;
        }
        found.or_else(|| differ("first offset of the open transaction", said, expected))
    }
}
