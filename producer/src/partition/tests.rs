use std::time::Duration;

use highwater_records::{BatchBuilder, Codec, ProducerEpoch, ProducerId, Timestamp, TopicName};

use super::*;
use crate::accumulator::Limits;
use crate::delivery::BatchOutcome;

const HERE: NodeId = NodeId::new(1);
const WRITTEN: Fate = Fate::Written(Appended { base_offset: None, log_append_time: None });

fn accumulator() -> Accumulator {
    Accumulator::new(Limits {
        batch_size: 1,
        buffer_memory: 1,
        linger: Duration::ZERO,
        max_block: Duration::ZERO,
        codec: Codec::None,
    })
}

fn state() -> PartitionState {
    let mut state = PartitionState::new(true, RetryPolicy::default());
    let identity = Identity { id: ProducerId::new(7), epoch: ProducerEpoch::new(0) };
    assert!(state.take_identity(Some(identity)));
    state
}

fn batch(number: u64) -> Batch {
    let topic = TopicName::parse("t").unwrap();
    let (outcome, settle) = BatchOutcome::new(TopicPartition::new(topic, 0));
    let mut builder = BatchBuilder::new(Codec::None);
    builder.append(Timestamp::new(1), None, Some(b"value"), &[]);
    Batch { number, builder, opened: Instant::now(), reserved_bytes: 0, settle, outcome }
}

fn send(state: &mut PartitionState, number: u64) -> BuiltBatch {
    let built = state.build(batch(number));
    state.on_sent(HERE);
    built
}

fn again() -> Fate {
    Fate::Again { error: ProduceError::Closed, may_be_written: true }
}

fn sequences(state: &PartitionState) -> Vec<i32> {
    state.failed.iter().map(|batch| batch.header.base_sequence.value()).collect()
}

/// A partition of which the broker has the first batch already.
fn known() -> PartitionState {
    let mut state = state();
    let first = send(&mut state, 0);
    assert_eq!(state.on_fate(first, WRITTEN, Instant::now(), &accumulator()), None);
    state
}

#[test]
fn second_batch_waits_until_the_broker_has_the_first() {
    let mut state = state();
    let now = Instant::now();
    assert!(state.may_send(HERE, now));
    let first = send(&mut state, 0);
    assert!(!state.may_send(HERE, now));
    state.on_fate(first, WRITTEN, now, &accumulator());
    let _second = send(&mut state, 1);
    assert!(state.may_send(HERE, now));
}

#[test]
fn new_leader_waits_until_what_is_in_flight_at_the_old_one_is_back() {
    let (mut state, now) = (known(), Instant::now());
    let batch = send(&mut state, 1);
    assert!(!state.may_send(NodeId::new(2), now));
    state.on_fate(batch, WRITTEN, now, &accumulator());
    assert!(state.may_send(NodeId::new(2), now));
}

#[test]
fn failed_batches_wait_for_all_in_flight_and_go_again_in_order_with_their_numbers() {
    let (mut state, now) = (known(), Instant::now());
    let (first, second) = (send(&mut state, 1), send(&mut state, 2));
    state.on_fate(second, again(), now, &accumulator());
    let later = now + Duration::from_secs(60);
    assert!(!state.may_send(HERE, later), "the first is still in flight");
    state.on_fate(first, again(), now, &accumulator());
    assert!(state.may_send(HERE, later));
    assert_eq!(sequences(&state), [1, 2]);
}

#[test]
fn no_more_than_five_batches_from_the_oldest_unsettled_on() {
    let (mut state, now) = (known(), Instant::now());
    let mut batches: VecDeque<_> = (1..=5).map(|number| send(&mut state, number)).collect();
    assert!(!state.may_take_new());
    // The broker has the four newer ones; the oldest is not known to be there, and must not be
    // pushed out of its memory.
    for batch in batches.drain(1..) {
        state.on_fate(batch, WRITTEN, now, &accumulator());
    }
    assert!(!state.may_take_new());
    let oldest = batches.pop_front().unwrap();
    state.on_fate(oldest, WRITTEN, now, &accumulator());
    assert!(state.may_take_new());
}

#[test]
fn gap_is_closed_behind_it_and_not_before_it() {
    let (mut state, now) = (known(), Instant::now());
    let (before, lost, behind) = (send(&mut state, 1), send(&mut state, 2), send(&mut state, 3));
    state.on_fate(before, again(), now, &accumulator());
    let error = ProduceError::Closed;
    state.on_fate(lost, Fate::Final { error, may_be_written: false }, now, &accumulator());
    let refusal = SequenceRefusal::OutOfOrder;
    let fate = Fate::Unnumbered { error: ProduceError::Closed, refusal };
    state.on_fate(behind, fate, now, &accumulator());
    assert_eq!(sequences(&state), [1, 2]);
}

#[test]
fn restamped_batch_has_a_good_crc_and_the_same_records() {
    let mut state = state();
    let mut built = state.build(batch(0));
    let identity = Identity { id: ProducerId::new(8), epoch: ProducerEpoch::new(1) };
    built.restamp(identity, Sequence::new(5));
    let parsed = highwater_records::RecordBatch::parse(built.records().to_bytes()).unwrap();
    assert_eq!(parsed.header().producer_id, identity.id);
    assert_eq!(parsed.header().base_sequence, Sequence::new(5));
    let record = parsed.records().unwrap().next().unwrap().unwrap();
    assert_eq!(record.value.as_deref(), Some(&b"value"[..]));
}

#[test]
fn batch_that_may_be_written_is_not_sent_under_another_producer_id() {
    let (mut state, now) = (known(), Instant::now());
    let (unknown, fresh) = (send(&mut state, 1), send(&mut state, 2));
    state.on_fate(unknown, again(), now, &accumulator());
    let refusal =
        || Fate::Unnumbered { error: ProduceError::Closed, refusal: SequenceRefusal::OutOfOrder };
    state.on_fate(fresh, refusal(), now, &accumulator());
    // It comes again, and the broker has forgotten it.
    let unknown = state.take_failed().unwrap();
    state.on_sent(HERE);
    let used_up = state.on_fate(unknown, refusal(), now, &accumulator());
    assert!(used_up.is_some());
    assert!(state.take_identity(used_up));
    assert_eq!(sequences(&state), [0], "only the batch that is certainly not written");
}
