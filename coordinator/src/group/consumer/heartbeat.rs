//! ConsumerGroupHeartbeat: join, stay, follow the target. Leaving is in [`super::leave`].

use highwater_protocol::Str;
use highwater_protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, RequestTopicPartition,
};
use highwater_records::Uuid;

use super::super::answer::ConsumerHeartbeatAnswer;
use super::super::assignor::{Assignor, Partitions};
use super::super::context::Context;
use super::super::migration;
use super::super::timers::{TimerKey, TimerKind};
use super::member::{
    Current, JOIN_EPOCH, LEAVE_EPOCH, LEAVE_STATIC_EPOCH, MemberState, Subscription, sorted_names,
};
use super::reconcile::Step;
use super::records::{RecordsOf, assigned_topics};
use super::subscriptions::Wanted;
use super::target::Updated;
use super::timeouts::millis;
use super::{Answer, Caller, ConsumerGroup, Group, GroupKind, GroupRecord, Member, Refusal, leave};

/// Which part of what a group may hold one member may take for what it says of itself; more is
/// refused, since it has to fit into one record.
const MEMBER_SHARE: usize = 16;

/// ConsumerGroupHeartbeat on any group. One that nobody has is an empty classic group, and is
/// dropped again if nothing comes of the call.
pub(crate) fn heartbeat(
    cx: &mut Context<'_>,
    group: &mut Group,
    caller: &Caller,
    request: ConsumerGroupHeartbeatRequest,
    uuid: Uuid,
) {
    let answer = check_request(cx, caller.version, &request).and_then(|()| {
        if request.member_epoch < 0 {
            leave::leave(cx, group, caller, &request)
        } else {
            join_or_stay(cx, group, caller, &request, uuid)
        }
    });
    cx.answer(caller.request, Answer::ConsumerHeartbeat(answer));
}

fn check_request(
    cx: &Context<'_>,
    version: i16,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<(), Refusal> {
    let refuse = |reason| Err(Refusal::InvalidRequest { reason });
    let is_blank = |text: &Str| text.trim().is_empty();
    let needs_member_id =
        version >= 1 || request.member_epoch > 0 || request.member_epoch == LEAVE_EPOCH;
    if needs_member_id && is_blank(&request.member_id) {
        return refuse("MemberId can't be empty.");
    }
    if is_blank(&request.group_id) {
        return refuse("GroupId can't be empty.");
    }
    if request.instance_id.as_ref().is_some_and(is_blank) {
        return refuse("InstanceId can't be empty.");
    }
    if request.rack_id.as_ref().is_some_and(is_blank) {
        return refuse("RackId can't be empty.");
    }
    if request.member_epoch == JOIN_EPOCH {
        if request.rebalance_timeout_ms == -1 {
            return refuse("RebalanceTimeoutMs must be provided in first request.");
        }
        if request.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()) {
            return refuse("TopicPartitions must be empty when (re-)joining.");
        }
        if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() {
            return refuse(
                "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
            );
        }
    } else if request.member_epoch == LEAVE_STATIC_EPOCH {
        if request.instance_id.is_none() {
            return refuse("InstanceId can't be null.");
        }
    } else if request.member_epoch < LEAVE_STATIC_EPOCH {
        return refuse("MemberEpoch is invalid.");
    }
    if let Some(assignor) = &request.server_assignor {
        let is_offered = cx.config.consumer_assignors.iter().any(|name| **name == **assignor);
        if !is_offered || Assignor::from_name(assignor).is_none() {
            return Err(Refusal::UnsupportedAssignor { assignor: assignor.detached() });
        }
    }
    check_size(cx, request)
}

fn check_size(cx: &Context<'_>, request: &ConsumerGroupHeartbeatRequest) -> Result<(), Refusal> {
    let names = request.subscribed_topic_names.iter().flatten();
    let texts = [
        Some(&request.member_id),
        request.instance_id.as_ref(),
        request.rack_id.as_ref(),
        request.subscribed_topic_regex.as_ref(),
    ];
    let bytes = names.chain(texts.into_iter().flatten()).map(|text| text.len() + 2).sum();
    let max_bytes = member_bytes_max(cx);
    if bytes > max_bytes {
        return Err(Refusal::GroupTooLarge { bytes, max_bytes });
    }
    Ok(())
}

/// Bytes that one member may say of itself.
pub(super) fn member_bytes_max(cx: &Context<'_>) -> usize {
    cx.config.group_bytes_max / MEMBER_SHARE
}

