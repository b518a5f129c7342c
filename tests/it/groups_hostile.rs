//! What nobody should send to a group: each gets its error, memory stays bounded, and other groups notice nothing.

use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use highwater_protocol::Str;
use highwater_protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use highwater_protocol::messages::describe_groups::DescribeGroupsRequest;
use highwater_protocol::messages::heartbeat::HeartbeatRequest;
use highwater_protocol::messages::join_group::{
    JoinGroupRequest, JoinGroupResponse, RequestProtocol,
};
use highwater_protocol::messages::list_groups::ListGroupsRequest;
use highwater_protocol::messages::offset_commit::{
    OffsetCommitRequest, RequestTopic, RequestTopicPartition,
};
use highwater_protocol::messages::sync_group::{RequestAssignment, SyncGroupRequest};
use highwater_records::ErrorCode;
use highwater_tests::groups::{coordinator, subscription};
use highwater_tests::honest::create_topic;
use highwater_tests::{Highwater, RawClient, highwater_binary};

const TOPIC: &str = "victim";
const NO_DELAY: &str = "group.initial.rebalance.delay.ms=0";
/// `group.max.size` and `group.consumer.max.size`, if nothing is set.
const MEMBERS_MAX: usize = 1_000;
const TRIES: usize = 10_000;

fn broker(directory: &Path) -> (Highwater, RawClient) {
    let broker = Highwater::serve(directory, &[NO_DELAY]).unwrap();
    let mut client = RawClient::connect(broker.address()).unwrap();
    create_topic(&mut client, TOPIC, 2, &[]).unwrap();
    coordinator(&mut client, "any").unwrap();
    (broker, client)
}

fn join_request(group: &str, member_id: &Str, metadata: Bytes) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms: 30_000,
        rebalance_timeout_ms: 1_000,
        member_id: member_id.clone(),
        protocol_type: "consumer".into(),
        protocols: vec![RequestProtocol { name: "range".into(), metadata }],
        ..JoinGroupRequest::default()
    }
}

/// Joins alone, with the id that the first answer gives.
fn join(client: &mut RawClient, group: &str, metadata: Bytes) -> JoinGroupResponse {
    let first = client.call(9, &join_request(group, &Str::default(), metadata.clone())).unwrap();
    assert_eq!(first.error_code, ErrorCode::MemberIdRequired);
    client.call(9, &join_request(group, &first.member_id, metadata)).unwrap()
}

fn sync(
    client: &mut RawClient,
    group: &str,
    joined: &JoinGroupResponse,
    assignment: Bytes,
) -> ErrorCode {
    let own = RequestAssignment { member_id: joined.member_id.clone(), assignment };
    let request = SyncGroupRequest {
        group_id: group.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: joined.protocol_type.clone(),
        protocol_name: joined.protocol_name.clone(),
        assignments: vec![own],
        ..SyncGroupRequest::default()
    };
    client.call(5, &request).unwrap().error_code
}

fn heartbeat(client: &mut RawClient, group: &str, joined: &JoinGroupResponse) -> ErrorCode {
    let request = HeartbeatRequest {
        group_id: group.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        group_instance_id: None,
    };
    client.call(4, &request).unwrap().error_code
}

/// A commit from outside of the group: the code of each partition.
fn commit(client: &mut RawClient, group: &Str, metadata: &[String]) -> Vec<ErrorCode> {
    let partitions = (0..).zip(metadata).map(|(partition_index, text)| RequestTopicPartition {
        partition_index,
        committed_offset: 7,
        committed_metadata: Some(text.as_str().into()),
        ..RequestTopicPartition::default()
    });
    let topic = RequestTopic {
        name: TOPIC.into(),
        partitions: partitions.collect(),
        ..RequestTopic::default()
    };
    let request = OffsetCommitRequest {
        group_id: group.clone(),
        generation_id_or_member_epoch: -1,
        topics: vec![topic],
        ..OffsetCommitRequest::default()
    };
    let response = client.call(9, &request).unwrap();
    response.topics[0].partitions.iter().map(|partition| partition.error_code).collect()
}

/// A group that goes about its business while another is attacked.
struct Bystander {
    client: RawClient,
    joined: JoinGroupResponse,
}

