//! What a member of a group says, as bytes and as requests.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::{BufMut, Bytes, BytesMut};
use highwater_protocol::messages::find_coordinator::FindCoordinatorRequest;
use highwater_protocol::messages::list_groups::ListGroupsRequest;
use highwater_protocol::messages::offset_fetch::{
    OffsetFetchRequest, RequestGroup, RequestGroupTopic,
};
use highwater_records::ErrorCode;

use crate::RawClient;

/// How long a coordinator may take to be there.
const COORDINATOR_MAX: Duration = Duration::from_secs(60);
/// How long to wait before asking again.
const RETRY: Duration = Duration::from_millis(20);

/// A classic consumer's subscription to one topic, version 0.
pub fn subscription(topic: &str) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(1);
    bytes.put_i16(i16::try_from(topic.len()).expect("a topic name is short"));
    bytes.put_slice(topic.as_bytes());
    bytes.put_i32(-1);
    bytes.freeze()
}

/// Waits until the group has a coordinator that has loaded, as every client does.
pub fn coordinator(client: &mut RawClient, group: &str) -> Result<()> {
    let deadline = Instant::now() + COORDINATOR_MAX;
    loop {
        let request = FindCoordinatorRequest {
            coordinator_keys: vec![group.into()],
            ..FindCoordinatorRequest::default()
        };
        let response = client.call(4, &request)?;
        let found = response.coordinators.first().context("no answer")?.error_code;
        if found == ErrorCode::None {
            let listed = client.call(4, &ListGroupsRequest::default())?;
            if listed.error_code == ErrorCode::None {
                return Ok(());
            }
        }
        anyhow::ensure!(Instant::now() < deadline, "no coordinator: {found:?}");
        thread::park_timeout(RETRY);
    }
}

/// What the group has committed for partition 0 of the topic; -1 if nothing.
pub fn committed(client: &mut RawClient, group: &str, topic: &str) -> Result<i64> {
    let topic = RequestGroupTopic {
        name: topic.into(),
        partition_indexes: vec![0],
        ..RequestGroupTopic::default()
    };
    let group = RequestGroup {
        group_id: group.into(),
        topics: Some(vec![topic]),
        ..RequestGroup::default()
    };
    let request = OffsetFetchRequest { groups: vec![group], ..OffsetFetchRequest::default() };
    let response = client.call(9, &request)?;
    let group = response.groups.first().context("no group in the answer")?;
    anyhow::ensure!(group.error_code == ErrorCode::None, "{group:?}");
    let partition = group.topics.first().and_then(|topic| topic.partitions.first());
    Ok(partition.context("no partition in the answer")?.committed_offset)
}
