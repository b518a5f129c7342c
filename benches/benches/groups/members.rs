//! How a member gets into its group, whatever it does there.

use anyhow::{Context, Result};
use bytes::Bytes;
use highwater_protocol::Str;
use highwater_protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use highwater_protocol::messages::join_group::{JoinGroupRequest, RequestProtocol};
use highwater_protocol::messages::sync_group::{RequestAssignment, SyncGroupRequest};
use highwater_records::ErrorCode;
use highwater_tests::RawClient;
use highwater_tests::groups::subscription;

pub(crate) const JOIN_VERSION: i16 = 9;
pub(crate) const SYNC_VERSION: i16 = 5;
pub(crate) const CONSUMER_HEARTBEAT_VERSION: i16 = 1;

/// A member and its generation, or its epoch.
pub(crate) struct Membership {
    pub(crate) member_id: Str,
    pub(crate) generation: i32,
}

/// Joins a classic group as its only member, and syncs.
///
/// It takes as long as the broker waits for others, `group.initial.rebalance.delay.ms`.
pub(crate) fn join_classic(client: &mut RawClient, group: &str, topic: &str) -> Result<Membership> {
    let protocol = RequestProtocol { name: "range".into(), metadata: subscription(topic) };
    let mut request = JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms: 45_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
        ..JoinGroupRequest::default()
    };
    let told = client.call(JOIN_VERSION, &request)?;
    expect(told.error_code, ErrorCode::MemberIdRequired, "join without an id")?;
    request.member_id = told.member_id;
    let joined = client.call(JOIN_VERSION, &request)?;
    expect(joined.error_code, ErrorCode::None, "join")?;
    let assignment = RequestAssignment {
        member_id: joined.member_id.clone(),
        assignment: Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    };
    let sync = SyncGroupRequest {
        group_id: group.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: joined.protocol_type,
        protocol_name: joined.protocol_name,
        assignments: vec![assignment],
        ..SyncGroupRequest::default()
    };
    let synced = client.call(SYNC_VERSION, &sync)?;
    expect(synced.error_code, ErrorCode::None, "sync")?;
    Ok(Membership { member_id: joined.member_id, generation: joined.generation_id })
}

/// Joins a group of KIP-848.
pub(crate) fn join_consumer(
    client: &mut RawClient,
    group: &str,
    topic: &str,
) -> Result<Membership> {
    let request = first_heartbeat(group, &format!("member-of-{group}"), topic);
    let answer = client.call(CONSUMER_HEARTBEAT_VERSION, &request)?;
    expect(answer.error_code, ErrorCode::None, "first heartbeat")?;
    let member_id = answer.member_id.context("no member id")?;
    Ok(Membership { member_id, generation: answer.member_epoch })
}

/// What a member of KIP-848 says when it joins.
pub(crate) fn first_heartbeat(
    group: &str,
    member_id: &str,
    topic: &str,
) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: group.into(),
        member_id: member_id.into(),
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec![topic.into()]),
        topic_partitions: Some(Vec::new()),
        ..ConsumerGroupHeartbeatRequest::default()
    }
}

pub(crate) fn expect(code: ErrorCode, expected: ErrorCode, what: &str) -> Result<()> {
    anyhow::ensure!(code == expected, "{what}: {code:?}");
    Ok(())
}
