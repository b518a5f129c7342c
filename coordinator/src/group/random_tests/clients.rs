//! Clients as they are, as far as a coordinator sees them.

use std::collections::BTreeMap;

use bytes::Bytes;
use highwater_protocol::messages::{
    consumer_group_heartbeat, heartbeat, join_group, leave_group, sync_group,
};
use highwater_protocol::{Str, Writer};
use highwater_records::Uuid;

use super::super::fixture::Host;
use super::super::{
    Answer, ConsumerHeartbeatAnswer, GroupKind, Input, JoinAnswer, Refusal, SyncAnswer,
};
use super::TOPICS;
use super::model::Model;
use crate::RequestId;

/// How a client joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// JoinGroup 9.
    Classic,
    /// JoinGroup 3, which needs no id beforehand.
    OldClassic,
    /// JoinGroup 9 with an instance id.
    Static,
    /// ConsumerGroupHeartbeat.
    Consumer,
}

#[derive(Clone, Debug)]
enum Phase {
    Out,
    Joining(RequestId),
    Joined(JoinAnswer),
    Syncing(RequestId),
    In,
    Beating(RequestId),
}

/// One client process.
#[derive(Clone, Debug)]
pub(super) struct Client {
    index: usize,
    group: &'static str,
    protocol: Protocol,
    pub(super) instance_id: Option<Str>,
    pub(super) connection: u64,
    member_id: Str,
    /// Generation or member epoch.
    epoch: i32,
    phase: Phase,
    /// Of a consumer: what it has, and whether the coordinator was told.
    owned: BTreeMap<Uuid, Vec<i32>>,
    has_told: bool,
}

impl Client {
    pub(super) fn new(index: usize, group: &'static str, protocol: Protocol) -> Self {
        let instance_id = (protocol == Protocol::Static).then(|| Str::from(format!("i{index}")));
        let mut client = Self {
            index,
            group,
            protocol,
            instance_id,
            connection: 0,
            member_id: Str::default(),
            epoch: -1,
            phase: Phase::Out,
            owned: BTreeMap::new(),
            has_told: false,
        };
        client.restart();
        client
    }

    /// A new process; the connection that the old one had.
    pub(super) fn restart(&mut self) -> u64 {
        let before = self.connection;
        self.connection = before + 100 + u64::try_from(self.index).unwrap();
        self.silence();
        before
    }

    /// The process begins anew, and nobody hears of it.
    pub(super) fn silence(&mut self) {
        self.member_id = Str::default();
        self.out();
    }

    fn out(&mut self) {
        self.epoch = -1;
        self.phase = Phase::Out;
        self.owned.clear();
        self.has_told = false;
    }

    /// The connection is gone, with the answers that were to come.
    pub(super) fn disconnected(&mut self) {
        match self.phase {
            Phase::Joining(_) | Phase::Syncing(_) => self.phase = Phase::Out,
            Phase::Beating(_) => self.phase = Phase::In,
            Phase::Out | Phase::Joined(_) | Phase::In => {}
        }
    }

    pub(super) fn membership(&self) -> (&'static str, Str, i32) {
        (self.group, self.member_id.clone(), self.epoch)
    }

    /// What it sends next, if it does not wait.
    pub(super) fn next(&mut self, host: &mut Host) -> Option<Input> {
        let version = if self.protocol == Protocol::OldClassic { 3 } else { 9 };
        let name = format!("c{}", self.index);
        let is_waiting =
            matches!(self.phase, Phase::Joining(_) | Phase::Syncing(_) | Phase::Beating(_));
        if is_waiting {
            return None;
        }
        let caller = host.caller(self.connection, version, &name);
        let request = caller.request;
        if self.protocol == Protocol::Consumer {
            if self.member_id.is_empty() {
                self.member_id = Str::from(format!("m{}-{}", self.index, request.0));
            }
            self.phase = Phase::Beating(request);
            let request = self.consumer_heartbeat();
            let caller = super::super::Caller { version: 1, ..caller };
            return Some(Input::ConsumerHeartbeat { caller, request, uuid: Uuid::ZERO });
        }
        match std::mem::replace(&mut self.phase, Phase::Out) {
            Phase::Out => {
                self.phase = Phase::Joining(request);
                let uuid = host.uuid();
                Some(Input::Join { caller, request: self.join(), uuid })
            }
            Phase::Joined(joined) => {
                self.phase = Phase::Syncing(request);
                Some(Input::Sync { caller, request: self.sync(&joined) })
            }
            Phase::In => {
                self.phase = Phase::Beating(request);
                let request = heartbeat::HeartbeatRequest {
                    group_id: Str::from(self.group),
                    generation_id: self.epoch,
                    member_id: self.member_id.clone(),
                    group_instance_id: self.instance_id.clone(),
                };
                Some(Input::Heartbeat { caller, request })
            }
            Phase::Joining(_) | Phase::Syncing(_) | Phase::Beating(_) => None,
        }
    }

