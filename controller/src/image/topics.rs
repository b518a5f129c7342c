//! Topics and their partitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_records::{LeaderEpoch, NodeId, TopicName, Uuid};

/// Number of a partition's state; every change makes it one greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionEpoch(i32);

impl PartitionEpoch {
    pub const fn new(value: i32) -> Self {
        Self(value)
    }

    pub const fn value(self) -> i32 {
        self.0
    }

    /// The epoch after a change.
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("a partition changes less than 2^31 times"))
    }
}

/// One partition.
///
/// **Invariant:** `isr` and `elr` are disjoint and lie within `replicas`; `directories` has one
/// entry for each replica, in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionImage {
    /// Assigned replicas; the first one is the preferred leader.
    pub replicas: Vec<NodeId>,
    /// The log directory of each replica on its broker; zero where it is not known yet.
    pub directories: Vec<Uuid>,
    pub isr: Vec<NodeId>,
    /// Eligible leader replicas outside the ISR (KIP-966).
    pub elr: Vec<NodeId>,
    pub last_known_elr: Vec<NodeId>,
    /// [`NodeId::NONE`] while nobody leads.
    pub leader: NodeId,
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: PartitionEpoch,
    /// Replicas a reassignment adds and takes away.
    pub adding: Vec<NodeId>,
    pub removing: Vec<NodeId>,
}

impl PartitionImage {
    /// The log directory of the replica on `node`.
    pub fn directory(&self, node: NodeId) -> Option<Uuid> {
        let at = self.replicas.iter().position(|replica| *replica == node)?;
        self.directories.get(at).copied()
    }

    /// Whether a reassignment is under way.
    pub fn is_reassigning(&self) -> bool {
        !self.adding.is_empty() || !self.removing.is_empty()
    }
}

/// One topic; partition `n` is at index `n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicImage {
    pub name: TopicName,
    pub id: Uuid,
    pub partitions: Vec<PartitionImage>,
}

impl TopicImage {
    pub fn partition(&self, partition: i32) -> Option<&PartitionImage> {
        self.partitions.get(usize::try_from(partition).ok()?)
    }

    /// Partitions with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (i32, &PartitionImage)> {
        (0..).zip(&self.partitions)
    }

    /// Whether Kafka itself writes this topic.
    pub fn is_internal(&self) -> bool {
        is_internal_topic(self.name.as_str())
    }
}

/// Whether a topic of this name is one that only the brokers write.
pub fn is_internal_topic(name: &str) -> bool {
    matches!(name, "__consumer_offsets" | "__transaction_state" | "__share_group_state")
}

/// All topics.
///
/// **Invariant:** `by_name` and `names_by_id` are inverse to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicsImage {
    by_name: Arc<BTreeMap<TopicName, Arc<TopicImage>>>,
    names_by_id: Arc<BTreeMap<Uuid, TopicName>>,
    /// Names that contain `.` or `_`, by the key under which they collide.
    by_collision_key: Arc<BTreeMap<String, TopicName>>,
    replica_counts: Arc<BTreeMap<NodeId, usize>>,
}

impl TopicsImage {
    pub fn get(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.by_name.get(name)
    }

    pub fn get_by_id(&self, id: Uuid) -> Option<&Arc<TopicImage>> {
        self.by_name.get(self.names_by_id.get(&id)?)
    }

    /// All topics by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.by_name.values()
    }

    /// Topics from `name` on (inclusive), by name.
    pub fn starting_at(&self, name: &str) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.by_name
            .range::<str, _>((std::ops::Bound::Included(name), std::ops::Bound::Unbounded))
            .map(|(_name, topic)| topic)
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The other topic whose name differs from this one only in `.` and `_`.
    pub fn colliding(&self, name: &TopicName) -> Option<&TopicName> {
        self.by_collision_key.get(&name.collision_key()).filter(|existing| *existing != name)
    }

    /// Replicas assigned to a broker.
    pub fn replica_count(&self, node: NodeId) -> usize {
        self.replica_counts.get(&node).copied().unwrap_or(0)
    }

    pub(crate) fn insert(&mut self, topic: TopicImage) {
        let name = topic.name.clone();
        if name.as_str().contains(['.', '_']) {
            Arc::make_mut(&mut self.by_collision_key).insert(name.collision_key(), name.clone());
        }
        Arc::make_mut(&mut self.names_by_id).insert(topic.id, name.clone());
        Arc::make_mut(&mut self.by_name).insert(name, Arc::new(topic));
    }

    pub(crate) fn remove(&mut self, id: Uuid) -> Option<Arc<TopicImage>> {
        let name = Arc::make_mut(&mut self.names_by_id).remove(&id)?;
        let topic = Arc::make_mut(&mut self.by_name).remove(&name)?;
        if name.as_str().contains(['.', '_']) {
            Arc::make_mut(&mut self.by_collision_key).remove(&name.collision_key());
        }
        for partition in &topic.partitions {
            self.count_replicas(&partition.replicas, &[]);
        }
        Some(topic)
    }

    /// Changes one topic in place; `None` if there is none with this id.
    pub(crate) fn change<T>(
        &mut self,
        id: Uuid,
        change: impl FnOnce(&mut TopicImage) -> T,
    ) -> Option<T> {
        let name = self.names_by_id.get(&id)?;
        let topic = Arc::make_mut(&mut self.by_name).get_mut(name)?;
        Some(change(Arc::make_mut(topic)))
    }

    pub(crate) fn count_replicas(&mut self, before: &[NodeId], after: &[NodeId]) {
        let counts = Arc::make_mut(&mut self.replica_counts);
        for node in after {
            *counts.entry(*node).or_default() += 1;
        }
        for node in before {
            let count = counts.get_mut(node).expect("every assigned replica was counted");
            *count -= 1;
            if *count == 0 {
                counts.remove(node);
            }
        }
    }
}
