//! Members that go: by themselves, or because they are silent or slow.

use highwater_protocol::Str;
use highwater_protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;

use super::super::answer::ConsumerHeartbeatAnswer;
use super::super::context::Context;
use super::super::migration;
use super::super::timers::{TimerKey, TimerKind};
use super::member::{Current, LEAVE_STATIC_EPOCH, Owned};
use super::records::RecordsOf;
use super::{Caller, ConsumerGroup, Group, GroupKind, GroupRecord, Refusal};

/// ConsumerGroupHeartbeat with epoch -1 or -2.
pub(super) fn leave(
    cx: &mut Context<'_>,
    group: &mut Group,
    caller: &Caller,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<ConsumerHeartbeatAnswer, Refusal> {
    let GroupKind::Consumer(consumer) = &group.kind else {
        return Err(Refusal::GroupIdNotFound);
    };
    let member_id = match &request.instance_id {
        None => {
            consumer.member(&request.member_id)?;
            request.member_id.detached()
        }
        Some(instance_id) => {
            let (member_id, member) =
                consumer.static_member(instance_id).ok_or(Refusal::UnknownMemberId)?;
            if *member_id != request.member_id {
                return Err(Refusal::FencedInstanceId);
            }
            if request.member_epoch == LEAVE_STATIC_EPOCH {
                let away = Current {
                    epoch: LEAVE_STATIC_EPOCH,
                    pending_revocation: Owned::default(),
                    ..member.current.clone()
                };
                cx.timers.cancel(&TimerKey::of_member(
                    &group.id,
                    TimerKind::ConsumerRebalance,
                    member_id,
                ));
                let record = RecordsOf(&group.id).current(member_id, &away);
                cx.connections.heard(&group.id, member_id, caller.connection);
                cx.propose(record);
                return Ok(answer(member_id, LEAVE_STATIC_EPOCH));
            }
            member_id.clone()
        }
    };
    fence(cx, group, std::slice::from_ref(&member_id));
    Ok(answer(&member_id, request.member_epoch))
}

fn answer(member_id: &Str, member_epoch: i32) -> ConsumerHeartbeatAnswer {
    ConsumerHeartbeatAnswer {
        member_id: Some(member_id.clone()),
        member_epoch,
        ..ConsumerHeartbeatAnswer::default()
    }
}

/// Removes members, all of this group; what they had goes to the others with the next target.
///
/// Without its last member of the new protocol the group becomes classic again.
pub(super) fn fence(cx: &mut Context<'_>, group: &mut Group, gone: &[Str]) {
    if gone.is_empty() || migration::downgrade(cx, group, gone) {
        return;
    }
    let GroupKind::Consumer(consumer) = &group.kind else { return };
    let mut records = Vec::new();
    consumer.without(cx, &group.id, gone, &mut records);
    cx.outcome.records.append(&mut records);
    for member_id in gone {
        forget(cx, &group.id, member_id, true);
    }
}

/// Drops the deadlines of a member, and its connection if it is gone.
pub(crate) fn forget(cx: &mut Context<'_>, group_id: &Str, member_id: &Str, is_gone: bool) {
    for kind in [
        TimerKind::ConsumerSession,
        TimerKind::ConsumerRebalance,
        TimerKind::ConsumerJoin,
        TimerKind::ConsumerSync,
    ] {
        cx.timers.cancel(&TimerKey::of_member(group_id, kind, member_id));
    }
    if is_gone {
        cx.connections.forget(group_id, member_id);
    }
}

impl ConsumerGroup {
    /// The records that remove these members.
    fn without(
        &self,
        cx: &Context<'_>,
        group_id: &Str,
        gone: &[Str],
        records: &mut Vec<GroupRecord>,
    ) {
        let to = RecordsOf(group_id);
        for member_id in gone {
            records.extend(to.removal(member_id));
        }
        let gone: Vec<_> = gone
            .iter()
            .filter_map(|member_id| self.durable.members.get(member_id))
            .map(|member| &member.subscription)
            .collect();
        let hash = match self.wanted(cx, group_id, &gone, None, records) {
            Ok(wanted) => wanted.metadata_hash(cx.topics),
            // Of an expression that the log has lost; the next heartbeat compares again.
            Err(_) => self.durable.metadata_hash,
        };
        self.bump(group_id, hash, records);
    }

    /// The records that end the group: tombstones of all it has written.
    pub(crate) fn tombstones(&self, group_id: &Str, records: &mut Vec<GroupRecord>) {
        let to = RecordsOf(group_id);
        let durable = &self.durable;
        records.extend(durable.members.keys().map(|member_id| to.no_current(member_id)));
        let targets = durable.members.keys().chain(durable.targets.keys());
        let targets: std::collections::BTreeSet<&Str> = targets.collect();
        records.extend(targets.into_iter().map(|member_id| to.no_target(member_id)));
        records.push(to.no_target_epoch());
        records.extend(durable.members.keys().map(|member_id| to.no_member(member_id)));
        records.extend(durable.expressions.keys().map(|expression| to.no_expression(expression)));
        if durable.has_partitions_record {
            records.push(to.no_partitions());
        }
        records.push(to.no_group());
    }
}
