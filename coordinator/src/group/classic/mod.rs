//! The classic group: members join, one of them assigns.
//!
//! | from | to | when |
//! |---|---|---|
//! | Empty | PreparingRebalance | a member joins |
//! | PreparingRebalance | CompletingRebalance | all have joined, or the time is over |
//! | PreparingRebalance | Empty | all have left |
//! | CompletingRebalance | Stable | the leader's assignment is in the log |
//! | CompletingRebalance, Stable | PreparingRebalance | a member joins, leaves or is gone |
//!
//! Durable is what the group's last record says: members with their assignments at the end of a
//! rebalance, or that it is empty. A rebalance under way is soft; a restart forgets it, and members
//! find that out by the generation.

mod disconnect;
mod heartbeat;
mod join;
mod leave;
mod member;
mod rebalance;
mod replay;
mod static_member;
mod subscription;
mod sync;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use highwater_protocol::Str;
use highwater_protocol::records::GroupMetadataValue;
use highwater_records::{Monotonic, Timestamp};

use super::consumer::CommitCaller;
use super::context::Context;
use super::records::GroupRecord;
use super::timers::{TimerKey, TimerKind};
use super::{Answer, DescribedGroup, DescribedMember, Refusal};
pub(crate) use disconnect::silence_max;
pub(crate) use join::Joining;
pub(crate) use leave::{leaving_members, nobody_left};
pub(crate) use member::{Member, detached};
pub(crate) use subscription::subscribed_topics;

/// The protocol type of consumers, whose subscriptions the broker can read.
pub(crate) const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// Where a classic group stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ClassicState {
    /// No members; the group may hold offsets.
    #[default]
    Empty,
    /// Waits for members to join.
    PreparingRebalance,
    /// Waits for the leader's assignment.
    CompletingRebalance,
    /// Every member can have its assignment.
    Stable,
}

impl ClassicState {
    /// Kafka's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// The wait for the first members of an empty group.
#[derive(Clone, Copy, Debug)]
struct InitialDelay {
    delay_ms: i32,
    remaining_ms: i32,
    member_added: bool,
}

/// From when on the retention of a group's offsets counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetentionStart {
    /// From each commit.
    Commit,
    /// From when the group became empty.
    Empty(Timestamp),
    /// They do not expire now.
    Never,
}

/// A classic group; also what a group is before it is anything else.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClassicGroup {
    /// Durable: the group's last record, if it has one.
    record: Option<GroupMetadataValue>,
    state: ClassicState,
    state_since: Timestamp,
    generation: i32,
    protocol_type: Option<Str>,
    protocol: Option<Str>,
    leader: Option<Str>,
    members: BTreeMap<Str, Member>,
    /// Member id by instance id.
    static_members: BTreeMap<Str, Str>,
    /// How many members speak each protocol.
    supported: BTreeMap<Str, usize>,
    /// Sum of [`Member::size_bytes`].
    members_bytes: usize,
    /// Of members, by the protocol chosen; `None`: not known.
    subscribed: Option<BTreeSet<Str>>,
    /// Ids that were given and have not joined (KIP-394).
    pending: BTreeSet<Str>,
    /// Members that joined the current generation and have not synced.
    pending_sync: BTreeSet<Str>,
    waiting_join_count: usize,
    initial: Option<InitialDelay>,
    /// Whether a generation ended before its members had their assignments; those of the one before
    /// count no more.
    are_assignments_void: bool,
    /// A static member under its new id, until its record is replayed (KIP-345).
    replacing: Option<Member>,
}

