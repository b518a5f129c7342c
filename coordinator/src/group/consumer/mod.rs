//! KIP-848 groups: the broker assigns, members follow by heartbeats.
//!
//! A group with members of the new protocol is `GroupKind::Consumer`; classic calls on it come
//! here too ([`classic_calls`]). Functions that need to change the kind of a group take the whole
//! [`Group`]; as everywhere, that happens in [`replay`] only: upgrade and downgrade propose records
//! (tombstones of one kind, values of the other) whose replay changes the kind.
//!
//! Start at [`heartbeat`]. Three epochs tell how far things are: the group's (what members want),
//! the assignment's (what was computed for them) and each member's (what it has).
//!
//! **Invariant:** a partition is in the current assignment of at most one member, whether it may
//! use it or has still to give it up.
//! **Invariant:** member epoch <= assignment epoch <= group epoch.

mod classic_calls;
mod commit;
mod describe;
mod embedded;
mod heartbeat;
mod leave;
mod member;
mod reconcile;
mod records;
mod replay;
mod subscriptions;
mod target;
mod timeouts;

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_protocol::Str;
use highwater_records::{Monotonic, Timestamp, Uuid};

use super::assignor::Partitions;
use super::topics::Topics;
use super::{
    Answer, Caller, DescribedConsumerGroup, DescribedConsumerMember, DescribedGroup,
    DescribedTopic, Group, GroupKind, GroupRecord, Refusal,
};

pub(crate) use classic_calls::{classic_heartbeat, classic_join, classic_leave, classic_sync};
pub(crate) use commit::CommitCaller;
pub(crate) use embedded::{EmbeddedAssignment, EmbeddedSubscription, write_assignment};
pub(crate) use heartbeat::heartbeat;
pub(crate) use leave::forget;
pub(crate) use member::{
    ClassicMember, Current, Member, MemberState, Owned, Subscription, sorted_names,
};
pub(crate) use records::RecordsOf;
pub(crate) use replay::replay;
pub(crate) use timeouts::{millis, on_disconnected, on_loaded, on_timer, set_session};

/// A KIP-848 group.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConsumerGroup {
    /// From the log; changed by `replay` only.
    durable: Box<Durable>,
    /// What follows from it, kept so that nobody has to go through all members.
    derived: Box<Derived>,
    /// Lost with a restart.
    soft: Soft,
}

/// What the log says of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Durable {
    /// Whether there is a record of the group itself.
    is_recorded: bool,
    epoch: i32,
    metadata_hash: i64,
    /// Whether there is a record of the target's epoch.
    is_target_recorded: bool,
    assignment_epoch: i32,
    assignment_timestamp: Timestamp,
    members: BTreeMap<Str, Member>,
    /// What each member shall have.
    targets: BTreeMap<Str, Partitions>,
    expressions: BTreeMap<Str, Expression>,
    /// A record that brokers before 4.1 wrote is still there.
    has_partitions_record: bool,
}

/// A regular expression and the topics it stood for when it was last looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Expression {
    /// Sorted.
    topics: Vec<Str>,
    version: i64,
    timestamp: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Derived {
    /// Member ids by instance id.
    static_members: BTreeMap<Str, Str>,
    /// Who holds a partition: may use it, or has still to give it up.
    holders: BTreeMap<Uuid, BTreeMap<i32, Str>>,
    /// How many members name a topic.
    names: BTreeMap<Str, usize>,
    /// How many members subscribe by an expression.
    expressions: BTreeMap<Str, usize>,
    /// How many members ask for an assignor.
    assignors: BTreeMap<Str, usize>,
    /// How many members speak the classic protocol.
    classic_count: usize,
    /// How many classic members support a protocol.
    classic_protocols: BTreeMap<Str, usize>,
}

#[derive(Clone, Debug, Default)]
struct Soft {
    /// The topics for which the metadata hash was last compared.
    topics_version: u64,
    /// The topics in which the expressions were last looked up, and when.
    expressions_version: u64,
    expressions_at: Option<Monotonic>,
    /// When classic members were last heard, and the longest pause between two calls.
    heard: BTreeMap<Str, (Monotonic, Duration)>,
}

impl ConsumerGroup {
    /// Members of both protocols.
    pub(crate) fn member_count(&self) -> usize {
        self.durable.members.len()
    }

    /// Whether it has no members.
    pub(crate) fn is_empty(&self) -> bool {
        self.durable.members.is_empty()
    }

    /// Whether nothing would be lost with it: no record, nobody waits.
    pub(crate) fn is_vacant(&self) -> bool {
        let durable = &self.durable;
        !durable.is_recorded
            && !durable.is_target_recorded
            && !durable.has_partitions_record
            && durable.members.is_empty()
            && durable.targets.is_empty()
            && durable.expressions.is_empty()
    }

    /// Whether a member reads the topic, by name or by expression.
    pub(crate) fn is_subscribed_to(&self, topic: &Str) -> bool {
        self.derived.names.contains_key(topic)
            || self
                .durable
                .expressions
                .values()
                .any(|expression| expression.topics.binary_search(topic).is_ok())
    }

    /// The member, by its id.
    pub(crate) fn member(&self, member_id: &Str) -> Result<&Member, Refusal> {
        self.durable.members.get(member_id).ok_or(Refusal::UnknownMemberId)
    }

    /// All members, by id.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&Str, &Member)> {
        self.durable.members.iter()
    }

    /// The epoch of the group.
    pub(crate) fn epoch(&self) -> i32 {
        self.durable.epoch
    }

    /// The member that has this instance id.
    fn static_member(&self, instance_id: &Str) -> Option<(&Str, &Member)> {
        let member_id = self.derived.static_members.get(instance_id)?;
        self.durable.members.get_key_value(member_id)
    }

    /// Whether another member than these holds the partition.
    fn is_held_by_other(&self, topic_id: Uuid, partition: i32, these: [Option<&Str>; 2]) -> bool {
        let holder = self.derived.holders.get(&topic_id).and_then(|all| all.get(&partition));
        holder.is_some_and(|holder| !these.contains(&Some(holder)))
    }

    /// What is durable, for comparison.
    #[cfg(test)]
    fn durable(&self) -> (&Durable, &Derived) {
        (&self.durable, &self.derived)
    }
}

#[cfg(test)]
mod tests;
