//! Heartbeat on a classic group, and what else shows that a member lives.

use highwater_protocol::Str;
use highwater_protocol::messages::heartbeat::HeartbeatRequest;

use super::super::Refusal;
use super::super::consumer::CommitCaller;
use super::super::context::Context;
use super::super::input::Caller;
use super::{ClassicGroup, ClassicState};
use crate::ConnectionId;

impl ClassicGroup {
    /// A member says that it lives, and learns of a rebalance.
    pub(crate) fn heartbeat(
        &mut self,
        cx: &mut Context<'_>,
        id: &Str,
        caller: &Caller,
        request: &HeartbeatRequest,
    ) -> Result<(), Refusal> {
        self.check_member(&request.member_id, request.group_instance_id.as_ref())?;
        self.check_generation(request.generation_id)?;
        if let Some(member) = self.members.get_mut(&request.member_id)
            && let Some(heard) = member.heard
        {
            member.longest_gap = member.longest_gap.max(cx.now.monotonic.since(heard));
        }
        self.heard(cx, id, &request.member_id, caller.connection);
        match self.state {
            ClassicState::Empty => Err(Refusal::UnknownMemberId),
            ClassicState::PreparingRebalance => Err(Refusal::RebalanceInProgress),
            ClassicState::CompletingRebalance | ClassicState::Stable => Ok(()),
        }
    }

    /// A commit was accepted: it counts as a heartbeat.
    pub(crate) fn committed(
        &mut self,
        cx: &mut Context<'_>,
        id: &Str,
        commit: CommitCaller<'_>,
        connection: ConnectionId,
    ) {
        match self.state {
            ClassicState::Stable | ClassicState::PreparingRebalance => {
                self.heard(cx, id, commit.member_id, connection);
            }
            ClassicState::Empty | ClassicState::CompletingRebalance => {}
        }
    }

    /// A member was heard on this connection: its session begins again.
    pub(super) fn heard(
        &mut self,
        cx: &mut Context<'_>,
        id: &Str,
        member_id: &Str,
        connection: ConnectionId,
    ) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        member.gone_at = None;
        let member_id = member.id.clone();
        cx.connections.heard(id, &member_id, connection);
        self.extend_session(cx, id, &member_id);
    }
}
