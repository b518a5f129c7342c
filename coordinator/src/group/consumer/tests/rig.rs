//! A coordinator with its log, and calls in few words.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use highwater_protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, RequestTopicPartition,
};
use highwater_protocol::messages::join_group::{JoinGroupRequest, RequestProtocol};
use highwater_protocol::{Str, Writer};
use highwater_records::{Monotonic, Now, Offset, Timestamp, Uuid};

use super::super::super::{
    Answer, Caller, ConsumerHeartbeatAnswer, GroupConfig, GroupCoordinator, GroupKind, GroupRecord,
    Input, Refusal, Topic, Topics,
};
use super::super::ConsumerGroup;
use crate::{ConnectionId, Machine, RequestId};

pub(super) const GROUP: &str = "g";

/// The id of the topic of that name, whenever it is made.
pub(super) fn topic_id(name: &str) -> Uuid {
    let bits = name.bytes().fold(0_u128, |bits, byte| bits * 257 + u128::from(byte));
    Uuid::from_random(bits)
}

pub(super) fn texts(names: &[&str]) -> Vec<Str> {
    names.iter().map(|name| Str::from(*name)).collect()
}

pub(super) struct Rig {
    pub(super) coordinator: GroupCoordinator,
    pub(super) config: GroupConfig,
    pub(super) topics: BTreeMap<String, i32>,
    pub(super) log: Vec<GroupRecord>,
    /// Milliseconds since the start, on both clocks.
    pub(super) now_ms: u64,
    /// Answers to requests that waited.
    pub(super) late: Vec<(RequestId, Answer)>,
    next_request: u64,
}

impl Rig {
    pub(super) fn new(topics: &[(&str, i32)]) -> Self {
        Self::with_config(GroupConfig::default(), topics)
    }

    pub(super) fn with_config(config: GroupConfig, topics: &[(&str, i32)]) -> Self {
        let mut rig = Self {
            coordinator: GroupCoordinator::new(Arc::new(config.clone())),
            config,
            topics: BTreeMap::new(),
            log: Vec::new(),
            now_ms: 0,
            late: Vec::new(),
            next_request: 0,
        };
        rig.set_topics(topics);
        rig
    }

    /// Makes topics, or gives them more partitions; a count of 0 deletes one.
    pub(super) fn set_topics(&mut self, topics: &[(&str, i32)]) {
        for &(name, count) in topics {
            if count == 0 {
                self.topics.remove(name);
            } else {
                self.topics.insert(name.to_owned(), count);
            }
        }
        self.coordinator.set_topics(self.all_topics());
    }

    fn all_topics(&self) -> Arc<Topics> {
        Arc::new(Topics::new(self.topics.iter().map(|(name, &partition_count)| Topic {
            name: Str::from(name.as_str()),
            id: topic_id(name),
            partition_count,
        })))
    }

    pub(super) fn set_config(&mut self, change: impl FnOnce(&mut GroupConfig)) {
        change(&mut self.config);
        self.coordinator.set_config(Arc::new(self.config.clone()));
    }

    pub(super) fn now(&self) -> Now {
        Now {
            monotonic: Monotonic::new(Duration::from_millis(self.now_ms)),
            wall: Timestamp::new(i64::try_from(self.now_ms).unwrap()),
        }
    }

    /// Hands in an input and, as the host does, writes and replays what comes of it.
    pub(super) fn handle(&mut self, input: Input) -> Vec<(RequestId, Answer)> {
        let outcome = self.coordinator.handle(self.now(), input);
        for record in outcome.records {
            let (key, value) = record.encode().unwrap();
            let read = GroupRecord::decode(Some(&key), value.as_ref()).unwrap().unwrap();
            assert_eq!(read, record, "a record is read as it was written");
            let offset = Offset::new(i64::try_from(self.log.len()).unwrap());
            self.coordinator.replay(offset, &read);
            self.log.push(read);
        }
        outcome.answers
    }

