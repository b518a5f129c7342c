//! Server-side assignors: who of a group's members gets which partition.
//!
//! An assignor is a plain function of a [`Spec`]: no state, no chance, the same answer for the same
//! question. Members are told apart by their place in [`Spec::members`].
//!
//! **Invariant:** a target gives each partition of a subscribed topic to exactly one member that
//! subscribes to it, and no other partition to anybody.

mod range;
mod uniform;

use std::collections::{BTreeMap, BTreeSet};

use highwater_records::Uuid;

/// Partitions by topic id; a topic without partitions is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Partitions(BTreeMap<Uuid, BTreeSet<i32>>);

impl Partitions {
    /// No partition.
    #[must_use]
    pub(crate) const fn nothing() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds one partition; says whether it was new.
    pub(crate) fn insert(&mut self, topic_id: Uuid, partition: i32) -> bool {
        self.0.entry(topic_id).or_default().insert(partition)
    }

    /// Whether the partition is in it.
    #[must_use]
    pub(crate) fn contains(&self, topic_id: Uuid, partition: i32) -> bool {
        self.0.get(&topic_id).is_some_and(|partitions| partitions.contains(&partition))
    }

    /// Whether there is no partition.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many partitions there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Topics with their partitions, both in order.
    pub(crate) fn topics(&self) -> impl Iterator<Item = (Uuid, &BTreeSet<i32>)> {
        self.0.iter().map(|(topic_id, partitions)| (*topic_id, partitions))
    }

    /// Every partition, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Uuid, i32)> + '_ {
        self.topics().flat_map(|(topic_id, all)| all.iter().map(move |&one| (topic_id, one)))
    }
}

impl FromIterator<(Uuid, i32)> for Partitions {
    fn from_iter<I: IntoIterator<Item = (Uuid, i32)>>(all: I) -> Self {
        let mut partitions = Self::default();
        for (topic_id, partition) in all {
            partitions.insert(topic_id, partition);
        }
        partitions
    }
}

/// What an assignor is asked.
#[derive(Clone, Debug)]
pub(crate) struct Spec<'a> {
    /// How many partitions each topic has; a subscribed topic that is missing here does not exist.
    pub(crate) topics: BTreeMap<Uuid, i32>,
    /// The different subscriptions there are; most groups have one.
    pub(crate) subscriptions: Vec<BTreeSet<Uuid>>,
    /// The members, in order of their ids.
    pub(crate) members: Vec<SpecMember<'a>>,
}

/// One member of a [`Spec`].
#[derive(Clone, Debug)]
pub(crate) struct SpecMember<'a> {
    /// The member's id.
    pub(crate) member_id: &'a str,
    /// `group.instance.id`, if the member is static.
    pub(crate) instance_id: Option<&'a str>,
    /// Which of [`Spec::subscriptions`] is this member's.
    pub(crate) subscription: usize,
    /// What the member has in the target assignment until now.
    pub(crate) current: &'a Partitions,
}

/// The assignors a member can ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Assignor {
    /// Balanced over all topics together, and moves as little as possible.
    #[default]
    Uniform,
    /// A range of each topic for each member, so that equal partition numbers of topics with as
    /// many partitions and the same members meet in one member.
    Range,
}

impl Assignor {
    /// All, in the order in which Kafka lists them.
    pub(crate) const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    /// The name on the wire.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// The assignor of that name.
    #[must_use]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// The target of each member, in the order of [`Spec::members`].
    #[must_use]
    pub(crate) fn assign(self, spec: &Spec<'_>) -> Vec<Partitions> {
        match self {
            Self::Uniform => uniform::assign(spec),
            Self::Range => range::assign(spec),
        }
    }
}

#[cfg(test)]
mod tests;
