//! The host on a simulated disk: what it promises whatever the machine says.

use std::future::Future;
use std::pin::Pin;

use futures_util::FutureExt;
use highwater_controller::MetadataRecord;
use highwater_coordinator::ConnectionId;
use highwater_coordinator::group::{Answer, FetchedOffset, GroupRecord, Refusal};
use highwater_protocol::messages::heartbeat::HeartbeatRequest;
use highwater_protocol::messages::join_group::{JoinGroupRequest, RequestProtocol};
use highwater_protocol::messages::offset_commit::{
    OffsetCommitRequest, RequestTopic, RequestTopicPartition,
};
use highwater_protocol::messages::offset_fetch::{RequestGroup, RequestGroupTopic};
use highwater_protocol::messages::sync_group::SyncGroupRequest;
use highwater_records::{Monotonic, Timestamp};
use highwater_replication::Acks;
use highwater_storage::{DiskOp, SimDisk};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::*;
use crate::config::Properties;
use crate::replicas::fixture::{self, Fixture, TestClock, TestWorkers};

const ENOSPC: i32 = 28;
const GROUP: &str = "a-group";
const TOPIC: &str = "t";

/// Groups on a simulated disk whose syncs wait to be told.
struct Host {
    fixture: Fixture,
    groups: Arc<Groups>,
    disk: SimDisk,
    workers: Arc<TestWorkers>,
    stopping: CancellationToken,
    context: RequestContext,
}

type Asked<'a> = Pin<Box<dyn Future<Output = Reply> + 'a>>;

impl Host {
    /// An offsets topic of two partitions and a topic `t` of three.
    async fn start() -> Self {
        let (mut fixture, disk, workers) = Fixture::simulated().await;
        fixture.create(OFFSETS_TOPIC, 2, &[("cleanup.policy", "compact")]).await;
        fixture.create(TOPIC, 3, &[]).await;
        Self::on(fixture, disk, workers)
    }

    fn on(fixture: Fixture, disk: SimDisk, workers: Arc<TestWorkers>) -> Self {
        let mut properties = Properties::default();
        properties.set("log.dirs", "/data");
        properties.set("listeners", "PLAINTEXT://127.0.0.1:0");
        properties.set("group.initial.rebalance.delay.ms", "0");
        properties.set("offsets.commit.timeout.ms", "1000");
        let config = Config::from_properties(properties).unwrap();
        let stopping = CancellationToken::new();
        let setup = GroupsSetup {
            clock: TestClock::new(),
            workers: Arc::clone(&workers) as Arc<dyn Workers>,
            tasks: Tasks::new(Handle::current(), Arc::default()),
            ending: fixture.ending.clone(),
            stopping: stopping.clone(),
        };
        let groups = Groups::new(&config, setup);
        let image = fixture.image();
        groups.apply(&fixture.replicas, &image, &MetadataDelta::everything(&image));
        let peer = PeerContext::new(
            ConnectionId(1),
            "User:ANONYMOUS",
            "PLAINTEXT",
            "127.0.0.1:1".parse().unwrap(),
        );
        let context = RequestContext {
            peer: Arc::new(peer),
            client_id: Some(Str::from("tests")),
            api_version: 7,
            correlation_id: 0,
            received: Monotonic::ZERO,
        };
        Self { fixture, groups, disk, workers, stopping, context }
    }

    /// The same once everything is loaded.
    async fn loaded() -> Self {
        let host = Self::start().await;
        host.settle().await;
        assert!(host.groups.all().iter().all(|shard| shard.is_active()));
        host
    }

    /// Lets all tasks do what they can without time going by.
    async fn settle(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    /// Kills the broker, with or without the power, and starts another on the same disk.
    async fn restart(self, with_power_cut: bool) -> Self {
        let image = self.fixture.image();
        self.fixture.ending.cancel();
        self.settle().await;
        if with_power_cut {
            self.disk.power_cut(1);
        } else {
            self.disk.crash();
        }
        let workers = TestWorkers::new();
        let shared = Arc::clone(&workers) as Arc<dyn Workers>;
        let fixture = Fixture::start(Arc::new(self.disk.clone()), shared, image).await;
        let host = Self::on(fixture, self.disk, workers);
        host.workers.run_syncs();
        host.settle().await;
        host
    }

    fn ask<'a>(&'a self, input: impl FnOnce(Caller) -> Input + 'a) -> Asked<'a> {
        Box::pin(self.groups.ask(&self.context, GROUP, input))
    }

    /// A commit of an administrator.
    fn commit(&self, offset: i64) -> Asked<'_> {
        self.commit_to(GROUP, offset)
    }

