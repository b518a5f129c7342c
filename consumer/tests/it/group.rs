//! A member of a group against a coordinator that does what no kind one would.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use highwater_consumer::{ConsumeError, Consumer, OffsetReset, TopicPartition};
use highwater_protocol::ApiKey;
use highwater_protocol::messages::api_versions::ApiVersionsRequest;
use highwater_protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, ResponseAssignment,
    ResponseAssignmentTopicPartition,
};
use highwater_protocol::messages::find_coordinator::{
    FindCoordinatorRequest, FindCoordinatorResponse, ResponseCoordinator,
};
use highwater_protocol::messages::list_offsets::{
    ListOffsetsRequest, ListOffsetsResponse, ResponseTopic, ResponseTopicPartition,
};
use highwater_protocol::messages::metadata::MetadataRequest;
use highwater_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitResponse, ResponseTopic as CommittedTopic,
    ResponseTopicPartition as CommittedPartition,
};
use highwater_protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchResponse, ResponseGroup,
};
use highwater_records::{ErrorCode, Offset, Uuid};

use crate::fake_broker::{Asked, FakeBroker, Reply, all_versions, metadata};

const STEP: Duration = Duration::from_millis(5);
/// Where the only partition begins and ends.
const START: i64 = 3;

/// A group with one member, and what it said.
#[derive(Default)]
struct Coordinator {
    /// Whether the broker is older than KIP-848.
    is_old: bool,
    /// Whether heartbeats stay without an answer.
    is_mute: bool,
    /// Whether the partition is taken away.
    is_empty: bool,
    /// Whether the epoch rises without a heartbeat that tells it.
    is_bumped: bool,
    /// Member id and epoch of each heartbeat, and how many partitions it owns.
    heartbeats: Vec<(String, i32, Option<usize>)>,
    /// Epoch and offset of each commit.
    commits: Vec<(i32, i64)>,
}

impl Coordinator {
    fn answer(&mut self, asked: &Asked, port: i32) -> Reply {
        match asked.key {
            ApiKey::ApiVersions => {
                let mut versions = all_versions();
                let beyond = ApiKey::ConsumerGroupHeartbeat.code();
                versions.api_keys.retain(|it| !self.is_old || it.api_key != beyond);
                asked.answer::<ApiVersionsRequest>(&versions)
            }
            ApiKey::Metadata => {
                asked.answer::<MetadataRequest>(&metadata(&asked.request(), port, 1))
            }
            ApiKey::FindCoordinator => {
                let host = "127.0.0.1".into();
                let found = ResponseCoordinator {
                    node_id: 1,
                    host,
                    port,
                    ..ResponseCoordinator::default()
                };
                asked.answer::<FindCoordinatorRequest>(&FindCoordinatorResponse {
                    coordinators: vec![found],
                    ..FindCoordinatorResponse::default()
                })
            }
            ApiKey::ConsumerGroupHeartbeat => self.heartbeat(asked),
            ApiKey::OffsetFetch => asked.answer::<OffsetFetchRequest>(&OffsetFetchResponse {
                groups: vec![ResponseGroup::default()],
                ..OffsetFetchResponse::default()
            }),
            ApiKey::ListOffsets => {
                let request: ListOffsetsRequest = asked.request();
                let partition =
                    ResponseTopicPartition { offset: START, ..ResponseTopicPartition::default() };
                let name = request.topics[0].name.clone();
                let topics = vec![ResponseTopic { name, partitions: vec![partition] }];
                let response = ListOffsetsResponse { topics, ..ListOffsetsResponse::default() };
                asked.answer::<ListOffsetsRequest>(&response)
            }
            ApiKey::OffsetCommit => self.commit(asked),
            ApiKey::Fetch => Reply::Silence,
            other => panic!("unexpected {other:?}"),
        }
    }

    fn heartbeat(&mut self, asked: &Asked) -> Reply {
        let request: ConsumerGroupHeartbeatRequest = asked.request();
        let owned = request.topic_partitions.map(|topics| topics.len());
        self.heartbeats.push((request.member_id.to_string(), request.member_epoch, owned));
        if self.is_mute && request.member_epoch >= 0 {
            return Reply::Silence;
        }
        let partition = ResponseAssignmentTopicPartition {
            topic_id: Uuid::from_bytes([7; 16]),
            partitions: vec![0],
        };
        let topic_partitions = if self.is_empty { Vec::new() } else { vec![partition] };
        asked.answer::<ConsumerGroupHeartbeatRequest>(&ConsumerGroupHeartbeatResponse {
            member_id: Some(request.member_id),
            member_epoch: self.epoch(),
            heartbeat_interval_ms: 10_000,
            assignment: Some(ResponseAssignment { topic_partitions }),
            ..ConsumerGroupHeartbeatResponse::default()
        })
    }

    fn commit(&mut self, asked: &Asked) -> Reply {
        let request: OffsetCommitRequest = asked.request();
        let epoch = request.generation_id_or_member_epoch;
        let name = request.topics[0].name.clone();
        self.commits.push((epoch, request.topics[0].partitions[0].committed_offset));
        let error_code = match epoch == self.epoch() {
            true => ErrorCode::None,
            false => ErrorCode::StaleMemberEpoch,
        };
        let partitions = vec![CommittedPartition { partition_index: 0, error_code }];
        let topics = vec![CommittedTopic { name, partitions, ..CommittedTopic::default() }];
        let response = OffsetCommitResponse { topics, ..OffsetCommitResponse::default() };
        asked.answer::<OffsetCommitRequest>(&response)
    }

