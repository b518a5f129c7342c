//! The machine itself: inputs to the group they are about, records to the state they change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use highwater_protocol::Str;
use highwater_protocol::messages::heartbeat::HeartbeatRequest;
use highwater_protocol::messages::join_group::JoinGroupRequest;
use highwater_protocol::messages::leave_group::LeaveGroupRequest;
use highwater_protocol::messages::offset_delete::OffsetDeleteRequest;
use highwater_protocol::messages::sync_group::SyncGroupRequest;
use highwater_records::{Monotonic, Now, Offset, ProducerId, Timestamp, Uuid};

use super::admin::{delete_group, describe_consumer_group, describe_group, list_groups};
use super::answer::{Answer, GroupSummary, LagSource};
use super::classic::{ClassicGroup, Joining, leaving_members, nobody_left};
use super::commit::{commit_offsets, commit_txn_offsets};
use super::config::{GroupConfig, GroupOverrides};
use super::connections::Connections;
use super::consumer;
use super::context::Context;
use super::expiry::Cleanup;
use super::fetch::{delete_offsets, fetch_offsets};
use super::input::{Caller, Input};
use super::offsets::TopicNames;
use super::timers::{TimerKey, TimerKind, Timers};
use super::topics::Topics;
use super::{Group, GroupKind, GroupOutcome, GroupRecord, Refusal};
use crate::{ConnectionId, Machine};

/// First version of SyncGroup that has to name the protocol (KIP-559).
const PROTOCOL_IN_SYNC_VERSION: i16 = 5;

/// The coordinator of the groups of one partition of `__consumer_offsets`.
///
/// After an input, the host hands over ticks until [`Machine::next_deadline`] is in the future: one
/// tick proposes the records of one event.
#[derive(Clone, Debug)]
pub struct GroupCoordinator {
    config: Arc<GroupConfig>,
    overrides: Arc<BTreeMap<String, GroupOverrides>>,
    topics: Arc<Topics>,
    topics_version: u64,
    groups: BTreeMap<Str, Group>,
    names: TopicNames,
    /// Groups on which a transaction of the producer is open.
    transactions: BTreeMap<ProducerId, BTreeSet<Str>>,
    timers: Timers,
    connections: Connections,
    cleanup: Cleanup,
}

impl GroupCoordinator {
    /// A coordinator without groups; the host replays the log into it and says
    /// [`GroupCoordinator::on_loaded`].
    #[must_use]
    pub fn new(config: Arc<GroupConfig>) -> Self {
        Self {
            config,
            overrides: Arc::default(),
            topics: Arc::default(),
            topics_version: 0,
            groups: BTreeMap::new(),
            names: TopicNames::default(),
            transactions: BTreeMap::new(),
            timers: Timers::default(),
            connections: Connections::default(),
            cleanup: Cleanup::default(),
        }
    }

    /// Takes the settings of the broker as they are now.
    pub fn set_config(&mut self, config: Arc<GroupConfig>) {
        self.config = config;
    }

    /// Takes the topics as they are now; to be called after every metadata change.
    pub fn set_topics(&mut self, topics: Arc<Topics>) {
        self.topics = topics;
        self.topics_version += 1;
    }

    /// Takes the settings of single groups (config resource type 32), by group id.
    pub fn set_group_configs(&mut self, overrides: Arc<BTreeMap<String, GroupOverrides>>) {
        self.overrides = overrides;
    }

    /// The whole log was replayed: sessions start now.
    #[must_use]
    pub fn on_loaded(&mut self, now: Now) -> GroupOutcome {
        let mut outcome = GroupOutcome::default();
        let ids: Vec<Str> = self.groups.keys().cloned().collect();
        for id in ids {
            self.with_group(now, &id, &mut outcome, |cx, group, _| match &mut group.kind {
                GroupKind::Classic(classic) => classic.on_loaded(cx, &group.id),
                GroupKind::Consumer(_) => consumer::on_loaded(cx, group),
            });
        }
        outcome
    }