    fn commit_to<'a>(&'a self, group_id: &'a str, offset: i64) -> Asked<'a> {
        let partition = RequestTopicPartition {
            committed_offset: offset,
            committed_metadata: Some(Str::from("why")),
            ..RequestTopicPartition::default()
        };
        let topic = RequestTopic {
            name: Str::from(TOPIC),
            partitions: vec![partition],
            ..RequestTopic::default()
        };
        let request = OffsetCommitRequest {
            group_id: Str::from(group_id),
            topics: vec![topic],
            ..OffsetCommitRequest::default()
        };
        let input = |caller| Input::CommitOffsets { caller, request };
        Box::pin(self.groups.ask(&self.context, group_id, input))
    }

    fn fetch(&self) -> Asked<'_> {
        let topic = RequestGroupTopic {
            name: Str::from(TOPIC),
            partition_indexes: vec![0],
            ..RequestGroupTopic::default()
        };
        let group = RequestGroup {
            group_id: Str::from(GROUP),
            topics: Some(vec![topic]),
            ..RequestGroup::default()
        };
        self.ask(|caller| Input::FetchOffsets { caller, group, require_stable: false })
    }

    fn join(&self) -> Asked<'_> {
        let protocol = RequestProtocol { name: Str::from("range"), metadata: b"me"[..].into() };
        let request = JoinGroupRequest {
            group_id: Str::from(GROUP),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 60_000,
            protocol_type: Str::from("consumer"),
            protocols: vec![protocol],
            ..JoinGroupRequest::default()
        };
        self.ask(|caller| Input::Join {
            uuid: Uuid::from_random(u128::from(caller.request.0) + 1),
            caller: Caller { version: 3, ..caller },
            request,
        })
    }

    fn sync(&self, member_id: Str) -> Asked<'_> {
        let request = SyncGroupRequest {
            group_id: Str::from(GROUP),
            generation_id: 1,
            member_id,
            ..SyncGroupRequest::default()
        };
        self.ask(|caller| Input::Sync { caller: Caller { version: 3, ..caller }, request })
    }

    fn heartbeat(&self, member_id: Str) -> Asked<'_> {
        let group_id = Str::from(GROUP);
        let request =
            HeartbeatRequest { group_id, generation_id: 1, member_id, group_instance_id: None };
        self.ask(|caller| Input::Heartbeat { caller, request })
    }

    /// Joins and syncs a group of one.
    async fn member(&self) -> Str {
        let Ok(Answer::Join(Ok(joined))) = self.synced(self.join()).await else {
            panic!("no member");
        };
        let synced = self.synced(self.sync(joined.member_id.clone())).await;
        assert!(matches!(synced, Ok(Answer::Sync(Ok(_)))), "{synced:?}");
        joined.member_id
    }

    /// The answer once the disk has synced.
    async fn synced(&self, mut asked: Asked<'_>) -> Reply {
        for _ in 0..10 {
            if let Some(reply) = (&mut asked).now_or_never() {
                return reply;
            }
            self.workers.run_syncs();
            self.settle().await;
        }
        panic!("no answer");
    }

    async fn committed(&self) -> Option<i64> {
        let reply = self.synced(self.fetch()).await;
        offset_in(reply).map(|found| found.offset)
    }

    async fn state(&self) -> &'static str {
        let group_id = Str::from(GROUP);
        let asked = self.ask(|caller| Input::DescribeGroup { caller, group_id });
        match self.synced(asked).await {
            Ok(Answer::DescribeGroup(Ok(described))) => described.state,
            Ok(Answer::DescribeGroup(Err(Refusal::GroupIdNotFound))) => "none",
            other => panic!("{other:?}"),
        }
    }

    /// The partition of the group.
    fn partition(&self) -> Arc<crate::partition::Partition> {
        let number = usize::try_from(partition_of(GROUP, 2)).unwrap();
        Arc::clone(&self.fixture.partitions(OFFSETS_TOPIC)[number])
    }
}

