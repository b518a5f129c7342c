//! One member of a consumer group.

use std::collections::BTreeMap;

use bytes::Bytes;
use highwater_protocol::Str;
use highwater_protocol::messages::consumer_group_heartbeat::RequestTopicPartition;
use highwater_records::Uuid;

use super::super::assignor::Partitions;

/// Epoch of a member that is about to join.
pub(crate) const JOIN_EPOCH: i32 = 0;
/// Epoch a member sends to leave.
pub(crate) const LEAVE_EPOCH: i32 = -1;
/// Epoch a static member sends to leave for a while.
pub(crate) const LEAVE_STATIC_EPOCH: i32 = -2;

/// How far a member is on its way to the target assignment.
///
/// Stable -> Unrevoked (has to give up partitions) -> Unreleased (waits for partitions that others
/// still hold) -> Stable; either step in between may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MemberState {
    /// Has what it was given at its epoch.
    #[default]
    Stable,
    /// Must give up partitions and has not confirmed it.
    Unrevoked,
    /// Waits for partitions that other members have not given up.
    Unreleased,
    /// Written by a newer broker.
    Unknown,
}

impl MemberState {
    /// The value in its record.
    pub(crate) const fn id(self) -> i8 {
        match self {
            Self::Stable => 0,
            Self::Unrevoked => 1,
            Self::Unreleased => 2,
            Self::Unknown => 127,
        }
    }

    /// The state of a record; values we do not know are [`MemberState::Unknown`].
    pub(crate) const fn from_id(id: i8) -> Self {
        match id {
            0 => Self::Stable,
            1 => Self::Unrevoked,
            2 => Self::Unreleased,
            _ => Self::Unknown,
        }
    }
}

/// Partitions a member holds, each with the epoch at which it got it (KIP-1251).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owned(BTreeMap<Uuid, BTreeMap<i32, i32>>);

impl Owned {
    pub(crate) fn insert(&mut self, topic_id: Uuid, partition: i32, epoch: i32) {
        self.0.entry(topic_id).or_default().insert(partition, epoch);
    }

    /// The epoch at which the partition was given to the member.
    pub(crate) fn epoch_of(&self, topic_id: Uuid, partition: i32) -> Option<i32> {
        self.0.get(&topic_id)?.get(&partition).copied()
    }

    pub(crate) fn contains(&self, topic_id: Uuid, partition: i32) -> bool {
        self.epoch_of(topic_id, partition).is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn topics(&self) -> impl Iterator<Item = (Uuid, &BTreeMap<i32, i32>)> {
        self.0.iter().map(|(topic_id, partitions)| (*topic_id, partitions))
    }

    /// Topic, partition and epoch of each, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Uuid, i32, i32)> + '_ {
        self.topics().flat_map(|(topic_id, all)| {
            all.iter().map(move |(&partition, &epoch)| (topic_id, partition, epoch))
        })
    }

    /// The partitions of which the client says it has them, among these.
    pub(crate) fn has_any(&self, reported: &[RequestTopicPartition]) -> bool {
        reported.iter().any(|topic| {
            topic.partitions.iter().any(|&partition| self.contains(topic.topic_id, partition))
        })
    }

    /// Whether all that the client says it has is here.
    pub(crate) fn has_all(&self, reported: &[RequestTopicPartition]) -> bool {
        reported.iter().all(|topic| {
            topic.partitions.iter().all(|&partition| self.contains(topic.topic_id, partition))
        })
    }

    /// The partitions without their epochs.
    pub(crate) fn partitions(&self) -> Partitions {
        self.iter().map(|(topic_id, partition, _)| (topic_id, partition)).collect()
    }
}

impl FromIterator<(Uuid, i32, i32)> for Owned {
    fn from_iter<I: IntoIterator<Item = (Uuid, i32, i32)>>(all: I) -> Self {
        let mut owned = Self::default();
        for (topic_id, partition, epoch) in all {
            owned.insert(topic_id, partition, epoch);
        }
        owned
    }
}

/// What a member has now; one record holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Current {
    pub(crate) epoch: i32,
    pub(crate) previous_epoch: i32,
    pub(crate) state: MemberState,
    /// What the member may use.
    pub(crate) assigned: Owned,
    /// What it must give up and may still use.
    pub(crate) pending_revocation: Owned,
}

impl Current {
    /// Whether nothing is left to do for a target of this epoch.
    pub(crate) fn is_reconciled_to(&self, target_epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == target_epoch
    }

    /// What the member has, with what it must give up.
    pub(crate) fn held(&self) -> Partitions {
        let all = self.assigned.iter().chain(self.pending_revocation.iter());
        all.map(|(topic_id, partition, _)| (topic_id, partition)).collect()
    }
}

/// What a member is that speaks the classic protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClassicMember {
    pub(crate) session_timeout_ms: i32,
    /// Names and subscriptions, the preferred one first; never empty.
    pub(crate) protocols: Vec<(Str, Bytes)>,
}

/// What a member said about itself; one record holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) instance_id: Option<Str>,
    pub(crate) rack_id: Option<Str>,
    pub(crate) client_id: Str,
    pub(crate) client_host: Str,
    /// Sorted, each once.
    pub(crate) topic_names: Vec<Str>,
    /// Never empty text.
    pub(crate) topic_regex: Option<Str>,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) server_assignor: Option<Str>,
    /// Only for members that speak the classic protocol.
    pub(crate) classic: Option<ClassicMember>,
}

/// One member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) subscription: Subscription,
    pub(crate) current: Current,
}

impl Member {
    /// Whether it speaks the classic protocol.
    pub(crate) fn is_classic(&self) -> bool {
        self.subscription.classic.is_some()
    }
}

/// Sorts and drops what is there twice; the texts keep no frame alive.
pub(crate) fn sorted_names(names: &[Str]) -> Vec<Str> {
    let mut sorted: Vec<Str> = names.iter().map(Str::detached).collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}
