//! LeaveGroup on a classic group.

use highwater_protocol::Str;
use highwater_protocol::messages::leave_group::{LeaveGroupRequest, RequestMember};

use super::super::context::Context;
use super::super::{MemberLeft, Refusal};
use super::{ClassicGroup, ClassicState};

/// First version that names several members.
const SEVERAL_MEMBERS_VERSION: i16 = 3;

/// The members that a LeaveGroup names, whatever its version.
pub(crate) fn leaving_members(request: LeaveGroupRequest, version: i16) -> Vec<RequestMember> {
    if version >= SEVERAL_MEMBERS_VERSION {
        return request.members;
    }
    vec![RequestMember { member_id: request.member_id, group_instance_id: None, reason: None }]
}

/// The answer if nobody knows the group.
pub(crate) fn nobody_left(members: Vec<RequestMember>) -> Vec<MemberLeft> {
    members.into_iter().map(|member| left(&member, Err(Refusal::UnknownMemberId))).collect()
}

impl ClassicGroup {
    /// Members leave, by id or (static ones) by instance id alone.
    pub(crate) fn leave(
        &mut self,
        cx: &mut Context<'_>,
        id: &Str,
        members: &[RequestMember],
    ) -> Vec<MemberLeft> {
        let results: Vec<MemberLeft> =
            members.iter().map(|member| left(member, self.leave_one(cx, id, member))).collect();
        if results.iter().any(|left| left.result.is_ok()) {
            match self.state {
                ClassicState::Stable | ClassicState::CompletingRebalance => {
                    self.rebalance_or_complete(cx, id);
                }
                ClassicState::PreparingRebalance => self.maybe_complete_join(cx, id),
                ClassicState::Empty => {}
            }
        }
        results
    }

    fn leave_one(
        &mut self,
        cx: &mut Context<'_>,
        id: &Str,
        member: &RequestMember,
    ) -> Result<(), Refusal> {
        let instance_id = member.group_instance_id.as_ref();
        if member.member_id.is_empty() {
            let current = instance_id.and_then(|instance_id| self.static_members.get(instance_id));
            let member_id = current.cloned().ok_or(Refusal::UnknownMemberId)?;
            self.remove_member(cx, id, &member_id);
            return Ok(());
        }
        if self.remove_pending(cx, id, &member.member_id) {
            return Ok(());
        }
        self.check_member(&member.member_id, instance_id)?;
        self.remove_member(cx, id, &member.member_id);
        Ok(())
    }
}

fn left(member: &RequestMember, result: Result<(), Refusal>) -> MemberLeft {
    MemberLeft {
        member_id: member.member_id.clone(),
        group_instance_id: member.group_instance_id.clone(),
        result,
    }
}