    fn join(&self) -> join_group::JoinGroupRequest {
        let mut metadata = Writer::new();
        metadata.i16(0);
        metadata.primitives(false, &[Str::from(TOPICS[0].0)]).unwrap();
        metadata.i32(-1);
        let protocol = join_group::RequestProtocol {
            name: Str::from("range"),
            metadata: metadata.into_bytes().unwrap(),
        };
        join_group::JoinGroupRequest {
            group_id: Str::from(self.group),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 15_000,
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
            protocol_type: Str::from("consumer"),
            protocols: vec![protocol],
            reason: None,
        }
    }

    /// The leader deals the partitions out; each assignment is Kafka's, version 0.
    fn sync(&self, joined: &JoinAnswer) -> sync_group::SyncGroupRequest {
        let members = &joined.members;
        let assignments = members.iter().enumerate().map(|(index, member)| {
            let partitions: Vec<i32> = (0..TOPICS[0].1)
                .filter(|at| usize::try_from(*at).unwrap() % members.len() == index)
                .collect();
            let mut writer = Writer::new();
            writer.i16(0);
            writer.i32(1);
            writer.string(false, &Str::from(TOPICS[0].0)).unwrap();
            writer.primitives(false, &partitions).unwrap();
            writer.i32(-1);
            sync_group::RequestAssignment {
                member_id: member.member_id.clone(),
                assignment: writer.into_bytes().unwrap(),
            }
        });
        sync_group::SyncGroupRequest {
            group_id: Str::from(self.group),
            generation_id: self.epoch,
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
            protocol_type: Some(Str::from("consumer")),
            protocol_name: Some(Str::from("range")),
            assignments: assignments.collect(),
        }
    }

    fn consumer_heartbeat(&self) -> consumer_group_heartbeat::ConsumerGroupHeartbeatRequest {
        let is_new = self.epoch <= 0;
        let owned = self.owned.iter().map(|(topic_id, partitions)| {
            consumer_group_heartbeat::RequestTopicPartition {
                topic_id: *topic_id,
                partitions: partitions.clone(),
            }
        });
        consumer_group_heartbeat::ConsumerGroupHeartbeatRequest {
            group_id: Str::from(self.group),
            member_id: self.member_id.clone(),
            member_epoch: self.epoch.max(0),
            rebalance_timeout_ms: if is_new { 15_000 } else { -1 },
            subscribed_topic_names: is_new.then(|| vec![Str::from(TOPICS[0].0)]),
            topic_partitions: (is_new || !self.has_told).then(|| owned.collect()),
            ..Default::default()
        }
    }

    pub(super) fn leave(&self, host: &mut Host) -> Option<Input> {
        if self.member_id.is_empty() {
            return None;
        }
        let version = if self.protocol == Protocol::Consumer { 1 } else { 3 };
        let caller = host.caller(self.connection, version, "leaves");
        if self.protocol == Protocol::Consumer {
            let request = consumer_group_heartbeat::ConsumerGroupHeartbeatRequest {
                member_epoch: -1,
                ..self.consumer_heartbeat()
            };
            return Some(Input::ConsumerHeartbeat { caller, request, uuid: Uuid::ZERO });
        }
        let member = leave_group::RequestMember {
            member_id: self.member_id.clone(),
            group_instance_id: self.instance_id.clone(),
            reason: None,
        };
        let request = leave_group::LeaveGroupRequest {
            group_id: Str::from(self.group),
            members: vec![member],
            ..Default::default()
        };
        Some(Input::Leave { caller, request })
    }

