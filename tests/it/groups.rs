//! Consumer groups over real sockets, and through kills of the real process.

use std::time::{Duration, Instant};

use anyhow::Result;
use highwater_protocol::Str;
use highwater_protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, RequestTopicPartition,
};
use highwater_protocol::messages::describe_groups::{DescribeGroupsRequest, ResponseGroup};
use highwater_protocol::messages::heartbeat::HeartbeatRequest;
use highwater_protocol::messages::join_group::{
    JoinGroupRequest, JoinGroupResponse, RequestProtocol,
};
use highwater_protocol::messages::leave_group::{LeaveGroupRequest, RequestMember};
use highwater_protocol::messages::offset_commit;
use highwater_protocol::messages::sync_group::{RequestAssignment, SyncGroupRequest};
use highwater_records::{ErrorCode, Uuid};
use highwater_tests::groups::{committed, coordinator, subscription};
use highwater_tests::honest::create_topic;
use highwater_tests::{Highwater, RawClient};

const TOPIC: &str = "groups";
const GROUP: &str = "a-group";
const NO_DELAY: &str = "group.initial.rebalance.delay.ms=0";

/// A broker with a topic of two partitions and a coordinator.
fn broker(directory: &tempfile::TempDir, overrides: &[&str]) -> (Highwater, RawClient) {
    let broker = Highwater::serve(directory.path(), overrides).unwrap();
    let mut client = RawClient::connect(broker.address()).unwrap();
    create_topic(&mut client, TOPIC, 2, &[]).unwrap();
    coordinator(&mut client, GROUP).unwrap();
    (broker, client)
}

fn join_request(member_id: &str) -> JoinGroupRequest {
    let protocol = RequestProtocol { name: "range".into(), metadata: subscription(TOPIC) };
    JoinGroupRequest {
        group_id: GROUP.into(),
        session_timeout_ms: 30_000,
        rebalance_timeout_ms: 60_000,
        member_id: member_id.into(),
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
        ..JoinGroupRequest::default()
    }
}

/// Joins a group that has no other member, as clients since KIP-394 do.
fn join(client: &mut RawClient) -> Result<JoinGroupResponse> {
    let first = client.call(9, &join_request(""))?;
    anyhow::ensure!(first.error_code == ErrorCode::MemberIdRequired, "{first:?}");
    anyhow::ensure!(first.member_id.starts_with("tests-"), "{first:?}");
    let joined = client.call(9, &join_request(&first.member_id))?;
    anyhow::ensure!(joined.error_code == ErrorCode::None, "{joined:?}");
    Ok(joined)
}

fn sync(client: &mut RawClient, joined: &JoinGroupResponse) -> Result<bytes::Bytes> {
    let assignments = joined.members.iter().map(|member| RequestAssignment {
        member_id: member.member_id.clone(),
        assignment: format!("for {}", member.member_id).into(),
    });
    let request = SyncGroupRequest {
        group_id: GROUP.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: joined.protocol_type.clone(),
        protocol_name: joined.protocol_name.clone(),
        assignments: assignments.collect(),
        ..SyncGroupRequest::default()
    };
    let synced = client.call(5, &request)?;
    anyhow::ensure!(synced.error_code == ErrorCode::None, "{synced:?}");
    Ok(synced.assignment)
}

fn heartbeat(client: &mut RawClient, member_id: &Str, generation_id: i32) -> ErrorCode {
    let request = HeartbeatRequest {
        group_id: GROUP.into(),
        generation_id,
        member_id: member_id.clone(),
        group_instance_id: None,
    };
    client.call(4, &request).unwrap().error_code
}

fn commit(client: &mut RawClient, member_id: &Str, epoch: i32, offset: i64) -> Result<ErrorCode> {
    let partition = offset_commit::RequestTopicPartition {
        committed_offset: offset,
        committed_metadata: Some("so far".into()),
        ..offset_commit::RequestTopicPartition::default()
    };
    let topic = offset_commit::RequestTopic {
        name: TOPIC.into(),
        partitions: vec![partition],
        ..offset_commit::RequestTopic::default()
    };
    let request = offset_commit::OffsetCommitRequest {
        group_id: GROUP.into(),
        generation_id_or_member_epoch: epoch,
        member_id: member_id.clone(),
        topics: vec![topic],
        ..offset_commit::OffsetCommitRequest::default()
    };
    let response = client.call(9, &request)?;
    Ok(response.topics[0].partitions[0].error_code)
}