fn offset_in(reply: Reply) -> Option<FetchedOffset> {
    let Ok(Answer::FetchOffsets(Ok(topics))) = reply else { panic!("{reply:?}") };
    topics[0].partitions[0].result.clone().unwrap()
}

fn is_commit(reply: &Reply) -> bool {
    let Ok(Answer::CommitOffsets(Ok(topics))) = reply else { return false };
    topics[0].partitions[0].1.is_ok()
}

#[tokio::test(start_paused = true)]
async fn commit_is_answered_once_it_is_synced() {
    let host = Host::loaded().await;
    let mut commit = host.commit(5);
    host.settle().await;
    assert!((&mut commit).now_or_never().is_none(), "answered before the sync");
    host.settle().await;
    assert!((&mut commit).now_or_never().is_none(), "answered before the sync");
    host.workers.run_syncs();
    assert!(is_commit(&commit.await));
    assert_eq!(host.committed().await, Some(5));
}

#[tokio::test(start_paused = true)]
async fn answer_that_saw_an_uncommitted_record_waits_for_it() {
    let host = Host::loaded().await;
    let mut commit = host.commit(5);
    assert!((&mut commit).now_or_never().is_none());
    let mut fetch = host.fetch();
    assert!((&mut fetch).now_or_never().is_none(), "a power cut could take back what it says");
    host.workers.run_syncs();
    assert_eq!(offset_in(fetch.await).unwrap().offset, 5);
    assert!(is_commit(&commit.await));
    let fetch = host.fetch().now_or_never();
    assert!(fetch.is_some(), "nothing to wait for any more");
}

#[tokio::test(start_paused = true)]
async fn loading_coordinator_says_so() {
    let host = Host::start().await;
    let reply = host.fetch().await;
    assert!(matches!(reply, Err(Unavailable::Loading)), "{reply:?}");
    host.settle().await;
    assert_eq!(host.committed().await, None);
}

#[tokio::test(start_paused = true)]
async fn nobody_coordinates_without_an_offsets_topic() {
    let (fixture, disk, workers) = Fixture::simulated().await;
    let host = Host::on(fixture, disk, workers);
    let reply = host.fetch().await;
    assert!(matches!(reply, Err(Unavailable::NotCoordinator)), "{reply:?}");
}

#[tokio::test(start_paused = true)]
async fn commit_that_is_not_synced_in_time_is_not_available_and_may_still_count() {
    let host = Host::loaded().await;
    let started = Instant::now();
    let reply = host.commit(5).await;
    assert!(matches!(reply, Err(Unavailable::TimedOut)), "{reply:?}");
    assert_eq!(started.elapsed().as_secs(), 1);
    assert_eq!(host.committed().await, Some(5));
}

#[tokio::test(start_paused = true)]
async fn restart_keeps_what_was_answered() {
    for with_power_cut in [false, true] {
        let host = Host::loaded().await;
        for offset in 1..=20 {
            assert!(is_commit(&host.synced(host.commit(offset)).await));
        }
        let host = host.restart(with_power_cut).await;
        assert_eq!(host.committed().await, Some(20));
        let host = host.restart(with_power_cut).await;
        assert_eq!(host.committed().await, Some(20));
    }
}

#[tokio::test(start_paused = true)]
async fn restart_keeps_members_and_their_sessions_start_anew() {
    let host = Host::loaded().await;
    let member_id = host.member().await;
    let host = host.restart(true).await;
    assert_eq!(host.state().await, "Stable");
    let reply = host.synced(host.heartbeat(member_id)).await;
    assert!(matches!(reply, Ok(Answer::Heartbeat(Ok(())))), "{reply:?}");
}

#[tokio::test(start_paused = true)]
async fn member_that_is_silent_is_removed_in_time() {
    let host = Host::loaded().await;
    host.member().await;
    tokio::time::sleep(Duration::from_millis(9_900)).await;
    assert_eq!(host.state().await, "Stable");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(host.state().await, "Empty");
}

#[tokio::test(start_paused = true)]
async fn member_whose_client_closed_its_connection_is_removed_sooner() {
    let host = Host::loaded().await;
    let member_id = host.member().await;
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let reply = host.synced(host.heartbeat(member_id.clone())).await;
        assert!(matches!(reply, Ok(Answer::Heartbeat(Ok(())))), "{reply:?}");
    }
    host.groups.on_peer_closed(&host.context.peer);
    tokio::time::sleep(Duration::from_millis(5_900)).await;
    assert_eq!(host.state().await, "Stable");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(host.state().await, "Empty");
}

