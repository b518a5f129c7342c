//! One partition as the sender sees it: what is in flight, what failed, and in which order.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use highwater_client::retry::{Backoff, RetryPolicy};
use highwater_protocol::Records;
use highwater_records::{BatchHeader, ErrorCode, NodeId, Sequence, TopicPartition};
use tokio::time::Instant;

use crate::ProduceError;
use crate::accumulator::{Accumulator, Batch};
use crate::delivery::{Appended, Settle};
use crate::sequence::{Identity, PartitionSequences, Recovery, SequenceRefusal, is_after};

/// The most batches of one producer that a broker remembers per partition. From the oldest whose
/// fate is not known to the newest there are never more: else the broker would no longer recognize
/// the oldest when it comes again.
const REMEMBERED_BATCHES: u64 = 5;

/// A batch as it is sent, until it is settled.
#[derive(Debug)]
pub(crate) struct BuiltBatch {
    number: u64,
    /// Which of the partition's batches it is, counted from 0.
    index: u64,
    header: BatchHeader,
    body: Bytes,
    records: Records,
    settle: Settle,
    opened: Instant,
    reserved_bytes: usize,
    /// Some attempt may have reached the log; only its number keeps the next from being a second.
    may_be_written: bool,
    refusal: Option<SequenceRefusal>,
    last_error: Option<ProduceError>,
}

/// What one attempt to send a batch led to.
#[derive(Debug)]
pub(crate) enum Fate {
    Written(Appended),
    /// Another attempt may succeed.
    Again {
        error: ProduceError,
        may_be_written: bool,
    },
    /// The broker did not take the batch because of its number or producer id.
    Unnumbered {
        error: ProduceError,
        refusal: SequenceRefusal,
    },
    /// No attempt will succeed.
    Final {
        error: ProduceError,
        may_be_written: bool,
    },
}

#[derive(Debug)]
pub(crate) struct PartitionState {
    sequences: PartitionSequences,
    is_idempotent: bool,
    in_flight: usize,
    next_index: u64,
    /// Batches whose fate is not known, in flight or failed, by index.
    unsettled: BTreeSet<u64>,
    /// Where what is in flight went; a new leader has to wait until that is back.
    in_flight_at: Option<NodeId>,
    /// What failed and will be sent again, oldest first.
    failed: VecDeque<BuiltBatch>,
    /// Something failed: nothing is sent until everything in flight is back.
    is_recovering: bool,
    not_before: Option<Instant>,
    backoff: Backoff,
}

impl PartitionState {
    pub(crate) fn new(is_idempotent: bool, retry: RetryPolicy) -> Self {
        Self {
            sequences: PartitionSequences::default(),
            is_idempotent,
            in_flight: 0,
            next_index: 0,
            unsettled: BTreeSet::new(),
            in_flight_at: None,
            failed: VecDeque::new(),
            is_recovering: false,
            not_before: None,
            backoff: Backoff::new(retry),
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        !self.failed.is_empty()
    }

    /// When failed batches may be sent again, if that is later than `now`.
    pub(crate) fn waits_until(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|not_before| *not_before > now)
    }

    /// Whether a batch may be sent to `leader` now.
    pub(crate) fn may_send(&self, leader: NodeId, now: Instant) -> bool {
        if self.is_recovering || self.waits_until(now).is_some() {
            return false;
        }
        match self.in_flight_at {
            None => true,
            Some(at) => at == leader && (!self.is_idempotent || self.sequences.may_pipeline()),
        }
    }

    /// Whether batches can be numbered. With a producer id that is not in use yet, numbers start
    /// at 0 and what failed is numbered first.
    pub(crate) fn take_identity(&mut self, current: Option<Identity>) -> bool {
        if !self.is_idempotent || self.sequences.identity().is_some() {
            return true;
        }
        let Some(current) = current else { return false };
        self.sequences.start(current);
        self.renumber_failed(|_| true);
        true
    }

    /// The oldest failed batch, to be sent again.
    pub(crate) fn take_failed(&mut self) -> Option<BuiltBatch> {
        self.failed.pop_front()
    }

