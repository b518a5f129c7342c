//! From the first wish to rebalance to the new generation.

use std::collections::{BTreeMap, BTreeSet};

use highwater_protocol::Str;
use highwater_protocol::records::GroupMetadataValue;

use super::super::context::Context;
use super::super::records::GroupRecord;
use super::super::timers::{TimerKey, TimerKind};
use super::super::{Answer, JoinAnswer, JoinedMember, Refusal};
use super::{ClassicGroup, ClassicState, InitialDelay, Member, after_ms, subscribed_topics};
use crate::RequestId;

impl ClassicGroup {
    /// Begins a rebalance, or ends the one under way if all have joined.
    pub(super) fn rebalance_or_complete(&mut self, cx: &mut Context<'_>, id: &Str) {
        match self.state {
            ClassicState::Empty | ClassicState::CompletingRebalance | ClassicState::Stable => {
                self.prepare_rebalance(cx, id);
            }
            ClassicState::PreparingRebalance => self.maybe_complete_join(cx, id),
        }
    }

    /// Begins a rebalance; members learn it from their next heartbeat.
    pub(crate) fn prepare_rebalance(&mut self, cx: &mut Context<'_>, id: &Str) {
        if self.state == ClassicState::CompletingRebalance {
            self.refuse_syncs(cx, id, &Refusal::RebalanceInProgress);
            self.are_assignments_void = true;
        }
        self.pending_sync.clear();
        cx.timers.cancel(&TimerKey::of_group(id, TimerKind::Sync));
        let is_initial = self.state == ClassicState::Empty;
        self.become_state(ClassicState::PreparingRebalance, cx.now.wall);
        if !is_initial {
            if self.have_all_joined() {
                self.complete_join(cx, id);
            } else {
                self.set_join_timer(cx, id, self.rebalance_timeout_ms());
            }
            return;
        }
        let delay_ms = cx.config.initial_rebalance_delay_ms;
        let remaining_ms = self.rebalance_timeout_ms().saturating_sub(delay_ms).max(0);
        self.initial = Some(InitialDelay { delay_ms, remaining_ms, member_added: false });
        self.set_join_timer(cx, id, delay_ms);
    }

    /// Ends the wait for joins if nobody is missing; the first wait of a group takes its time.
    pub(super) fn maybe_complete_join(&mut self, cx: &mut Context<'_>, id: &Str) {
        let is_waiting = self.state == ClassicState::PreparingRebalance && self.initial.is_none();
        if is_waiting && self.have_all_joined() {
            self.complete_join(cx, id);
        }
    }

    pub(super) fn on_join_timer(&mut self, cx: &mut Context<'_>, id: &Str) {
        if self.state != ClassicState::PreparingRebalance {
            return;
        }
        match self.initial {
            Some(initial) if initial.member_added && initial.remaining_ms > 0 => {
                let delay_ms = cx.config.initial_rebalance_delay_ms.min(initial.remaining_ms);
                let remaining_ms = (initial.remaining_ms - initial.delay_ms).max(0);
                self.initial = Some(InitialDelay { delay_ms, remaining_ms, member_added: false });
                self.set_join_timer(cx, id, delay_ms);
            }
            Some(_) | None => self.complete_join(cx, id),
        }
    }

    pub(super) fn on_sync_timer(&mut self, cx: &mut Context<'_>, id: &Str) {
        let is_waiting =
            matches!(self.state, ClassicState::CompletingRebalance | ClassicState::Stable);
        if !is_waiting || self.pending_sync.is_empty() {
            return;
        }
        for member_id in std::mem::take(&mut self.pending_sync) {
            self.remove_member(cx, id, &member_id);
        }
        self.prepare_rebalance(cx, id);
    }

    pub(super) fn on_session_timer(&mut self, cx: &mut Context<'_>, id: &Str, member_id: &Str) {
        let Some(member) = self.members.get(member_id) else { return };
        let is_disconnected = member.gone_at.is_some_and(|at| at <= cx.now.monotonic);
        // Who waits for others is alive, but a new member waits only so long.
        if member.is_waiting() && !member.is_new && !is_disconnected {
            return;
        }
        self.remove_member(cx, id, member_id);
        self.after_removal(cx, id);
    }

    pub(super) fn on_pending_timer(&mut self, cx: &mut Context<'_>, id: &Str, member_id: &Str) {
        if self.remove_pending(cx, id, member_id) {
            self.maybe_complete_join(cx, id);
        }
    }

