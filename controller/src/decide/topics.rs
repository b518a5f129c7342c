//! Creating and deleting topics.

use std::collections::{BTreeMap, BTreeSet};

use highwater_records::{NodeId, TopicName, Uuid};

use super::placement::{PartitionMaker, Placement, check_assignment};
use super::{Controller, Decision, RandomBits};
use crate::MetadataImage;
use crate::config::{ConfigMap, check_topic_configs};
use crate::image::{ConfigResource, is_internal_topic};
use crate::record::MetadataRecord;
use crate::refusal::{AssignmentError, Refusal};

/// A topic a client asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewTopic {
    pub name: String,
    /// -1: the broker's default, or as many as are assigned.
    pub partition_count: i32,
    /// -1: the broker's default, or as many as are assigned.
    pub replication_factor: i16,
    /// Explicit replicas by partition number; empty: the controller chooses.
    pub assignments: Vec<(i32, Vec<NodeId>)>,
    pub configs: Vec<(String, Option<String>)>,
}

/// A topic that will be there once the records are committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedTopic {
    pub name: TopicName,
    pub id: Uuid,
    pub partition_count: i32,
    pub replication_factor: i16,
    /// The overrides it was given.
    pub configs: ConfigMap,
}

/// Creates topics; the answer has one entry for each name, in the order they first appear.
///
/// With `validate_only` the answer is the same and there are no records.
pub fn create_topics(
    image: &MetadataImage,
    controller: &Controller<'_>,
    topics: &[NewTopic],
    validate_only: bool,
    random: &mut RandomBits<'_>,
) -> Decision<Vec<(String, Result<CreatedTopic, Refusal>)>> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for topic in topics {
        *counts.entry(&topic.name).or_default() += 1;
    }
    let mut creation = Creation {
        image,
        controller,
        maker: PartitionMaker::new(image, controller.full_directories),
        collision_keys: BTreeMap::new(),
        records: Vec::new(),
        random,
    };
    let mut answer: Vec<(String, Result<CreatedTopic, Refusal>)> = Vec::new();
    for topic in topics {
        let created = match counts.remove(topic.name.as_str()) {
            None => continue, // answered at its first appearance
            Some(1) => creation.create(topic),
            Some(_) => Err(Refusal::DuplicateTopic { name: topic.name.clone() }),
        };
        answer.push((topic.name.clone(), created));
    }
    let records = if validate_only { Vec::new() } else { creation.records };
    Decision { records, answer }
}

struct Creation<'a, 'r> {
    image: &'a MetadataImage,
    controller: &'a Controller<'a>,
    maker: PartitionMaker<'a>,
    /// Keys of the names that this request creates.
    collision_keys: BTreeMap<String, TopicName>,
    records: Vec<MetadataRecord>,
    random: &'r mut RandomBits<'r>,
}

impl Creation<'_, '_> {
    fn create(&mut self, topic: &NewTopic) -> Result<CreatedTopic, Refusal> {
        let name = self.check_name(&topic.name)?;
        let configs = collect_configs(&topic.configs)?;
        let sources = self.controller.sources(self.image);
        check_topic_configs(&configs, &sources, self.controller.request_max_bytes(self.image))?;
        let assignments =
            if topic.assignments.is_empty() { self.place(topic)? } else { self.explicit(topic)? };
        self.maker.reserve(&assignments, self.controller.partitions_max(self.image))?;
        let partition_count = i32::try_from(assignments.len()).unwrap_or(i32::MAX);
        let factor = assignments.first().map_or(0, Vec::len);
        let replication_factor = i16::try_from(factor).unwrap_or(i16::MAX);
        let id = self.new_id();
        self.collision_keys.insert(name.collision_key(), name.clone());
        self.records.push(MetadataRecord::Topic { name: name.clone(), id });
        for (partition, replicas) in (0..).zip(&assignments) {
            let state = self.maker.make(replicas);
            self.records.push(MetadataRecord::Partition { topic_id: id, partition, state });
        }
        let resource = ConfigResource::Topic(name.clone());
        self.records.extend(configs.iter().map(|(key, value)| MetadataRecord::Config {
            resource: resource.clone(),
            key: key.clone(),
            value: Some(value.clone()),
        }));
        Ok(CreatedTopic { name, id, partition_count, replication_factor, configs })
    }

