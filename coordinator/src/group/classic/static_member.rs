//! Static membership (KIP-345, KIP-814): an instance that restarts takes its place again.

use bytes::Bytes;
use highwater_protocol::Str;
use highwater_protocol::records::GroupMetadataValue;

use super::super::context::Context;
use super::super::input::Caller;
use super::super::records::GroupRecord;
use super::super::timers::{TimerKey, TimerKind};
use super::super::{Answer, Refusal};
use super::join::{Joining, describe_itself};
use super::{ClassicGroup, ClassicState, Member, after_ms};

/// First version that can say that the leader need not assign.
const SKIP_ASSIGNMENT_VERSION: i16 = 9;

impl ClassicGroup {
    /// An instance whose old member has not left joins with an empty member id.
    ///
    /// In a stable group whose choice of protocol stays, nothing moves: the new id is proposed, and
    /// the answer is the current generation. Else it takes part in a rebalance.
    pub(super) fn replace_static_member(
        &mut self,
        cx: &mut Context<'_>,
        joining: Joining<'_>,
        old_id: &Str,
        new_id: Str,
    ) {
        let Joining { id, caller, .. } = joining;
        let old_leader = self.leader.clone();
        let Some(old) = self.take_member(old_id) else { return };
        self.fence(cx, id, &old);
        let mut member = Member {
            id: new_id.clone(),
            waiting_join: None,
            waiting_sync: None,
            gone_at: None,
            is_new: false,
            heard: Some(cx.now.monotonic),
            ..old.clone()
        };
        describe_itself(&mut member, joining);
        cx.connections.heard(id, &new_id, caller.connection);
        let at = after_ms(cx.now.monotonic, member.session_timeout_ms);
        cx.timers.set(TimerKey::of_member(id, TimerKind::Session, &new_id), at);
        if old_leader.as_ref() == Some(old_id) {
            self.leader = Some(new_id.clone());
        }
        let was_pending_sync = self.pending_sync.remove(old_id);
        self.insert_member(member);
        let keeps_protocol = self.select_protocol() == self.protocol;
        if self.state == ClassicState::Stable && keeps_protocol {
            self.propose_replacement(cx, id, caller, &new_id, old_leader.as_ref());
            // What is proposed is not yet so: the old id stays until the replay.
            let member = self.take_member(&new_id);
            self.replacing = member;
            let old = Member { waiting_join: None, waiting_sync: None, ..old };
            self.insert_member(old);
            self.leader = old_leader;
            return;
        }
        if was_pending_sync {
            self.pending_sync.insert(new_id.clone());
        }
        if let Some(member) = self.members.get_mut(&new_id) {
            member.waiting_join = Some(caller.request);
            self.waiting_join_count += 1;
        }
        self.rebalance_or_complete(cx, id);
    }

    fn propose_replacement(
        &self,
        cx: &mut Context<'_>,
        id: &Str,
        caller: &Caller,
        new_id: &Str,
        old_leader: Option<&Str>,
    ) {
        let value = self.to_value(|member| member.assignment.clone());
        cx.propose(GroupRecord::ClassicGroup { group_id: id.clone(), value: Some(value) });
        let mut answer = self.join_answer(new_id);
        if caller.version >= SKIP_ASSIGNMENT_VERSION {
            answer.skip_assignment = self.leader.as_ref() == Some(new_id);
        } else {
            // It must not take itself for the leader: it would assign, and nobody would listen.
            answer.leader = old_leader.cloned().unwrap_or_default();
            answer.members = Vec::new();
        }
        cx.answer(caller.request, Answer::Join(Ok(answer)));
    }

    /// The old member is told that another has its place.
    fn fence(&mut self, cx: &mut Context<'_>, id: &Str, old: &Member) {
        if let Some(request) = old.waiting_join {
            cx.answer(request, Answer::Join(Err(Refusal::FencedInstanceId)));
        }
        if let Some(request) = old.waiting_sync {
            cx.answer(request, Answer::Sync(Err(Refusal::FencedInstanceId)));
        }
        cx.timers.cancel(&TimerKey::of_member(id, TimerKind::Session, &old.id));
        cx.connections.forget(id, &old.id);
    }

    /// The group as a record, with these assignments.
    pub(super) fn to_value(&self, assignment: impl Fn(&Member) -> Bytes) -> GroupMetadataValue {
        let protocol = self.protocol.as_ref();
        let members =
            self.members.values().map(|member| member.to_value(protocol, assignment(member)));
        GroupMetadataValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            current_state_timestamp: self.state_since.value(),
            members: members.collect(),
        }
    }
}
