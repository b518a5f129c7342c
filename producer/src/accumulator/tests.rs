use highwater_client::{PartitionMetadata, TopicMetadata};
use highwater_records::{ErrorCode, LeaderEpoch, NodeId, Uuid};

use super::*;

const LIMITS: Limits = Limits {
    batch_size: 200,
    buffer_memory: 1000,
    linger: Duration::from_secs(5),
    max_block: Duration::from_secs(1),
    codec: Codec::None,
};

fn topic() -> TopicName {
    TopicName::parse("t").unwrap()
}

/// An accumulator that knows topic `t` with `partition_count` partitions.
fn accumulator(limits: Limits, partition_count: i32) -> Accumulator {
    let partition = |partition| PartitionMetadata {
        partition,
        error: ErrorCode::None,
        leader: Some(NodeId::new(1)),
        leader_epoch: LeaderEpoch::ZERO,
        replicas: Vec::new(),
        isr: Vec::new(),
        offline: Vec::new(),
    };
    let described = TopicMetadata {
        id: Uuid::ZERO,
        error: ErrorCode::None,
        is_internal: false,
        partitions: (0..partition_count).map(partition).collect(),
    };
    let mut metadata = ClusterMetadata::default();
    metadata.topics.insert(topic(), described);
    let accumulator = Accumulator::new(limits);
    accumulator.update_topics(&metadata);
    accumulator
}

async fn append(accumulator: &Accumulator, record: ProducerRecord) -> Delivery {
    let reserved = accumulator.reserve(record.payload_bytes()).await.unwrap();
    accumulator.append(&record, Timestamp::new(1), reserved).unwrap()
}

fn record(value_bytes: usize) -> ProducerRecord {
    ProducerRecord::new(topic()).value(vec![b'x'; value_bytes])
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new(topic(), number)
}

#[tokio::test(start_paused = true)]
async fn batch_is_due_after_it_lingered_and_not_before() {
    let accumulator = accumulator(LIMITS, 1);
    drop(append(&accumulator, record(10)).await);
    let opened = Instant::now();
    let (ready, next) = accumulator.ready(opened);
    assert!(ready.is_empty());
    assert_eq!(next, Some(opened + LIMITS.linger));
    assert!(accumulator.take(&partition(0), opened).is_none());
    let due = opened + LIMITS.linger;
    assert_eq!(accumulator.ready(due).0, [partition(0)]);
    assert_eq!(accumulator.take(&partition(0), due).unwrap().builder.record_count(), 1);
    assert!(accumulator.ready(due).0.is_empty());
}

#[tokio::test]
async fn full_batch_is_due_at_once_and_batches_leave_in_order() {
    let accumulator = accumulator(LIMITS, 1);
    for value_bytes in [100, 101, 102, 103] {
        drop(append(&accumulator, record(value_bytes)).await);
    }
    let now = Instant::now();
    let first = accumulator.take(&partition(0), now).unwrap();
    assert!(first.builder.estimated_bytes() <= LIMITS.batch_size);
    assert_eq!(first.builder.record_count(), 1);
    assert!(first.number < accumulator.take(&partition(0), now).unwrap().number);
}

#[tokio::test]
async fn record_larger_than_a_batch_goes_alone_and_at_once() {
    let accumulator = accumulator(LIMITS, 1);
    drop(append(&accumulator, record(10)).await);
    drop(append(&accumulator, record(500)).await);
    let now = Instant::now();
    assert_eq!(accumulator.take(&partition(0), now).unwrap().builder.record_count(), 1);
    assert_eq!(accumulator.take(&partition(0), now).unwrap().builder.record_count(), 1);
}

#[tokio::test]
async fn memory_comes_back_when_a_record_is_not_appended_and_when_a_batch_is_released() {
    let accumulator = accumulator(LIMITS, 1);
    drop(accumulator.reserve(900).await.unwrap());
    drop(append(&accumulator, record(900)).await);
    assert_eq!(accumulator.memory.available_permits(), 100);
    let batch = accumulator.take(&partition(0), Instant::now()).unwrap();
    accumulator.release(batch.number, batch.reserved_bytes);
    assert_eq!(accumulator.memory.available_permits(), LIMITS.buffer_memory);
}

#[tokio::test(start_paused = true)]
async fn caller_that_waits_for_memory_makes_batches_due_and_gives_up_in_time() {
    let accumulator = accumulator(LIMITS, 1);
    drop(append(&accumulator, record(100)).await);
    let waiting = accumulator.reserve(950);
    let looking = async { accumulator.ready(Instant::now()).0 };
    let (refused, ready) = tokio::join!(waiting, looking);
    assert!(matches!(refused, Err(ProduceError::BufferFull { .. })));
    assert_eq!(ready, [partition(0)]);
}

#[tokio::test]
async fn key_decides_the_partition_and_a_given_partition_overrides_it() {
    let accumulator = accumulator(LIMITS, 4);
    let expected = partition_for_key(b"foobar", 4);
    drop(append(&accumulator, record(1).key(&b"foobar"[..])).await);
    drop(append(&accumulator, record(1).key(&b"foobar"[..]).partition(3)).await);
    let later = Instant::now() + LIMITS.linger;
    assert!(accumulator.take(&partition(expected), later).is_some());
    assert!(accumulator.take(&partition(3), later).is_some());
}

#[tokio::test]
async fn closed_accumulator_takes_no_record() {
    let accumulator = accumulator(LIMITS, 1);
    let reserved = accumulator.reserve(10).await.unwrap();
    accumulator.close();
    let refused = accumulator.append(&record(10), Timestamp::NONE, reserved);
    assert!(matches!(refused, Err(NotAppended::Failed(ProduceError::Closed))));
}