    pub(super) fn caller(&mut self, version: i16, connection: u64) -> Caller {
        self.next_request += 1;
        Caller {
            request: RequestId(self.next_request),
            connection: ConnectionId(connection),
            version,
            client_id: Str::from_static("client"),
            client_host: Str::from_static("/127.0.0.1"),
        }
    }

    /// A uuid that no other call has.
    pub(super) fn uuid(&self) -> Uuid {
        Uuid::from_random(u128::from(self.next_request) << 8 | 1)
    }

    /// Hands in a request whose answer comes at once; others' answers are kept in `late`.
    pub(super) fn call(&mut self, caller: &Caller, input: Input) -> Option<Answer> {
        let mut own = None;
        for (request, answer) in self.handle(input) {
            if request == caller.request {
                assert!(own.replace(answer).is_none(), "one answer a request");
            } else {
                self.late.push((request, answer));
            }
        }
        own
    }

    pub(super) fn send(&mut self, beat: Beat) -> Result<ConsumerHeartbeatAnswer, Refusal> {
        let caller = self.caller(beat.version, beat.connection);
        let uuid = self.uuid();
        let request = beat.request;
        let input = Input::ConsumerHeartbeat { caller: caller.clone(), request, uuid };
        match self.call(&caller, input) {
            Some(Answer::ConsumerHeartbeat(answer)) => answer,
            other => panic!("a heartbeat is answered at once, not {other:?}"),
        }
    }

    /// Lets time pass, deadline by deadline.
    pub(super) fn advance(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        while let Some(next) = self.coordinator.next_deadline() {
            let next_ms = u64::try_from(next.value().as_millis()).unwrap();
            if next_ms > end {
                break;
            }
            self.now_ms = self.now_ms.max(next_ms);
            let answers = self.handle(Input::Tick);
            self.late.extend(answers);
        }
        self.now_ms = end;
    }

    /// Forgets everything but the log, and reads that.
    pub(super) fn restart(&mut self) {
        self.coordinator = self.replayed();
        let outcome = self.coordinator.on_loaded(self.now());
        assert!(outcome.records.is_empty(), "loading proposes nothing");
    }

    /// What somebody who reads the log now would have.
    pub(super) fn replayed(&self) -> GroupCoordinator {
        let mut coordinator = GroupCoordinator::new(Arc::new(self.config.clone()));
        coordinator.set_topics(self.all_topics());
        for (offset, record) in self.log.iter().enumerate() {
            coordinator.replay(Offset::new(i64::try_from(offset).unwrap()), record);
        }
        coordinator
    }

    /// The group, if it is one of the new protocol.
    pub(super) fn group(&self) -> Option<&ConsumerGroup> {
        consumer_group(&self.coordinator)
    }

    /// Whether the group counts with this member.
    pub(super) fn group_has(&self, member_id: &str) -> bool {
        self.group().is_some_and(|group| group.member(&Str::from(member_id)).is_ok())
    }

    /// Epochs are in order, and nobody holds what another holds.
    pub(super) fn check_epochs(&self) {
        let Some(group) = self.group() else { return };
        let (durable, _) = group.durable();
        assert!(durable.assignment_epoch <= durable.epoch);
        let mut held = std::collections::BTreeSet::new();
        for (member_id, member) in group.members() {
            let current = &member.current;
            assert!(current.epoch <= durable.assignment_epoch, "{member_id} is ahead");
            for (topic_id, partition, epoch) in
                current.assigned.iter().chain(current.pending_revocation.iter())
            {
                assert!(held.insert((topic_id, partition)), "{topic_id}-{partition} is held twice");
                assert!(epoch <= durable.assignment_epoch, "{topic_id}-{partition} is ahead");
            }
        }
    }

    /// The state we hold is the state in the log (I-G5).
    pub(super) fn check_replay(&self) {
        let replayed = self.replayed();
        let read = consumer_group(&replayed);
        assert_eq!(read.map(ConsumerGroup::durable), self.group().map(ConsumerGroup::durable));
    }
}

