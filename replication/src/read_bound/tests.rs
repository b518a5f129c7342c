//! Tables of what a reader may see.

use super::*;

const FOLLOWERS: [NodeId; 2] = [NodeId::new(2), NodeId::new(3)];
const EPOCH: LeaderEpoch = LeaderEpoch::new(7);

fn offset(value: i64) -> Offset {
    Offset::new(value)
}

/// Log 10..100, committed 80, decided 60, led in epoch 7 since 50.
fn inputs() -> BoundInputs<'static> {
    BoundInputs {
        is_leader: true,
        epoch: EPOCH,
        epoch_start: offset(50),
        log_start: offset(10),
        log_end: offset(100),
        high_watermark: offset(80),
        last_stable_offset: offset(60),
        followers: &FOLLOWERS,
    }
}

fn request(fetch_offset: i64) -> ReadRequest {
    ReadRequest {
        reader: Reader::Consumer,
        isolation: Isolation::ReadUncommitted,
        current_leader_epoch: LeaderEpoch::NONE,
        fetch_offset: offset(fetch_offset),
        last_fetched_epoch: LeaderEpoch::NONE,
    }
}

/// Epoch 3 holds 0..30, epoch 5 holds 30..50, epoch 7 the rest.
fn end_of_epoch(epoch: LeaderEpoch) -> Option<EpochEnd> {
    let (epoch, end_offset) = match epoch.value() {
        3 | 4 => (3, 30),
        5 | 6 => (5, 50),
        7 => (7, 100),
        _ => return None,
    };
    Some(EpochEnd { epoch: LeaderEpoch::new(epoch), end_offset: offset(end_offset) })
}

fn bound(request: ReadRequest) -> Result<ReadBound, Refusal> {
    read_bound(&inputs(), &request, end_of_epoch)
}

fn records(upper: i64) -> Result<ReadBound, Refusal> {
    Ok(ReadBound::Records { upper: offset(upper) })
}

#[test]
fn upper_bound_depends_on_reader_and_isolation() {
    let follower = Reader::Follower(NodeId::new(2));
    let table = [
        (Reader::Consumer, Isolation::ReadUncommitted, 80),
        (Reader::Consumer, Isolation::ReadCommitted, 60),
        (follower, Isolation::ReadUncommitted, 100),
        (follower, Isolation::ReadCommitted, 100),
        (Reader::Tool, Isolation::ReadUncommitted, 100),
    ];
    for (reader, isolation, upper) in table {
        assert_eq!(bound(ReadRequest { reader, isolation, ..request(20) }), records(upper));
    }
}

#[test]
fn fetch_with_another_leader_epoch_is_fenced_or_unknown() {
    let at = |epoch| ReadRequest { current_leader_epoch: LeaderEpoch::new(epoch), ..request(20) };
    assert_eq!(bound(at(6)), Err(Refusal::FencedLeaderEpoch { current: EPOCH }));
    assert_eq!(bound(at(8)), Err(Refusal::UnknownLeaderEpoch { current: EPOCH }));
    assert_eq!(bound(at(7)), records(80));
    assert_eq!(bound(at(-1)), records(80));
}

#[test]
fn fetch_offset_outside_of_the_log_is_out_of_range() {
    for (at, in_range) in
        [(9, false), (10, true), (80, true), (90, true), (100, true), (101, false)]
    {
        let answer = bound(request(at));
        assert_eq!(answer.is_ok(), in_range, "offset {at}: {answer:?}");
    }
}

#[test]
fn fetch_between_the_visible_and_the_log_end_is_empty_and_no_error() {
    assert_eq!(bound(request(90)), records(80));
}

#[test]
fn follower_without_an_assignment_is_refused_by_what_it_knows() {
    let stranger = ReadRequest { reader: Reader::Follower(NodeId::new(9)), ..request(20) };
    assert_eq!(bound(stranger), Err(Refusal::NotLeaderOrFollower));
    let with_epoch = ReadRequest { current_leader_epoch: EPOCH, ..stranger };
    assert_eq!(bound(with_epoch), Err(Refusal::UnknownLeaderEpoch { current: EPOCH }));
}