    /// All groups, by id.
    pub fn groups(&self) -> impl Iterator<Item = GroupSummary<'_>> {
        self.groups.values().map(|group| GroupSummary {
            group_id: &group.id,
            group_type: group.kind.name(),
            state: group.kind.state(),
            member_count: group.kind.member_count(),
            offset_count: group.offsets.committed_count(),
        })
    }

    /// All committed offsets, by group, topic and partition.
    pub fn lag_sources(&self) -> impl Iterator<Item = LagSource<'_>> {
        self.groups.values().flat_map(|group| {
            group.offsets.iter().map(|(topic, partition, committed)| LagSource {
                group_id: &group.id,
                topic,
                topic_id: committed.value.topic_id,
                partition,
                committed: Offset::new(committed.value.offset),
                commit_timestamp: Timestamp::new(committed.value.commit_timestamp),
            })
        })
    }

    /// Calls `f` with the group and whether nobody knew it before; made if there is none, and
    /// dropped again if it stays vacant.
    fn with_group<R>(
        &mut self,
        now: Now,
        id: &Str,
        outcome: &mut GroupOutcome,
        f: impl FnOnce(&mut Context<'_>, &mut Group, bool) -> R,
    ) -> R {
        if !self.groups.contains_key(id) {
            let id = id.detached();
            self.groups.insert(id.clone(), Group::new(id));
        }
        let group = self.groups.get_mut(id).expect("made above");
        let is_new_group = group.is_vacant();
        let mut cx = Context {
            now,
            config: &self.config,
            overrides: &self.overrides,
            topics: &self.topics,
            topics_version: self.topics_version,
            timers: &mut self.timers,
            connections: &mut self.connections,
            outcome,
        };
        let result = f(&mut cx, group, is_new_group);
        // A vacant group whose record is on its way comes back with the replay of it.
        if group.is_vacant() {
            self.groups.remove(id);
        }
        result
    }

    fn join(
        &mut self,
        now: Now,
        caller: &Caller,
        request: JoinGroupRequest,
        uuid: Uuid,
        outcome: &mut GroupOutcome,
    ) {
        let id = request.group_id.clone();
        if let Err(refusal) = self.check_join(&request) {
            outcome.answers.push((caller.request, Answer::Join(Err(refusal))));
            return;
        }
        self.with_group(now, &id, outcome, |cx, group, is_new_group| {
            let is_empty = group.kind.is_empty();
            let joining = Joining { id: &group.id, caller, request: &request };
            match &mut group.kind {
                GroupKind::Classic(classic) => classic.join(cx, joining, uuid, is_new_group),
                GroupKind::Consumer(consumer) if is_empty => {
                    if !request.member_id.is_empty() {
                        cx.answer(caller.request, Answer::Join(Err(Refusal::UnknownMemberId)));
                        return;
                    }
                    // It becomes classic with the replay of its tombstones.
                    let mut classic = ClassicGroup::default();
                    classic.join(cx, joining, uuid, true);
                    if !cx.outcome.records.is_empty() {
                        let mut records = Vec::new();
                        consumer.tombstones(&group.id, &mut records);
                        cx.outcome.records.splice(..0, records);
                        group.incoming = Some(GroupKind::Classic(classic));
                    }
                }
                GroupKind::Consumer(_) => consumer::classic_join(cx, group, caller, request, uuid),
            }
        });
    }

    fn check_join(&self, request: &JoinGroupRequest) -> Result<(), Refusal> {
        check_group_id(&request.group_id)?;
        let (min_ms, max_ms) =
            (self.config.session_timeout_min_ms, self.config.session_timeout_max_ms);
        let session_timeout_ms = request.session_timeout_ms;
        if !(min_ms..=max_ms).contains(&session_timeout_ms) {
            return Err(Refusal::InvalidSessionTimeout { session_timeout_ms, min_ms, max_ms });
        }
        if !request.member_id.is_empty() && !self.groups.contains_key(&request.group_id) {
            return Err(Refusal::UnknownMemberId);
        }
        Ok(())
    }

    fn sync(
        &mut self,
        now: Now,
        caller: &Caller,
        request: SyncGroupRequest,
        outcome: &mut GroupOutcome,
    ) {
        let has_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
        let checked = if caller.version >= PROTOCOL_IN_SYNC_VERSION && !has_protocol {
            Err(Refusal::InconsistentGroupProtocol)
        } else {
            self.check_known(&request.group_id)
        };
        if let Err(refusal) = checked {
            outcome.answers.push((caller.request, Answer::Sync(Err(refusal))));
            return;
        }
        let id = request.group_id.clone();
        self.with_group(now, &id, outcome, |cx, group, _| match &mut group.kind {
            GroupKind::Classic(classic) => classic.sync(cx, &group.id, caller, &request),
            GroupKind::Consumer(_) => consumer::classic_sync(cx, group, caller, request),
        });
    }

    fn heartbeat(
        &mut self,
        now: Now,
        caller: &Caller,
        request: HeartbeatRequest,
        outcome: &mut GroupOutcome,
    ) {
        if let Err(refusal) = self.check_known(&request.group_id) {
            outcome.answers.push((caller.request, Answer::Heartbeat(Err(refusal))));
            return;
        }
        let id = request.group_id.clone();
        self.with_group(now, &id, outcome, |cx, group, _| match &mut group.kind {
            GroupKind::Classic(classic) => {
                let result = classic.heartbeat(cx, &group.id, caller, &request);
                cx.answer(caller.request, Answer::Heartbeat(result));
            }
            GroupKind::Consumer(_) => consumer::classic_heartbeat(cx, group, caller, request),
        });
    }

    fn leave(
        &mut self,
        now: Now,
        caller: &Caller,
        request: LeaveGroupRequest,
        outcome: &mut GroupOutcome,
    ) {
        match self.check_known(&request.group_id) {
            Ok(()) => {}
            Err(Refusal::UnknownMemberId) => {
                let results = nobody_left(leaving_members(request, caller.version));
                outcome.answers.push((caller.request, Answer::Leave(Ok(results))));
                return;
            }
            Err(refusal) => {
                outcome.answers.push((caller.request, Answer::Leave(Err(refusal))));
                return;
            }
        }
        let id = request.group_id.clone();
        self.with_group(now, &id, outcome, |cx, group, _| match &mut group.kind {
            GroupKind::Classic(classic) => {
                let members = leaving_members(request, caller.version);
                let results = classic.leave(cx, &group.id, &members);
                cx.answer(caller.request, Answer::Leave(Ok(results)));
            }
            GroupKind::Consumer(_) => consumer::classic_leave(cx, group, caller, request),
        });
    }

    fn check_known(&self, group_id: &Str) -> Result<(), Refusal> {
        check_group_id(group_id)?;
        if self.groups.contains_key(group_id) { Ok(()) } else { Err(Refusal::UnknownMemberId) }
    }

    fn delete_offsets(
        &mut self,
        now: Now,
        request: &OffsetDeleteRequest,
        outcome: &mut GroupOutcome,
    ) -> Answer {
        if let Err(refusal) = check_group_id(&request.group_id) {
            return Answer::DeleteOffsets(Err(refusal));
        }
        if !self.groups.contains_key(&request.group_id) {
            return Answer::DeleteOffsets(Err(Refusal::GroupIdNotFound));
        }
        let result = self.with_group(now, &request.group_id, outcome, |cx, group, _| {
            delete_offsets(cx, group, request)
        });
        Answer::DeleteOffsets(result)
    }

    /// Inputs that answer at once from what is there.
    fn answer_now(&mut self, now: Now, input: Input, outcome: &mut GroupOutcome) {
        let (caller, answer) = match input {
            Input::CommitOffsets { caller, request } => {
                let id = request.group_id.clone();
                let result = self.with_group(now, &id, outcome, |cx, group, is_new_group| {
                    commit_offsets(cx, group, &caller, request, is_new_group)
                });
                (caller, Answer::CommitOffsets(result))
            }
            Input::CommitTxnOffsets { caller, request } => {
                let id = request.group_id.clone();
                let result = self.with_group(now, &id, outcome, |cx, group, is_new_group| {
                    commit_txn_offsets(cx, group, &caller, request, is_new_group)
                });
                (caller, Answer::CommitTxnOffsets(result))
            }
            Input::FetchOffsets { caller, group: request, require_stable } => {
                let group = self.groups.get(&request.group_id);
                let result = fetch_offsets(&self.topics, group, &caller, &request, require_stable);
                (caller, Answer::FetchOffsets(result))
            }
            Input::DeleteOffsets { caller, request } => {
                (caller, self.delete_offsets(now, &request, outcome))
            }
            Input::DeleteGroup { caller, group_id } => {
                let result = delete_group(self.groups.get(&group_id));
                let result = result.map(|records| outcome.records.extend(records));
                (caller, Answer::DeleteGroup(result))
            }
            Input::ListGroups { caller, request } => {
                (caller, Answer::ListGroups(list_groups(self.groups.values(), &request)))
            }
            Input::DescribeGroup { caller, group_id } => {
                (caller, Answer::DescribeGroup(describe_group(self.groups.get(&group_id))))
            }
            Input::DescribeConsumerGroup { caller, group_id } => {
                let group = || self.groups.get(&group_id);
                let result = check_group_id(&group_id)
                    .and_then(|()| describe_consumer_group(&self.topics, &self.config, group()));
                (caller, Answer::DescribeConsumerGroup(result))
            }
            Input::Join { .. }
            | Input::Sync { .. }
            | Input::Heartbeat { .. }
            | Input::Leave { .. }
            | Input::ConsumerHeartbeat { .. }
            | Input::TopicsDeleted { .. }
            | Input::ConnectionClosed { .. }
            | Input::Tick
            | Input::ExpireOffsets => unreachable!("handled by the caller"),
        };
        outcome.answers.push((caller.request, answer));
    }

    /// The members last heard on the connection may be gone.
    fn connection_closed(
        &mut self,
        now: Now,
        connection: ConnectionId,
        outcome: &mut GroupOutcome,
    ) {
        for (id, member_id) in self.connections.closed(connection) {
            self.with_group(now, &id, outcome, |cx, group, _| match &mut group.kind {
                GroupKind::Classic(classic) => classic.on_disconnected(cx, &group.id, &member_id),
                GroupKind::Consumer(_) => consumer::on_disconnected(cx, group, &member_id),
            });
        }
    }

    /// Lets deadlines pass until one of them proposes something: the next one may be of the same
    /// group, and must see what the records change.
    fn tick(&mut self, now: Now, outcome: &mut GroupOutcome) {
        while outcome.records.is_empty() {
            let Some(key) = self.timers.pop_due(now.monotonic) else { break };
            self.on_timer(now, &key, outcome);
        }
        if outcome.records.is_empty() {
            self.cleanup.step(now.wall, &self.config, &self.groups, &mut outcome.records);
        }
    }

    fn on_timer(&mut self, now: Now, key: &TimerKey, outcome: &mut GroupOutcome) {
        let TimerKey { group, kind, member } = key;
        self.with_group(now, group, outcome, |cx, group, _| match kind {
            TimerKind::Join | TimerKind::Sync | TimerKind::Session | TimerKind::Pending => {
                if let GroupKind::Classic(classic) = &mut group.kind {
                    classic.on_timer(cx, &group.id, *kind, member);
                }
            }
            TimerKind::ConsumerSession
            | TimerKind::ConsumerRebalance
            | TimerKind::ConsumerJoin
            | TimerKind::ConsumerSync
            | TimerKind::ConsumerAssign => consumer::on_timer(cx, group, *kind, member),
        });
    }

    fn end_transaction(&mut self, producer_id: ProducerId, is_commit: bool) {
        for id in self.transactions.remove(&producer_id).unwrap_or_default() {
            let Some(group) = self.groups.get_mut(&id) else { continue };
            group.offsets.end_transaction(&mut self.names, producer_id, is_commit);
            if group.is_vacant() {
                self.groups.remove(&id);
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn group(&self, id: &Str) -> Option<&Group> {
        self.groups.get(id)
    }

    #[cfg(test)]
    pub(crate) fn all_groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }
}

fn check_group_id(group_id: &Str) -> Result<(), Refusal> {
    if group_id.is_empty() { Err(Refusal::InvalidGroupId) } else { Ok(()) }
}

/// Takes a record that belongs to this group.
fn replay_on(
    group: &mut Group,
    names: &mut TopicNames,
    transactions: &mut BTreeMap<ProducerId, BTreeSet<Str>>,
    offset: Offset,
    record: &GroupRecord,
) {
    match record {
        GroupRecord::Offset(record) => {
            group.offsets.replay(names, offset, record);
        }
        GroupRecord::TxnOffset { producer_id, record, .. } => {
            group.offsets.replay_pending(names, offset, *producer_id, record);
            transactions.entry(*producer_id).or_default().insert(group.id.clone());
        }
        GroupRecord::ClassicGroup { value, .. } => match (&mut group.kind, value) {
            (GroupKind::Classic(classic), value) => classic.replay(value.as_ref()),
            (GroupKind::Consumer(_), Some(value)) => group.become_classic().replay(Some(value)),
            // The classic group ended when this one began.
            (GroupKind::Consumer(_), None) => {}
        },
        GroupRecord::ConsumerGroup { .. }
        | GroupRecord::ConsumerPartitions { .. }
        | GroupRecord::ConsumerMember { .. }
        | GroupRecord::TargetAssignment { .. }
        | GroupRecord::TargetMember { .. }
        | GroupRecord::CurrentAssignment { .. }
        | GroupRecord::RegularExpression { .. } => consumer::replay(group, offset, record),
        GroupRecord::TxnEnd { .. } => {}
    }
}

impl Machine for GroupCoordinator {
    type Input = Input;
    type Record = GroupRecord;
    type Answer = Answer;

    fn handle(&mut self, now: Now, input: Input) -> GroupOutcome {
        let mut outcome = GroupOutcome::default();
        match input {
            Input::Join { caller, request, uuid } => {
                self.join(now, &caller, request, uuid, &mut outcome);
            }
            Input::Sync { caller, request } => self.sync(now, &caller, request, &mut outcome),
            Input::Heartbeat { caller, request } => {
                self.heartbeat(now, &caller, request, &mut outcome);
            }
            Input::Leave { caller, request } => self.leave(now, &caller, request, &mut outcome),
            Input::ConsumerHeartbeat { caller, request, uuid } => {
                let id = request.group_id.clone();
                self.with_group(now, &id, &mut outcome, |cx, group, _| {
                    consumer::heartbeat(cx, group, &caller, request, uuid);
                });
            }
            Input::CommitOffsets { .. }
            | Input::CommitTxnOffsets { .. }
            | Input::FetchOffsets { .. }
            | Input::DeleteOffsets { .. }
            | Input::DeleteGroup { .. }
            | Input::ListGroups { .. }
            | Input::DescribeGroup { .. }
            | Input::DescribeConsumerGroup { .. } => self.answer_now(now, input, &mut outcome),
            Input::TopicsDeleted { topics } => self.cleanup.topics_deleted(topics),
            Input::ConnectionClosed { connection } => {
                self.connection_closed(now, connection, &mut outcome);
            }
            Input::Tick => self.tick(now, &mut outcome),
            Input::ExpireOffsets => self.cleanup.expire(),
        }
        outcome
    }

    fn replay(&mut self, offset: Offset, record: &GroupRecord) {
        let Some(id) = record.group_id() else {
            if let GroupRecord::TxnEnd { producer_id, is_commit, .. } = record {
                self.end_transaction(*producer_id, *is_commit);
            }
            return;
        };
        if let Some(group) = self.groups.get_mut(id) {
            replay_on(group, &mut self.names, &mut self.transactions, offset, record);
            if group.is_vacant() {
                self.groups.remove(id);
            }
            return;
        }
        let mut group = Group::new(id.detached());
        replay_on(&mut group, &mut self.names, &mut self.transactions, offset, record);
        if !group.is_vacant() {
            self.groups.insert(group.id.clone(), group);
        }
    }

    /// As long as there is something to clean up, that is at once.
    fn next_deadline(&self) -> Option<Monotonic> {
        if self.cleanup.is_due() { Some(Monotonic::ZERO) } else { self.timers.next() }
    }
}