fn join_or_stay(
    cx: &mut Context<'_>,
    group: &mut Group,
    caller: &Caller,
    request: &ConsumerGroupHeartbeatRequest,
    uuid: Uuid,
) -> Result<ConsumerHeartbeatAnswer, Refusal> {
    let member_id = if request.member_id.is_empty() {
        Str::from(uuid.to_string())
    } else {
        request.member_id.detached()
    };
    let call = Call { caller, request, member_id: &member_id };
    match &mut group.kind {
        GroupKind::Consumer(consumer) => {
            let decision = consumer.decide_heartbeat(cx, &group.id, call)?;
            if let Some(wanted) = &decision.wanted {
                consumer.looked(cx, wanted);
            }
            Ok(decision.carry_out(cx, &group.id, call))
        }
        GroupKind::Classic(_) if request.member_epoch != JOIN_EPOCH => {
            Err(Refusal::GroupIdNotFound)
        }
        GroupKind::Classic(classic) => {
            let (consumer, mut records) = migration::upgraded(cx, &group.id, classic)?;
            let mut decision = consumer.decide_heartbeat(cx, &group.id, call)?;
            records.append(&mut decision.records);
            decision.records = records;
            migration::end_classic(cx, &group.id, classic, &consumer);
            Ok(decision.carry_out(cx, &group.id, call))
        }
    }
}

/// One heartbeat.
#[derive(Clone, Copy)]
struct Call<'a> {
    caller: &'a Caller,
    request: &'a ConsumerGroupHeartbeatRequest,
    /// As in the request, or made for it.
    member_id: &'a Str,
}

impl Call<'_> {
    fn is_join(&self) -> bool {
        self.request.member_epoch == JOIN_EPOCH
    }

    /// Whether it says everything, as a member does when it joins or has lost an answer.
    fn is_full(&self) -> bool {
        let request = self.request;
        request.rebalance_timeout_ms != -1
            && (request.subscribed_topic_names.is_some()
                || request.subscribed_topic_regex.is_some())
            && request.topic_partitions.is_some()
    }
}

/// The member a call is from, as it was.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    /// `None`: it joins just now.
    pub(super) member: Option<&'a Member>,
    /// The static member whose place it takes.
    pub(super) replaces: Option<&'a Str>,
}

/// What a member says in a call, whatever its protocol.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) member_id: &'a Str,
    /// `None`: nothing else than before.
    pub(super) subscription: Option<&'a Subscription>,
    /// What it owns; `None`: it does not say.
    pub(super) reported: Option<&'a [RequestTopicPartition]>,
}

/// What the call of a member leads to.
pub(super) struct Decision {
    pub(super) records: Vec<GroupRecord>,
    pub(super) next: Current,
    pub(super) wanted: Option<Wanted>,
    pub(super) replaced: Option<Str>,
    /// Whether [`Decision::next`] is new.
    pub(super) has_moved: bool,
    pub(super) has_other_assignment: bool,
    rebalance_timeout_ms: i32,
}

impl Decision {
    /// Proposes the records and moves the deadlines of a member of the new protocol.
    fn carry_out(
        self,
        cx: &mut Context<'_>,
        group_id: &Str,
        call: Call<'_>,
    ) -> ConsumerHeartbeatAnswer {
        cx.outcome.records.extend(self.records);
        if let Some(replaced) = &self.replaced {
            leave::forget(cx, group_id, replaced, true);
        }
        let timer = |kind| TimerKey::of_member(group_id, kind, call.member_id);
        let session_end = cx.now.monotonic.plus(millis(cx.consumer_session_timeout_ms(group_id)));
        cx.timers.set(timer(TimerKind::ConsumerSession), session_end);
        if self.has_moved && self.next.state == MemberState::Unrevoked {
            let revocation_end = cx.now.monotonic.plus(millis(self.rebalance_timeout_ms));
            cx.timers.set(timer(TimerKind::ConsumerRebalance), revocation_end);
        } else if self.has_moved {
            cx.timers.cancel(&timer(TimerKind::ConsumerRebalance));
        }
        cx.connections.heard(group_id, call.member_id, call.caller.connection);
        let tells_assignment = call.is_join() || call.is_full() || self.has_other_assignment;
        ConsumerHeartbeatAnswer {
            member_id: Some(call.member_id.clone()),
            member_epoch: self.next.epoch,
            heartbeat_interval_ms: cx.consumer_heartbeat_interval_ms(group_id),
            assignment: tells_assignment.then(|| assigned_topics(&self.next.assigned.partitions())),
        }
    }
}

impl ConsumerGroup {
    fn decide_heartbeat(
        &self,
        cx: &mut Context<'_>,
        group_id: &Str,
        call: Call<'_>,
    ) -> Result<Decision, Refusal> {
        let found = self.find(cx, call)?;
        let changed = changed_subscription(found.member, call);
        let said = Said {
            member_id: call.member_id,
            subscription: changed.as_ref(),
            reported: call.request.topic_partitions.as_deref(),
        };
        self.decide(cx, group_id, found, said)
    }

