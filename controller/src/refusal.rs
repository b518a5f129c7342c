//! Why the controller does not do what it was asked.

use highwater_records::{NodeId, TopicName, TopicNameError, Uuid};

use crate::config::{ConfigValueError, GroupConfigRefusal, TopicConfigRefusal};

/// A correct answer the client will not like. The broker maps each to Kafka's error code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("topic name {name:?} is not allowed: {reason}")]
    TopicName { name: String, reason: TopicNameError },
    #[error("topic {name} collides with the existing topic {existing}: '.' and '_' count as equal")]
    CollidingTopicName { name: TopicName, existing: TopicName },
    #[error("topic {name} stands twice in the request")]
    DuplicateTopic { name: String },
    #[error("topic id {id} stands twice in the request")]
    DuplicateTopicId { id: Uuid },
    #[error("topic {name} already exists")]
    TopicExists { name: TopicName },
    #[error("topic {name} does not exist")]
    UnknownTopic { name: String },
    #[error("no topic has the id {id}")]
    UnknownTopicId { id: Uuid },
    #[error("a topic is given by name or by id, not by both")]
    NameAndId,
    #[error("neither a topic name nor a topic id is given")]
    NeitherNameNorId,
    #[error("partition count is {count}; it must be at least 1, or -1 for the default")]
    PartitionCount { count: i32 },
    #[error("replication factor is {factor}; it must be at least 1, or -1 for the default")]
    ReplicationFactor { factor: i16 },
    #[error("replication factor {factor} is above the number of brokers alive, {alive}")]
    TooFewBrokers { factor: i16, alive: usize },
    #[error("with an explicit assignment, partition count and replication factor must be -1")]
    AssignmentAndCounts,
    #[error("the replica assignment is not valid: {reason}")]
    Assignment { reason: AssignmentError },
    #[error("broker {node} would have {count} partitions, highwater.partitions.max allows {limit}")]
    TooManyPartitions { node: NodeId, count: usize, limit: usize },
    #[error(
        "topic {name} has {current} partitions, it cannot be changed to {count}: the number can only grow"
    )]
    PartitionsMustGrow { name: TopicName, current: usize, count: i32 },
    #[error("{found} assignments for {expected} new partitions")]
    AssignmentCount { expected: usize, found: usize },
    #[error("deleting topics is disabled: delete.topic.enable=false")]
    DeletionDisabled,
    #[error("configuration {key} has no value")]
    NullConfig { key: String },
    #[error("configuration {key} needs a value")]
    NullValue { key: String },
    #[error("the value of configuration {key} has {length} bytes, at most {limit} are allowed")]
    ConfigTooLong { key: String, length: usize, limit: usize },
    #[error("configuration {key} stands twice")]
    DuplicateConfig { key: String },
    #[error(transparent)]
    TopicConfig(#[from] TopicConfigRefusal),
    #[error(transparent)]
    GroupConfig(#[from] GroupConfigRefusal),
    #[error("a group has a name; there are no defaults of all groups")]
    NoGroupName,
    #[error("unknown broker configuration {key}")]
    UnknownBrokerConfig { key: String },
    #[error(transparent)]
    ConfigValue(#[from] ConfigValueError),
    #[error("cannot update these configs dynamically: {keys}; set them in the file and restart")]
    ReadOnlyConfigs { keys: String },
    #[error("cannot append to or subtract from {key}: it is not a list")]
    NotAList { key: String },
    #[error("{name:?} is not the id of a broker")]
    BrokerName { name: String },
    #[error("the resource stands twice in the request")]
    DuplicateResource,
    #[error("configurations of resource type {code} are not supported")]
    ResourceType { code: i8 },
    #[error("unknown alter operation {code}")]
    AlterOperation { code: i8 },
    #[error("broker registers for the cluster {found}, this is the cluster {expected}")]
    OtherCluster { expected: String, found: String },
    #[error("broker {node} runs feature {feature} up to level {max}, the cluster is at {level}")]
    FeatureLevel { node: NodeId, feature: String, max: i16, level: i16 },
    #[error("the log directory {directory} belongs to broker {owner}")]
    DirectoryTaken { directory: Uuid, owner: NodeId },
    #[error("broker {node} is not registered")]
    UnknownBroker { node: NodeId },
    #[error("all producer ids are used up")]
    ProducerIdsUsedUp,
}

/// What is wrong with an explicit assignment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssignmentError {
    #[error("partitions must be numbered from 0 without a hole, {partition} is missing")]
    Hole { partition: i32 },
    #[error("partition {partition} stands twice")]
    DuplicatePartition { partition: i32 },
    #[error("partition {partition} has no replicas")]
    Empty { partition: i32 },
    #[error("partition {partition} has {found} replicas, the others have {expected}")]
    UnequalCounts { partition: i32, expected: usize, found: usize },
    #[error("partition {partition} names broker {node} twice")]
    DuplicateReplica { partition: i32, node: NodeId },
    #[error("partition {partition} names broker {node}, which is not registered")]
    UnknownBroker { partition: i32, node: NodeId },
    #[error("every broker of partition {partition} is fenced")]
    AllFenced { partition: i32 },
}
