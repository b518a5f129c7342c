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
//! | a batch was given up that the broker certainly does not have | close the gap: renumber what is behind it |
//! | a batch was given up that the broker may have | with the same numbers; if the broker then sees a gap, it does not have it: new producer id |
//! | the broker sees a gap that we did not make | it lost what it acknowledged: give up the batch, new producer id |
//! | the broker does not take our producer id | new producer id |
//!
//! Under a new producer id a batch is a new one. What failed and may be written all the same is
//! therefore given up then, with an error that says so.

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
    /// The first batch that was given up and that the broker certainly does not have.
    gap: Option<Sequence>,
    /// The last batch that was given up and that the broker may or may not have.
    suspect: Option<Sequence>,
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
    /// Number what failed behind here anew, beginning here; then send all that failed again.
    RenumberBehind(Sequence),
    /// Get a new producer id and number anew from 0 what failed and is certainly not written; give
    /// up the rest.
    NewIdentity {
        /// Whether the first batch that failed is given up in any case: its broker lost data.
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
    pub(crate) fn on_written(&mut self, base: Sequence) {
        if self.suspect.is_some_and(|suspect| is_after(base, suspect)) {
            self.suspect = None;
        }
        self.is_known = true;
    }

    /// Whether several batches may be in flight. Not before the broker has one of ours: until then
    /// it takes any number, so that the second would pass if the first is refused, and the first
    /// would then come too late for ever.
    pub(crate) fn may_pipeline(&self) -> bool {
        self.is_known
    }

    /// The batch that began with `base` was given up.
    pub(crate) fn on_given_up(&mut self, base: Sequence, broker_may_have_it: bool) {
        if broker_may_have_it {
            let is_last = self.suspect.is_none_or(|suspect| is_after(base, suspect));
            self.suspect = if is_last { Some(base) } else { self.suspect };
        } else {
            let is_first = self.gap.is_none_or(|gap| is_after(gap, base));
            self.gap = if is_first { Some(base) } else { self.gap };
        }
    }

    /// How to go on; `first` is the first batch that failed, and what the broker last said of it if
    /// that was about numbers.
    pub(crate) fn recover(
        &mut self,
        first: Option<(Sequence, Option<SequenceRefusal>)>,
    ) -> Recovery {
        let gap = self.gap.take();
        match (first, gap) {
            (Some((_, Some(SequenceRefusal::Identity))), _) => {
                Recovery::NewIdentity { gives_up_first: false }
            }
            (Some((base, Some(SequenceRefusal::OutOfOrder))), gap)
                if gap.is_none_or(|gap| is_after(gap, base)) =>
            {
                Recovery::NewIdentity { gives_up_first: self.suspect.is_none() }
            }
            // What failed before the gap may have been written and keeps its number. The number of
            // the gap is free: what the broker does not have, nothing behind it was taken after.
            (_, Some(gap)) => Recovery::RenumberBehind(gap),
            (_, None) => Recovery::Resend,
        }
    }

    /// Numbers start again at `from`; the caller then assigns anew to what failed, in order.
    pub(crate) fn renumber(&mut self, from: Sequence) {
        self.next = Number(from);
    }
}

/// Whether `one` comes after `other`, across the wrap: far apart the other way round they are
/// never, because few batches are in flight.
pub(crate) fn is_after(one: Sequence, other: Sequence) -> bool {
    let distance = one.value().wrapping_sub(other.value()) & i32::MAX;
    distance != 0 && distance < i32::MAX / 2
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

    const OUT_OF_ORDER: Option<SequenceRefusal> = Some(SequenceRefusal::OutOfOrder);

    #[test]
    fn retriable_failure_keeps_the_numbers() {
        let mut sequences = started();
        let first = sequences.assign(3);
        assert_eq!(sequences.recover(Some((first, None))), Recovery::Resend);
    }

    #[test]
    fn batch_given_up_that_the_broker_refused_closes_the_gap_behind_it() {
        let mut sequences = started();
        let (first, second, third) =
            (sequences.assign(3), sequences.assign(2), sequences.assign(1));
        sequences.on_written(first);
        sequences.on_given_up(second, false);
        let recovery = sequences.recover(Some((third, OUT_OF_ORDER)));
        assert_eq!(recovery, Recovery::RenumberBehind(second));
        sequences.renumber(second);
        assert_eq!(sequences.assign(1), second);
        assert_eq!(sequences.recover(None), Recovery::Resend, "the gap is closed");
    }

    #[test]
    fn first_of_two_gaps_is_where_numbers_begin_again() {
        let mut sequences = started();
        let (first, second) = (sequences.assign(3), sequences.assign(2));
        sequences.on_given_up(second, false);
        sequences.on_given_up(first, false);
        assert_eq!(sequences.recover(None), Recovery::RenumberBehind(first));
    }

    #[test]
    fn batch_given_up_that_may_be_written_keeps_the_numbers_until_a_gap_shows() {
        let mut sequences = started();
        let (first, second) = (sequences.assign(3), sequences.assign(2));
        sequences.on_given_up(first, true);
        assert_eq!(sequences.recover(Some((second, None))), Recovery::Resend);
        let recovery = sequences.recover(Some((second, OUT_OF_ORDER)));
        assert_eq!(recovery, Recovery::NewIdentity { gives_up_first: false });
    }

    #[test]
    fn batch_written_behind_a_suspect_one_proves_it_was_written() {
        let mut sequences = started();
        let (first, second) = (sequences.assign(3), sequences.assign(2));
        sequences.on_given_up(first, true);
        sequences.on_written(second);
        let recovery = sequences.recover(Some((Sequence::new(5), OUT_OF_ORDER)));
        assert_eq!(recovery, Recovery::NewIdentity { gives_up_first: true });
    }

    #[test]
    fn batch_written_before_a_suspect_one_proves_nothing_about_it() {
        let mut sequences = started();
        let (first, second) = (sequences.assign(3), sequences.assign(2));
        sequences.on_given_up(second, true);
        sequences.on_written(first);
        let recovery = sequences.recover(Some((Sequence::new(5), OUT_OF_ORDER)));
        assert_eq!(recovery, Recovery::NewIdentity { gives_up_first: false });
    }

    #[test]
    fn several_batches_are_in_flight_only_once_the_broker_has_one() {
        let mut sequences = started();
        assert!(!sequences.may_pipeline());
        let first = sequences.assign(1);
        sequences.on_written(first);
        assert!(sequences.may_pipeline());
    }

    #[test]
    fn order_of_numbers_holds_across_the_wrap() {
        assert!(is_after(Sequence::ZERO, Sequence::new(i32::MAX)));
        assert!(is_after(Sequence::new(4), Sequence::new(3)));
        assert!(!is_after(Sequence::new(i32::MAX), Sequence::ZERO));
        assert!(!is_after(Sequence::new(3), Sequence::new(3)));
    }

    #[test]
    fn gap_that_we_did_not_make_gives_up_the_batch() {
        let recovery = started().recover(Some((Sequence::ZERO, OUT_OF_ORDER)));
        assert_eq!(recovery, Recovery::NewIdentity { gives_up_first: true });
    }

    #[test]
    fn refused_producer_id_is_replaced_without_giving_up() {
        let recovery = started().recover(Some((Sequence::ZERO, Some(SequenceRefusal::Identity))));
        assert_eq!(recovery, Recovery::NewIdentity { gives_up_first: false });
    }
}