    /// Whether a batch that was never sent may be sent beside those that were.
    pub(crate) fn may_take_new(&self) -> bool {
        let oldest = self.unsettled.first();
        !self.is_idempotent || oldest.is_none_or(|it| self.next_index - it < REMEMBERED_BATCHES)
    }

    /// Numbers, compresses and seals a batch.
    pub(crate) fn build(&mut self, mut batch: Batch) -> BuiltBatch {
        let index = self.next_index;
        self.next_index += 1;
        self.unsettled.insert(index);
        if let Some(identity) = self.sequences.identity() {
            let base = self.sequences.assign(batch.builder.record_count());
            batch.builder.producer(identity.id, identity.epoch, base);
        }
        let built = batch.builder.build();
        BuiltBatch {
            number: batch.number,
            index,
            header: built.header().clone(),
            body: built.body(),
            records: Records::from(built.into_bytes()),
            settle: batch.settle,
            opened: batch.opened,
            reserved_bytes: batch.reserved_bytes,
            may_be_written: false,
            refusal: None,
            last_error: None,
        }
    }

    pub(crate) fn on_sent(&mut self, leader: NodeId) {
        self.in_flight += 1;
        self.in_flight_at = Some(leader);
    }

    /// Takes in what became of a batch; says whether the partition's producer id must be replaced,
    /// and by which it was.
    pub(crate) fn on_fate(
        &mut self,
        mut batch: BuiltBatch,
        fate: Fate,
        now: Instant,
        accumulator: &Accumulator,
    ) -> Option<Identity> {
        self.in_flight -= 1;
        if self.in_flight == 0 {
            self.in_flight_at = None;
        }
        match fate {
            Fate::Written(appended) => {
                if self.sequences.identity().is_some() {
                    self.sequences.on_written(batch.header.base_sequence);
                }
                self.backoff.reset();
                self.settle(batch, Ok(appended), accumulator);
            }
            Fate::Again { error, may_be_written } => {
                batch.may_be_written |= may_be_written;
                batch.last_error = Some(error);
                self.not_before = Some(now + self.backoff.next_wait());
                self.push_failed(batch);
            }
            Fate::Unnumbered { error, refusal } => {
                batch.refusal = Some(refusal);
                batch.last_error = Some(error);
                self.push_failed(batch);
            }
            Fate::Final { error, may_be_written } => {
                batch.may_be_written |= may_be_written;
                self.give_up(batch, error, accumulator);
            }
        }
        self.maybe_recover(accumulator)
    }

    /// Gives up failed batches that were opened at or before `limit`.
    pub(crate) fn expire(
        &mut self,
        limit: Instant,
        after: std::time::Duration,
        accumulator: &Accumulator,
    ) -> Option<Identity> {
        while let Some(mut batch) = self.failed.pop_front_if(|batch| batch.opened <= limit) {
            let partition = batch.settle.partition().clone();
            let last = batch.last_error.take().map(Box::new);
            let error = ProduceError::DeliveryTimedOut { partition, after, last };
            self.give_up(batch, error, accumulator);
        }
        self.maybe_recover(accumulator)
    }

    /// Lets failed batches be sent at once: the new leader is known.
    pub(crate) fn stop_waiting(&mut self) {
        self.not_before = None;
    }

    fn push_failed(&mut self, batch: BuiltBatch) {
        self.is_recovering = true;
        let at = self.failed.partition_point(|failed| failed.number < batch.number);
        self.failed.insert(at, batch);
    }

    fn give_up(&mut self, batch: BuiltBatch, error: ProduceError, accumulator: &Accumulator) {
        self.is_recovering = true;
        if self.sequences.identity().is_some() {
            self.sequences.on_given_up(batch.header.base_sequence, batch.may_be_written);
        }
        self.settle(batch, Err(error), accumulator);
    }

    fn settle(
        &mut self,
        batch: BuiltBatch,
        result: Result<Appended, ProduceError>,
        accumulator: &Accumulator,
    ) {
        self.unsettled.remove(&batch.index);
        accumulator.release(batch.number, batch.reserved_bytes);
        batch.settle.settle(result);
    }

