//! What a partition knows of its idempotent producers.
//!
//! For each producer id: its epoch and its last five batches. A batch sent again is recognised
//! and answered with its first offset; a gap is refused.
//!
//! Source: KIP-98, KIP-360.

use std::collections::BTreeMap;

use highwater_records::{
    BatchHeader, EndTransactionMarker, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp,
};
use smallvec::SmallVec;

use crate::error::Refusal;

/// Batches of one producer that can be recognised; clients have at most five in flight.
pub(crate) const REMEMBERED_BATCHES_MAX: usize = 5;

/// Producers that one partition remembers. At the limit the tenth that was silent longest is
/// forgotten, as if it had expired: such a producer may go on at any sequence.
pub(crate) const PRODUCERS_MAX: usize = 100_000;

/// One batch of a producer, as remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RememberedBatch {
    pub(crate) last_sequence: Sequence,
    pub(crate) last_offset: Offset,
    /// Last offset minus first, and last sequence minus first.
    pub(crate) offset_delta: i32,
    /// The batch's maximum timestamp.
    pub(crate) timestamp: Timestamp,
}

impl RememberedBatch {
    pub(crate) fn first_sequence(&self) -> Sequence {
        let first = i64::from(self.last_sequence.value()) - i64::from(self.offset_delta);
        let wrapped = if first < 0 { first + (1 << 31) } else { first };
        Sequence::new(i32::try_from(wrapped).unwrap_or(-1))
    }

    pub(crate) fn first_offset(&self) -> Offset {
        self.last_offset.checked_plus(-i64::from(self.offset_delta)).unwrap_or(Offset::ZERO)
    }
}

/// One producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) epoch: ProducerEpoch,
    /// Oldest first, all of `epoch`.
    pub(crate) batches: SmallVec<[RememberedBatch; REMEMBERED_BATCHES_MAX]>,
    /// Of the last transaction marker; -1 if there was none.
    pub(crate) coordinator_epoch: i32,
    /// First offset of its open transaction.
    pub(crate) open_transaction: Option<Offset>,
    /// The largest timestamp it sent last: what Kafka's snapshot holds.
    pub(crate) last_timestamp: Timestamp,
    /// When it last appended, by our clock: what expiry goes by.
    pub(crate) last_seen: Timestamp,
}

/// What [`Producers::check`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// New: append it.
    New,
    /// Here already.
    Duplicate(RememberedBatch),
}

/// What a producer was before an update, for taking it back.
pub(crate) type Undo = (ProducerId, Option<Producer>);

/// All producers of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Producers {
    by_id: BTreeMap<ProducerId, Producer>,
}

impl Producers {
    /// Puts back what a snapshot held.
    pub(crate) fn insert(&mut self, id: ProducerId, producer: Producer) {
        self.by_id.insert(id, producer);
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&ProducerId, &Producer)> {
        self.by_id.iter()
    }

    /// May this batch be appended now?
    ///
    /// A batch without sequences (a coordinator's) is only asked for its epoch.
    pub(crate) fn check(&self, header: &BatchHeader) -> Result<Check, Refusal> {
        let producer_id = header.producer_id;
        let Some(known) = self.by_id.get(&producer_id) else { return Ok(Check::New) };
        let found = header.producer_epoch;
        if found < known.epoch {
            let current = known.epoch;
            return Err(Refusal::InvalidProducerEpoch { producer_id, current, found });
        }
        if header.base_sequence.is_none() || header.is_control() {
            return Ok(Check::New);
        }
        let found = header.base_sequence;
        let expected = if header.producer_epoch > known.epoch {
            if known.epoch.is_none() {
                return Ok(Check::New);
            }
            Sequence::ZERO
        } else {
            let is_same = |batch: &&RememberedBatch| {
                batch.first_sequence() == found && batch.last_sequence == header.last_sequence()
            };
            if let Some(batch) = known.batches.iter().find(is_same) {
                return Ok(Check::Duplicate(*batch));
            }
            match known.batches.last() {
                Some(last) => last.last_sequence.next_after(1),
                None => Sequence::ZERO,
            }
        };
        if found == expected {
            Ok(Check::New)
        } else {
            Err(Refusal::OutOfOrderSequence { producer_id, expected, found })
        }
    }

