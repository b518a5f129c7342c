//! Groups that change their protocol, with members in them.
//!
//! Classic to consumer: the first member of the new protocol joins a classic group of consumers.
//! The group keeps its generation as epoch, its members with what they are assigned, and everybody
//! is moved from there by the next target. Back: the last member of the new protocol goes, and
//! classic ones remain; they keep what they have and rebalance.
//!
//! Either way the records end the one kind and begin the other in one batch, and their replay
//! changes the kind.

use highwater_protocol::Str;
use highwater_protocol::records::GroupMetadataValue;
use highwater_protocol::records::group_metadata::MemberMetadata;
use highwater_records::Timestamp;

use super::assignor::Partitions;
use super::classic::{CONSUMER_PROTOCOL_TYPE, ClassicGroup, Member as ClassicGroupMember};
use super::consumer::{
    ClassicMember, ConsumerGroup, Current, EmbeddedAssignment, EmbeddedSubscription, Member,
    MemberState, Owned, RecordsOf, Subscription, forget, set_session, sorted_names,
    write_assignment,
};
use super::context::Context;
use super::{Group, GroupKind, GroupRecord, Refusal};

/// The consumer group that a classic group becomes when a member of the new protocol joins, and the
/// records that make it so; changes nothing.
///
/// Errors: [`Refusal::GroupIdNotFound`] if the group cannot become one: a policy that forbids it,
/// another protocol type, too many members, or bytes in it that would be lost or cannot be read.
pub(crate) fn upgraded(
    cx: &Context<'_>,
    group_id: &Str,
    classic: &ClassicGroup,
) -> Result<(ConsumerGroup, Vec<GroupRecord>), Refusal> {
    let mut consumer = ConsumerGroup::default();
    let mut records = Vec::new();
    if !classic.is_vacant() {
        records.push(ClassicGroup::tombstone(group_id));
    }
    if classic.is_empty() {
        return Ok((consumer, records));
    }
    let is_allowed = cx.config.consumer_migration_policy.allows_upgrade()
        && classic.speaks_consumer_protocol()
        && classic.member_count() <= cx.config.consumer_group_size_max;
    if !is_allowed {
        return Err(Refusal::GroupIdNotFound);
    }
    let mut given = Partitions::default();
    let members: Vec<(Str, Member)> = classic
        .members()
        .map(|member| upgraded_member(cx, classic, member, &mut given))
        .collect::<Result<_, _>>()?;
    let epoch = classic.generation();
    let to = RecordsOf(group_id);
    let mut made = Vec::new();
    made.extend(members.iter().map(|(id, member)| to.member(id, &member.subscription)));
    // Of no topics: the first look finds another one, and moves the group on.
    made.push(to.group(epoch, 0));
    let target =
        |(id, member): &(Str, Member)| to.target(id, &member.current.assigned.partitions());
    made.extend(members.iter().map(target));
    made.push(to.target_epoch(epoch, Timestamp::new(0)));
    made.extend(members.iter().map(|(id, member)| to.current(id, &member.current)));
    for record in &made {
        consumer.apply(record);
    }
    records.append(&mut made);
    Ok((consumer, records))
}

/// A classic member with what its leader gave it, as far as nobody was `given` it before: the bytes
/// are the leader's.
fn upgraded_member(
    cx: &Context<'_>,
    classic: &ClassicGroup,
    member: &ClassicGroupMember,
    given: &mut Partitions,
) -> Result<(Str, Member), Refusal> {
    let unreadable = |_| Refusal::GroupIdNotFound;
    let epoch = classic.generation();
    let protocol = classic.protocol().cloned();
    let protocol = protocol.or_else(|| member.protocols.first().map(|first| first.name.clone()));
    let subscription =
        EmbeddedSubscription::read(&member.metadata(protocol.as_ref())).map_err(unreadable)?;
    let assignment = EmbeddedAssignment::read(&member.assignment).map_err(unreadable)?;
    if assignment.has_user_data {
        return Err(Refusal::GroupIdNotFound);
    }
    let mut assigned = Owned::default();
    for (name, partitions) in &assignment.partitions {
        let Some(topic) = cx.topics.by_name(name) else { continue };
        for &partition in partitions {
            let exists = (0..topic.partition_count).contains(&partition);
            if exists && given.insert(topic.id, partition) {
                assigned.insert(topic.id, partition, epoch);
            }
        }
    }
    let upgraded = Member {
        subscription: Subscription {
            instance_id: member.instance_id.clone(),
            rack_id: subscription.rack_id.as_ref().map(Str::detached),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            topic_names: sorted_names(&subscription.topics),
            topic_regex: None,
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            server_assignor: None,
            classic: Some(ClassicMember {
                session_timeout_ms: member.session_timeout_ms,
                protocols: member
                    .protocols
                    .iter()
                    .map(|protocol| (protocol.name.clone(), protocol.metadata.clone()))
                    .collect(),
            }),
        },
        current: Current {
            epoch,
            previous_epoch: epoch,
            state: MemberState::Stable,
            assigned,
            pending_revocation: Owned::default(),
        },
    };
    Ok((member.id.clone(), upgraded))
}

/// Ends what is soft of a classic group that becomes a consumer group: who waits joins again, and
/// the sessions of its members go on.
pub(crate) fn end_classic(
    cx: &mut Context<'_>,
    group_id: &Str,
    classic: &mut ClassicGroup,
    consumer: &ConsumerGroup,
) {
    classic.refuse_all_waiting(cx, &Refusal::RebalanceInProgress);
    classic.cancel_timers(cx, group_id);
    for (member_id, member) in consumer.members() {
        set_session(cx, group_id, member_id, &member.subscription);
    }
}