    /// Takes in what a member says and moves it on: subscriptions, then the group's epoch, then
    /// the target, then what the member has.
    pub(super) fn decide(
        &self,
        cx: &mut Context<'_>,
        group_id: &Str,
        found: Found<'_>,
        said: Said<'_>,
    ) -> Result<Decision, Refusal> {
        let Found { member, replaces } = found;
        let nobody = Member::default();
        let before = member.unwrap_or(&nobody);
        let to = RecordsOf(group_id);
        let mut records = Vec::new();
        let subscription = said.subscription.unwrap_or(&before.subscription);
        if let Some(replaced) = replaces {
            records.extend(to.removal(replaced));
        }
        if said.subscription.is_some() || replaces.is_some() {
            records.push(to.member(said.member_id, subscription));
        }
        if let Some(replaced) = replaces {
            records.push(to.target(said.member_id, self.target_of(replaced)));
        }
        let wants_other_topics = member.is_none()
            || subscription.topic_names != before.subscription.topic_names
            || subscription.topic_regex != before.subscription.topic_regex;
        let updated = Updated { member_id: said.member_id, subscription, replaces };
        let wants_other_target = wants_other_topics
            || (subscription.server_assignor != before.subscription.server_assignor
                && self.assignor(cx, Some(updated)) != self.assignor(cx, None));
        let change = (member.map(|member| &member.subscription), subscription);
        let (group_epoch, wanted) =
            self.follow_subscriptions(cx, group_id, wants_other_target, change, &mut records)?;
        let (target_epoch, target) =
            self.follow_target(cx, group_id, group_epoch, wanted.as_ref(), updated, &mut records);
        let current = match replaces {
            Some(_) => Current { epoch: 0, previous_epoch: 0, ..before.current.clone() },
            None => before.current.clone(),
        };
        let next = if !wants_other_topics && current.is_reconciled_to(target_epoch) {
            current.clone()
        } else {
            let subscribed = match &wanted {
                Some(wanted) => wanted.topics_of(subscription, cx.topics),
                None => self.topics_of(subscription, cx.topics),
            };
            let step = Step {
                target_epoch,
                target: &target,
                has_subscription_changed: wants_other_topics,
                subscribed: &subscribed,
                reported: said.reported,
            };
            let these = [Some(said.member_id), replaces];
            step.take(&current, &|topic_id, partition| {
                self.is_held_by_other(topic_id, partition, these)
            })?
        };
        let has_moved = next != current || replaces.is_some() || member.is_none();
        if has_moved {
            records.push(to.current(said.member_id, &next));
        }
        Ok(Decision {
            records,
            has_other_assignment: next.assigned != before.current.assigned,
            next,
            wanted,
            replaced: replaces.cloned(),
            has_moved,
            rebalance_timeout_ms: subscription.rebalance_timeout_ms,
        })
    }

