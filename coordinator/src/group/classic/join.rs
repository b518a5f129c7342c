//! JoinGroup on a classic group.

use highwater_protocol::messages::join_group::{JoinGroupRequest, RequestProtocol};
use highwater_protocol::records::GroupMetadataValue;
use highwater_protocol::records::consumer_group_member_metadata::ClassicProtocol;
use highwater_protocol::{STRING_BYTES_MAX, Str};
use highwater_records::Uuid;

use super::super::context::Context;
use super::super::input::Caller;
use super::super::records::GroupRecord;
use super::super::timers::{TimerKey, TimerKind};
use super::super::{Answer, Refusal};
use super::member::{Member, protocols_bytes};
use super::{ClassicGroup, ClassicState, after_ms, detached};

/// First version in which a dynamic member gets an id before it joins (KIP-394).
const MEMBER_ID_REQUIRED_VERSION: i16 = 4;

/// A JoinGroup, and who sent it to which group.
#[derive(Clone, Copy)]
pub(crate) struct Joining<'a> {
    /// The group's own copy of its id, which keeps no frame alive.
    pub(crate) id: &'a Str,
    pub(crate) caller: &'a Caller,
    pub(crate) request: &'a JoinGroupRequest,
}

impl ClassicGroup {
    /// A member joins, or joins again. The group id and the session timeout were checked.
    ///
    /// `is_new_group`: nobody knew the group before; then its first record is proposed.
    pub(crate) fn join(
        &mut self,
        cx: &mut Context<'_>,
        joining: Joining<'_>,
        uuid: Uuid,
        is_new_group: bool,
    ) {
        let Joining { id, caller, request } = joining;
        let result = match self.check_join(cx, joining) {
            Ok(()) if request.member_id.is_empty() => self.join_new(cx, joining, uuid),
            Ok(()) => self.join_known(cx, joining),
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = result {
            cx.answer(caller.request, Answer::Join(Err(refusal)));
        }
        if is_new_group && !self.is_vacant() && cx.outcome.records.is_empty() {
            let value = GroupMetadataValue {
                current_state_timestamp: self.state_since.value(),
                ..Default::default()
            };
            cx.propose(GroupRecord::ClassicGroup { group_id: id.clone(), value: Some(value) });
        }
    }

    /// Differs from Kafka: what the members of a group put into it, all protocols and the
    /// assignment together, may take 4 MB, and a join above it is refused; Kafka looks at the
    /// record with the chosen protocols alone, which may take 1 MB, and refuses the sync.
    fn check_join(&mut self, cx: &mut Context<'_>, joining: Joining<'_>) -> Result<(), Refusal> {
        let Joining { id, request, .. } = joining;
        if !self.has_room_for(request, cx.config.group_size_max) {
            self.remove_pending(cx, id, &request.member_id);
            self.remove_member(cx, id, &request.member_id);
            self.maybe_complete_join(cx, id);
            return Err(Refusal::GroupMaxSizeReached { max: cx.config.group_size_max });
        }
        if !self.supports(&request.protocol_type, &request.protocols) {
            return Err(Refusal::InconsistentGroupProtocol);
        }
        let replaced =
            self.member_of(request).map_or(0, |member| protocols_bytes(&member.protocols));
        let given = request.protocols.iter();
        let given: usize =
            given.map(|given| given.name.as_bytes().len() + given.metadata.len()).sum();
        let bytes = (self.members_bytes - replaced).saturating_add(given);
        let max_bytes = cx.config.group_bytes_max;
        if bytes > max_bytes { Err(Refusal::GroupTooLarge { bytes, max_bytes }) } else { Ok(()) }
    }

    /// The member that the request is of, by instance id or by member id.
    fn member_of(&self, request: &JoinGroupRequest) -> Option<&Member> {
        let by_instance =
            request.group_instance_id.as_ref().and_then(|id| self.static_members.get(id));
        self.members.get(by_instance.unwrap_or(&request.member_id))
    }

    /// Differs from Kafka: a static member that restarts is let into a full group, because it takes
    /// its own place.
    fn has_room_for(&self, request: &JoinGroupRequest, max: usize) -> bool {
        let member = self.member_of(request);
        match self.state {
            ClassicState::Empty => true,
            // Who joins first stays, also where the limit is lower than it was.
            ClassicState::PreparingRebalance => {
                member.is_some_and(|member| member.waiting_join.is_some())
                    || self.waiting_join_count < max
            }
            ClassicState::CompletingRebalance | ClassicState::Stable => {
                member.is_some() || self.members.len() < max
            }
        }
    }

    /// Whether some protocol given is spoken by all members.
    fn supports(&self, protocol_type: &Str, protocols: &[RequestProtocol]) -> bool {
        if self.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        let all = self.members.len();
        // All members may have left again while the group waits for its first ones.
        let speaks =
            |given: &RequestProtocol| all == 0 || self.supported.get(&given.name) == Some(&all);
        self.protocol_type.as_ref() == Some(protocol_type) && protocols.iter().any(speaks)
    }

    fn join_new(
        &mut self,
        cx: &mut Context<'_>,
        joining: Joining<'_>,
        uuid: Uuid,
    ) -> Result<(), Refusal> {
        let Joining { id, caller, request } = joining;
        if let Some(instance_id) = &request.group_instance_id {
            let member_id = member_id(instance_id, uuid)?;
            match self.static_members.get(instance_id).cloned() {
                Some(old_id) => {
                    self.replace_static_member(cx, joining, &old_id, member_id);
                }
                None => self.add_member(cx, joining, member_id),
            }
            return Ok(());
        }
        let member_id = member_id(&caller.client_id, uuid)?;
        if caller.version < MEMBER_ID_REQUIRED_VERSION {
            self.add_member(cx, joining, member_id);
            return Ok(());
        }
        let max = cx.config.group_size_max;
        if self.pending.len() >= max {
            return Err(Refusal::GroupMaxSizeReached { max });
        }
        let at = after_ms(cx.now.monotonic, request.session_timeout_ms);
        cx.timers.set(TimerKey::of_member(id, TimerKind::Pending, &member_id), at);
        cx.connections.heard(id, &member_id, caller.connection);
        self.pending.insert(member_id.clone());
        Err(Refusal::MemberIdRequired { member_id })
    }

    fn join_known(&mut self, cx: &mut Context<'_>, joining: Joining<'_>) -> Result<(), Refusal> {
        let Joining { id, caller, request } = joining;
        let member_id = &request.member_id;
        let instance_id = request.group_instance_id.as_ref();
        // An id is only given to dynamic members.
        if self.pending.contains(member_id) && instance_id.is_none() {
            let member_id = member_id.detached();
            self.remove_pending(cx, id, &member_id);
            self.add_member(cx, joining, member_id);
            return Ok(());
        }
        self.check_member(member_id, instance_id)?;
        let member_id = member_id.detached();
        let is_unchanged = self.members.get(&member_id).is_some_and(|member| {
            let same = |(known, given): (&ClassicProtocol, &RequestProtocol)| {
                known.name == given.name && known.metadata == given.metadata
            };
            member.protocols.len() == request.protocols.len()
                && member.protocols.iter().zip(&request.protocols).all(same)
        });
        let is_leader = self.leader.as_ref() == Some(&member_id);
        let repeats_answer = match self.state {
            ClassicState::PreparingRebalance => false,
            // It may have missed the answer.
            ClassicState::CompletingRebalance => is_unchanged,
            // The leader asks for a rebalance this way.
            ClassicState::Stable => is_unchanged && !is_leader,
            ClassicState::Empty => return Err(Refusal::UnknownMemberId),
        };
        self.heard(cx, id, &member_id, caller.connection);
        if repeats_answer {
            cx.answer(caller.request, Answer::Join(Ok(self.join_answer(&member_id))));
            return Ok(());
        }
        self.update_member(cx, &member_id, joining);
        self.rebalance_or_complete(cx, id);
        Ok(())
    }

    fn add_member(&mut self, cx: &mut Context<'_>, joining: Joining<'_>, member_id: Str) {
        let Joining { id, caller, request } = joining;
        let mut member = Member {
            id: member_id.clone(),
            instance_id: request.group_instance_id.as_ref().map(Str::detached),
            is_new: true,
            heard: Some(cx.now.monotonic),
            ..Member::default()
        };
        describe_itself(&mut member, joining);
        member.waiting_join = Some(caller.request);
        if self.members.is_empty() {
            self.protocol_type = Some(request.protocol_type.detached());
        }
        self.insert_member(member);
        if let Some(initial) = &mut self.initial {
            initial.member_added = true;
        }
        cx.connections.heard(id, &member_id, caller.connection);
        // It cannot send heartbeats before its join is answered. Its client may be gone and have
        // come back as another member, so the wait has an end.
        let at = after_ms(cx.now.monotonic, cx.config.new_member_join_timeout_ms);
        cx.timers.set(TimerKey::of_member(id, TimerKind::Session, &member_id), at);
        self.rebalance_or_complete(cx, id);
    }

    /// Takes what a member says of itself when it joins again; its JoinGroup waits.
    pub(super) fn update_member(
        &mut self,
        cx: &mut Context<'_>,
        member_id: &Str,
        joining: Joining<'_>,
    ) {
        let Some(mut member) = self.take_member(member_id) else { return };
        if let Some(request) = member.waiting_join.replace(joining.caller.request) {
            cx.answer(request, Answer::Join(Err(Refusal::RebalanceInProgress)));
        }
        if let Some(request) = member.waiting_sync.take() {
            cx.answer(request, Answer::Sync(Err(Refusal::RebalanceInProgress)));
        }
        describe_itself(&mut member, joining);
        self.insert_member(member);
    }
}

/// What a JoinGroup says of its sender.
pub(super) fn describe_itself(member: &mut Member, joining: Joining<'_>) {
    let Joining { caller, request, .. } = joining;
    member.client_id = caller.client_id.detached();
    member.client_host = caller.client_host.detached();
    member.session_timeout_ms = request.session_timeout_ms;
    member.rebalance_timeout_ms = match caller.version {
        0 => request.session_timeout_ms,
        _ => request.rebalance_timeout_ms,
    };
    let protocols = request.protocols.iter().map(|given| ClassicProtocol {
        name: given.name.detached(),
        metadata: detached(&given.metadata),
    });
    member.protocols = protocols.collect();
}

/// A member id as Kafka makes them: who it is for, and a random part in Java's notation.
///
/// Errors: [`Refusal::InvalidRequest`], where the id would not fit the length field of a record.
fn member_id(prefix: &Str, uuid: Uuid) -> Result<Str, Refusal> {
    let bits = u128::from_be_bytes(uuid.to_bytes());
    let hex = format!("{bits:032x}");
    let groups = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    let id = format!("{prefix}-{}", groups.join("-"));
    if id.len() > STRING_BYTES_MAX {
        return Err(Refusal::InvalidRequest { reason: "the client id or instance id is too long" });
    }
    Ok(Str::from(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_member_id_is_what_a_record_can_hold() {
        let longest = Str::from("c".repeat(STRING_BYTES_MAX - 37));
        let id = member_id(&longest, Uuid::ZERO).unwrap();
        assert_eq!(id.as_bytes().len(), STRING_BYTES_MAX);
        let longer = Str::from("c".repeat(STRING_BYTES_MAX - 36));
        assert!(matches!(member_id(&longer, Uuid::ZERO), Err(Refusal::InvalidRequest { .. })));
    }
}
