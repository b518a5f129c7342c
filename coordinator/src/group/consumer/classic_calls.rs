//! JoinGroup, SyncGroup, Heartbeat and LeaveGroup on a consumer group, for members that speak the
//! classic protocol: the generation is the member's epoch, and the broker assigns for them too.

use bytes::Bytes;
use highwater_protocol::Str;
use highwater_protocol::messages::heartbeat::HeartbeatRequest;
use highwater_protocol::messages::join_group::JoinGroupRequest;
use highwater_protocol::messages::leave_group::LeaveGroupRequest;
use highwater_protocol::messages::sync_group::SyncGroupRequest;
use highwater_records::{Monotonic, Uuid};

use super::super::answer::{JoinAnswer, MemberLeft, SyncAnswer};
use super::super::classic::{CONSUMER_PROTOCOL_TYPE, detached};
use super::super::config::MigrationPolicy;
use super::super::context::Context;
use super::super::migration;
use super::super::timers::{TimerKey, TimerKind};
use super::embedded::{EmbeddedSubscription, write_assignment};
use super::heartbeat::{Found, Said};
use super::leave::{fence, forget};
use super::member::{ClassicMember, sorted_names};
use super::timeouts::{millis, set_session};
use super::{
    Answer, Caller, ConsumerGroup, Group, GroupKind, Member, MemberState, Refusal, Subscription,
};

/// The first version of JoinGroup in which a dynamic member first gets an id and then joins.
const MEMBER_ID_REQUIRED_VERSION_MIN: i16 = 4;

/// The first version of LeaveGroup with several members.
const BATCH_LEAVE_VERSION_MIN: i16 = 3;

/// JoinGroup on a consumer group with members.
pub(crate) fn classic_join(
    cx: &mut Context<'_>,
    group: &mut Group,
    caller: &Caller,
    request: JoinGroupRequest,
    uuid: Uuid,
) {
    let answer = join(cx, group, caller, &request, uuid);
    cx.answer(caller.request, Answer::Join(answer));
}

/// SyncGroup on a consumer group.
pub(crate) fn classic_sync(
    cx: &mut Context<'_>,
    group: &mut Group,
    caller: &Caller,
    request: SyncGroupRequest,
) {
    let answer = sync(cx, group, caller, &request);
    cx.answer(caller.request, Answer::Sync(answer));
}

/// Heartbeat on a consumer group.
pub(crate) fn classic_heartbeat(
    cx: &mut Context<'_>,
    group: &mut Group,
    caller: &Caller,
    request: HeartbeatRequest,
) {
    let answer = heartbeat(cx, group, caller, &request);
    cx.answer(caller.request, Answer::Heartbeat(answer));
}

/// LeaveGroup on a consumer group.
pub(crate) fn classic_leave(
    cx: &mut Context<'_>,
    group: &mut Group,
    caller: &Caller,
    request: LeaveGroupRequest,
) {
    let answer = leave(cx, group, caller, &request);
    cx.answer(caller.request, Answer::Leave(answer));
}

