//! The APIs of consumer groups. A request in an old version leaves out what that version cannot say.

use std::net::SocketAddr;

use anyhow::Result;
use highwater_protocol::messages::{
    consumer_group_describe, consumer_group_heartbeat, delete_groups, describe_groups,
    find_coordinator, heartbeat, join_group, leave_group, list_groups, offset_commit,
    offset_delete, offset_fetch, sync_group,
};
use highwater_records::{ErrorCode, Uuid};
use highwater_tests::RawClient;
use highwater_tests::groups::{coordinator, subscription};

use super::{Tally, ask, only};

/// A group with offsets and without members.
const GROUP: &str = "every-version";
/// Its kind is that of KIP-848.
const CONSUMER_GROUP: &str = "every-version-consumer";
const NOBODY: &str = "no-group";

pub(super) fn ask_all(address: SocketAddr, topic: &str, id: Uuid, tally: &mut Tally) -> Result<()> {
    coordinator(&mut RawClient::connect(address)?, GROUP)?;
    find(address, tally)?;
    join(address, topic, tally)?;
    members(address, tally)?;
    offsets(address, topic, id, tally)?;
    describe(address, tally)?;
    consumer(address, topic, tally)?;
    let request = |version| delete_groups::DeleteGroupsRequest {
        groups_names: vec![format!("{GROUP}-{version}").into(), NOBODY.into()],
    };
    ask(address, tally, request, |version, response| {
        let codes: Vec<_> = response.results.iter().map(|result| result.error_code).collect();
        // The members that joined in version 0 to 3 are still there.
        let first = if version < 4 { ErrorCode::NonEmptyGroup } else { ErrorCode::GroupIdNotFound };
        codes == [first, ErrorCode::GroupIdNotFound]
    })
}

fn find(address: SocketAddr, tally: &mut Tally) -> Result<()> {
    let request = |version| find_coordinator::FindCoordinatorRequest {
        key: GROUP.into(),
        coordinator_keys: if version < 4 { Vec::new() } else { vec![GROUP.into(), NOBODY.into()] },
        ..find_coordinator::FindCoordinatorRequest::default()
    };
    ask(address, tally, request, |version, response| {
        let is_here = |node, host: &str, port| {
            (node, host, port) == (1, "127.0.0.1", i32::from(address.port()))
        };
        if version < 4 {
            return response.error_code == ErrorCode::None
                && is_here(response.node_id, &response.host, response.port);
        }
        response.coordinators.len() == 2
            && response.coordinators.iter().all(|found| {
                found.error_code == ErrorCode::None
                    && is_here(found.node_id, &found.host, found.port)
            })
    })
}

fn join(address: SocketAddr, topic: &str, tally: &mut Tally) -> Result<()> {
    let request = |version| join_group::JoinGroupRequest {
        // Each version has a group of its own: it must not wait for the members of others.
        group_id: format!("{GROUP}-{version}").into(),
        session_timeout_ms: 60_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".into(),
        protocols: vec![join_group::RequestProtocol {
            name: "range".into(),
            metadata: subscription(topic),
        }],
        ..join_group::JoinGroupRequest::default()
    };
    ask(address, tally, request, |version, response| {
        let has_id = response.member_id.starts_with("tests-");
        if version >= 4 {
            return has_id && response.error_code == ErrorCode::MemberIdRequired;
        }
        has_id
            && (response.error_code, response.generation_id) == (ErrorCode::None, 1)
            && response.leader == response.member_id
            && response.protocol_name.as_deref() == Some("range")
            && only(&response.members).is_some_and(|member| member.metadata == subscription(topic))
    })
}

