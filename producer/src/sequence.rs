//! The numbers by which a broker recognizes a batch that it has already (KIP-98, KIP-360).
//!
//! One per partition. A new batch gets the next number when it is first sent and keeps it over
//! retries. The broker takes batches only without a gap, so that what happens to one batch decides
//! how the ones behind it may be sent again. While a batch has failed, nothing new is sent until
//! everything in flight is back; then [`PartitionSequences::recover`] says how to go on:
//!
//! | what happened | go on |
//! |---|---|
//! | failures that may be tried again | with the same numbers |
//! | a batch was given up that the broker certainly does not have | close the gap: renumber |
//! | both | new producer id |
//! | a batch was given up that the broker may have | with the same numbers; if the broker then sees a gap, it does not have it: new producer id |
//! | the broker sees a gap that we did not make | it lost what it acknowledged: give up the batch, new producer id |
//! | the broker does not take our producer id | new producer id |

use highwater_records::{ErrorCode, ProducerEpoch, ProducerId, Sequence};

/// Who we are to the brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) id: ProducerId,
    pub(crate) epoch: ProducerEpoch,
}

/// The numbers of one partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartitionSequences {
    /// Under whom the numbers count; a producer id may be replaced for one partition only.
    identity: Option<Identity>,
    /// The number of the next new batch.
    next: Number,
    /// The number the broker waits for once nothing is in flight.
    expected: Number,
    /// A batch was given up that the broker certainly does not have.
    has_gap: bool,
    /// A batch was given up that the broker may or may not have.
    is_suspect: bool,
    /// The broker has a batch of ours.
    is_known: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number(Sequence);

impl Default for Number {
    fn default() -> Self {
        Self(Sequence::ZERO)
    }
}

/// How to go on once everything in flight is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// Send what failed again, with the same numbers.
    Resend,
    /// Number what failed anew from here, then send it again.
    Renumber(Sequence),
    /// Get a new producer id and number what failed anew from 0.
    NewIdentity {
        /// Whether the first batch that failed must be given up: its broker lost data.
        gives_up_first: bool,
    },
}

/// What a refusal means for the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SequenceRefusal {
    /// The number does not follow the last one the broker has.
    OutOfOrder,
    /// The broker does not take the producer id or its epoch.
    Identity,
}

impl SequenceRefusal {
    /// None if the code is not about numbers.
    pub(crate) fn of(code: ErrorCode) -> Option<Self> {
        match code {
            ErrorCode::OutOfOrderSequenceNumber => Some(Self::OutOfOrder),
            ErrorCode::UnknownProducerId
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::InvalidProducerIdMapping => Some(Self::Identity),
            _ => None,
        }
    }
}

impl PartitionSequences {
    pub(crate) fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// Starts over under another producer id.
    pub(crate) fn start(&mut self, identity: Identity) {
        *self = Self { identity: Some(identity), ..Self::default() };
    }

    /// The number of a new batch of `record_count` records.
    pub(crate) fn assign(&mut self, record_count: i32) -> Sequence {
        let assigned = self.next.0;
        self.next = Number(assigned.next_after(record_count));
        assigned
    }

    /// The broker has the batch that began with `base`, and so all before it.
    pub(crate) fn on_written(&mut self, base: Sequence, record_count: i32) {
        self.expected = Number(base.next_after(record_count));
        self.is_suspect = false;
        self.is_known = true;
    }

    /// Whether several batches may be in flight. Not before the broker has one of ours: until then
    /// it takes any number, so that the second would pass if the first is refused, and the first
    /// would then come too late for ever.
    pub(crate) fn may_pipeline(&self) -> bool {
        self.is_known
    }

    /// A numbered batch was given up.
    pub(crate) fn on_given_up(&mut self, broker_may_have_it: bool) {
        if broker_may_have_it {
            self.is_suspect = true;
        } else {
            self.has_gap = true;
        }
    }