#[tokio::test(start_paused = true)]
async fn lost_append_makes_the_coordinator_read_the_log_again() {
    let host = Host::loaded().await;
    assert!(is_commit(&host.synced(host.commit(1)).await));
    // Somebody else writes: the next record cannot go where it has to.
    let partition = host.partition();
    let stranger = GroupRecord::ClassicGroup { group_id: Str::from("other"), value: None };
    let (batch, _) = batch::encode(&[stranger], Codec::None, Timestamp::new(1), 1 << 20).unwrap();
    fixture::append(&partition, &batch, Acks::All);
    let lost = host.synced(host.commit(2)).await;
    assert!(matches!(lost, Err(Unavailable::Lost(_))), "{lost:?}");
    let reply = host.fetch().await;
    assert!(matches!(reply, Err(Unavailable::Loading)), "{reply:?}");
    host.workers.run_syncs();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(host.committed().await, Some(1), "what was lost was not remembered");
    assert!(is_commit(&host.synced(host.commit(3)).await));
    assert_eq!(host.committed().await, Some(3));
}

#[tokio::test(start_paused = true)]
async fn full_disk_refuses_commits_until_there_is_room() {
    let host = Host::loaded().await;
    assert!(is_commit(&host.synced(host.commit(1)).await));
    host.disk.fail_from(DiskOp::Write, ENOSPC, 0);
    let lost = host.synced(host.commit(2)).await;
    assert!(matches!(lost, Err(Unavailable::Lost(_))), "{lost:?}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(host.committed().await, Some(1));
    host.disk.heal();
    assert!(is_commit(&host.synced(host.commit(3)).await));
    assert_eq!(host.committed().await, Some(3));
}

#[tokio::test(start_paused = true)]
async fn waiting_join_is_answered_when_an_append_is_lost() {
    let host = Host::loaded().await;
    host.member().await;
    let mut join = host.join();
    assert!((&mut join).now_or_never().is_none(), "it waits for the other member");
    let partition = host.partition();
    let stranger = GroupRecord::ClassicGroup { group_id: Str::from("other"), value: None };
    let (batch, _) = batch::encode(&[stranger], Codec::None, Timestamp::new(1), 1 << 20).unwrap();
    fixture::append(&partition, &batch, Acks::All);
    // Of another group of the same coordinator, so that the group of the join does nothing.
    let neighbour = (0..).map(|n| format!("neighbour-{n}"));
    let neighbour = { neighbour }.find(|id| partition_of(id, 2) == partition_of(GROUP, 2)).unwrap();
    let lost = host.synced(host.commit_to(&neighbour, 2)).await;
    assert!(matches!(lost, Err(Unavailable::Lost(_))), "{lost:?}");
    let reply = (&mut join).now_or_never();
    assert!(matches!(reply, Some(Err(Unavailable::NotCoordinator))), "{reply:?}");
}

#[tokio::test(start_paused = true)]
async fn waiting_join_is_answered_when_its_coordinator_resigns() {
    let host = Host::loaded().await;
    host.member().await;
    let mut join = host.join();
    assert!((&mut join).now_or_never().is_none(), "it waits for the other member");
    let number = partition_of(GROUP, 2);
    let shard = Arc::clone(&host.groups.shards.read().by_number[&number]);
    shard.resign();
    let reply = (&mut join).now_or_never();
    assert!(matches!(reply, Some(Err(Unavailable::NotCoordinator))), "{reply:?}");
}

#[tokio::test(start_paused = true)]
async fn stop_answers_those_who_wait_for_others() {
    let host = Host::loaded().await;
    host.member().await;
    let mut join = host.join();
    assert!((&mut join).now_or_never().is_none(), "it waits for the other member");
    host.stopping.cancel();
    host.settle().await;
    let reply = (&mut join).now_or_never();
    assert!(matches!(reply, Some(Err(Unavailable::NotCoordinator))), "{reply:?}");
    let late = host.join().now_or_never();
    assert!(matches!(late, Some(Err(Unavailable::NotCoordinator))), "{late:?}");
    assert_eq!(host.committed().await, None, "what waits for nobody is answered");
}

#[tokio::test(start_paused = true)]
async fn request_that_was_given_up_leaves_nothing_behind() {
    let host = Host::loaded().await;
    host.member().await;
    let mut join = host.join();
    assert!((&mut join).now_or_never().is_none());
    let number = partition_of(GROUP, 2);
    let shard = Arc::clone(&host.groups.shards.read().by_number[&number]);
    assert_eq!(shard.waiting_count(), 1);
    drop(join);
    assert_eq!(shard.waiting_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn offsets_of_a_deleted_topic_go_with_it() {
    let mut host = Host::loaded().await;
    assert!(is_commit(&host.synced(host.commit(1)).await));
    let id = host.fixture.replicas.topic_by_name(TOPIC).unwrap().id;
    let mut image = host.fixture.image();
    let mut delta = MetadataDelta::default();
    let remove = MetadataRecord::RemoveTopic { id };
    delta.replay(&mut image, &remove).unwrap();
    host.fixture.commit(&[remove]).await;
    host.groups.apply(&host.fixture.replicas, &image, &delta);
    assert_eq!(host.committed().await, None);
}

#[tokio::test(start_paused = true)]
async fn offsets_of_a_topic_deleted_before_the_start_go_too() {
    let mut host = Host::loaded().await;
    assert!(is_commit(&host.synced(host.commit(1)).await));
    let id = host.fixture.replicas.topic_by_name(TOPIC).unwrap().id;
    host.fixture.commit(&[MetadataRecord::RemoveTopic { id }]).await;
    let host = host.restart(true).await;
    assert_eq!(host.state().await, "none");
}

#[tokio::test(start_paused = true)]
async fn new_leader_epoch_loads_again_and_keeps_the_offsets() {
    let mut host = Host::loaded().await;
    assert!(is_commit(&host.synced(host.commit(4)).await));
    let topic = host.fixture.replicas.topic_by_name(OFFSETS_TOPIC).unwrap();
    let change = highwater_controller::PartitionChange {
        leader: Some(fixture::NODE),
        ..highwater_controller::PartitionChange::default()
    };
    let record = MetadataRecord::PartitionChange {
        topic_id: topic.id,
        partition: partition_of(GROUP, 2),
        change,
    };
    host.fixture.commit(&[record]).await;
    let image = host.fixture.image();
    host.groups.apply(&host.fixture.replicas, &image, &MetadataDelta::everything(&image));
    let reply = host.fetch().await;
    assert!(matches!(reply, Err(Unavailable::Loading)), "{reply:?}");
    host.settle().await;
    assert_eq!(host.committed().await, Some(4));
    assert!(is_commit(&host.synced(host.commit(5)).await));
}

/// A group whose id is nearly as long as an id may be: a few bytes of a request, and much in the log.
fn long_id() -> Str {
    Str::from("g".repeat(30_000))
}

fn commit_of(
    group_id: Str,
    topic: &str,
    partitions: impl Iterator<Item = i32>,
) -> OffsetCommitRequest {
    let partition =
        |partition_index| RequestTopicPartition { partition_index, ..Default::default() };
    let topic = RequestTopic {
        name: Str::from(topic),
        partitions: partitions.map(partition).collect(),
        ..RequestTopic::default()
    };
    OffsetCommitRequest { group_id, topics: vec![topic], ..OffsetCommitRequest::default() }
}

impl Host {
    fn ask_of<'a>(&'a self, id: &'a Str, input: impl FnOnce(Caller) -> Input + 'a) -> Asked<'a> {
        Box::pin(self.groups.ask(&self.context, id, input))
    }

    /// With segments of the least size, and a topic of sixty partitions that the group has read.
    async fn with_a_wide_group(id: &Str) -> Self {
        let (mut fixture, disk, workers) = Fixture::simulated().await;
        let settings = [("cleanup.policy", "compact"), ("segment.bytes", "1048576")];
        fixture.create(OFFSETS_TOPIC, 1, &settings).await;
        fixture.create(TOPIC, 3, &[]).await;
        fixture.create("wide", 60, &[]).await;
        let host = Self::on(fixture, disk, workers);
        host.settle().await;
        for partition in 0..60 {
            let request = commit_of(id.clone(), "wide", std::iter::once(partition));
            let asked = host.ask_of(id, |caller| Input::CommitOffsets { caller, request });
            assert!(is_commit(&host.synced(asked).await), "{partition}");
        }
        host
    }

    fn offset_count(&self, id: &Str) -> usize {
        let count = |machine: &GroupCoordinator| {
            machine.lag_sources().filter(|source| source.group_id == id).count()
        };
        self.groups.look(count).into_iter().map(Result::unwrap).sum()
    }

    /// Its neighbours are served, and nothing is read again.
    async fn check_neighbours(&self) {
        assert!(is_commit(&self.synced(self.commit(5)).await));
        assert!(self.groups.all().iter().all(|shard| shard.is_active()));
    }
}

#[tokio::test(start_paused = true)]
async fn commit_of_more_than_a_batch_is_refused_alone() {
    let host = Host::loaded().await;
    let id = long_id();
    for count in [40, 60_000] {
        let request = commit_of(id.clone(), TOPIC, std::iter::repeat_n(0, count));
        let asked = host.ask_of(&id, |caller| Input::CommitOffsets { caller, request });
        let refused = asked.now_or_never().expect("nothing to wait for");
        let is_too_large = matches!(
            refused,
            Ok(Answer::CommitOffsets(Err(Refusal::CommitTooLarge { max_bytes: 1_048_588, .. })))
        );
        assert!(is_too_large, "{count}: {refused:?}");
        host.check_neighbours().await;
    }
    let request = commit_of(id.clone(), TOPIC, std::iter::repeat_n(0, 30));
    let asked = host.ask_of(&id, |caller| Input::CommitOffsets { caller, request });
    assert!(is_commit(&host.synced(asked).await));
}

#[tokio::test(start_paused = true)]
async fn deletions_of_more_than_a_batch_are_written_in_several() {
    let id = long_id();
    let host = Host::with_a_wide_group(&id).await;
    let host = host.restart(true).await;
    assert_eq!(host.offset_count(&id), 60);
    let group_id = id.clone();
    let asked = host.ask_of(&id, |caller| Input::DeleteGroup { caller, group_id });
    let deleted = host.synced(asked).await;
    assert!(matches!(deleted, Ok(Answer::DeleteGroup(Ok(())))), "{deleted:?}");
    host.check_neighbours().await;
    let host = host.restart(true).await;
    assert_eq!(host.offset_count(&id), 0);
}

#[tokio::test(start_paused = true)]
async fn offsets_of_a_deleted_topic_that_fill_several_batches_are_dropped() {
    let id = long_id();
    let host = Host::with_a_wide_group(&id).await;
    let topic_id = host.fixture.replicas.topic_by_name("wide").unwrap().id;
    for shard in host.groups.all() {
        shard.tell(Input::TopicsDeleted { topics: vec![(Str::from("wide"), topic_id)] });
    }
    host.workers.run_syncs();
    host.settle().await;
    host.check_neighbours().await;
    assert_eq!(host.offset_count(&id), 0);
    let host = host.restart(true).await;
    assert_eq!(host.offset_count(&id), 0);
}

#[tokio::test(start_paused = true)]
async fn what_must_be_written_together_and_does_not_fit_is_refused_alone() {
    let id = long_id();
    let host = Host::with_a_wide_group(&id).await;
    let protocol =
        RequestProtocol { name: Str::from("range"), metadata: vec![7; 2_000_000].into() };
    let request = JoinGroupRequest {
        group_id: id.clone(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: Str::from("consumer"),
        protocols: vec![protocol],
        ..JoinGroupRequest::default()
    };
    let asked = host.ask_of(&id, |caller| Input::Join {
        uuid: Uuid::from_random(1),
        caller: Caller { version: 3, ..caller },
        request,
    });
    let Ok(Answer::Join(Ok(joined))) = host.synced(asked).await else { panic!("no member") };
    let request = SyncGroupRequest {
        group_id: id.clone(),
        generation_id: 1,
        member_id: joined.member_id,
        ..SyncGroupRequest::default()
    };
    let asked =
        host.ask_of(&id, |caller| Input::Sync { caller: Caller { version: 3, ..caller }, request });
    let refused = host.synced(asked).await;
    assert!(matches!(refused, Err(Unavailable::Unwritable(_))), "{refused:?}");
    host.check_neighbours().await;
    assert_eq!(host.offset_count(&id), 60);
}