fn join(
    cx: &mut Context<'_>,
    group: &mut Group,
    caller: &Caller,
    request: &JoinGroupRequest,
    uuid: Uuid,
) -> Result<JoinAnswer, Refusal> {
    let GroupKind::Consumer(consumer) = &mut group.kind else {
        return Err(Refusal::UnknownMemberId);
    };
    let is_unknown = request.member_id.is_empty();
    let member_id =
        if is_unknown { Str::from(uuid.to_string()) } else { request.member_id.detached() };
    let instance_id = request.group_instance_id.as_ref();
    let found = consumer.find_classic(&member_id, instance_id, is_unknown)?;
    consumer.check_classic_join(cx, request, found)?;
    if is_unknown && instance_id.is_none() && caller.version >= MEMBER_ID_REQUIRED_VERSION_MIN {
        return Err(Refusal::MemberIdRequired { member_id });
    }
    let (subscription, embedded) = classic_subscription(found.member, caller, request)?;
    let reported = embedded.owned_by_id(cx.topics);
    let is_changed = found.member.is_none_or(|member| member.subscription != subscription);
    let said = Said {
        member_id: &member_id,
        subscription: is_changed.then_some(&subscription),
        reported: Some(&reported),
    };
    let decision = consumer.decide(cx, &group.id, found, said)?;
    let answer = JoinAnswer {
        generation_id: decision.next.epoch,
        protocol_type: Some(Str::from_static(CONSUMER_PROTOCOL_TYPE)),
        protocol_name: subscription.first_protocol().map(|(name, _)| name.clone()),
        leader: Str::default(),
        skip_assignment: false,
        member_id: member_id.clone(),
        members: Vec::new(),
    };
    if let Some(replaced) = &decision.replaced
        && migration::downgrade_by_join(cx, group, replaced, &member_id, &decision.records)
    {
        cx.connections.heard(&group.id, &member_id, caller.connection);
        return Ok(answer);
    }
    let GroupKind::Consumer(consumer) = &mut group.kind else {
        return Err(Refusal::UnknownMemberId);
    };
    if let Some(wanted) = &decision.wanted {
        consumer.looked(cx, wanted);
    }
    cx.outcome.records.extend(decision.records);
    if let Some(replaced) = &decision.replaced {
        forget(cx, &group.id, replaced, true);
    }
    let timer = |kind| TimerKey::of_member(&group.id, kind, &member_id);
    cx.timers.cancel(&timer(TimerKind::ConsumerJoin));
    cx.timers.cancel(&timer(TimerKind::ConsumerRebalance));
    let sync_end = cx.now.monotonic.plus(millis(subscription.rebalance_timeout_ms));
    cx.timers.set(timer(TimerKind::ConsumerSync), sync_end);
    set_session(cx, &group.id, &member_id, &subscription);
    consumer.heard(cx, &group.id, caller, &member_id);
    Ok(answer)
}

/// What a classic member subscribes to, in the words of a consumer group.
fn classic_subscription(
    member: Option<&Member>,
    caller: &Caller,
    request: &JoinGroupRequest,
) -> Result<(Subscription, EmbeddedSubscription), Refusal> {
    let first = request.protocols.first().ok_or(Refusal::InconsistentGroupProtocol)?;
    let embedded = EmbeddedSubscription::read(&first.metadata)
        .map_err(|_| Refusal::InconsistentGroupProtocol)?;
    let mut subscription = member.map(|member| member.subscription.clone()).unwrap_or_default();
    if let Some(instance_id) = &request.group_instance_id {
        subscription.instance_id = Some(instance_id.detached());
    }
    if let Some(rack_id) = &embedded.rack_id {
        subscription.rack_id = Some(rack_id.detached());
    }
    subscription.rebalance_timeout_ms = if request.rebalance_timeout_ms == -1 {
        request.session_timeout_ms
    } else {
        request.rebalance_timeout_ms
    };
    subscription.topic_names = sorted_names(&embedded.topics);
    subscription.topic_regex = None;
    subscription.client_id = caller.client_id.detached();
    subscription.client_host = caller.client_host.detached();
    subscription.classic = Some(ClassicMember {
        session_timeout_ms: request.session_timeout_ms,
        protocols: request
            .protocols
            .iter()
            .map(|protocol| (protocol.name.detached(), detached(&protocol.metadata)))
            .collect(),
    });
    Ok((subscription, embedded))
}

fn sync(
    cx: &mut Context<'_>,
    group: &mut Group,
    caller: &Caller,
    request: &SyncGroupRequest,
) -> Result<SyncAnswer, Refusal> {
    let GroupKind::Consumer(consumer) = &mut group.kind else {
        return Err(Refusal::UnknownMemberId);
    };
    let member_id = &request.member_id.detached();
    let member = consumer.classic_member(member_id, request.group_instance_id.as_ref())?;
    check_generation(member, request.generation_id)?;
    let (protocol_name, metadata) =
        member.subscription.first_protocol().ok_or(Refusal::UnknownMemberId)?;
    let is_other_type =
        request.protocol_type.as_ref().is_some_and(|name| *name != CONSUMER_PROTOCOL_TYPE);
    if is_other_type || request.protocol_name.as_ref().is_some_and(|name| name != protocol_name) {
        return Err(Refusal::InconsistentGroupProtocol);
    }
    let is_behind = consumer.assignment_epoch() > member.current.epoch;
    if is_behind && member.current.state != MemberState::Unrevoked {
        must_join(cx, &group.id, member_id, member);
        return Err(Refusal::RebalanceInProgress);
    }
    let version = EmbeddedSubscription::read(metadata).map_or(0, |embedded| embedded.version);
    let assignment = write_assignment(&member.current.assigned.partitions(), cx.topics, version)
        .map_err(|_| Refusal::InconsistentGroupProtocol)?;
    let subscription = member.subscription.clone();
    cx.timers.cancel(&TimerKey::of_member(&group.id, TimerKind::ConsumerSync, member_id));
    set_session(cx, &group.id, member_id, &subscription);
    consumer.heard(cx, &group.id, caller, member_id);
    Ok(SyncAnswer {
        protocol_type: request.protocol_type.clone(),
        protocol_name: request.protocol_name.clone(),
        assignment,
    })
}