impl Bystander {
    fn join(broker: &Highwater) -> Self {
        let mut client = RawClient::connect(broker.address()).unwrap();
        let joined = join(&mut client, "bystander", subscription(TOPIC));
        assert_eq!(sync(&mut client, "bystander", &joined, Bytes::new()), ErrorCode::None);
        Self { client, joined }
    }

    fn check(&mut self) {
        assert_eq!(heartbeat(&mut self.client, "bystander", &self.joined), ErrorCode::None);
        let outside = Str::from("beside");
        assert_eq!(commit(&mut self.client, &outside, &["x".to_owned()]), [ErrorCode::None]);
    }
}

/// Has `TRIES` members try to join and counts who got `taken`; everybody else must hear that the group is full.
fn crowd(
    broker: &Highwater,
    taken: ErrorCode,
    mut attempt: impl FnMut(&mut RawClient, usize) -> ErrorCode,
) -> usize {
    let mut bystander = Bystander::join(broker);
    let mut client = RawClient::connect(broker.address()).unwrap();
    let mut taken_count = 0;
    for member in 0..TRIES {
        match attempt(&mut client, member) {
            code if code == taken => taken_count += 1,
            code => assert_eq!(code, ErrorCode::GroupMaxSizeReached, "member {member}"),
        }
        if member % 500 == 0 {
            bystander.check();
        }
    }
    bystander.check();
    taken_count
}

#[test]
fn ten_thousand_members_trying_one_group_cost_a_thousand() {
    let directory = tempfile::tempdir().unwrap();
    let (mut broker, _client) = broker(directory.path());
    let before = broker.process().resident_bytes().unwrap();
    let classic = crowd(&broker, ErrorCode::MemberIdRequired, |client, _| {
        let request = join_request("crowd", &Str::default(), subscription(TOPIC));
        client.call(9, &request).unwrap().error_code
    });
    assert_eq!(classic, MEMBERS_MAX);
    let consumer = crowd(&broker, ErrorCode::None, |client, member| {
        let request = ConsumerGroupHeartbeatRequest {
            group_id: "consumer-crowd".into(),
            member_id: format!("member-{member}").into(),
            rebalance_timeout_ms: 30_000,
            subscribed_topic_names: Some(vec![TOPIC.into()]),
            topic_partitions: Some(Vec::new()),
            ..ConsumerGroupHeartbeatRequest::default()
        };
        client.call(1, &request).unwrap().error_code
    });
    assert_eq!(consumer, MEMBERS_MAX);
    let grown = broker.process().resident_bytes().unwrap().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");
}

#[test]
fn giant_metadata_is_refused_where_it_stands_and_kept_by_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let (mut broker, mut client) = broker(directory.path());
    let mut bystander = Bystander::join(&broker);
    let fits = "x".repeat(4_096);
    let codes = commit(&mut client, &"texts".into(), &[fits.clone() + "x", fits]);
    assert_eq!(codes, [ErrorCode::OffsetMetadataTooLarge, ErrorCode::None]);
    // As much of a subscription as a request may carry, again and again.
    let before = broker.process().resident_bytes().unwrap();
    let giant = Bytes::from(vec![b'x'; 8 << 20]);
    for member in 0..20 {
        let mut client = RawClient::connect(broker.address()).unwrap();
        let joined =
            client.call(2, &join_request("giants", &Str::default(), giant.clone())).unwrap();
        assert_eq!(joined.error_code, ErrorCode::UnknownServerError, "member {member}");
    }
    bystander.check();
    let grown = broker.process().resident_bytes().unwrap().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");
}

#[test]
fn member_that_never_syncs_holds_its_group_up_for_its_rebalance_timeout_only() {
    let directory = tempfile::tempdir().unwrap();
    let (broker, mut client) = broker(directory.path());
    let mut silent = RawClient::connect(broker.address()).unwrap();
    let joined = join(&mut silent, "held-up", subscription(TOPIC));
    assert_eq!(joined.error_code, ErrorCode::None);
    // The next join waits for the silent one, or for its removal.
    let next = join(&mut client, "held-up", subscription(TOPIC));
    assert_eq!((next.error_code, next.members.len()), (ErrorCode::None, 1), "{next:?}");
    assert_eq!(sync(&mut client, "held-up", &next, Bytes::new()), ErrorCode::None);
    assert_eq!(heartbeat(&mut silent, "held-up", &joined), ErrorCode::UnknownMemberId);
    assert_eq!(heartbeat(&mut client, "held-up", &next), ErrorCode::None);
}

