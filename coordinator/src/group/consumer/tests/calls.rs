//! Calls of classic members and administrators on groups of the new protocol, with Kafka's errors.

use highwater_protocol::Str;
use highwater_protocol::messages::leave_group::{LeaveGroupRequest, RequestMember};
use highwater_protocol::messages::offset_commit::{
    OffsetCommitRequest, RequestTopic, RequestTopicPartition,
};
use highwater_protocol::messages::offset_delete::OffsetDeleteRequest;
use highwater_protocol::messages::offset_fetch::{RequestGroup, RequestGroupTopic};
use highwater_protocol::messages::sync_group::SyncGroupRequest;
use highwater_records::Uuid;

use super::super::super::{Answer, Input, Refusal};
use super::rig::{Beat, GROUP, Rig, topic_id};

type Left = Vec<Result<(), Refusal>>;

fn leave(rig: &mut Rig, version: i16, members: &[(&str, Option<&str>)]) -> Left {
    let caller = rig.caller(version, 7);
    let member = |(member_id, instance_id): &(&str, Option<&str>)| RequestMember {
        member_id: Str::from(*member_id),
        group_instance_id: instance_id.map(Str::from),
        reason: None,
    };
    let request = LeaveGroupRequest {
        group_id: Str::from_static(GROUP),
        member_id: if version < 3 { Str::from(members[0].0) } else { Str::default() },
        members: if version < 3 { Vec::new() } else { members.iter().map(member).collect() },
    };
    match rig.call(&caller, Input::Leave { caller: caller.clone(), request }) {
        Some(Answer::Leave(Ok(left))) => left.into_iter().map(|left| left.result).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn leave_group_removes_members_of_the_new_protocol() {
    for version in 0..=5 {
        let mut rig = Rig::new(&[("a", 2)]);
        rig.send(Beat::join("m", &["a"])).unwrap();
        assert_eq!(leave(&mut rig, version, &[("m", None)]), [Ok(())], "{version}");
        assert!(!rig.group_has("m"), "{version}");
        assert_eq!(rig.group().unwrap().state(), "Empty");
        assert_eq!(leave(&mut rig, version, &[("m", None)]), [Err(Refusal::UnknownMemberId)]);
        rig.check_replay();
    }
}

#[test]
fn leave_group_removes_a_static_member_by_its_instance() {
    let mut rig = Rig::new(&[("a", 2)]);
    rig.send(Beat::join("m", &["a"]).instance("i")).unwrap();
    let others = [("zz", Some("i")), ("m", Some("n")), ("", Some("n")), ("", None)];
    let unknown = || Err(Refusal::UnknownMemberId);
    let refused = [Err(Refusal::FencedInstanceId), unknown(), unknown(), unknown()];
    assert_eq!(leave(&mut rig, 5, &others), refused);
    assert!(rig.group_has("m"));
    assert_eq!(leave(&mut rig, 5, &[("", Some("i"))]), [Ok(())]);
    assert_eq!(rig.group().unwrap().state(), "Empty");
    rig.check_replay();
}

#[test]
fn sync_group_has_to_name_the_protocol_from_version_5_on() {
    let mut rig = Rig::new(&[("a", 2)]);
    for group_id in [GROUP, "nobody", ""] {
        for (named, version) in [((None, Some("range")), 5), ((Some("consumer"), None), 5)] {
            let caller = rig.caller(version, 3);
            let request = SyncGroupRequest {
                group_id: Str::from(group_id),
                protocol_type: named.0.map(Str::from),
                protocol_name: named.1.map(Str::from),
                ..Default::default()
            };
            let synced = rig.call(&caller, Input::Sync { caller: caller.clone(), request });
            assert_eq!(synced, Some(Answer::Sync(Err(Refusal::InconsistentGroupProtocol))));
        }
    }
    let caller = rig.caller(4, 3);
    let request = SyncGroupRequest::default();
    let synced = rig.call(&caller, Input::Sync { caller: caller.clone(), request });
    assert_eq!(synced, Some(Answer::Sync(Err(Refusal::InvalidGroupId))));
}

fn commit(rig: &mut Rig, version: i16, name: &str, id: Uuid) -> Result<(), Refusal> {
    let caller = rig.caller(version, 3);
    let partition = RequestTopicPartition { committed_offset: 5, ..Default::default() };
    let topic = RequestTopic { name: Str::from(name), topic_id: id, partitions: vec![partition] };
    let request = OffsetCommitRequest {
        group_id: Str::from_static(GROUP),
        generation_id_or_member_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    };
    match rig.call(&caller, Input::CommitOffsets { caller: caller.clone(), request }) {
        Some(Answer::CommitOffsets(Ok(topics))) => topics[0].partitions[0].1.clone(),
        other => panic!("{other:?}"),
    }
}

/// What is answered for each partition, topic by topic.
fn fetch(rig: &mut Rig, version: i16, topics: &[(&str, Uuid, &[i32])]) -> Vec<Vec<String>> {
    let caller = rig.caller(version, 3);
    let topic = |(name, topic_id, partitions): &(&str, Uuid, &[i32])| RequestGroupTopic {
        name: Str::from(*name),
        topic_id: *topic_id,
        partition_indexes: partitions.to_vec(),
    };
    let group = RequestGroup {
        group_id: Str::from_static(GROUP),
        topics: Some(topics.iter().map(topic).collect()),
        ..Default::default()
    };
    let input = Input::FetchOffsets { caller: caller.clone(), group, require_stable: false };
    let Some(Answer::FetchOffsets(Ok(topics))) = rig.call(&caller, input) else { panic!() };
    let texts = topics.iter().map(|topic| {
        let partitions = topic.partitions.iter();
        let texts = partitions.map(|one| match &one.result {
            Ok(found) => {
                format!("{}: {:?}", one.partition, found.as_ref().map(|found| found.offset))
            }
            Err(refusal) => format!("{}: {refusal:?}", one.partition),
        });
        texts.collect()
    });
    texts.collect()
}

#[test]
fn the_zero_topic_id_is_unknown_where_topics_go_by_id() {
    let mut rig = Rig::new(&[("a", 2)]);
    assert_eq!(commit(&mut rig, 10, "", topic_id("a")), Ok(()));
    assert_eq!(commit(&mut rig, 10, "", Uuid::ZERO), Err(Refusal::UnknownTopicId));
    assert_eq!(commit(&mut rig, 9, "", Uuid::ZERO), Err(Refusal::UnknownTopicOrPartition));
    assert_eq!(fetch(&mut rig, 10, &[("", Uuid::ZERO, &[0])]), [["0: UnknownTopicId"]]);
    assert_eq!(fetch(&mut rig, 10, &[("", topic_id("a"), &[0])]), [["0: Some(5)"]]);
    assert_eq!(fetch(&mut rig, 9, &[("a", Uuid::ZERO, &[0])]), [["0: Some(5)"]]);
    assert_eq!(fetch(&mut rig, 9, &[("", Uuid::ZERO, &[0])]), [["0: None"]]);
}

#[test]
fn a_partition_that_is_named_twice_is_fetched_once() {
    let mut rig = Rig::new(&[("a", 2)]);
    commit(&mut rig, 9, "a", Uuid::ZERO).unwrap();
    let asked: [(&str, Uuid, &[i32]); 2] =
        [("a", Uuid::ZERO, &[0, 1, 0, 0]), ("a", Uuid::ZERO, &[0, 1, 2])];
    let expected = vec![vec!["0: Some(5)", "1: None"], vec!["2: None"]];
    assert_eq!(fetch(&mut rig, 9, &asked), expected);
}

#[test]
fn the_empty_group_id_is_invalid() {
    let mut rig = Rig::new(&[("a", 2)]);
    let caller = rig.caller(0, 3);
    let request = OffsetDeleteRequest::default();
    let deleted = rig.call(&caller, Input::DeleteOffsets { caller: caller.clone(), request });
    assert_eq!(deleted, Some(Answer::DeleteOffsets(Err(Refusal::InvalidGroupId))));
    let input = Input::DescribeConsumerGroup { caller: caller.clone(), group_id: Str::default() };
    let described = rig.call(&caller, input);
    assert_eq!(described, Some(Answer::DescribeConsumerGroup(Err(Refusal::InvalidGroupId))));
}

#[test]
fn what_a_member_reads_of_an_invalid_request_is_the_text_of_kafka() {
    let mut rig = Rig::new(&[("a", 2)]);
    let refused = rig.send(Beat::join("", &["a"])).unwrap_err();
    assert_eq!(refused.to_string(), "MemberId can't be empty.");
}
