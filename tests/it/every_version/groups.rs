//! The APIs of consumer groups. A request below a version leaves out what that version cannot say.

use std::net::SocketAddr;

use anyhow::Result;
use highwater_protocol::messages::{
    consumer_group_describe, consumer_group_heartbeat, delete_groups, describe_groups, heartbeat,
    join_group, leave_group, list_groups, offset_commit, offset_delete, offset_fetch, sync_group,
};
use highwater_records::Uuid;
use highwater_tests::RawClient;
use highwater_tests::groups::{coordinator, subscription};

use super::{Tally, ask};

/// A group with members and offsets, and no group at all.
const GROUP: &str = "every-version";

pub(super) fn ask_all(address: SocketAddr, topic: &str, id: Uuid, tally: &mut Tally) -> Result<()> {
    coordinator(&mut RawClient::connect(address)?, GROUP)?;
    members(address, topic, tally)?;
    offsets(address, topic, id, tally)?;
    describe(address, tally)?;
    consumer(address, topic, tally)?;
    ask(address, tally, |_| delete_groups::DeleteGroupsRequest {
        groups_names: vec![GROUP.into(), "no-group".into()],
    })
}

fn members(address: SocketAddr, topic: &str, tally: &mut Tally) -> Result<()> {
    ask(address, tally, |version| join_group::JoinGroupRequest {
        // Each version has a group of its own: it must not wait for the members of others.
        group_id: format!("{GROUP}-{version}").into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 1_000,
        protocol_type: "consumer".into(),
        protocols: vec![join_group::RequestProtocol {
            name: "range".into(),
            metadata: subscription(topic),
        }],
        ..join_group::JoinGroupRequest::default()
    })?;
    ask(address, tally, |_| sync_group::SyncGroupRequest {
        group_id: GROUP.into(),
        generation_id: 1,
        member_id: "nobody".into(),
        ..sync_group::SyncGroupRequest::default()
    })?;
    ask(address, tally, |_| heartbeat::HeartbeatRequest {
        group_id: GROUP.into(),
        generation_id: 1,
        member_id: "nobody".into(),
        ..heartbeat::HeartbeatRequest::default()
    })?;
    ask(address, tally, |_| leave_group::LeaveGroupRequest {
        group_id: GROUP.into(),
        member_id: "nobody".into(),
        members: vec![leave_group::RequestMember {
            member_id: "nobody".into(),
            ..leave_group::RequestMember::default()
        }],
    })
}

fn offsets(address: SocketAddr, topic: &str, id: Uuid, tally: &mut Tally) -> Result<()> {
    ask(address, tally, |_| {
        let partition = offset_commit::RequestTopicPartition {
            committed_offset: 1,
            committed_metadata: Some("text".into()),
            ..offset_commit::RequestTopicPartition::default()
        };
        let topic = offset_commit::RequestTopic {
            name: topic.into(),
            topic_id: id,
            partitions: vec![partition],
        };
        offset_commit::OffsetCommitRequest {
            group_id: GROUP.into(),
            topics: vec![topic],
            ..offset_commit::OffsetCommitRequest::default()
        }
    })?;
    ask(address, tally, |version| {
        let topics =
            vec![offset_fetch::RequestTopic { name: topic.into(), partition_indexes: vec![0, 9] }];
        let group = offset_fetch::RequestGroup {
            group_id: GROUP.into(),
            topics: Some(vec![offset_fetch::RequestGroupTopic {
                name: topic.into(),
                topic_id: id,
                partition_indexes: vec![0, 9],
            }]),
            ..offset_fetch::RequestGroup::default()
        };
        let all = offset_fetch::RequestGroup {
            group_id: GROUP.into(),
            topics: None,
            ..offset_fetch::RequestGroup::default()
        };
        offset_fetch::OffsetFetchRequest {
            group_id: GROUP.into(),
            topics: Some(topics),
            groups: vec![group, all],
            require_stable: version >= 7,
        }
    })?;
    ask(address, tally, |_| {
        let partitions = vec![offset_delete::RequestTopicPartition { partition_index: 0 }];
        offset_delete::OffsetDeleteRequest {
            group_id: GROUP.into(),
            topics: vec![offset_delete::RequestTopic { name: topic.into(), partitions }],
        }
    })
}

fn describe(address: SocketAddr, tally: &mut Tally) -> Result<()> {
    ask(address, tally, |_| list_groups::ListGroupsRequest::default())?;
    ask(address, tally, |version| describe_groups::DescribeGroupsRequest {
        groups: vec![format!("{GROUP}-{version}").into(), "no-group".into()],
        include_authorized_operations: true,
    })
}

fn consumer(address: SocketAddr, topic: &str, tally: &mut Tally) -> Result<()> {
    ask(address, tally, |version| consumer_group_heartbeat::ConsumerGroupHeartbeatRequest {
        group_id: format!("{GROUP}-consumer").into(),
        member_id: if version == 0 { "".into() } else { "mine".into() },
        rebalance_timeout_ms: 10_000,
        subscribed_topic_names: Some(vec![topic.into()]),
        topic_partitions: Some(Vec::new()),
        ..consumer_group_heartbeat::ConsumerGroupHeartbeatRequest::default()
    })?;
    ask(address, tally, |_| consumer_group_describe::ConsumerGroupDescribeRequest {
        group_ids: vec![format!("{GROUP}-consumer").into(), "no-group".into()],
        include_authorized_operations: true,
    })
}