    fn check_name(&self, text: &str) -> Result<TopicName, Refusal> {
        let name = TopicName::parse(text)
            .map_err(|reason| Refusal::TopicName { name: text.to_owned(), reason })?;
        if self.image.topics().get(text).is_some() {
            return Err(Refusal::TopicExists { name });
        }
        let in_request = || self.collision_keys.get(&name.collision_key());
        match self.image.topics().colliding(&name).or_else(in_request).cloned() {
            Some(existing) => Err(Refusal::CollidingTopicName { name, existing }),
            None => Ok(name),
        }
    }

    fn place(&mut self, topic: &NewTopic) -> Result<Vec<Vec<NodeId>>, Refusal> {
        let count = match topic.partition_count {
            -1 => {
                let default = self.controller.number(self.image, "num.partitions");
                i32::try_from(default).unwrap_or(i32::MAX)
            }
            count => count,
        };
        if count < 1 {
            return Err(Refusal::PartitionCount { count });
        }
        let factor = match topic.replication_factor {
            -1 => {
                let default = self.controller.number(self.image, "default.replication.factor");
                i16::try_from(default).unwrap_or(i16::MAX)
            }
            factor => factor,
        };
        if factor < 1 {
            return Err(Refusal::ReplicationFactor { factor });
        }
        // Before anything is allocated for them: the count is the client's.
        let limit = self.controller.partitions_max(self.image);
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        let brokers = self.image.alive_brokers().count().max(1);
        if wanted > limit.saturating_mul(brokers) {
            let node = self.controller.node;
            return Err(Refusal::TooManyPartitions { node, count: wanted, limit });
        }
        let placement = Placement::new(self.image, (self.random)());
        (0..wanted).map(|partition| placement.replicas(partition, factor)).collect()
    }

    fn explicit(&self, topic: &NewTopic) -> Result<Vec<Vec<NodeId>>, Refusal> {
        if topic.partition_count != -1 || topic.replication_factor != -1 {
            return Err(Refusal::AssignmentAndCounts);
        }
        let assignment = |reason| Refusal::Assignment { reason };
        let expected = topic.assignments.first().map_or(0, |(_, replicas)| replicas.len());
        let mut by_number = BTreeMap::new();
        for (partition, replicas) in &topic.assignments {
            let partition = *partition;
            if by_number.insert(partition, replicas.clone()).is_some() {
                return Err(assignment(AssignmentError::DuplicatePartition { partition }));
            }
            check_assignment(self.image, partition, replicas, expected).map_err(assignment)?;
        }
        for (expected, partition) in (0..).zip(by_number.keys()) {
            if *partition != expected {
                return Err(assignment(AssignmentError::Hole { partition: expected }));
            }
        }
        Ok(by_number.into_values().collect())
    }

    fn new_id(&mut self) -> Uuid {
        loop {
            let id = Uuid::from_random((self.random)());
            if id.is_acceptable() && self.image.topics().get_by_id(id).is_none() {
                return id;
            }
        }
    }
}

fn collect_configs(pairs: &[(String, Option<String>)]) -> Result<ConfigMap, Refusal> {
    let mut configs = ConfigMap::new();
    for (key, value) in pairs {
        let Some(value) = value else { return Err(Refusal::NullConfig { key: key.clone() }) };
        super::configs::check_length(key, value)?;
        if configs.insert(key.clone(), value.clone()).is_some() {
            return Err(Refusal::DuplicateConfig { key: key.clone() });
        }
    }
    Ok(configs)
}