#[test]
fn replica_that_does_not_lead_serves_nobody() {
    let inputs = BoundInputs { is_leader: false, ..inputs() };
    let refused = read_bound(&inputs, &request(20), end_of_epoch);
    assert_eq!(refused, Err(Refusal::NotLeaderOrFollower));
}

#[test]
fn last_fetched_epoch_that_ends_elsewhere_diverges() {
    let fetch = |at, epoch| {
        bound(ReadRequest { last_fetched_epoch: LeaderEpoch::new(epoch), ..request(at) })
    };
    let diverging = |epoch, end_offset| {
        let epoch = LeaderEpoch::new(epoch);
        Ok(ReadBound::Diverging(EpochEnd { epoch, end_offset: offset(end_offset) }))
    };
    assert_eq!(fetch(50, 5), records(80), "exactly at the end of epoch 5");
    assert_eq!(fetch(51, 5), diverging(5, 50), "we end epoch 5 earlier");
    assert_eq!(fetch(40, 6), diverging(5, 50), "we never had epoch 6");
    assert_eq!(fetch(20, 3), records(80));
    assert!(matches!(fetch(20, 2), Err(Refusal::OffsetOutOfRange { .. })), "epoch unknown");
    assert!(matches!(fetch(5, 5), Err(Refusal::OffsetOutOfRange { .. })), "below the log start");
}

#[test]
fn latest_offset_is_what_the_reader_may_see() {
    let latest = |reader, isolation| latest_offset(&inputs(), reader, isolation).unwrap();
    assert_eq!(latest(Reader::Consumer, Isolation::ReadUncommitted), offset(80));
    assert_eq!(latest(Reader::Consumer, Isolation::ReadCommitted), offset(60));
    assert_eq!(latest(Reader::Tool, Isolation::ReadUncommitted), offset(100));
}

#[test]
fn latest_offset_of_a_new_leader_is_not_available_to_consumers() {
    let inputs = BoundInputs { high_watermark: offset(49), ..inputs() };
    let refused = latest_offset(&inputs, Reader::Consumer, Isolation::ReadUncommitted);
    assert!(matches!(refused, Err(Refusal::OffsetNotAvailable { .. })));
    let follower = Reader::Follower(NodeId::new(2));
    assert_eq!(latest_offset(&inputs, follower, Isolation::ReadUncommitted), Ok(offset(100)));
}

#[test]
fn timestamp_lookup_answers_what_is_visible_and_never_guesses() {
    let lookup = |inputs: &BoundInputs<'_>, found: Option<i64>| {
        timestamp_lookup_bound(
            inputs,
            Reader::Consumer,
            Isolation::ReadUncommitted,
            found.map(Offset::new),
        )
    };
    assert_eq!(lookup(&inputs(), Some(79)), Ok(Some(offset(79))));
    assert_eq!(lookup(&inputs(), Some(80)), Ok(None));
    assert_eq!(lookup(&inputs(), None), Ok(None));
    let lagging = BoundInputs { high_watermark: offset(49), ..inputs() };
    assert_eq!(lookup(&lagging, Some(20)), Ok(Some(offset(20))));
    assert!(matches!(lookup(&lagging, Some(60)), Err(Refusal::OffsetNotAvailable { .. })));
    assert!(matches!(lookup(&lagging, None), Err(Refusal::OffsetNotAvailable { .. })));
}

#[test]
fn replica_ids_of_the_wire_name_the_reader() {
    let read = [-3, -2, -1, 0, 7].map(Reader::from_wire);
    assert_eq!(
        read,
        [
            Reader::Consumer,
            Reader::Tool,
            Reader::Consumer,
            Reader::Follower(NodeId::new(0)),
            Reader::Follower(NodeId::new(7)),
        ]
    );
}