impl ClassicGroup {
    /// Kafka's name of the state.
    pub(crate) fn state(&self) -> &'static str {
        self.state.name()
    }

    /// Whether it has no members and no rebalance runs.
    pub(crate) fn is_empty(&self) -> bool {
        self.state == ClassicState::Empty
    }

    /// Whether nothing would be lost with it: no record, no members, nobody waits.
    pub(crate) fn is_vacant(&self) -> bool {
        self.record.is_none() && self.is_empty() && self.pending.is_empty()
    }

    /// Members, those with an id only not counted.
    pub(crate) fn member_count(&self) -> usize {
        self.members.len()
    }

    /// All members, by id.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// One member.
    #[cfg(test)]
    pub(crate) fn member(&self, member_id: &Str) -> Option<&Member> {
        self.members.get(member_id)
    }

    /// The current generation, which may be newer than that of the record.
    pub(crate) fn generation(&self) -> i32 {
        self.generation
    }

    /// Empty for a group that only holds offsets.
    pub(crate) fn protocol_type(&self) -> Option<&Str> {
        self.protocol_type.as_ref()
    }

    /// The protocol chosen for the current generation.
    pub(crate) fn protocol(&self) -> Option<&Str> {
        self.protocol.as_ref()
    }

    /// The durable state.
    #[cfg(test)]
    pub(crate) fn record(&self) -> Option<&GroupMetadataValue> {
        self.record.as_ref()
    }

    /// Whether the broker can read what its members subscribe to.
    pub(crate) fn speaks_consumer_protocol(&self) -> bool {
        self.protocol_type.as_ref().is_some_and(|name| *name == CONSUMER_PROTOCOL_TYPE)
    }

    /// Whether a member reads the topic; where that is not known, yes.
    pub(crate) fn is_subscribed_to(&self, topic: &Str) -> bool {
        match &self.subscribed {
            Some(topics) => topics.contains(topic),
            None => self.speaks_consumer_protocol(),
        }
    }

    /// From when on the retention of its offsets counts.
    pub(crate) fn retention_start(&self) -> RetentionStart {
        if self.protocol_type.is_none() {
            return RetentionStart::Commit;
        }
        match self.state {
            ClassicState::Empty if self.state_since.is_none() => RetentionStart::Commit,
            ClassicState::Empty => RetentionStart::Empty(self.state_since),
            ClassicState::Stable
                if self.speaks_consumer_protocol() && self.subscribed.is_some() =>
            {
                RetentionStart::Commit
            }
            ClassicState::Stable
            | ClassicState::PreparingRebalance
            | ClassicState::CompletingRebalance => RetentionStart::Never,
        }
    }

    /// Whether offsets may be deleted; the group's subscriptions are looked at topic by topic.
    pub(crate) fn check_delete_offsets(&self) -> Result<(), Refusal> {
        if self.is_empty() || self.speaks_consumer_protocol() {
            Ok(())
        } else {
            Err(Refusal::NonEmptyGroup)
        }
    }

    /// Whether the caller may commit offsets.
    pub(crate) fn check_commit(&self, caller: CommitCaller<'_>) -> Result<(), Refusal> {
        let CommitCaller { is_transactional, member_id, instance_id, epoch, .. } = caller;
        if epoch < 0 && self.is_empty() {
            return Ok(());
        }
        if epoch >= 0 || !member_id.is_empty() || instance_id.is_some() {
            self.check_member(member_id, instance_id)?;
            self.check_generation(epoch)?;
        } else if !is_transactional && !self.is_empty() {
            return Err(Refusal::UnknownMemberId);
        }
        if !is_transactional && self.state == ClassicState::CompletingRebalance {
            return Err(Refusal::RebalanceInProgress);
        }
        Ok(())
    }

    fn check_member(&self, member_id: &Str, instance_id: Option<&Str>) -> Result<(), Refusal> {
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id) {
                None => return Err(Refusal::UnknownMemberId),
                Some(current) if current != member_id => return Err(Refusal::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) { Ok(()) } else { Err(Refusal::UnknownMemberId) }
    }

    fn check_generation(&self, given: i32) -> Result<(), Refusal> {
        let current = self.generation;
        if given == current { Ok(()) } else { Err(Refusal::IllegalGeneration { given, current }) }
    }

    /// As DescribeGroups shows it.
    pub(crate) fn describe(&self) -> DescribedGroup {
        let is_stable = self.state == ClassicState::Stable;
        let protocol = if is_stable { self.protocol.clone() } else { None };
        let members = self.members.values().map(|member| DescribedMember {
            member_id: member.id.clone(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: member.metadata(protocol.as_ref()),
            assignment: if self.are_assignments_void {
                Bytes::default()
            } else {
                member.assignment.clone()
            },
        });
        DescribedGroup {
            state: self.state(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            members: members.collect(),
            protocol: protocol.unwrap_or_default(),
        }
    }

    /// The record that ends the group.
    pub(crate) fn tombstone(group_id: &Str) -> GroupRecord {
        GroupRecord::ClassicGroup { group_id: group_id.clone(), value: None }
    }

    /// Sessions start now: the whole log was replayed.
    pub(crate) fn on_loaded(&mut self, cx: &mut Context<'_>, id: &Str) {
        let members: Vec<Str> = self.members.keys().cloned().collect();
        for member_id in &members {
            self.extend_session(cx, id, member_id);
        }
        if self.members.len() > cx.config.group_size_max && self.state == ClassicState::Stable {
            self.prepare_rebalance(cx, id);
        }
    }

    /// Answers all that wait in the group; for a change of kind.
    pub(crate) fn refuse_all_waiting(&mut self, cx: &mut Context<'_>, refusal: &Refusal) {
        for member in self.members.values_mut() {
            if let Some(request) = member.waiting_join.take() {
                self.waiting_join_count -= 1;
                cx.answer(request, Answer::Join(Err(refusal.clone())));
            }
            if let Some(request) = member.waiting_sync.take() {
                cx.answer(request, Answer::Sync(Err(refusal.clone())));
            }
        }
    }

    /// Forgets all deadlines; for a change of kind.
    pub(crate) fn cancel_timers(&self, cx: &mut Context<'_>, id: &Str) {
        cx.timers.cancel(&TimerKey::of_group(id, TimerKind::Join));
        cx.timers.cancel(&TimerKey::of_group(id, TimerKind::Sync));
        for member_id in self.members.keys() {
            cx.timers.cancel(&TimerKey::of_member(id, TimerKind::Session, member_id));
        }
        for member_id in &self.pending {
            cx.timers.cancel(&TimerKey::of_member(id, TimerKind::Pending, member_id));
        }
    }

    /// A deadline has passed.
    pub(crate) fn on_timer(
        &mut self,
        cx: &mut Context<'_>,
        id: &Str,
        kind: TimerKind,
        member_id: &Str,
    ) {
        match kind {
            TimerKind::Join => self.on_join_timer(cx, id),
            TimerKind::Sync => self.on_sync_timer(cx, id),
            TimerKind::Session => self.on_session_timer(cx, id, member_id),
            TimerKind::Pending => self.on_pending_timer(cx, id, member_id),
            TimerKind::ConsumerSession
            | TimerKind::ConsumerRebalance
            | TimerKind::ConsumerJoin
            | TimerKind::ConsumerSync
            | TimerKind::ConsumerAssign => {}
        }
    }

    fn become_state(&mut self, to: ClassicState, now: Timestamp) {
        use ClassicState::{CompletingRebalance, Empty, PreparingRebalance, Stable};
        let from = self.state;
        let is_legal = match to {
            Empty => from == PreparingRebalance,
            PreparingRebalance => from != PreparingRebalance,
            CompletingRebalance => from == PreparingRebalance,
            Stable => from == CompletingRebalance,
        };
        assert!(is_legal, "{from:?} -> {to:?}");
        self.state = to;
        self.state_since = now;
    }
}

/// So many milliseconds after a moment; negative is none.
pub(crate) fn after_ms(from: Monotonic, ms: i32) -> Monotonic {
    from.plus(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
}