    /// Takes note of an appended batch and, if it is the end of a transaction, of what it says;
    /// `now` is our clock. Returns what to give to
    /// [`Producers::undo`] if the append fails after all.
    pub(crate) fn update(
        &mut self,
        header: &BatchHeader,
        marker: Option<EndTransactionMarker>,
        now: Timestamp,
    ) -> Undo {
        let id = header.producer_id;
        let before = self.by_id.get(&id).cloned();
        if before.is_none() && self.by_id.len() >= PRODUCERS_MAX {
            self.forget_the_silent();
        }
        let producer = self.by_id.entry(id).or_insert_with(|| Producer {
            epoch: header.producer_epoch,
            batches: SmallVec::new(),
            coordinator_epoch: -1,
            open_transaction: None,
            last_timestamp: Timestamp::NONE,
            last_seen: now,
        });
        if producer.epoch != header.producer_epoch {
            producer.epoch = header.producer_epoch;
            producer.batches.clear();
        }
        producer.last_timestamp = header.max_timestamp;
        producer.last_seen = producer.last_seen.max(now);
        if let Some(marker) = marker {
            producer.open_transaction = None;
            producer.coordinator_epoch = marker.coordinator_epoch;
        }
        if !header.is_control() {
            if header.is_transactional() && producer.open_transaction.is_none() {
                producer.open_transaction = Some(header.base_offset);
            }
            if !header.base_sequence.is_none() {
                if producer.batches.len() == REMEMBERED_BATCHES_MAX {
                    producer.batches.remove(0);
                }
                producer.batches.push(RememberedBatch {
                    last_sequence: header.last_sequence(),
                    last_offset: header.last_offset(),
                    offset_delta: header.last_offset_delta,
                    timestamp: header.max_timestamp,
                });
            }
        }
        (id, before)
    }

    /// Takes an update back; the newest first.
    pub(crate) fn undo(&mut self, (id, before): Undo) {
        match before {
            Some(producer) => self.by_id.insert(id, producer),
            None => self.by_id.remove(&id),
        };
    }

    /// Forgets producers without an open transaction that were silent for `expiration_ms`.
    ///
    /// Differs from Kafka: silence is measured by our clock, not by record timestamps; an import
    /// of old records keeps its duplicates detection.
    pub(crate) fn remove_expired(&mut self, now: Timestamp, expiration_ms: u64) {
        let expiration_ms = i64::try_from(expiration_ms).unwrap_or(i64::MAX);
        self.by_id.retain(|_, producer| {
            producer.open_transaction.is_some()
                || now.saturating_ms_since(producer.last_seen) < expiration_ms
        });
    }