    /// How to go on; `first` is what the broker last said of the first batch that failed, if it
    /// was about numbers. The caller renumbers with [`PartitionSequences::renumber`].
    pub(crate) fn recover(&mut self, first: Option<SequenceRefusal>) -> Recovery {
        let had_gap = std::mem::take(&mut self.has_gap);
        match first {
            Some(SequenceRefusal::Identity) => Recovery::NewIdentity { gives_up_first: false },
            Some(SequenceRefusal::OutOfOrder) if self.is_suspect => {
                Recovery::NewIdentity { gives_up_first: false }
            }
            Some(SequenceRefusal::OutOfOrder) if !had_gap => {
                Recovery::NewIdentity { gives_up_first: true }
            }
            // The number of the suspect batch must not be given to another one: if it was written
            // after all, that other one would pass for its duplicate and be lost.
            _ if had_gap && self.is_suspect => Recovery::NewIdentity { gives_up_first: false },
            _ if had_gap => Recovery::Renumber(self.expected.0),
            _ => Recovery::Resend,
        }
    }

    /// Numbers start again at `from`; the caller then assigns anew to what failed, in order.
    pub(crate) fn renumber(&mut self, from: Sequence) {
        self.next = Number(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> PartitionSequences {
        let mut sequences = PartitionSequences::default();
        let (id, epoch) = (ProducerId::new(7), ProducerEpoch::new(0));
        sequences.start(Identity { id, epoch });
        sequences
    }

    #[test]
    fn numbers_follow_each_other_and_wrap_to_zero() {
        let mut sequences = started();
        assert_eq!(sequences.assign(3), Sequence::new(0));
        assert_eq!(sequences.assign(1), Sequence::new(3));
        sequences.renumber(Sequence::new(i32::MAX));
        assert_eq!(sequences.assign(1), Sequence::new(i32::MAX));
        assert_eq!(sequences.assign(1), Sequence::ZERO);
    }

    #[test]
    fn retriable_failure_keeps_the_numbers() {
        let mut sequences = started();
        sequences.assign(3);
        assert_eq!(sequences.recover(None), Recovery::Resend);
    }

    #[test]
    fn batch_given_up_that_the_broker_refused_closes_the_gap_behind_it() {
        let mut sequences = started();
        let first = sequences.assign(3);
        sequences.assign(2);
        sequences.assign(1);
        sequences.on_written(first, 3);
        sequences.on_given_up(false);
        let recovery = sequences.recover(Some(SequenceRefusal::OutOfOrder));
        assert_eq!(recovery, Recovery::Renumber(Sequence::new(3)));
        sequences.renumber(Sequence::new(3));
        assert_eq!(sequences.assign(1), Sequence::new(3));
        assert_eq!(sequences.recover(None), Recovery::Resend, "the gap is closed");
    }

    #[test]
    fn batch_given_up_that_may_be_written_keeps_the_numbers_until_a_gap_shows() {
        let mut sequences = started();
        sequences.assign(3);
        sequences.assign(2);
        sequences.on_given_up(true);
        assert_eq!(sequences.recover(None), Recovery::Resend);
        let recovery = sequences.recover(Some(SequenceRefusal::OutOfOrder));
        assert_eq!(recovery, Recovery::NewIdentity { gives_up_first: false });
    }

    #[test]
    fn batch_written_behind_a_suspect_one_proves_it_was_written() {
        let mut sequences = started();
        sequences.assign(3);
        let second = sequences.assign(2);
        sequences.on_given_up(true);
        sequences.on_written(second, 2);
        let recovery = sequences.recover(Some(SequenceRefusal::OutOfOrder));
        assert_eq!(recovery, Recovery::NewIdentity { gives_up_first: true });
    }

    #[test]
    fn number_of_a_suspect_batch_is_not_given_to_another_to_close_a_gap() {
        let mut sequences = started();
        sequences.assign(3);
        sequences.assign(3);
        sequences.on_given_up(true);
        sequences.on_given_up(false);
        assert_eq!(sequences.recover(None), Recovery::NewIdentity { gives_up_first: false });
    }

    #[test]
    fn several_batches_are_in_flight_only_once_the_broker_has_one() {
        let mut sequences = started();
        assert!(!sequences.may_pipeline());
        let first = sequences.assign(1);
        sequences.on_written(first, 1);
        assert!(sequences.may_pipeline());
    }

    #[test]
    fn gap_that_we_did_not_make_gives_up_the_batch() {
        let recovery = started().recover(Some(SequenceRefusal::OutOfOrder));
        assert_eq!(recovery, Recovery::NewIdentity { gives_up_first: true });
    }

    #[test]
    fn refused_producer_id_is_replaced_without_giving_up() {
        let recovery = started().recover(Some(SequenceRefusal::Identity));
        assert_eq!(recovery, Recovery::NewIdentity { gives_up_first: false });
    }
}