/// Turns a group back into a classic one if only classic members remain without `gone`; they
/// rebalance. Says whether it did.
pub(crate) fn downgrade(cx: &mut Context<'_>, group: &mut Group, gone: &[Str]) -> bool {
    let GroupKind::Consumer(consumer) = &group.kind else { return false };
    let remaining = consumer.member_count().saturating_sub(gone.len());
    let is_due = remaining > 0
        && remaining <= cx.config.group_size_max
        && cx.config.consumer_migration_policy.allows_downgrade()
        && consumer.members().all(|(id, member)| member.is_classic() != gone.contains(id));
    if !is_due {
        return false;
    }
    let mut after = consumer.clone();
    for member_id in gone {
        for record in RecordsOf(&group.id).removal(member_id) {
            after.apply(&record);
        }
    }
    become_classic(cx, group, &after, true)
}

/// Turns a group back into a classic one if its last member of the new protocol is `replaced` by a
/// static member that joined with the classic one; `records` are those of the join. Says whether
/// it did.
pub(crate) fn downgrade_by_join(
    cx: &mut Context<'_>,
    group: &mut Group,
    replaced: &Str,
    joined: &Str,
    records: &[GroupRecord],
) -> bool {
    let GroupKind::Consumer(consumer) = &group.kind else { return false };
    let is_due = consumer.member_count() <= cx.config.group_size_max
        && cx.config.consumer_migration_policy.allows_downgrade()
        && consumer.members().all(|(id, member)| member.is_classic() == (id != replaced));
    if !is_due {
        return false;
    }
    let mut after = consumer.clone();
    for record in records {
        after.apply(record);
    }
    let has_to_rebalance = after.state() != "Stable";
    debug_assert!(after.member(joined).is_ok(), "its records make it a member");
    become_classic(cx, group, &after, has_to_rebalance)
}

/// Proposes the end of the group as it is, and the classic group that has the members of `after`.
fn become_classic(
    cx: &mut Context<'_>,
    group: &mut Group,
    after: &ConsumerGroup,
    has_to_rebalance: bool,
) -> bool {
    let GroupKind::Consumer(consumer) = &group.kind else { return false };
    let Some(value) = classic_value(cx, after) else { return false };
    let mut records = Vec::new();
    consumer.tombstones(&group.id, &mut records);
    for (member_id, _) in consumer.members() {
        forget_timers(cx, &group.id, member_id, after);
    }
    records
        .push(GroupRecord::ClassicGroup { group_id: group.id.clone(), value: Some(value.clone()) });
    let mut classic = ClassicGroup::default();
    classic.replay(Some(&value));
    classic.on_loaded(cx, &group.id);
    if has_to_rebalance && classic.state() == "Stable" {
        classic.prepare_rebalance(cx, &group.id);
    }
    group.incoming = Some(GroupKind::Classic(classic));
    cx.outcome.records.append(&mut records);
    true
}

/// The connections of those who stay are still theirs.
fn forget_timers(cx: &mut Context<'_>, group_id: &Str, member_id: &Str, after: &ConsumerGroup) {
    forget(cx, group_id, member_id, after.member(member_id).is_err());
}

/// The members as a classic group has them; `None` if one is not classic.
fn classic_value(cx: &Context<'_>, after: &ConsumerGroup) -> Option<GroupMetadataValue> {
    let protocol = vote(after)?;
    let members = after
        .members()
        .map(|(member_id, member)| {
            let classic = member.subscription.classic.as_ref()?;
            let (_, subscription) = classic.protocols.iter().find(|(name, _)| *name == protocol)?;
            let version =
                EmbeddedSubscription::read(subscription).map_or(0, |embedded| embedded.version);
            let assigned: Partitions = member.current.assigned.partitions();
            Some(MemberMetadata {
                member_id: member_id.clone(),
                group_instance_id: member.subscription.instance_id.clone(),
                client_id: member.subscription.client_id.clone(),
                client_host: member.subscription.client_host.clone(),
                rebalance_timeout: member.subscription.rebalance_timeout_ms,
                session_timeout: classic.session_timeout_ms,
                subscription: subscription.clone(),
                assignment: write_assignment(&assigned, cx.topics, version).ok()?,
            })
        })
        .collect::<Option<Vec<_>>>()?;
    Some(GroupMetadataValue {
        protocol_type: Str::from_static(CONSUMER_PROTOCOL_TYPE),
        generation: after.epoch(),
        protocol: Some(protocol),
        leader: None,
        current_state_timestamp: cx.now.wall.value(),
        members,
    })
}

/// The protocol that all members speak and most like best.
fn vote(group: &ConsumerGroup) -> Option<Str> {
    let protocols: Vec<Vec<&Str>> = group
        .members()
        .map(|(_, member)| {
            let classic = member.subscription.classic.as_ref();
            classic.into_iter().flat_map(|one| &one.protocols).map(|(name, _)| name).collect()
        })
        .collect();
    let is_shared = |name: &&Str| protocols.iter().all(|of_member| of_member.contains(name));
    let votes = |candidate: &Str| {
        let favourites =
            protocols.iter().filter_map(|of_member| of_member.iter().find(|name| is_shared(name)));
        favourites.filter(|favourite| **favourite == candidate).count()
    };
    let shared = protocols.first()?.iter().copied().filter(is_shared);
    // Of equal ones the first, whatever the order of the votes.
    shared.rev().max_by_key(|name| votes(name)).cloned()
}