    /// What follows when members are gone.
    pub(super) fn after_removal(&mut self, cx: &mut Context<'_>, id: &Str) {
        match self.state {
            ClassicState::Stable | ClassicState::CompletingRebalance => {
                self.prepare_rebalance(cx, id);
            }
            ClassicState::PreparingRebalance => self.maybe_complete_join(cx, id),
            ClassicState::Empty => {}
        }
    }

    /// Ends the wait for joins: who has not joined is out, unless static, and the next generation
    /// begins.
    fn complete_join(&mut self, cx: &mut Context<'_>, id: &Str) {
        cx.timers.cancel(&TimerKey::of_group(id, TimerKind::Join));
        self.initial = None;
        let missing: Vec<Str> = self
            .members
            .values()
            .filter(|member| member.waiting_join.is_none() && member.instance_id.is_none())
            .map(|member| member.id.clone())
            .collect();
        for member_id in &missing {
            self.remove_member(cx, id, member_id);
        }
        if self.members.is_empty() {
            self.propose_empty(cx, id);
        } else if self.elect_leader() {
            self.begin_generation(cx, id);
        } else {
            self.set_join_timer(cx, id, self.rebalance_timeout_ms());
        }
    }

    /// Proposes that the group is empty; the replay of that makes it so.
    fn propose_empty(&self, cx: &mut Context<'_>, id: &Str) {
        let value = GroupMetadataValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: next_generation(self.generation),
            protocol: None,
            leader: None,
            current_state_timestamp: cx.now.wall.value(),
            members: Vec::new(),
        };
        cx.propose(GroupRecord::ClassicGroup { group_id: id.clone(), value: Some(value) });
    }

    /// A member that has joined leads: the leader as it was, or another if it is missing.
    fn elect_leader(&mut self) -> bool {
        let has_joined =
            |id: &Str| self.members.get(id).is_some_and(|member| member.waiting_join.is_some());
        if self.leader.as_ref().is_some_and(has_joined) {
            return true;
        }
        let joined = self.members.values().find(|member| member.waiting_join.is_some());
        match joined {
            Some(member) => {
                self.leader = Some(member.id.clone());
                true
            }
            None => false,
        }
    }

    fn begin_generation(&mut self, cx: &mut Context<'_>, id: &Str) {
        self.generation = next_generation(self.generation);
        self.protocol = self.select_protocol();
        self.subscribed = self.read_subscriptions();
        self.become_state(ClassicState::CompletingRebalance, cx.now.wall);
        self.pending_sync = self.members.keys().cloned().collect();
        let waiting: Vec<(Str, RequestId)> = self
            .members
            .values_mut()
            .filter_map(|member| Some((member.id.clone(), member.waiting_join.take()?)))
            .collect();
        self.waiting_join_count = 0;
        for (member_id, request) in waiting {
            let answer = self.join_answer(&member_id);
            cx.answer(request, Answer::Join(Ok(answer)));
        }
        let members: Vec<Str> = self.members.keys().cloned().collect();
        for member_id in &members {
            if let Some(member) = self.members.get_mut(member_id) {
                member.is_new = false;
            }
            self.extend_session(cx, id, member_id);
        }
        let at = after_ms(cx.now.monotonic, self.rebalance_timeout_ms());
        cx.timers.set(TimerKey::of_group(id, TimerKind::Sync), at);
    }

    /// What a member that has joined the current generation is told.
    pub(super) fn join_answer(&self, member_id: &Str) -> JoinAnswer {
        let is_leader = self.leader.as_ref() == Some(member_id);
        JoinAnswer {
            generation_id: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment: false,
            member_id: member_id.clone(),
            members: if is_leader { self.joined_members() } else { Vec::new() },
        }
    }

    pub(super) fn joined_members(&self) -> Vec<JoinedMember> {
        let joined = self.members.values().map(|member| JoinedMember {
            member_id: member.id.clone(),
            group_instance_id: member.instance_id.clone(),
            metadata: member.metadata(self.protocol.as_ref()),
        });
        joined.collect()
    }

    /// The vote: of the protocols that all members speak, each votes for its first. Equal votes are
    /// decided by the order of one of the members.
    pub(super) fn select_protocol(&self) -> Option<Str> {
        let all = self.members.len();
        let is_candidate = |name: &Str| self.supported.get(name) == Some(&all);
        let mut votes: BTreeMap<&Str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let first = member.protocols.iter().find(|given| is_candidate(&given.name));
            if let Some(first) = first {
                *votes.entry(&first.name).or_default() += 1;
            }
        }
        let leader = self.leader.as_ref().and_then(|leader| self.members.get(leader));
        let order = leader.or_else(|| self.members.values().next())?;
        let mut chosen: Option<(&Str, usize)> = None;
        for given in &order.protocols {
            let count = votes.get(&given.name).copied().unwrap_or(0);
            if count > chosen.map_or(0, |(_, most)| most) {
                chosen = Some((&given.name, count));
            }
        }
        chosen.map(|(name, _)| name.clone())
    }

    /// The topics of all members; `None` if one of them cannot be read.
    pub(super) fn read_subscriptions(&self) -> Option<BTreeSet<Str>> {
        if !self.speaks_consumer_protocol() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol.as_ref()?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            topics.extend(subscribed_topics(&member.metadata(Some(protocol)))?);
        }
        Some(topics)
    }

    pub(super) fn have_all_joined(&self) -> bool {
        self.waiting_join_count == self.members.len() && self.pending.is_empty()
    }

    /// The longest that a member asks for.
    pub(super) fn rebalance_timeout_ms(&self) -> i32 {
        self.members.values().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0).max(0)
    }

    fn set_join_timer(&self, cx: &mut Context<'_>, id: &Str, delay_ms: i32) {
        let at = after_ms(cx.now.monotonic, delay_ms);
        cx.timers.set(TimerKey::of_group(id, TimerKind::Join), at);
    }

    /// Lets the session of a member begin again. A member whose connection is closed does not live
    /// longer by what others do.
    pub(super) fn extend_session(&mut self, cx: &mut Context<'_>, id: &Str, member_id: &Str) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        member.heard = Some(cx.now.monotonic);
        let session_end = after_ms(cx.now.monotonic, member.session_timeout_ms);
        let at = member.gone_at.map_or(session_end, |gone_at| gone_at.min(session_end));
        cx.timers.set(TimerKey::of_member(id, TimerKind::Session, member_id), at);
    }

    /// Puts a member in; the first one decides the protocol type and leads.
    pub(super) fn insert_member(&mut self, member: Member) {
        for name in protocol_names(&member) {
            *self.supported.entry(name.clone()).or_default() += 1;
        }
        self.members_bytes += member.size_bytes();
        self.waiting_join_count += usize::from(member.waiting_join.is_some());
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(instance_id.clone(), member.id.clone());
        }
        if self.leader.is_none() {
            self.leader = Some(member.id.clone());
        }
        self.members.insert(member.id.clone(), member);
    }

    /// Takes a member out, and nothing else.
    pub(super) fn take_member(&mut self, member_id: &Str) -> Option<Member> {
        let member = self.members.remove(member_id)?;
        for name in protocol_names(&member) {
            if let Some(count) = self.supported.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    self.supported.remove(name);
                }
            }
        }
        self.members_bytes -= member.size_bytes();
        self.waiting_join_count -= usize::from(member.waiting_join.is_some());
        if let Some(instance_id) = &member.instance_id
            && self.static_members.get(instance_id) == Some(member_id)
        {
            self.static_members.remove(instance_id);
        }
        Some(member)
    }

    /// A member is out: what waited is answered, and another leads if it led.
    pub(super) fn remove_member(&mut self, cx: &mut Context<'_>, id: &Str, member_id: &Str) {
        let Some(member) = self.take_member(member_id) else { return };
        if let Some(request) = member.waiting_join {
            cx.answer(request, Answer::Join(Err(Refusal::UnknownMemberId)));
        }
        if let Some(request) = member.waiting_sync {
            cx.answer(request, Answer::Sync(Err(Refusal::UnknownMemberId)));
        }
        if self.leader.as_ref() == Some(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
        self.pending_sync.remove(member_id);
        cx.timers.cancel(&TimerKey::of_member(id, TimerKind::Session, member_id));
        cx.connections.forget(id, member_id);
    }

    /// An id that was given is taken back; says whether it was one.
    pub(super) fn remove_pending(
        &mut self,
        cx: &mut Context<'_>,
        id: &Str,
        member_id: &Str,
    ) -> bool {
        cx.timers.cancel(&TimerKey::of_member(id, TimerKind::Pending, member_id));
        let was_pending = self.pending.remove(member_id);
        if was_pending {
            cx.connections.forget(id, member_id);
        }
        was_pending
    }
}

/// Each name once, however often the member says it.
fn protocol_names(member: &Member) -> BTreeSet<&Str> {
    member.protocols.iter().map(|given| &given.name).collect()
}

fn next_generation(generation: i32) -> i32 {
    generation.checked_add(1).unwrap_or(0)
}
