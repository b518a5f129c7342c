//! Records of a group, fresh or read back.

use std::collections::BTreeMap;

use highwater_protocol::Str;
use highwater_records::{Offset, Timestamp};

use super::super::assignor::Partitions;
use super::member::{Current, LEAVE_EPOCH, Member, Subscription, sorted_names};
use super::{ConsumerGroup, Expression, Group, GroupKind, GroupRecord};

/// Takes a record of types 3 to 8 and 16, on a group of any kind.
pub(crate) fn replay(group: &mut Group, _offset: Offset, record: &GroupRecord) {
    match &mut group.kind {
        GroupKind::Consumer(consumer) => {
            consumer.apply(record);
            // What is left without any record is a classic group without members, or the one that
            // it is turned into.
            if consumer.is_vacant() {
                group.become_classic();
            }
        }
        // The end of what is not there, which the cleaner keeps for a while.
        GroupKind::Classic(_) if is_tombstone(record) => {}
        GroupKind::Classic(_) => group.become_consumer().apply(record),
    }
}

fn is_tombstone(record: &GroupRecord) -> bool {
    match record {
        GroupRecord::ConsumerGroup { value, .. } => value.is_none(),
        GroupRecord::ConsumerPartitions { value, .. } => value.is_none(),
        GroupRecord::ConsumerMember { value, .. } => value.is_none(),
        GroupRecord::TargetAssignment { value, .. } => value.is_none(),
        GroupRecord::TargetMember { value, .. } => value.is_none(),
        GroupRecord::CurrentAssignment { value, .. } => value.is_none(),
        GroupRecord::RegularExpression { value, .. } => value.is_none(),
        GroupRecord::ClassicGroup { value, .. } => value.is_none(),
        GroupRecord::Offset(_) | GroupRecord::TxnOffset { .. } | GroupRecord::TxnEnd { .. } => {
            false
        }
    }
}

impl ConsumerGroup {
    /// Takes one record; those of other kinds of groups change nothing.
    ///
    /// The cleaner may have removed any record that a later one replaces, so a member can appear
    /// by any of its records.
    pub(crate) fn apply(&mut self, record: &GroupRecord) {
        let durable = &mut self.durable;
        match record {
            GroupRecord::ConsumerGroup { value, .. } => {
                durable.is_recorded = value.is_some();
                durable.epoch = value.as_ref().map_or(0, |value| value.epoch);
                durable.metadata_hash = value.as_ref().map_or(0, |value| value.metadata_hash);
            }
            GroupRecord::ConsumerPartitions { value, .. } => {
                durable.has_partitions_record = value.is_some();
            }
            GroupRecord::ConsumerMember { member_id, value, .. } => match value {
                Some(value) => self.set_subscription(member_id, value.into()),
                None => self.remove_member(member_id),
            },
            GroupRecord::TargetAssignment { value, .. } => {
                durable.is_target_recorded = value.is_some();
                durable.assignment_epoch = value.as_ref().map_or(0, |value| value.assignment_epoch);
                durable.assignment_timestamp =
                    value.as_ref().map_or_else(Default::default, |value| {
                        Timestamp::new(value.assignment_timestamp)
                    });
            }
            GroupRecord::TargetMember { member_id, value, .. } => {
                match value {
                    Some(value) => {
                        durable.targets.insert(member_id.detached(), Partitions::from(value))
                    }
                    None => durable.targets.remove(member_id),
                };
            }
            GroupRecord::CurrentAssignment { member_id, value, .. } => match value {
                Some(value) => self.set_current(member_id, value.into()),
                None if durable.members.contains_key(member_id) => {
                    let gone = Current {
                        epoch: LEAVE_EPOCH,
                        previous_epoch: LEAVE_EPOCH,
                        ..Current::default()
                    };
                    self.set_current(member_id, gone);
                }
                None => {}
            },
            GroupRecord::RegularExpression { expression, value, .. } => {
                match value {
                    Some(value) => {
                        let topics = sorted_names(&value.topics);
                        let (version, timestamp) = (value.version, Timestamp::new(value.timestamp));
                        let resolved = Expression { topics, version, timestamp };
                        durable.expressions.insert(expression.detached(), resolved)
                    }
                    None => durable.expressions.remove(expression),
                };
            }
            GroupRecord::Offset(_)
            | GroupRecord::TxnOffset { .. }
            | GroupRecord::TxnEnd { .. }
            | GroupRecord::ClassicGroup { .. } => {}
        }
    }

    fn set_subscription(&mut self, member_id: &Str, subscription: Subscription) {
        let mut member = self.take_member(member_id);
        member.subscription = subscription;
        self.put_member(member_id, member);
    }

    fn set_current(&mut self, member_id: &Str, current: Current) {
        let mut member = self.take_member(member_id);
        member.current = current;
        self.put_member(member_id, member);
    }

    fn remove_member(&mut self, member_id: &Str) {
        self.take_member(member_id);
        self.soft.heard.remove(member_id);
    }

    /// Takes a member out with all that follows from it; a new one if there is none.
    fn take_member(&mut self, member_id: &Str) -> Member {
        let Some(member) = self.durable.members.remove(member_id) else {
            return Member::default();
        };
        let derived = &mut self.derived;
        if let Some(instance_id) = &member.subscription.instance_id
            && derived.static_members.get(instance_id) == Some(member_id)
        {
            derived.static_members.remove(instance_id);
        }
        for owned in [&member.current.assigned, &member.current.pending_revocation] {
            for (topic_id, partition, _) in owned.iter() {
                let Some(holders) = derived.holders.get_mut(&topic_id) else { continue };
                if holders.get(&partition) == Some(member_id) {
                    holders.remove(&partition);
                }
                if holders.is_empty() {
                    derived.holders.remove(&topic_id);
                }
            }
        }
        derived.count(&member.subscription, Change::Subtract);
        member
    }

    fn put_member(&mut self, member_id: &Str, member: Member) {
        let member_id = member_id.detached();
        let derived = &mut self.derived;
        if let Some(instance_id) = &member.subscription.instance_id {
            derived.static_members.insert(instance_id.clone(), member_id.clone());
        }
        for owned in [&member.current.assigned, &member.current.pending_revocation] {
            for (topic_id, partition, _) in owned.iter() {
                derived.holders.entry(topic_id).or_default().insert(partition, member_id.clone());
            }
        }
        derived.count(&member.subscription, Change::Add);
        self.durable.members.insert(member_id, member);
    }
}

impl super::Derived {
    fn count(&mut self, subscription: &Subscription, change: Change) {
        for name in &subscription.topic_names {
            change.make(&mut self.names, name);
        }
        if let Some(regex) = &subscription.topic_regex {
            change.make(&mut self.expressions, regex);
        }
        if let Some(assignor) = &subscription.server_assignor {
            change.make(&mut self.assignors, assignor);
        }
        if let Some(classic) = &subscription.classic {
            for (name, _) in &classic.protocols {
                change.make(&mut self.classic_protocols, name);
            }
            self.classic_count = change.of(self.classic_count);
        }
    }
}

/// One more or one less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    Subtract,
}

impl Change {
    fn of(self, count: usize) -> usize {
        match self {
            Self::Add => count + 1,
            Self::Subtract => count.saturating_sub(1),
        }
    }

    /// Changes the count of `key`; a count of none is not kept.
    pub(super) fn make(self, counts: &mut BTreeMap<Str, usize>, key: &Str) {
        let count = self.of(counts.get(key).copied().unwrap_or(0));
        if count == 0 {
            counts.remove(key);
        } else {
            counts.insert(key.clone(), count);
        }
    }
}
