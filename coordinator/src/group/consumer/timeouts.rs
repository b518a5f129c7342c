//! Deadlines of members, and the disconnect rule.

use std::time::Duration;

use highwater_protocol::Str;

use super::super::classic::silence_max;
use super::super::context::Context;
use super::super::timers::{TimerKey, TimerKind};
use super::{ConsumerGroup, Group, GroupKind, MemberState, Subscription, leave};

/// A deadline of kind `Consumer*` has passed.
pub(crate) fn on_timer(cx: &mut Context<'_>, group: &mut Group, kind: TimerKind, member_id: &Str) {
    let GroupKind::Consumer(consumer) = &mut group.kind else { return };
    if kind == TimerKind::ConsumerAssign {
        consumer.catch_up(cx, &group.id);
        return;
    }
    let Ok(member) = consumer.member(member_id) else { return };
    let is_over = match kind {
        TimerKind::ConsumerSession => true,
        TimerKind::ConsumerRebalance => member.current.state == MemberState::Unrevoked,
        TimerKind::ConsumerJoin | TimerKind::ConsumerSync => member.is_classic(),
        TimerKind::ConsumerAssign
        | TimerKind::Join
        | TimerKind::Sync
        | TimerKind::Session
        | TimerKind::Pending => false,
    };
    if is_over {
        leave::fence(cx, group, std::slice::from_ref(member_id));
    }
}

/// The peer closed the connection on which the member was last heard: it is gone soon, unless it
/// is heard on another one. Static members are expected to come back and keep their session.
pub(crate) fn on_disconnected(cx: &mut Context<'_>, group: &mut Group, member_id: &Str) {
    let GroupKind::Consumer(consumer) = &group.kind else { return };
    let Ok(member) = consumer.member(member_id) else { return };
    let disconnect_ms = cx.config.disconnect_timeout_ms;
    if disconnect_ms <= 0 || member.subscription.instance_id.is_some() {
        return;
    }
    let wait = if let Some(classic) = &member.subscription.classic {
        let heard = consumer.soft.heard.get(member_id);
        let longest_gap = heard.map_or(Duration::ZERO, |(_, longest)| *longest);
        silence_max(disconnect_ms, classic.session_timeout_ms, longest_gap)
    } else {
        let interval = millis(cx.consumer_heartbeat_interval_ms(&group.id));
        millis(disconnect_ms).max(interval.saturating_mul(2))
    };
    let key = TimerKey::of_member(&group.id, TimerKind::ConsumerSession, member_id);
    let deadline = cx.now.monotonic.plus(wait);
    if cx.timers.get(&key).is_none_or(|session_end| deadline < session_end) {
        cx.timers.set(key, deadline);
    }
}

/// The whole log was replayed: sessions start now. Called for groups of kind consumer.
pub(crate) fn on_loaded(cx: &mut Context<'_>, group: &mut Group) {
    let GroupKind::Consumer(consumer) = &group.kind else { return };
    for (member_id, member) in consumer.members() {
        set_session(cx, &group.id, member_id, &member.subscription);
        if member.current.state == MemberState::Unrevoked && !member.is_classic() {
            let key = TimerKey::of_member(&group.id, TimerKind::ConsumerRebalance, member_id);
            let wait = millis(member.subscription.rebalance_timeout_ms);
            cx.timers.set(key, cx.now.monotonic.plus(wait));
        }
    }
}

/// A member was heard: its session starts anew.
pub(crate) fn set_session(
    cx: &mut Context<'_>,
    group_id: &Str,
    member_id: &Str,
    subscription: &Subscription,
) {
    let timeout_ms = match &subscription.classic {
        Some(classic) => classic.session_timeout_ms,
        None => cx.consumer_session_timeout_ms(group_id),
    };
    let key = TimerKey::of_member(group_id, TimerKind::ConsumerSession, member_id);
    cx.timers.set(key, cx.now.monotonic.plus(millis(timeout_ms)));
}

/// Milliseconds of a request or a setting; below zero is none.
pub(crate) fn millis(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

impl ConsumerGroup {
    /// Looks after topics and target without a call of a member that does: the last target was too
    /// young when members came or went, or those who are left speak the classic protocol.
    ///
    /// Says whether there is a new target.
    pub(super) fn catch_up(&mut self, cx: &mut Context<'_>, group_id: &Str) -> bool {
        let durable = &self.durable;
        let is_target_due =
            durable.epoch > durable.assignment_epoch && self.may_assign(cx, group_id);
        if durable.members.is_empty() || (!is_target_due && !self.is_look_due(cx)) {
            return false;
        }
        let mut records = Vec::new();
        let Ok(wanted) = self.wanted(cx, group_id, &[], None, &mut records) else { return false };
        let hash = wanted.metadata_hash(cx.topics);
        let mut epoch = durable.epoch;
        if wanted.has_other_topics || hash != durable.metadata_hash {
            self.bump(group_id, hash, &mut records);
            epoch += 1;
        }
        let assigns = epoch > durable.assignment_epoch && self.may_assign(cx, group_id);
        if assigns {
            self.assign(cx, group_id, epoch, &wanted, None, &mut records);
        }
        cx.outcome.records.append(&mut records);
        self.looked(cx, &wanted);
        assigns
    }
}
