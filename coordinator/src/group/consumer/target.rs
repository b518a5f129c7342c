//! The target assignment: what every member shall have.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_protocol::Str;

use super::super::assignor::{Assignor, Partitions, Spec, SpecMember};
use super::super::config::GroupConfig;
use super::super::context::Context;
use super::super::timers::{TimerKey, TimerKind};
use super::records::RecordsOf;
use super::replay::Change;
use super::subscriptions::Wanted;
use super::{ConsumerGroup, GroupRecord, Subscription};

/// One member as it will be once the proposed records are replayed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Updated<'a> {
    pub(super) member_id: &'a Str,
    pub(super) subscription: &'a Subscription,
    /// The member it takes the place of (a static member under its new id).
    pub(super) replaces: Option<&'a Str>,
}

impl ConsumerGroup {
    /// Whether enough time has passed since the last target, so that members who come together
    /// are given their partitions together.
    pub(super) fn may_assign(&self, cx: &Context<'_>, group_id: &Str) -> bool {
        let pause = TimerKey::of_group(group_id, TimerKind::ConsumerAssign);
        !self.durable.is_target_recorded || cx.timers.get(&pause).is_none()
    }

    /// Computes the target of `epoch` and proposes what is new in it; gives that of the updated
    /// member.
    pub(super) fn assign(
        &self,
        cx: &mut Context<'_>,
        group_id: &Str,
        epoch: i32,
        wanted: &Wanted,
        updated: Option<Updated<'_>>,
        records: &mut Vec<GroupRecord>,
    ) -> Partitions {
        let nothing = Partitions::default();
        let replaced = updated.and_then(|updated| updated.replaces);
        let current = |member_id: &Str| self.durable.targets.get(member_id).unwrap_or(&nothing);
        let mut members: BTreeMap<&Str, (&Subscription, &Partitions)> = self
            .durable
            .members
            .iter()
            .filter(|(member_id, _)| Some(*member_id) != replaced)
            .map(|(member_id, member)| (member_id, (&member.subscription, current(member_id))))
            .collect();
        if let Some(updated) = updated {
            let had = current(updated.replaces.unwrap_or(updated.member_id));
            members.insert(updated.member_id, (updated.subscription, had));
        }
        let mut known = BTreeMap::new();
        let mut subscriptions = Vec::new();
        let mut spec_members = Vec::with_capacity(members.len());
        for (&member_id, &(subscription, current)) in &members {
            let key = (&subscription.topic_names, &subscription.topic_regex);
            let place = *known.entry(key).or_insert_with(|| {
                subscriptions.push(wanted.topics_of(subscription, cx.topics));
                subscriptions.len() - 1
            });
            spec_members.push(SpecMember {
                member_id,
                instance_id: subscription.instance_id.as_deref(),
                subscription: place,
                current,
            });
        }
        let spec = Spec { topics: wanted.topics(cx.topics), subscriptions, members: spec_members };
        let targets = self.assignor(cx, updated).assign(&spec);
        let to = RecordsOf(group_id);
        let mut of_updated = Partitions::default();
        for ((&member_id, &(_, before)), target) in members.iter().zip(targets) {
            // A member without a record gets one, though it may be empty.
            let is_known = self.durable.targets.contains_key(member_id)
                || updated.is_some_and(|u| u.replaces.is_some() && u.member_id == member_id);
            if target != *before || !is_known {
                records.push(to.target(member_id, &target));
            }
            if updated.is_some_and(|updated| updated.member_id == member_id) {
                of_updated = target;
            }
        }
        records.push(to.target_epoch(epoch, cx.now.wall));
        let interval_ms = cx.consumer_assignment_interval_ms(group_id);
        if interval_ms > 0 {
            let at = cx.now.monotonic.plus(Duration::from_millis(interval_ms));
            cx.timers.set(TimerKey::of_group(group_id, TimerKind::ConsumerAssign), at);
        }
        of_updated
    }

    /// The assignor most members ask for; the broker's first one if they ask for none.
    pub(super) fn assignor(&self, cx: &Context<'_>, updated: Option<Updated<'_>>) -> Assignor {
        let mut votes = self.derived.assignors.clone();
        if let Some(updated) = updated {
            let before = self.durable.members.get(updated.replaces.unwrap_or(updated.member_id));
            let before = before.and_then(|member| member.subscription.server_assignor.as_ref());
            for (name, change) in [
                (before, Change::Subtract),
                (updated.subscription.server_assignor.as_ref(), Change::Add),
            ] {
                if let Some(name) = name {
                    change.make(&mut votes, name);
                }
            }
        }
        most_wanted(cx.config, &votes)
    }

    /// The assignor of the group as it is.
    pub(super) fn preferred_assignor(&self, config: &GroupConfig) -> Assignor {
        most_wanted(config, &self.derived.assignors)
    }
}

/// Among those with most votes the one the broker names first.
fn most_wanted(config: &GroupConfig, votes: &BTreeMap<Str, usize>) -> Assignor {
    let votes_for = |assignor: &Assignor| votes.get(assignor.name()).copied().unwrap_or(0);
    let offered = config.consumer_assignors.iter();
    let offered = offered.filter_map(|name| Assignor::from_name(name));
    offered.rev().max_by_key(votes_for).unwrap_or_default()
}

impl Context<'_> {
    /// Least time between two target assignments of the group.
    fn consumer_assignment_interval_ms(&self, group_id: &Str) -> u64 {
        let of_group = self
            .overrides
            .get(group_id.as_str())
            .and_then(|overrides| overrides.consumer_assignment_interval_ms);
        let interval_ms = of_group.unwrap_or(self.config.consumer_assignment_interval_ms);
        u64::try_from(interval_ms).unwrap_or(0)
    }

    /// How often members of the group shall be heard.
    pub(super) fn consumer_heartbeat_interval_ms(&self, group_id: &Str) -> i32 {
        let config = self.config;
        self.overrides
            .get(group_id.as_str())
            .and_then(|overrides| overrides.consumer_heartbeat_interval_ms)
            .map_or(config.consumer_heartbeat_interval_ms, |interval_ms| {
                clamp(
                    interval_ms,
                    config.consumer_heartbeat_interval_min_ms,
                    config.consumer_heartbeat_interval_max_ms,
                )
            })
    }

    /// How long a member of the group may be silent.
    pub(super) fn consumer_session_timeout_ms(&self, group_id: &Str) -> i32 {
        let config = self.config;
        self.overrides
            .get(group_id.as_str())
            .and_then(|overrides| overrides.consumer_session_timeout_ms)
            .map_or(config.consumer_session_timeout_ms, |timeout_ms| {
                clamp(
                    timeout_ms,
                    config.consumer_session_timeout_min_ms,
                    config.consumer_session_timeout_max_ms,
                )
            })
    }
}

/// The limits may have been changed after the group's setting was checked against them.
fn clamp(value: i32, min: i32, max: i32) -> i32 {
    value.min(max).max(min)
}