    /// Decides how to go on, once everything in flight is back.
    fn maybe_recover(&mut self, accumulator: &Accumulator) -> Option<Identity> {
        if !self.is_recovering || self.in_flight > 0 {
            return None;
        }
        self.is_recovering = false;
        let identity = self.sequences.identity()?;
        let first = self.failed.front();
        let first = first.map(|batch| (batch.header.base_sequence, batch.refusal));
        for batch in &mut self.failed {
            batch.refusal = None;
        }
        match self.sequences.recover(first) {
            Recovery::Resend => None,
            Recovery::RenumberBehind(gap) => {
                self.sequences.renumber(gap);
                self.renumber_failed(|base| is_after(base, gap));
                None
            }
            Recovery::NewIdentity { gives_up_first } => {
                if gives_up_first {
                    self.give_up_lost(accumulator);
                }
                self.give_up_unknown(accumulator);
                self.sequences = PartitionSequences::default();
                Some(identity)
            }
        }
    }

    /// Gives up the first failed batch, which the broker refused although it has all before it, as
    /// it once said. The caller should learn that records are missing there.
    fn give_up_lost(&mut self, accumulator: &Accumulator) {
        let is_lost = |batch: &mut BuiltBatch| !batch.may_be_written;
        let Some(mut lost) = self.failed.pop_front_if(is_lost) else { return };
        let error = lost.last_error.take().unwrap_or(ProduceError::Closed);
        let partition = lost.settle.partition();
        tracing::error!(%partition, %error, "the broker lost records it acknowledged");
        self.settle(lost, Err(error), accumulator);
    }

    /// Gives up failed batches that may be in the log: under another producer id the broker would
    /// take them for new ones. Apache Kafka remembers only the last batch over a restart.
    fn give_up_unknown(&mut self, accumulator: &Accumulator) {
        let (unknown, others) =
            std::mem::take(&mut self.failed).into_iter().partition(|batch| batch.may_be_written);
        self.failed = others;
        let unknown: VecDeque<BuiltBatch> = unknown;
        for mut batch in unknown {
            let partition = batch.settle.partition().clone();
            let last = batch.last_error.take().map(Box::new);
            let error = ProduceError::OutcomeUnknown { partition, last };
            self.settle(batch, Err(error), accumulator);
        }
    }

    /// Gives new numbers to those failed batches whose old number is to be replaced.
    fn renumber_failed(&mut self, is_replaced: impl Fn(Sequence) -> bool) {
        let Some(identity) = self.sequences.identity() else { return };
        let replaced = |batch: &&mut BuiltBatch| is_replaced(batch.header.base_sequence);
        for batch in self.failed.iter_mut().filter(replaced) {
            let base = self.sequences.assign(batch.header.record_count);
            batch.restamp(identity, base);
        }
    }
}

impl BuiltBatch {
    pub(crate) fn partition(&self) -> &TopicPartition {
        self.settle.partition()
    }

    /// The batch's bytes, shared.
    pub(crate) fn records(&self) -> Records {
        self.records.clone()
    }

    fn restamp(&mut self, identity: Identity, base: Sequence) {
        self.header.producer_id = identity.id;
        self.header.producer_epoch = identity.epoch;
        self.header.base_sequence = base;
        let header = self.header.seal(&self.body);
        self.records = [Bytes::copy_from_slice(&header), self.body.clone()].into_iter().collect();
    }
}

/// What an error code of a Produce answer means for the batch.
pub(crate) fn fate_of(code: ErrorCode, error: ProduceError) -> Fate {
    if let Some(refusal) = SequenceRefusal::of(code) {
        return Fate::Unnumbered { error, refusal };
    }
    if code.is_retriable() {
        // Refused before anything was appended; every other code may come after it, such as
        // NOT_LEADER_OR_FOLLOWER from a leader that was replaced while the batch waited.
        let certainly_not = matches!(
            code,
            ErrorCode::NotEnoughReplicas
                | ErrorCode::UnknownTopicOrPartition
                | ErrorCode::UnknownTopicId
                | ErrorCode::LeaderNotAvailable
                | ErrorCode::CorruptMessage
        );
        return Fate::Again { error, may_be_written: !certainly_not };
    }
    let may_be_written = matches!(code, ErrorCode::UnknownServerError | ErrorCode::Unknown(_));
    Fate::Final { error, may_be_written }
}

#[cfg(test)]
mod tests;