fn heartbeat(
    cx: &mut Context<'_>,
    group: &mut Group,
    caller: &Caller,
    request: &HeartbeatRequest,
) -> Result<(), Refusal> {
    let GroupKind::Consumer(consumer) = &mut group.kind else {
        return Err(Refusal::UnknownMemberId);
    };
    let member_id = &request.member_id.detached();
    let member = consumer.classic_member(member_id, request.group_instance_id.as_ref())?;
    check_generation(member, request.generation_id)?;
    set_session(cx, &group.id, member_id, &member.subscription);
    let has_new_target = consumer.catch_up(cx, &group.id);
    let member = consumer.member(member_id)?;
    // It joins again when there is a newer target, when it has to give up partitions, and when
    // those it waits for are free.
    let current = &member.current;
    let has_to_join = has_new_target
        || current.epoch < consumer.assignment_epoch()
        || current.state == MemberState::Unrevoked
        || (current.state == MemberState::Unreleased && !consumer.waits_for_others(member_id));
    if has_to_join {
        must_join(cx, &group.id, member_id, member);
    }
    consumer.note_gap(cx.now.monotonic, member_id);
    consumer.heard(cx, &group.id, caller, member_id);
    if has_to_join { Err(Refusal::RebalanceInProgress) } else { Ok(()) }
}

/// The member is told to join; it has its rebalance timeout for that, from the first time on.
fn must_join(cx: &mut Context<'_>, group_id: &Str, member_id: &Str, member: &Member) {
    let key = TimerKey::of_member(group_id, TimerKind::ConsumerJoin, member_id);
    if cx.timers.get(&key).is_none() {
        let wait = millis(member.subscription.rebalance_timeout_ms);
        cx.timers.set(key, cx.now.monotonic.plus(wait));
    }
}

fn leave(
    cx: &mut Context<'_>,
    group: &mut Group,
    caller: &Caller,
    request: &LeaveGroupRequest,
) -> Result<Vec<MemberLeft>, Refusal> {
    let GroupKind::Consumer(consumer) = &group.kind else {
        return Err(Refusal::UnknownMemberId);
    };
    if caller.version < BATCH_LEAVE_VERSION_MIN {
        let result = consumer.leaving(&request.member_id, None).map(|_| ());
        if result.is_ok() {
            fence(cx, group, &[request.member_id.detached()]);
        }
        let member_id = request.member_id.clone();
        return Ok(vec![MemberLeft { member_id, group_instance_id: None, result }]);
    }
    let mut gone: Vec<Str> = Vec::new();
    let mut left = Vec::new();
    for one in &request.members {
        let instance_id = one.group_instance_id.as_ref();
        let found = consumer.leaving(&one.member_id, instance_id);
        let result = found.map(|member_id| gone.push(member_id));
        left.push(MemberLeft {
            member_id: one.member_id.clone(),
            group_instance_id: one.group_instance_id.clone(),
            result,
        });
    }
    gone.sort_unstable();
    gone.dedup();
    fence(cx, group, &gone);
    Ok(left)
}

fn check_generation(member: &Member, given: i32) -> Result<(), Refusal> {
    let current = member.current.epoch;
    if given == current { Ok(()) } else { Err(Refusal::IllegalGeneration { given, current }) }
}

impl Subscription {
    /// The protocol a classic member likes best; all of them carry the same subscription.
    fn first_protocol(&self) -> Option<&(Str, Bytes)> {
        self.classic.as_ref().and_then(|classic| classic.protocols.first())
    }
}

impl ConsumerGroup {
    fn assignment_epoch(&self) -> i32 {
        self.durable.assignment_epoch
    }