    fn epoch(&self) -> i32 {
        if self.is_bumped { 2 } else { 1 }
    }
}

/// The broker, and what is shared with its script.
struct Cluster {
    broker: FakeBroker,
    coordinator: Arc<Mutex<Coordinator>>,
}

impl Cluster {
    async fn start(coordinator: Coordinator) -> Self {
        let coordinator = Arc::new(Mutex::new(coordinator));
        let shared = Arc::clone(&coordinator);
        let (tell, told) = std::sync::mpsc::channel();
        let mut port = 0;
        let broker = FakeBroker::start(move |asked| {
            if port == 0 {
                port = told.recv().unwrap();
            }
            shared.lock().unwrap().answer(asked, port)
        })
        .await;
        tell.send(broker.port).unwrap();
        Self { broker, coordinator }
    }

    fn member(&self, stores_itself: bool) -> Consumer {
        let mut consumer = Consumer::builder(&self.broker.address())
            .group_id("g")
            .auto_offset_reset(OffsetReset::Earliest)
            .auto_offset_store(!stores_itself)
            .build()
            .unwrap();
        consumer.subscribe(["t".parse().unwrap()]).unwrap();
        consumer
    }

    /// A member that has its partition and knows where it stands.
    async fn settled(&self, stores_itself: bool) -> Consumer {
        let mut consumer = self.member(stores_itself);
        let is_ready = |coordinator: &Coordinator| {
            coordinator.heartbeats.last().is_some_and(|(_, _, owned)| *owned == Some(1))
        };
        while consumer.position(&partition()) != Some(Offset::new(START)) || !self.is(is_ready) {
            assert!(consumer.poll(STEP).await.unwrap().is_empty());
        }
        consumer.keep_alive(STEP * 10).await.unwrap();
        consumer
    }

    fn is(&self, so: impl Fn(&Coordinator) -> bool) -> bool {
        so(&self.coordinator.lock().unwrap())
    }

    fn change(&self, change: impl FnOnce(&mut Coordinator)) {
        change(&mut self.coordinator.lock().unwrap());
    }

    fn commits(&self) -> Vec<(i32, i64)> {
        self.coordinator.lock().unwrap().commits.clone()
    }
}

fn partition() -> TopicPartition {
    TopicPartition::new("t".parse().unwrap(), 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn last_commit_with_a_stale_epoch_is_repeated_with_the_new_one() {
    let cluster = Cluster::start(Coordinator::default()).await;
    let consumer = cluster.settled(false).await;
    cluster.change(|coordinator| coordinator.is_bumped = true);
    consumer.close().await.unwrap();
    let commits = cluster.commits();
    assert_eq!((commits[0], commits.last()), ((1, START), Some(&(2, START))));
}

#[tokio::test(flavor = "multi_thread")]
async fn member_that_is_closed_while_it_joins_says_that_it_goes() {
    let cluster = Cluster::start(Coordinator { is_mute: true, ..Coordinator::default() }).await;
    let mut consumer = cluster.member(false);
    while cluster.is(|coordinator| coordinator.heartbeats.is_empty()) {
        assert!(consumer.poll(STEP).await.unwrap().is_empty());
    }
    consumer.close().await.unwrap();
    let coordinator = cluster.coordinator.lock().unwrap();
    let (joined, left) = (&coordinator.heartbeats[0], coordinator.heartbeats.last().unwrap());
    assert_eq!((joined.1, left.1), (0, -1));
    assert_eq!(joined.0, left.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn broker_without_consumer_groups_is_an_error_that_says_what_is_missing() {
    let cluster = Cluster::start(Coordinator { is_old: true, ..Coordinator::default() }).await;
    let mut consumer = cluster.member(false);
    let error = consumer.poll(Duration::from_secs(60)).await.unwrap_err();
    assert!(matches!(error, ConsumeError::NoConsumerGroups { .. }), "{error:?}");
    assert!(error.to_string().contains("classic member"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_stored_is_committed() {
    let cluster = Cluster::start(Coordinator::default()).await;
    cluster.settled(true).await.close().await.unwrap();
    assert_eq!(cluster.commits(), []);
    let mut consumer = cluster.settled(true).await;
    let mut store = |offset| consumer.store_offset(&partition(), Offset::new(offset));
    assert!(!store(START + 1), "that was not polled");
    assert!(store(START - 1));
    assert!(!store(START - 2), "more was stored before");
    consumer.close().await.unwrap();
    assert_eq!(cluster.commits(), [(1, START - 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn partition_that_is_taken_away_is_kept_until_what_was_polled_is_stored() {
    let cluster = Cluster::start(Coordinator::default()).await;
    let mut consumer = cluster.settled(true).await;
    cluster.change(|coordinator| {
        coordinator.is_empty = true;
        coordinator.is_bumped = true;
    });
    // A commit that is refused brings the news.
    assert!(consumer.store_offset(&partition(), Offset::new(START - 1)));
    consumer.commit().await.unwrap();
    consumer.keep_alive(STEP * 20).await.unwrap();
    assert_eq!(consumer.assignment().count(), 0);
    let gives_up = |coordinator: &Coordinator| coordinator.heartbeats.last().unwrap().2 == Some(0);
    assert!(!cluster.is(gives_up), "it is given up before it is stored");
    assert!(consumer.store_offset(&partition(), Offset::new(START)));
    while !cluster.is(gives_up) {
        consumer.keep_alive(STEP).await.unwrap();
    }
    assert_eq!(cluster.commits().last(), Some(&(2, START)));
}