    /// Finds the member, or the place for a new one.
    fn find(&self, cx: &Context<'_>, call: Call<'_>) -> Result<Found<'_>, Refusal> {
        let request = call.request;
        let by_id = self.durable.members.get(call.member_id);
        let Some(instance_id) = &request.instance_id else {
            if call.is_join() {
                self.check_room(cx, by_id.is_some())?;
                return Ok(Found { member: by_id, replaces: None });
            }
            let member = by_id.ok_or(Refusal::UnknownMemberId)?;
            check_epoch(member, request)?;
            return Ok(Found { member: Some(member), replaces: None });
        };
        let by_instance = self.static_member(instance_id);
        if !call.is_join() {
            let (member_id, member) = by_instance.ok_or(Refusal::UnknownMemberId)?;
            if member_id != call.member_id {
                return Err(Refusal::FencedInstanceId);
            }
            check_epoch(member, request)?;
            return Ok(Found { member: Some(member), replaces: None });
        }
        match by_instance {
            None => {
                self.check_room(cx, by_id.is_some())?;
                Ok(Found { member: by_id, replaces: None })
            }
            // Differs from Kafka: a static member that was fenced, or whose first answer was lost,
            // joins again under its own id instead of being told that the id is in use.
            Some((member_id, member)) if member_id == call.member_id => {
                Ok(Found { member: Some(member), replaces: None })
            }
            Some((member_id, member)) => {
                if !member.is_classic() && member.current.epoch != LEAVE_STATIC_EPOCH {
                    return Err(Refusal::UnreleasedInstanceId { member_id: member_id.clone() });
                }
                Ok(Found { member: Some(member), replaces: Some(member_id) })
            }
        }
    }

    /// Whether one more member fits.
    pub(super) fn check_room(&self, cx: &Context<'_>, is_member: bool) -> Result<(), Refusal> {
        let max = cx.config.consumer_group_size_max;
        if !is_member && self.member_count() >= max {
            return Err(Refusal::GroupMaxSizeReached { max });
        }
        Ok(())
    }

    /// Bumps the group's epoch if members want something else, or topics they want have changed.
    ///
    /// `change` is the subscription of one member until now and from now on.
    fn follow_subscriptions(
        &self,
        cx: &Context<'_>,
        group_id: &Str,
        wants_other_target: bool,
        change: (Option<&Subscription>, &Subscription),
        records: &mut Vec<GroupRecord>,
    ) -> Result<(i32, Option<Wanted>), Refusal> {
        let epoch = self.durable.epoch;
        let is_target_due = epoch > self.durable.assignment_epoch && self.may_assign(cx, group_id);
        if !wants_other_target && !is_target_due && !self.is_look_due(cx) {
            return Ok((epoch, None));
        }
        let (before, after) = change;
        let wanted = self.wanted(cx, group_id, before.as_slice(), Some(after), records)?;
        let hash = wanted.metadata_hash(cx.topics);
        if !wants_other_target && !wanted.has_other_topics && hash == self.durable.metadata_hash {
            return Ok((epoch, Some(wanted)));
        }
        self.bump(group_id, hash, records);
        Ok((epoch + 1, Some(wanted)))
    }

    /// Proposes the next epoch of the group.
    pub(super) fn bump(&self, group_id: &Str, hash: i64, records: &mut Vec<GroupRecord>) {
        records.push(RecordsOf(group_id).group(self.durable.epoch + 1, hash));
        if self.durable.has_partitions_record {
            records.push(RecordsOf(group_id).no_partitions());
        }
    }

    /// The target of the member: a new one if it is due, else the one there is.
    fn follow_target(
        &self,
        cx: &mut Context<'_>,
        group_id: &Str,
        group_epoch: i32,
        wanted: Option<&Wanted>,
        updated: Updated<'_>,
        records: &mut Vec<GroupRecord>,
    ) -> (i32, Partitions) {
        if let Some(wanted) = wanted
            && group_epoch > self.durable.assignment_epoch
            && self.may_assign(cx, group_id)
        {
            let target = self.assign(cx, group_id, group_epoch, wanted, Some(updated), records);
            return (group_epoch, target);
        }
        let member_id = updated.replaces.unwrap_or(updated.member_id);
        (self.durable.assignment_epoch, self.target_of(member_id).clone())
    }

    /// What a member shall have.
    pub(crate) fn target_of(&self, member_id: &Str) -> &Partitions {
        static NOTHING: Partitions = Partitions::nothing();
        self.durable.targets.get(member_id).unwrap_or(&NOTHING)
    }
}

/// A member's epoch, or the one before if the answer that told the new one may have been lost.
fn check_epoch(member: &Member, request: &ConsumerGroupHeartbeatRequest) -> Result<(), Refusal> {
    let (given, current) = (request.member_epoch, &member.current);
    let lost_an_answer = || {
        given == current.previous_epoch
            && request.topic_partitions.as_deref().is_some_and(|all| current.assigned.has_all(all))
    };
    if given == current.epoch || (given < current.epoch && lost_an_answer()) {
        return Ok(());
    }
    Err(Refusal::FencedMemberEpoch { given, current: current.epoch })
}

/// The subscription as the heartbeat changes it; `None` if it stays as it is.
fn changed_subscription(member: Option<&Member>, call: Call<'_>) -> Option<Subscription> {
    let Call { caller, request, .. } = call;
    let is_silent = request.instance_id.is_none()
        && request.rack_id.is_none()
        && request.rebalance_timeout_ms == -1
        && request.subscribed_topic_names.is_none()
        && request.subscribed_topic_regex.is_none()
        && request.server_assignor.is_none();
    if let Some(member) = member
        && is_silent
        && member.subscription.client_id == caller.client_id
        && member.subscription.client_host == caller.client_host
        && member.subscription.classic.is_none()
    {
        return None;
    }
    let before = member.map(|member| &member.subscription);
    let mut after = before
        .cloned()
        .unwrap_or_else(|| Subscription { rebalance_timeout_ms: -1, ..Subscription::default() });
    let update = |field: &mut Option<Str>, said: &Option<Str>| {
        if let Some(said) = said {
            *field = Some(said.detached());
        }
    };
    update(&mut after.instance_id, &request.instance_id);
    update(&mut after.rack_id, &request.rack_id);
    update(&mut after.server_assignor, &request.server_assignor);
    if let Some(regex) = &request.subscribed_topic_regex {
        after.topic_regex = (!regex.is_empty()).then(|| regex.detached());
    }
    if let Some(names) = &request.subscribed_topic_names {
        after.topic_names = sorted_names(names);
    }
    if request.rebalance_timeout_ms != -1 {
        after.rebalance_timeout_ms = request.rebalance_timeout_ms;
    }
    after.client_id = caller.client_id.detached();
    after.client_host = caller.client_host.detached();
    after.classic = None;
    (before != Some(&after)).then_some(after)
}
