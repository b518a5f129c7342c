use highwater_protocol::Records;
use highwater_protocol::messages::fetch::ResponseResponsePartitionDivergingEpoch;
use highwater_records::{BatchBuilder, Codec};

use super::*;

fn partition(to: SeekTo) -> AssignedPartition {
    let name = TopicPartition::new(TopicName::parse("t").unwrap(), 0);
    AssignedPartition::new(name, to, 1, RetryPolicy::default())
}

fn refusal(error_code: ErrorCode) -> ResponseResponsePartition {
    ResponseResponsePartition { error_code, ..ResponseResponsePartition::default() }
}

fn records(base: i64, count: i64) -> ResponseResponsePartition {
    let mut builder = BatchBuilder::new(Codec::None);
    builder.base_offset(Offset::new(base)).leader_epoch(LeaderEpoch::new(4));
    for _ in 0..count {
        builder.append(Timestamp::new(1), None, None, &[]);
    }
    ResponseResponsePartition {
        high_watermark: 100,
        records: Some(Records::from(builder.build().into_bytes())),
        ..ResponseResponsePartition::default()
    }
}

fn at(offset: i64) -> AssignedPartition {
    partition(SeekTo::Offset(Offset::new(offset)))
}

fn wants(partition: &AssignedPartition) -> Option<i64> {
    partition.wants_fetch(Instant::now()).map(|(offset, _)| offset.value())
}

#[tokio::test(start_paused = true)]
async fn one_answer_is_read_while_the_next_is_fetched_and_no_more() {
    let (mut partition, now) = (at(0), Instant::now());
    assert_eq!(wants(&partition), Some(0));
    partition.on_fetch_sent();
    assert_eq!(wants(&partition), None);
    partition.on_fetched(records(0, 3), OffsetReset::None, now);
    assert_eq!(wants(&partition), Some(3));
    partition.on_fetch_sent();
    partition.on_fetched(records(3, 2), OffsetReset::None, now);
    assert_eq!(wants(&partition), None, "two answers are held");
    let mut taken = Vec::new();
    partition.take_records(&mut taken, 4);
    assert_eq!(taken.len(), 4);
    assert_eq!(partition.position(), Some(Offset::new(4)));
    assert_eq!(partition.wants_fetch(now), Some((Offset::new(5), LeaderEpoch::new(4))));
}

#[tokio::test(start_paused = true)]
async fn position_out_of_range_follows_the_reset_policy() {
    let now = Instant::now();
    for (reset, place) in
        [(OffsetReset::Earliest, OffsetSpec::Earliest), (OffsetReset::Latest, OffsetSpec::Latest)]
    {
        let mut partition = at(9);
        partition.on_fetched(refusal(ErrorCode::OffsetOutOfRange), reset, now);
        assert_eq!(partition.start_lookup(now), Some(place));
        assert_eq!(partition.start_lookup(now), None, "somebody is at it");
        partition.on_found(Some(Offset::new(5)));
        assert_eq!(partition.position(), Some(Offset::new(5)));
    }
    let mut partition = at(9);
    partition.on_fetched(refusal(ErrorCode::OffsetOutOfRange), OffsetReset::None, now);
    assert!(matches!(partition.take_error(), Some(ConsumeError::OffsetOutOfRange { .. })));
    assert_eq!(partition.position(), Some(Offset::new(9)));
}

#[tokio::test(start_paused = true)]
async fn time_that_no_record_is_as_new_as_means_the_end() {
    let (mut partition, now) = (partition(SeekTo::Time(Timestamp::new(7))), Instant::now());
    assert_eq!(partition.start_lookup(now), Some(OffsetSpec::At(Timestamp::new(7))));
    partition.on_found(None);
    assert_eq!(partition.start_lookup(now), Some(OffsetSpec::Latest));
}

#[tokio::test(start_paused = true)]
async fn log_truncated_below_the_position_is_an_error_without_a_reset_policy() {
    let now = Instant::now();
    let diverging = || ResponseResponsePartition {
        diverging_epoch: ResponseResponsePartitionDivergingEpoch { epoch: 3, end_offset: 4 },
        ..ResponseResponsePartition::default()
    };
    let mut partition = at(9);
    partition.on_fetched(diverging(), OffsetReset::None, now);
    let error = partition.take_error().unwrap();
    assert!(matches!(error, ConsumeError::LogTruncated { .. }), "{error}");
    let mut partition = at(9);
    partition.on_fetched(diverging(), OffsetReset::Latest, now);
    assert_eq!(partition.position(), Some(Offset::new(4)));
}

#[tokio::test(start_paused = true)]
async fn stale_leader_asks_for_metadata_and_waits() {
    let (mut partition, now) = (at(0), Instant::now());
    for code in [ErrorCode::NotLeaderOrFollower, ErrorCode::FencedLeaderEpoch] {
        let after = partition.on_fetched(refusal(code), OffsetReset::None, now);
        assert_eq!(after, AfterFetch::RefreshMetadata);
        assert_eq!(wants(&partition), None);
        partition.stop_waiting();
        assert_eq!(wants(&partition), Some(0));
        assert!(partition.take_error().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn final_refusal_is_told_once_and_the_partition_stays_readable() {
    let (mut partition, now) = (at(0), Instant::now());
    partition.on_fetched(refusal(ErrorCode::TopicAuthorizationFailed), OffsetReset::None, now);
    assert!(matches!(partition.take_error(), Some(ConsumeError::Refused { .. })));
    assert!(partition.take_error().is_none());
    partition.stop_waiting();
    assert_eq!(wants(&partition), Some(0));
}