fn members(address: SocketAddr, tally: &mut Tally) -> Result<()> {
    let request = |version: i16| sync_group::SyncGroupRequest {
        group_id: format!("{GROUP}-{}", version.min(3)).into(),
        generation_id: 1,
        member_id: "nobody".into(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        ..sync_group::SyncGroupRequest::default()
    };
    ask(address, tally, request, |_, response| response.error_code == ErrorCode::UnknownMemberId)?;
    let request = |version: i16| heartbeat::HeartbeatRequest {
        group_id: format!("{GROUP}-{}", version.min(3)).into(),
        generation_id: 1,
        member_id: "nobody".into(),
        ..heartbeat::HeartbeatRequest::default()
    };
    ask(address, tally, request, |_, response| response.error_code == ErrorCode::UnknownMemberId)?;
    let request = |version: i16| leave_group::LeaveGroupRequest {
        group_id: format!("{GROUP}-{}", version.min(3)).into(),
        member_id: "nobody".into(),
        members: vec![leave_group::RequestMember {
            member_id: "nobody".into(),
            ..leave_group::RequestMember::default()
        }],
    };
    ask(address, tally, request, |version, response| {
        if version < 3 {
            return response.error_code == ErrorCode::UnknownMemberId;
        }
        response.error_code == ErrorCode::None
            && only(&response.members).is_some_and(|member| {
                &*member.member_id == "nobody" && member.error_code == ErrorCode::UnknownMemberId
            })
    })
}

fn offsets(address: SocketAddr, topic: &str, id: Uuid, tally: &mut Tally) -> Result<()> {
    let request = |version| {
        let partition = offset_commit::RequestTopicPartition {
            committed_offset: i64::from(version),
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
    };
    ask(address, tally, request, |version, response| {
        only(&response.topics).is_some_and(|found| {
            let is_named = if version < 10 { &*found.name == topic } else { found.topic_id == id };
            is_named
                && only(&found.partitions)
                    .is_some_and(|partition| partition.error_code == ErrorCode::None)
        })
    })?;
    fetch(address, topic, id, tally)?;
    let request = |_| {
        let partitions = vec![offset_delete::RequestTopicPartition { partition_index: 0 }];
        offset_delete::OffsetDeleteRequest {
            group_id: GROUP.into(),
            topics: vec![offset_delete::RequestTopic { name: topic.into(), partitions }],
        }
    };
    ask(address, tally, request, |_, response| {
        response.error_code == ErrorCode::None
            && only(&response.topics).is_some_and(|topic| {
                only(&topic.partitions)
                    .is_some_and(|partition| partition.error_code == ErrorCode::None)
            })
    })
}

/// The offset that the newest version of OffsetCommit left.
const COMMITTED: i64 = 10;

fn fetch(address: SocketAddr, topic: &str, id: Uuid, tally: &mut Tally) -> Result<()> {
    let request = |version| {
        let topics =
            vec![offset_fetch::RequestTopic { name: topic.into(), partition_indexes: vec![0, 1] }];
        let group = |topics| offset_fetch::RequestGroup {
            group_id: GROUP.into(),
            topics,
            ..offset_fetch::RequestGroup::default()
        };
        let named = vec![offset_fetch::RequestGroupTopic {
            name: topic.into(),
            topic_id: id,
            partition_indexes: vec![0, 1],
        }];
        offset_fetch::OffsetFetchRequest {
            group_id: GROUP.into(),
            topics: Some(topics),
            groups: vec![group(Some(named)), group(None)],
            require_stable: version >= 7,
        }
    };
    ask(address, tally, request, |version, response| {
        if version < 8 {
            return response.error_code == ErrorCode::None
                && only(&response.topics).is_some_and(|found| {
                    let offsets: Vec<_> =
                        found.partitions.iter().map(|part| part.committed_offset).collect();
                    &*found.name == topic
                        && offsets == [COMMITTED, -1]
                        && found.partitions[0].metadata.as_deref() == Some("text")
                });
        }
        let offsets = |group: &offset_fetch::ResponseGroup| -> Vec<i64> {
            let partitions = group.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.map(|partition| partition.committed_offset).collect()
        };
        let offsets: Vec<_> = response.groups.iter().map(offsets).collect();
        offsets == [vec![COMMITTED, -1], vec![COMMITTED]]
            && response.groups.iter().all(|group| {
                let topic_id = group.topics[0].topic_id;
                group.error_code == ErrorCode::None && (version < 10 || topic_id == id)
            })
    })
}

fn describe(address: SocketAddr, tally: &mut Tally) -> Result<()> {
    let request = |_| list_groups::ListGroupsRequest::default();
    ask(address, tally, request, |version, response| {
        let mut found = response.groups.iter().filter(|group| group.group_id == "every-version-3");
        response.error_code == ErrorCode::None
            && found.next().is_some_and(|group| {
                &*group.protocol_type == "consumer"
                    && (version < 4 || &*group.group_state == "CompletingRebalance")
                    && (version < 5 || &*group.group_type == "classic")
            })
    })?;
    let request = |version: i16| describe_groups::DescribeGroupsRequest {
        groups: vec![format!("{GROUP}-{}", version.min(3)).into(), NOBODY.into()],
        include_authorized_operations: version >= 3,
    };
    ask(address, tally, request, |version, response| {
        let [found, nobody] = &response.groups[..] else { return false };
        let missing = if version < 6 { ErrorCode::None } else { ErrorCode::GroupIdNotFound };
        found.error_code == ErrorCode::None
            && &*found.group_state == "CompletingRebalance"
            && (version < 3 || found.authorized_operations > 0)
            && only(&found.members).is_some_and(|member| &*member.client_host == "/127.0.0.1")
            && (nobody.error_code, &*nobody.group_state) == (missing, "Dead")
    })
}

fn consumer(address: SocketAddr, topic: &str, tally: &mut Tally) -> Result<()> {
    let request = |version| consumer_group_heartbeat::ConsumerGroupHeartbeatRequest {
        group_id: CONSUMER_GROUP.into(),
        member_id: if version == 0 { "".into() } else { "mine".into() },
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec![topic.into()]),
        topic_partitions: Some(Vec::new()),
        ..consumer_group_heartbeat::ConsumerGroupHeartbeatRequest::default()
    };
    ask(address, tally, request, |version, response| {
        let member_id = response.member_id.as_deref().unwrap_or_default();
        response.error_code == ErrorCode::None
            // The second member may be told the new epoch with its next heartbeat only.
            && (1..=i32::from(version) + 1).contains(&response.member_epoch)
            && response.heartbeat_interval_ms == 5_000
            && if version == 0 { member_id.len() == 22 } else { member_id == "mine" }
            && response.assignment.is_some()
    })?;
    let request = |_| consumer_group_describe::ConsumerGroupDescribeRequest {
        group_ids: vec![CONSUMER_GROUP.into(), NOBODY.into()],
        include_authorized_operations: true,
    };
    ask(address, tally, request, |version, response| {
        let [found, nobody] = &response.groups[..] else { return false };
        found.error_code == ErrorCode::None
            && (found.members.len(), &*found.assignor_name) == (2, "uniform")
            && found.authorized_operations > 0
            && found.members.iter().all(|member| {
                &*member.client_id == "tests" && (version < 1 || member.member_type == 1)
            })
            && nobody.error_code == ErrorCode::GroupIdNotFound
    })
}
