//! SyncGroup on a classic group.

use std::collections::BTreeMap;

use bytes::Bytes;
use highwater_protocol::Str;
use highwater_protocol::messages::sync_group::SyncGroupRequest;

use super::super::context::Context;
use super::super::input::Caller;
use super::super::records::GroupRecord;
use super::super::timers::{TimerKey, TimerKind};
use super::super::{Answer, Refusal, SyncAnswer};
use super::{ClassicGroup, ClassicState, detached};

impl ClassicGroup {
    /// A member asks for its assignment; the leader brings those of all.
    pub(crate) fn sync(
        &mut self,
        cx: &mut Context<'_>,
        id: &Str,
        caller: &Caller,
        request: &SyncGroupRequest,
    ) {
        if let Err(refusal) = self.check_sync(request) {
            cx.answer(caller.request, Answer::Sync(Err(refusal)));
            return;
        }
        let member_id = &request.member_id;
        self.pending_sync.remove(member_id);
        if self.pending_sync.is_empty() {
            cx.timers.cancel(&TimerKey::of_group(id, TimerKind::Sync));
        }
        self.heard(cx, id, member_id, caller.connection);
        let is_stable = self.state == ClassicState::Stable;
        let Some(member) = self.members.get_mut(member_id) else { return };
        if is_stable {
            let assignment = member.assignment.clone();
            cx.answer(caller.request, Answer::Sync(Ok(self.sync_answer(assignment))));
            return;
        }
        if let Some(before) = member.waiting_sync.replace(caller.request) {
            cx.answer(before, Answer::Sync(Err(Refusal::RebalanceInProgress)));
        }
        if self.leader.as_ref() == Some(member_id) {
            self.assign(cx, id, request);
        }
    }

    fn check_sync(&self, request: &SyncGroupRequest) -> Result<(), Refusal> {
        if self.is_empty() {
            return Err(Refusal::UnknownMemberId);
        }
        self.check_member(&request.member_id, request.group_instance_id.as_ref())?;
        self.check_generation(request.generation_id)?;
        let differs = |given: &Option<Str>, known: &Option<Str>| match (given, known) {
            (Some(given), Some(known)) => given != known,
            (Some(_) | None, None) | (None, Some(_)) => false,
        };
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol_name, &self.protocol)
        {
            return Err(Refusal::InconsistentGroupProtocol);
        }
        if self.state == ClassicState::PreparingRebalance {
            return Err(Refusal::RebalanceInProgress);
        }
        Ok(())
    }

    /// Proposes the leader's assignment. Its replay makes the group stable; who waits is answered
    /// once it is committed.
    fn assign(&mut self, cx: &mut Context<'_>, id: &Str, request: &SyncGroupRequest) {
        let given: BTreeMap<&Str, &Bytes> =
            request.assignments.iter().map(|given| (&given.member_id, &given.assignment)).collect();
        let of_member =
            |member_id: &Str| given.get(member_id).map(|given| detached(given)).unwrap_or_default();
        let known = self.members.keys().filter_map(|member_id| given.get(member_id));
        let assigned_bytes: usize = known.map(|assignment| assignment.len()).sum();
        let bytes = self.members_bytes.saturating_add(assigned_bytes);
        let max_bytes = cx.config.group_bytes_max;
        if bytes > max_bytes {
            self.refuse_syncs(cx, id, &Refusal::GroupTooLarge { bytes, max_bytes });
            self.prepare_rebalance(cx, id);
            return;
        }
        let value = self.to_value(|member| of_member(&member.id));
        let waiting = self.members.values_mut().filter_map(|member| {
            let request = member.waiting_sync.take()?;
            Some((member.id.clone(), request))
        });
        let waiting: Vec<_> = waiting.collect();
        for (member_id, request) in waiting {
            let answer = self.sync_answer(of_member(&member_id));
            cx.answer(request, Answer::Sync(Ok(answer)));
            // Its session may have ended while it waited.
            self.extend_session(cx, id, &member_id);
        }
        cx.propose(GroupRecord::ClassicGroup { group_id: id.clone(), value: Some(value) });
    }

    fn sync_answer(&self, assignment: Bytes) -> SyncAnswer {
        SyncAnswer {
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            assignment,
        }
    }

    /// Who waits for an assignment does not get one.
    pub(super) fn refuse_syncs(&mut self, cx: &mut Context<'_>, id: &Str, refusal: &Refusal) {
        let waiting = self.members.values_mut().filter_map(|member| {
            let request = member.waiting_sync.take()?;
            Some((member.id.clone(), request))
        });
        let waiting: Vec<_> = waiting.collect();
        for (member_id, request) in waiting {
            cx.answer(request, Answer::Sync(Err(refusal.clone())));
            self.extend_session(cx, id, &member_id);
        }
    }
}