/// The committed offset of partition 0; -1 for none.
fn describe(client: &mut RawClient) -> ResponseGroup {
    let request =
        DescribeGroupsRequest { groups: vec![GROUP.into()], ..DescribeGroupsRequest::default() };
    client.call(5, &request).unwrap().groups.remove(0)
}

#[test]
fn classic_member_joins_commits_and_leaves() {
    let directory = tempfile::tempdir().unwrap();
    let (_broker, mut client) = broker(&directory, &[NO_DELAY]);
    assert_eq!(committed(&mut client, GROUP, TOPIC).unwrap(), -1);
    let joined = join(&mut client).unwrap();
    assert_eq!((joined.generation_id, &joined.leader), (1, &joined.member_id));
    let assignment = sync(&mut client, &joined).unwrap();
    assert_eq!(assignment, format!("for {}", joined.member_id));
    assert_eq!(heartbeat(&mut client, &joined.member_id, 1), ErrorCode::None);
    assert_eq!(heartbeat(&mut client, &joined.member_id, 0), ErrorCode::IllegalGeneration);
    assert_eq!(commit(&mut client, &joined.member_id, 1, 42).unwrap(), ErrorCode::None);
    assert_eq!(committed(&mut client, GROUP, TOPIC).unwrap(), 42);
    let described = describe(&mut client);
    assert_eq!((&*described.group_state, &*described.protocol_data), ("Stable", "range"));
    let member = &described.members[0];
    assert_eq!((&*member.client_id, &*member.client_host), ("tests", "/127.0.0.1"));
    assert_eq!(member.member_metadata, subscription(TOPIC));
    let leaving = RequestMember { member_id: joined.member_id, ..RequestMember::default() };
    let request = LeaveGroupRequest {
        group_id: GROUP.into(),
        members: vec![leaving],
        ..LeaveGroupRequest::default()
    };
    let left = client.call(5, &request).unwrap();
    assert_eq!((left.error_code, left.members[0].error_code), (ErrorCode::None, ErrorCode::None));
    assert_eq!(&*describe(&mut client).group_state, "Empty");
    assert_eq!(committed(&mut client, GROUP, TOPIC).unwrap(), 42);
}

#[test]
fn kill_keeps_members_and_never_takes_a_committed_offset_back() {
    let directory = tempfile::tempdir().unwrap();
    let (mut process, mut client) = broker(&directory, &[NO_DELAY]);
    let joined = join(&mut client).unwrap();
    sync(&mut client, &joined).unwrap();
    let mut acked = -1;
    for life in 0..5 {
        for offset in life * 100..life * 100 + 40 {
            assert_eq!(commit(&mut client, &joined.member_id, 1, offset).unwrap(), ErrorCode::None);
            acked = offset;
        }
        process.process().kill().unwrap();
        process = Highwater::serve(directory.path(), &[NO_DELAY]).unwrap();
        client = RawClient::connect(process.address()).unwrap();
        coordinator(&mut client, GROUP).unwrap();
        assert_eq!(committed(&mut client, GROUP, TOPIC).unwrap(), acked, "life {life}");
        assert_eq!(heartbeat(&mut client, &joined.member_id, 1), ErrorCode::None, "life {life}");
    }
    process.process().terminate().unwrap();
    process = Highwater::serve(directory.path(), &[NO_DELAY]).unwrap();
    client = RawClient::connect(process.address()).unwrap();
    coordinator(&mut client, GROUP).unwrap();
    assert_eq!(committed(&mut client, GROUP, TOPIC).unwrap(), acked);
}

#[test]
fn member_whose_process_died_is_gone_long_before_its_session_ends() {
    let directory = tempfile::tempdir().unwrap();
    let disconnect = "highwater.group.disconnect.timeout.ms=1000";
    let (broker, mut client) = broker(&directory, &[NO_DELAY, disconnect]);
    let mut member = RawClient::connect(broker.address()).unwrap();
    let joined = join(&mut member).unwrap();
    sync(&mut member, &joined).unwrap();
    // How often it is heard is known from its heartbeats.
    for _ in 0..2 {
        assert_eq!(heartbeat(&mut member, &joined.member_id, 1), ErrorCode::None);
    }
    assert_eq!(describe(&mut client).members.len(), 1);
    drop(member);
    wait_for(|| describe(&mut client).members.is_empty());
}