#[test]
fn opaque_bytes_of_members_are_given_back_and_never_believed() {
    let directory = tempfile::tempdir().unwrap();
    let (broker, mut client) = broker(directory.path());
    let mut bystander = Bystander::join(&broker);
    // A subscription of version 0 that claims two thousand million topics.
    let mut claims = subscription(TOPIC).to_vec();
    claims[2..6].copy_from_slice(&i32::MAX.to_be_bytes());
    for (number, opaque) in [vec![], vec![0xff; 100], claims].into_iter().enumerate() {
        let group = format!("opaque-{number}");
        let opaque = Bytes::from(opaque);
        let joined = join(&mut client, &group, opaque.clone());
        assert_eq!(joined.error_code, ErrorCode::None);
        assert_eq!(sync(&mut client, &group, &joined, opaque.clone()), ErrorCode::None);
        let request = DescribeGroupsRequest {
            groups: vec![group.as_str().into()],
            ..DescribeGroupsRequest::default()
        };
        let described = client.call(5, &request).unwrap().groups.remove(0);
        let member = &described.members[0];
        assert_eq!((&member.member_metadata, &member.member_assignment), (&opaque, &opaque));
        // Nobody knows what it reads, so it cannot be taken over.
        let request = ConsumerGroupHeartbeatRequest {
            group_id: group.as_str().into(),
            member_id: "new".into(),
            rebalance_timeout_ms: 30_000,
            subscribed_topic_names: Some(vec![TOPIC.into()]),
            topic_partitions: Some(Vec::new()),
            ..ConsumerGroupHeartbeatRequest::default()
        };
        let code = client.call(1, &request).unwrap().error_code;
        assert_eq!(code, ErrorCode::GroupIdNotFound, "{group}");
        assert_eq!(heartbeat(&mut client, &group, &joined), ErrorCode::None);
    }
    bystander.check();
}

#[test]
fn hostile_names_of_groups_are_only_names() {
    let directory = tempfile::tempdir().unwrap();
    let (mut broker, mut client) = broker(directory.path());
    let text = ["x".to_owned()];
    // Offsets may be kept without a group, as ever; nobody can be a member of none.
    assert_eq!(commit(&mut client, &"".into(), &text), [ErrorCode::None]);
    let nameless = join_request("", &Str::default(), subscription(TOPIC));
    assert_eq!(client.call(9, &nameless).unwrap().error_code, ErrorCode::InvalidGroupId);
    let longest = "n".repeat(32_000);
    let names = ["../../etc/passwd", "a\nb\r\u{1b}[2Jc\u{0}", "\u{202e}\"}\\", " ", &longest];
    for name in names {
        assert_eq!(commit(&mut client, &name.into(), &text), [ErrorCode::None], "{name:?}");
    }
    broker.process().kill().unwrap();
    let broker = Highwater::serve(directory.path(), &[NO_DELAY]).unwrap();
    let mut client = RawClient::connect(broker.address()).unwrap();
    coordinator(&mut client, "any").unwrap();
    let listed = client.call(5, &ListGroupsRequest::default()).unwrap();
    for name in names {
        assert!(listed.groups.iter().any(|group| &*group.group_id == name), "{name:?}");
    }
    let mut command = Command::new(highwater_binary().unwrap());
    command.args(["group", "list", "--brokers", &broker.address().to_string()]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let is_raw = |letter: char| letter.is_control() && letter != '\n';
    assert!(!text.contains(is_raw), "a name moves the cursor");
    assert!(text.contains(r"a\nb\r\u{1b}[2Jc\0"), "the name is not shown as it is");
    assert!(text.contains(r#"\u{202e}"}\ "#), "the name is not shown as it is");
    assert_eq!(text.lines().filter(|line| line.contains("passwd")).count(), 1);
}