    fn forget_the_silent(&mut self) {
        let mut seen: Vec<Timestamp> =
            self.by_id.values().map(|producer| producer.last_seen).collect();
        let tenth = PRODUCERS_MAX / 10;
        let (_, limit, _) = seen.select_nth_unstable(tenth);
        let limit = *limit;
        let mut left = tenth;
        self.by_id.retain(|_, producer| {
            let is_silent = producer.last_seen <= limit && producer.open_transaction.is_none();
            if is_silent && left > 0 {
                left -= 1;
                return false;
            }
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use highwater_records::{BatchBuilder, Codec};

    use super::*;

    const NOW: Timestamp = Timestamp::new(1_000_000);

    fn batch(epoch: i16, sequence: i32, count: i64, offset: i64) -> BatchHeader {
        let mut builder = BatchBuilder::new(Codec::None);
        builder.producer(ProducerId::new(9), ProducerEpoch::new(epoch), Sequence::new(sequence));
        builder.base_offset(Offset::new(offset));
        for at in 0..count {
            builder.append(Timestamp::new(at), None, Some(b"x"), &[]);
        }
        builder.build().header().clone()
    }

    fn after(batches: &[BatchHeader]) -> Producers {
        let mut producers = Producers::default();
        for header in batches {
            assert_eq!(producers.check(header), Ok(Check::New), "{header:?}");
            producers.update(header, None, NOW);
        }
        producers
    }

    fn refused(producers: &Producers, header: &BatchHeader) -> (i32, i32) {
        match producers.check(header) {
            Err(Refusal::OutOfOrderSequence { expected, found, .. }) => {
                (expected.value(), found.value())
            }
            other => panic!("{other:?}"),
        }
    }

    fn original(producers: &Producers, header: &BatchHeader) -> i64 {
        match producers.check(header) {
            Ok(Check::Duplicate(batch)) => batch.first_offset().value(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_of_the_last_five_batches_is_recognised_and_the_sixth_is_not() {
        let batches: Vec<_> =
            (0..6).map(|n| batch(0, n * 10, 10, 100 + i64::from(n) * 10)).collect();
        let producers = after(&batches);
        for (n, header) in batches.iter().enumerate().skip(1) {
            assert_eq!(original(&producers, header), 100 + 10 * i64::try_from(n).unwrap());
        }
        assert_eq!(refused(&producers, &batches[0]), (60, 0));
        assert_eq!(refused(&producers, &batch(0, 50, 9, 0)), (60, 50), "same start, other end");
    }

    #[test]
    fn gap_is_refused_and_the_next_sequence_is_taken() {
        let producers = after(&[batch(0, 0, 3, 0)]);
        assert_eq!(refused(&producers, &batch(0, 4, 1, 3)), (3, 4));
        assert_eq!(producers.check(&batch(0, 3, 1, 3)), Ok(Check::New));
    }

    #[test]
    fn unknown_producer_may_start_anywhere_but_a_new_epoch_only_at_zero() {
        let mut producers = after(&[batch(4, 77, 1, 0)]);
        assert_eq!(refused(&producers, &batch(5, 78, 1, 1)), (0, 78));
        let fresh = batch(5, 0, 1, 1);
        assert_eq!(producers.check(&fresh), Ok(Check::New));
        producers.update(&fresh, None, NOW);
        assert_eq!(
            producers.check(&batch(4, 78, 1, 2)),
            Err(Refusal::InvalidProducerEpoch {
                producer_id: ProducerId::new(9),
                current: ProducerEpoch::new(5),
                found: ProducerEpoch::new(4),
            })
        );
        assert_eq!(refused(&producers, &batch(5, 78, 1, 2)), (1, 78), "the old five are gone");
    }

    #[test]
    fn sequences_wrap_after_the_greatest_number() {
        let start = i32::MAX - 1;
        let wrapping = batch(0, start, 4, 0);
        assert_eq!(wrapping.last_sequence(), Sequence::new(1));
        let producers = after(std::slice::from_ref(&wrapping));
        assert_eq!(original(&producers, &wrapping), 0);
        assert_eq!(producers.check(&batch(0, 2, 1, 4)), Ok(Check::New));
        let at_the_end = after(&[batch(0, i32::MAX, 1, 0)]);
        assert_eq!(at_the_end.check(&batch(0, 0, 1, 1)), Ok(Check::New));
    }

    #[test]
    fn undo_gives_back_exactly_what_was_there() {
        let mut producers = after(&[batch(0, 0, 1, 0), batch(0, 1, 1, 1)]);
        let before = producers.clone();
        let undo: Vec<Undo> = [batch(0, 2, 1, 2), batch(1, 0, 1, 3)]
            .iter()
            .map(|header| producers.update(header, None, NOW))
            .collect();
        assert_ne!(producers, before);
        undo.into_iter().rev().for_each(|step| producers.undo(step));
        assert_eq!(producers, before);
    }

    #[test]
    fn silent_producer_expires_by_our_clock_unless_a_transaction_is_open() {
        let mut producers = after(&[batch(0, 0, 1, 0)]);
        producers.remove_expired(NOW.saturating_plus_ms(999), 1000);
        assert_eq!(producers.iter().len(), 1);
        let mut open = producers.clone();
        producers.remove_expired(NOW.saturating_plus_ms(1000), 1000);
        assert_eq!(producers.iter().len(), 0);
        open.by_id.values_mut().for_each(|producer| producer.open_transaction = Some(Offset::ZERO));
        open.remove_expired(NOW.saturating_plus_ms(1_000_000), 1000);
        assert_eq!(open.iter().len(), 1);
    }

    #[test]
    fn producers_are_bounded_and_the_silent_go_first() {
        let mut producers = Producers::default();
        let mut header = batch(0, 0, 1, 0);
        for id in 0..=PRODUCERS_MAX {
            let id = i64::try_from(id).unwrap();
            header.producer_id = ProducerId::new(id);
            producers.update(&header, None, Timestamp::new(id));
        }
        assert_eq!(producers.iter().len(), PRODUCERS_MAX - PRODUCERS_MAX / 10 + 1);
        assert!(producers.by_id.contains_key(&ProducerId::new(100_000)));
        assert!(!producers.by_id.contains_key(&ProducerId::new(0)));
    }
}