/// The request that creates an internal topic: the factor and the least ISR are those configured,
/// or as many as there are brokers alive.
///
/// `None` for any other name.
pub fn internal_topic(
    image: &MetadataImage,
    controller: &Controller<'_>,
    name: &str,
) -> Option<NewTopic> {
    if !is_internal_topic(name) {
        return None;
    }
    let (prefix, min_isr, policy) = match name {
        "__consumer_offsets" => ("offsets.topic", 1, "compact"),
        "__transaction_state" => {
            let min_isr = controller.number(image, "transaction.state.log.min.isr");
            ("transaction.state.log", min_isr, "compact")
        }
        _ => return None,
    };
    let number = |key: &str| controller.number(image, &format!("{prefix}.{key}"));
    let alive = i64::try_from(image.alive_brokers().count()).unwrap_or(i64::MAX).max(1);
    let factor = number("replication.factor").min(alive);
    let config = |key: &str, value: String| (key.to_owned(), Some(value));
    Some(NewTopic {
        name: name.to_owned(),
        partition_count: i32::try_from(number("num.partitions")).unwrap_or(i32::MAX),
        replication_factor: i16::try_from(factor).unwrap_or(i16::MAX),
        assignments: Vec::new(),
        configs: vec![
            config("cleanup.policy", policy.to_owned()),
            config("compression.type", "producer".to_owned()),
            config("min.insync.replicas", min_isr.min(factor).to_string()),
            config("segment.bytes", number("segment.bytes").max(1_048_576).to_string()),
        ],
    })
}

/// A topic to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicReference {
    pub name: Option<String>,
    /// Zero: not given.
    pub id: Uuid,
}

/// A topic that is gone once the records are committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedTopic {
    pub name: TopicName,
    pub id: Uuid,
}

/// Deletes topics; the answer has one entry for each reference, in their order, except that a
/// topic named twice in the same way has one.
pub fn delete_topics(
    image: &MetadataImage,
    controller: &Controller<'_>,
    topics: &[TopicReference],
) -> Decision<Vec<(TopicReference, Result<DeletedTopic, Refusal>)>> {
    let found: Vec<Result<DeletedTopic, Refusal>> =
        topics.iter().map(|topic| find(image, controller, topic)).collect();
    let mut counts: BTreeMap<Uuid, usize> = BTreeMap::new();
    for topic in found.iter().flatten() {
        *counts.entry(topic.id).or_default() += 1;
    }
    let mut records = Vec::new();
    let mut answer = Vec::new();
    let mut answered = BTreeSet::new();
    for (reference, result) in topics.iter().zip(found) {
        if !answered.insert((reference.name.clone(), reference.id)) {
            continue;
        }
        let result = result.and_then(|topic| match (counts.get(&topic.id), &reference.name) {
            (Some(1), _) => Ok(topic),
            (_, Some(name)) => Err(Refusal::DuplicateTopic { name: name.clone() }),
            (_, None) => Err(Refusal::DuplicateTopicId { id: topic.id }),
        });
        if let Ok(topic) = &result {
            records.push(MetadataRecord::RemoveTopic { id: topic.id });
        }
        answer.push((reference.clone(), result));
    }
    Decision { records, answer }
}

fn find(
    image: &MetadataImage,
    controller: &Controller<'_>,
    topic: &TopicReference,
) -> Result<DeletedTopic, Refusal> {
    if !controller.flag(image, "delete.topic.enable") {
        return Err(Refusal::DeletionDisabled);
    }
    let found = match (&topic.name, topic.id.is_zero()) {
        (Some(_), false) => return Err(Refusal::NameAndId),
        (None, true) => return Err(Refusal::NeitherNameNorId),
        (Some(name), true) => {
            image.topics().get(name).ok_or_else(|| Refusal::UnknownTopic { name: name.clone() })?
        }
        (None, false) => {
            image.topics().get_by_id(topic.id).ok_or(Refusal::UnknownTopicId { id: topic.id })?
        }
    };
    Ok(DeletedTopic { name: found.name.clone(), id: found.id })
}

#[cfg(test)]
mod tests;