    pub(super) fn on_answer(&mut self, request: RequestId, answer: &Answer, model: &mut Model) {
        match (&self.phase, answer) {
            (Phase::Joining(waits), Answer::Join(result)) if *waits == request => {
                self.on_join(result);
            }
            (Phase::Syncing(waits), Answer::Sync(result)) if *waits == request => {
                self.on_sync(result, model);
            }
            (Phase::Beating(waits), Answer::Heartbeat(result)) if *waits == request => match result
            {
                Ok(()) => self.phase = Phase::In,
                Err(refusal) => self.on_refusal(refusal),
            },
            (Phase::Beating(waits), Answer::ConsumerHeartbeat(result)) if *waits == request => {
                self.on_consumer_heartbeat(result);
            }
            _ => {}
        }
    }

    fn on_join(&mut self, result: &Result<JoinAnswer, Refusal>) {
        let joined = match result {
            Ok(joined) => joined,
            Err(refusal) => return self.on_refusal(refusal),
        };
        assert!(self.member_id.is_empty() || self.member_id == joined.member_id);
        let is_leader = joined.leader == joined.member_id;
        assert_eq!(!joined.members.is_empty(), is_leader, "only the leader sees the members");
        self.member_id = joined.member_id.clone();
        self.epoch = joined.generation_id;
        self.phase = Phase::Joined(joined.clone());
    }

    fn on_sync(&mut self, result: &Result<SyncAnswer, Refusal>, model: &mut Model) {
        match result {
            Ok(synced) => {
                self.phase = Phase::In;
                let given = assigned_partitions(&synced.assignment);
                let owner = self.instance_id.as_ref().unwrap_or(&self.member_id);
                model.assigned(self.group, self.epoch, owner, &given);
            }
            Err(refusal) => self.on_refusal(refusal),
        }
    }

    fn on_refusal(&mut self, refusal: &Refusal) {
        self.phase = Phase::Out;
        if let Refusal::MemberIdRequired { member_id } = refusal {
            self.member_id = member_id.clone();
        }
        if matches!(refusal, Refusal::UnknownMemberId | Refusal::FencedInstanceId) {
            self.silence();
        }
    }

    fn on_consumer_heartbeat(&mut self, result: &Result<ConsumerHeartbeatAnswer, Refusal>) {
        let Ok(answer) = result else { return self.out() };
        // I-G2: the member's epoch never goes back while it is in.
        assert!(answer.member_epoch >= self.epoch, "{self:?}: {answer:?}");
        self.phase = Phase::In;
        self.epoch = answer.member_epoch;
        self.has_told = true;
        if let Some(assignment) = &answer.assignment {
            let assignment: BTreeMap<Uuid, Vec<i32>> = assignment.iter().cloned().collect();
            self.has_told = self.owned == assignment;
            self.owned = assignment;
        }
    }
}

/// I-G1 as clients see it: among those that the group has, no partition has two owners.
pub(super) fn check_owners(clients: &[Client], host: &Host) {
    let mut owners: BTreeMap<(&str, Uuid, i32), &Str> = BTreeMap::new();
    for client in clients {
        let Some(group) = host.group(client.group) else { continue };
        let GroupKind::Consumer(consumer) = &group.kind else { continue };
        let Ok(described) = consumer.describe(&host.topics) else { continue };
        if !described.members.iter().any(|member| member.member_id == client.member_id) {
            continue;
        }
        for (topic_id, partitions) in &client.owned {
            for partition in partitions {
                let place = (client.group, *topic_id, *partition);
                let before = owners.insert(place, &client.member_id);
                assert_eq!(before, None, "{place:?} of {}", client.member_id);
            }
        }
    }
}

/// Partitions in an assignment of version 0 with at most one topic.
fn assigned_partitions(assignment: &Bytes) -> Vec<i32> {
    let mut reader = highwater_protocol::Reader::new(assignment.clone());
    let Ok(_) = reader.i16() else { return Vec::new() };
    match reader.i32().unwrap() {
        0 => Vec::new(),
        _ => {
            reader.string(false).unwrap();
            reader.primitives(false).unwrap()
        }
    }
}
