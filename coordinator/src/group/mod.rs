//! The group coordinator: all groups of one partition of `__consumer_offsets`.

mod admin;
mod answer;
mod assignor;
mod classic;
mod commit;
mod config;
mod connections;
mod consumer;
mod context;
mod coordinator;
mod expiry;
mod fetch;
#[cfg(test)]
mod fixture;
mod input;
mod migration;
mod offsets;
#[cfg(test)]
mod random_tests;
pub mod records;
mod refusal;
mod regex;
#[cfg(test)]
mod scripts;
mod timers;
mod topics;

use highwater_protocol::Str;

pub use answer::{
    Answer, ConsumerHeartbeatAnswer, DescribedConsumerGroup, DescribedConsumerMember,
    DescribedGroup, DescribedMember, DescribedTopic, FetchedOffset, FetchedPartition, FetchedTopic,
    GroupSummary, JoinAnswer, JoinedMember, LagSource, ListedGroup, MemberLeft, SyncAnswer,
    TopicResults,
};
pub use config::{GroupConfig, GroupOverrides, MigrationPolicy};
pub use coordinator::GroupCoordinator;
pub use input::{Caller, Input};
pub use records::{GroupRecord, RecordDecodeError};
pub use refusal::Refusal;
pub use topics::{Topic, Topics};

use crate::Outcome;
use classic::ClassicGroup;
use consumer::ConsumerGroup;
use offsets::GroupOffsets;

/// What one input led to in a group coordinator.
pub type GroupOutcome = Outcome<GroupRecord, Answer>;

/// The partition of `__consumer_offsets` that a group belongs to, of `partition_count` (at least
/// 1): Java's `String.hashCode` over UTF-16, its sign bit cleared, modulo the count.
#[must_use]
pub fn partition_of(group_id: &str, partition_count: i32) -> i32 {
    let hash = group_id
        .encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    (hash & i32::MAX) % partition_count.max(1)
}

/// One group: what it is, and its offsets.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) id: Str,
    pub(crate) kind: GroupKind,
    pub(crate) offsets: GroupOffsets,
    /// Soft: what `handle` prepared for the group to be once its records change its kind; see
    /// [`Group::become_classic`].
    pub(crate) incoming: Option<GroupKind>,
}

/// Kinds of groups; they share one name space.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "most groups are classic, or nothing but offsets")]
pub(crate) enum GroupKind {
    /// Classic, or nothing yet.
    Classic(ClassicGroup),
    /// KIP-848.
    Consumer(ConsumerGroup),
}

impl GroupKind {
    /// Kafka's name of the kind.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Classic(_) => "classic",
            Self::Consumer(_) => "consumer",
        }
    }

    /// Kafka's name of the state.
    pub(crate) fn state(&self) -> &'static str {
        match self {
            Self::Classic(group) => group.state(),
            Self::Consumer(group) => group.state(),
        }
    }

    /// Members, those that only hold an id not counted.
    pub(crate) fn member_count(&self) -> usize {
        match self {
            Self::Classic(group) => group.member_count(),
            Self::Consumer(group) => group.member_count(),
        }
    }

    /// Whether it has no members, and none are on their way.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Classic(group) => group.is_empty(),
            Self::Consumer(group) => group.member_count() == 0,
        }
    }
}

impl Group {
    fn new(id: Str) -> Self {
        let kind = GroupKind::Classic(ClassicGroup::default());
        Self { id, kind, offsets: GroupOffsets::default(), incoming: None }
    }

    /// Makes this a classic group; called by `replay` when a record says so. Members that wait
    /// and other soft state come from what `handle` left in `incoming`.
    pub(crate) fn become_classic(&mut self) -> &mut ClassicGroup {
        if let GroupKind::Consumer(_) = self.kind {
            let incoming = match self.incoming.take() {
                Some(GroupKind::Classic(group)) => group,
                Some(GroupKind::Consumer(_)) | None => ClassicGroup::default(),
            };
            self.kind = GroupKind::Classic(incoming);
        }
        match &mut self.kind {
            GroupKind::Classic(group) => group,
            GroupKind::Consumer(_) => unreachable!("made classic above"),
        }
    }

    /// Makes this a consumer group; the counterpart of [`Group::become_classic`].
    pub(crate) fn become_consumer(&mut self) -> &mut ConsumerGroup {
        if let GroupKind::Classic(_) = self.kind {
            let incoming = match self.incoming.take() {
                Some(GroupKind::Consumer(group)) => group,
                Some(GroupKind::Classic(_)) | None => ConsumerGroup::default(),
            };
            self.kind = GroupKind::Consumer(incoming);
        }
        match &mut self.kind {
            GroupKind::Consumer(group) => group,
            GroupKind::Classic(_) => unreachable!("made a consumer group above"),
        }
    }

    /// Whether nothing would be lost with it.
    ///
    /// Differs from Kafka: a group that is nothing but offsets ends with the last of them, so that
    /// DeleteGroups does not find it; Kafka remembers it until it cleans up or restarts.
    fn is_vacant(&self) -> bool {
        let kind_is_vacant = match &self.kind {
            GroupKind::Classic(group) => group.is_vacant(),
            GroupKind::Consumer(group) => group.is_vacant(),
        };
        kind_is_vacant && self.offsets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_of_a_group_is_that_of_java() {
        let by_java = [
            ("", 0),
            ("a", 47),
            ("my-group", 36),
            ("console-consumer-12345", 6),
            ("gr\u{fc}ppe", 36),
            ("\u{1f600}", 49),
            ("polygenelubricants", 0), // its hash is the least number there is
            ("AaAaBB", 46),
        ];
        for (group_id, expected) in by_java {
            assert_eq!(partition_of(group_id, 50), expected, "{group_id:?}");
        }
    }
}