fn consumer_group(coordinator: &GroupCoordinator) -> Option<&ConsumerGroup> {
    match &coordinator.group(&Str::from_static(GROUP))?.kind {
        GroupKind::Consumer(group) => Some(group),
        GroupKind::Classic(_) => None,
    }
}

/// A ConsumerGroupHeartbeat.
#[derive(Clone, Debug)]
pub(super) struct Beat {
    pub(super) request: ConsumerGroupHeartbeatRequest,
    pub(super) version: i16,
    pub(super) connection: u64,
}

impl Beat {
    /// One that says nothing but that the member lives.
    pub(super) fn of(member_id: &str, member_epoch: i32) -> Self {
        let request = ConsumerGroupHeartbeatRequest {
            group_id: Str::from_static(GROUP),
            member_id: Str::from(member_id),
            member_epoch,
            ..Default::default()
        };
        Self { request, version: 1, connection: 1 }
    }

    /// One that joins.
    pub(super) fn join(member_id: &str, topics: &[&str]) -> Self {
        let mut beat = Self::of(member_id, 0).topics(topics).owns(&[]);
        beat.request.rebalance_timeout_ms = 60_000;
        beat
    }

    pub(super) fn topics(mut self, topics: &[&str]) -> Self {
        self.request.subscribed_topic_names = Some(texts(topics));
        self
    }

    pub(super) fn regex(mut self, regex: &str) -> Self {
        self.request.subscribed_topic_regex = Some(Str::from(regex));
        self
    }

    pub(super) fn instance(mut self, instance_id: &str) -> Self {
        self.request.instance_id = Some(Str::from(instance_id));
        self
    }

    pub(super) fn assignor(mut self, assignor: &str) -> Self {
        self.request.server_assignor = Some(Str::from(assignor));
        self
    }

    pub(super) fn owns(mut self, owned: &[(&str, &[i32])]) -> Self {
        let owned = owned.iter().map(|(name, partitions)| RequestTopicPartition {
            topic_id: topic_id(name),
            partitions: partitions.to_vec(),
        });
        self.request.topic_partitions = Some(owned.collect());
        self
    }

    pub(super) fn version(mut self, version: i16) -> Self {
        self.version = version;
        self
    }

    pub(super) fn connection(mut self, connection: u64) -> Self {
        self.connection = connection;
        self
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut ConsumerGroupHeartbeatRequest)) -> Self {
        change(&mut self.request);
        self
    }
}

/// The bytes in which a classic consumer says what it wants and has (version 1).
pub(super) fn subscription(topics: &[&str], owned: &[(&str, Vec<i32>)]) -> Bytes {
    let mut writer = Writer::new();
    writer.i16(1);
    writer.primitives(false, &texts(topics)).unwrap();
    writer.nullable_bytes(false, &None).unwrap();
    writer.i32(i32::try_from(owned.len()).unwrap());
    for (name, partitions) in owned {
        writer.string(false, &Str::from(*name)).unwrap();
        writer.primitives(false, partitions).unwrap();
    }
    writer.into_bytes().unwrap()
}

/// The bytes in which a classic leader gives partitions to a consumer (version 1).
pub(super) fn assignment(
    partitions: &[(&str, Vec<i32>)],
    user_data: Option<&'static [u8]>,
) -> Bytes {
    let mut writer = Writer::new();
    writer.i16(1);
    writer.i32(i32::try_from(partitions.len()).unwrap());
    for (name, partitions) in partitions {
        writer.string(false, &Str::from(*name)).unwrap();
        writer.primitives(false, partitions).unwrap();
    }
    writer.nullable_bytes(false, &user_data.map(Bytes::from_static)).unwrap();
    writer.into_bytes().unwrap()
}

/// A JoinGroup of a consumer.
pub(super) fn join_request(member_id: &str, metadata: Bytes) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: Str::from_static(GROUP),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        member_id: Str::from(member_id),
        protocol_type: Str::from_static("consumer"),
        protocols: vec![RequestProtocol { name: Str::from_static("range"), metadata }],
        ..Default::default()
    }
}