    fn check_classic_join(
        &self,
        cx: &Context<'_>,
        request: &JoinGroupRequest,
        found: Found<'_>,
    ) -> Result<(), Refusal> {
        let config = cx.config;
        if config.consumer_migration_policy == MigrationPolicy::Disabled {
            return Err(Refusal::InconsistentGroupProtocol);
        }
        let (min_ms, max_ms) = (config.session_timeout_min_ms, config.session_timeout_max_ms);
        let session_timeout_ms = request.session_timeout_ms;
        if !(min_ms..=max_ms).contains(&session_timeout_ms) {
            return Err(Refusal::InvalidSessionTimeout { session_timeout_ms, min_ms, max_ms });
        }
        let bytes = request.protocols.iter().map(|given| given.name.len() + given.metadata.len());
        let (bytes, max_bytes) = (bytes.sum(), super::heartbeat::member_bytes_max(cx));
        if bytes > max_bytes {
            return Err(Refusal::GroupTooLarge { bytes, max_bytes });
        }
        self.check_room(cx, found.member.is_some())?;
        let classic_count = self.derived.classic_count;
        let all_speak = |name: &Str| {
            self.derived.classic_protocols.get(name).copied().unwrap_or(0) == classic_count
        };
        let fits = request.protocol_type == *CONSUMER_PROTOCOL_TYPE
            && request.protocols.iter().any(|protocol| all_speak(&protocol.name));
        if fits { Ok(()) } else { Err(Refusal::InconsistentGroupProtocol) }
    }

    fn find_classic(
        &self,
        member_id: &Str,
        instance_id: Option<&Str>,
        is_unknown: bool,
    ) -> Result<Found<'_>, Refusal> {
        let by_id = self.durable.members.get(member_id);
        let Some(instance_id) = instance_id else {
            return Ok(Found { member: by_id, replaces: None });
        };
        match self.static_member(instance_id) {
            None if is_unknown => Ok(Found { member: by_id, replaces: None }),
            None => Err(Refusal::UnknownMemberId),
            Some((replaced, member)) if is_unknown => {
                Ok(Found { member: Some(member), replaces: Some(replaced) })
            }
            Some((current, _)) if current != member_id => Err(Refusal::FencedInstanceId),
            Some((_, member)) => Ok(Found { member: Some(member), replaces: None }),
        }
    }

    /// The member of a call that only classic members make.
    fn classic_member(
        &self,
        member_id: &Str,
        instance_id: Option<&Str>,
    ) -> Result<&Member, Refusal> {
        let member = self.named_member(member_id, instance_id)?;
        if member.is_classic() { Ok(member) } else { Err(Refusal::UnknownMemberId) }
    }

    /// The member of that id, which has to be the one of the instance if one is given.
    fn named_member(&self, member_id: &Str, instance_id: Option<&Str>) -> Result<&Member, Refusal> {
        let Some(instance_id) = instance_id else { return self.member(member_id) };
        let (current, member) = self.static_member(instance_id).ok_or(Refusal::UnknownMemberId)?;
        if current == member_id { Ok(member) } else { Err(Refusal::FencedInstanceId) }
    }

    /// The id of a member that leaves, of whatever protocol; an admin may name a static one by its
    /// instance.
    fn leaving(&self, member_id: &Str, instance_id: Option<&Str>) -> Result<Str, Refusal> {
        if member_id.is_empty()
            && let Some(instance_id) = instance_id
        {
            let found = self.static_member(instance_id).map(|(member_id, _)| member_id.clone());
            return found.ok_or(Refusal::UnknownMemberId);
        }
        self.named_member(member_id, instance_id).map(|_| member_id.detached())
    }

    /// Whether another member still holds what this one shall get.
    fn waits_for_others(&self, member_id: &Str) -> bool {
        self.target_of(member_id).iter().any(|(topic_id, partition)| {
            self.is_held_by_other(topic_id, partition, [Some(member_id), None])
        })
    }

    /// Remembers when and where a classic member was heard, for the disconnect rule.
    fn heard(&mut self, cx: &mut Context<'_>, group_id: &Str, caller: &Caller, member_id: &Str) {
        cx.connections.heard(group_id, member_id, caller.connection);
        let now = cx.now.monotonic;
        self.soft.heard.entry(member_id.clone()).or_default().0 = now;
    }

    /// Remembers how long a classic member took to send a heartbeat.
    fn note_gap(&mut self, now: Monotonic, member_id: &Str) {
        if let Some((at, longest)) = self.soft.heard.get_mut(member_id) {
            *longest = now.since(*at).max(*longest);
        }
    }
}
