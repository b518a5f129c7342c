//! What must hold of the records of `__consumer_offsets`, whoever wrote them.

use std::sync::Arc;

use bytes::Bytes;
use highwater_coordinator::group::{
    Caller, GroupConfig, GroupCoordinator, GroupOutcome, GroupRecord, Input,
};
use highwater_coordinator::{ConnectionId, Machine, RequestId};
use highwater_protocol::Str;
use highwater_protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use highwater_protocol::messages::join_group::{JoinGroupRequest, RequestProtocol};
use highwater_records::{Monotonic, Now, Offset, Timestamp, Uuid};

const KEY: Bytes = Bytes::from_static(b"key");
/// Groups of a log that somebody comes to, and deadlines that pass.
const GROUPS_MAX: usize = 4;
const TICKS_MAX: usize = 64;
/// The length that stands for no value.
const TOMBSTONE: usize = 0xffff;

/// A log, as keys and values with their lengths before them: every record is refused, or the same after it was written
/// and read again. A coordinator that has replayed them all serves: an old and a new member come to each group, whatever
/// the bytes of those that are there mean, and then time passes.
pub fn group_records(data: &[u8]) {
    let mut records = Vec::new();
    let mut rest = data;
    while let Some((key, after)) = piece(rest) {
        let Some((value, after)) = piece(after) else { break };
        rest = after;
        let Ok(Some(record)) = GroupRecord::decode(key.as_ref(), value.as_ref()) else { continue };
        // A text may be longer than the version that is written has room for.
        if let Ok((key, value)) = record.encode() {
            let again = GroupRecord::decode(Some(&key), value.as_ref()).unwrap().unwrap();
            assert_eq!(again.encode().unwrap(), (key, value));
        }
        records.push(record);
    }
    let mut host = Host::default();
    records.iter().for_each(|record| host.replay(record));
    let outcome = host.machine.on_loaded(host.now);
    host.settle(&outcome);
    let groups: Vec<Str> = host.machine.groups().map(|group| group.group_id.clone()).collect();
    for group in groups.iter().take(GROUPS_MAX) {
        host.tell(|caller| Input::DescribeGroup { caller, group_id: group.clone() });
        host.tell(|caller| Input::DescribeConsumerGroup { caller, group_id: group.clone() });
        host.tell(|caller| new_member(caller, group));
        host.tell(|caller| old_member(caller, group));
    }
    for _ in 0..TICKS_MAX {
        let Some(at) = host.machine.next_deadline() else { break };
        host.now.monotonic = host.now.monotonic.max(at);
        host.tell(|_| Input::Tick);
    }
    host.now.wall = Timestamp::new(i64::MAX / 2);
    host.tell(|_| Input::ExpireOffsets);
}

/// Bytes behind their length, or none; and what follows.
fn piece(bytes: &[u8]) -> Option<(Option<Bytes>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length == TOMBSTONE {
        return Some((None, rest));
    }
    let (piece, rest) = rest.split_at_checked(length)?;
    Some((Some(Bytes::copy_from_slice(piece)), rest))
}

fn new_member(caller: Caller, group: &Str) -> Input {
    let request = ConsumerGroupHeartbeatRequest {
        group_id: group.clone(),
        member_id: "new".into(),
        rebalance_timeout_ms: 1000,
        subscribed_topic_names: Some(vec!["a".into()]),
        topic_partitions: Some(Vec::new()),
        ..ConsumerGroupHeartbeatRequest::default()
    };
    Input::ConsumerHeartbeat { caller, request, uuid: Uuid::ZERO }
}

fn old_member(caller: Caller, group: &Str) -> Input {
    let request = JoinGroupRequest {
        group_id: group.clone(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        protocol_type: "consumer".into(),
        protocols: vec![RequestProtocol { name: "range".into(), metadata: KEY }],
        ..JoinGroupRequest::default()
    };
    Input::Join { caller: Caller { version: 3, ..caller }, request, uuid: Uuid::ZERO }
}

struct Host {
    machine: GroupCoordinator,
    now: Now,
    next_offset: i64,
    request_count: u64,
}

impl Default for Host {
    fn default() -> Self {
        let now = Now { monotonic: Monotonic::ZERO, wall: Timestamp::new(1_700_000_000_000) };
        let machine = GroupCoordinator::new(Arc::new(GroupConfig::default()));
        Self { machine, now, next_offset: 0, request_count: 0 }
    }
}

impl Host {
    fn tell(&mut self, input: impl FnOnce(Caller) -> Input) {
        self.request_count += 1;
        let caller = Caller {
            request: RequestId(self.request_count),
            connection: ConnectionId(1),
            version: 1,
            client_id: "client".into(),
            client_host: "/127.0.0.1".into(),
        };
        let outcome = self.machine.handle(self.now, input(caller));
        self.settle(&outcome);
    }

    /// What is proposed can be read back, and is replayed.
    fn settle(&mut self, outcome: &GroupOutcome) {
        for record in &outcome.records {
            if let Ok((key, value)) = record.encode() {
                assert!(GroupRecord::decode(Some(&key), value.as_ref()).unwrap().is_some());
            }
            self.replay(record);
        }
    }

    fn replay(&mut self, record: &GroupRecord) {
        self.machine.replay(Offset::new(self.next_offset), record);
        self.next_offset += 1;
    }
}