#[test]
fn member_that_died_while_its_join_waited_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let disconnect = "highwater.group.disconnect.timeout.ms=1000";
    let (broker, mut client) = broker(&directory, &[NO_DELAY, disconnect]);
    let mut first = RawClient::connect(broker.address()).unwrap();
    let joined = join(&mut first).unwrap();
    sync(&mut first, &joined).unwrap();
    // Waits for the first member, which does not join again.
    let mut second = RawClient::connect(broker.address()).unwrap();
    let id = second.call(9, &join_request("")).unwrap().member_id;
    second.start(9, &join_request(&id)).unwrap();
    wait_for(|| describe(&mut client).members.len() == 2);
    drop(second);
    wait_for(|| describe(&mut client).members.len() == 1);
    drop(first);
}

#[test]
fn stop_does_not_wait_for_a_join_that_waits() {
    let directory = tempfile::tempdir().unwrap();
    let (mut broker, _client) = broker(&directory, &["group.initial.rebalance.delay.ms=60000"]);
    let mut member = RawClient::connect(broker.address()).unwrap();
    let id = member.call(9, &join_request("")).unwrap().member_id;
    let started = member.start(9, &join_request(&id)).unwrap();
    let status = broker.process().terminate().unwrap();
    assert!(status.success(), "{status}");
    let answer = member.finish::<JoinGroupRequest>(9, started).unwrap();
    assert_eq!(answer.error_code, ErrorCode::NotCoordinator);
}

fn consumer_heartbeat(
    client: &mut RawClient,
    member_id: &str,
    epoch: i32,
    owned: Option<Vec<(Uuid, Vec<i32>)>>,
) -> ConsumerGroupHeartbeatResponse {
    let is_join = epoch == 0;
    let owned = owned.map(|owned| {
        let topic = |(topic_id, partitions)| RequestTopicPartition { topic_id, partitions };
        owned.into_iter().map(topic).collect()
    });
    let request = ConsumerGroupHeartbeatRequest {
        group_id: GROUP.into(),
        member_id: member_id.into(),
        member_epoch: epoch,
        rebalance_timeout_ms: if is_join { 30_000 } else { -1 },
        subscribed_topic_names: is_join.then(|| vec![TOPIC.into()]),
        topic_partitions: if is_join { Some(Vec::new()) } else { owned },
        ..ConsumerGroupHeartbeatRequest::default()
    };
    client.call(1, &request).unwrap()
}

#[test]
fn consumer_member_is_assigned_commits_and_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let (mut process, mut client) = broker(&directory, &[]);
    let joined = consumer_heartbeat(&mut client, "mine", 0, None);
    assert_eq!(joined.error_code, ErrorCode::None, "{joined:?}");
    let assignment = joined.assignment.expect("a member that joins is told its partitions");
    let topic = &assignment.topic_partitions[0];
    assert_eq!(topic.partitions, [0, 1]);
    let owned = vec![(topic.topic_id, topic.partitions.clone())];
    let epoch = joined.member_epoch;
    let next = consumer_heartbeat(&mut client, "mine", epoch, Some(owned));
    assert_eq!((next.error_code, next.member_epoch), (ErrorCode::None, epoch));
    let mine = Str::from("mine");
    assert_eq!(commit(&mut client, &mine, epoch, 7).unwrap(), ErrorCode::None);
    assert_eq!(commit(&mut client, &mine, epoch + 1, 8).unwrap(), ErrorCode::StaleMemberEpoch);
    process.process().kill().unwrap();
    process = Highwater::serve(directory.path(), &[]).unwrap();
    client = RawClient::connect(process.address()).unwrap();
    coordinator(&mut client, GROUP).unwrap();
    assert_eq!(committed(&mut client, GROUP, TOPIC).unwrap(), 7);
    let next = consumer_heartbeat(&mut client, "mine", epoch, None);
    assert_eq!((next.error_code, next.member_epoch), (ErrorCode::None, epoch), "{next:?}");
    let left = consumer_heartbeat(&mut client, "mine", -1, None);
    assert_eq!((left.error_code, left.member_epoch), (ErrorCode::None, -1));
}

fn wait_for(mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_true() {
        assert!(Instant::now() < deadline, "it did not come true");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
