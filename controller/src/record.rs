//! What the metadata log holds: one record for each change.
//!
//! Bytes are in [`codec`](crate::codec). A record says what is true afterwards, not how to get
//! there, so that replaying needs nothing but the image.

use highwater_records::{NodeId, TopicName, Uuid};

use crate::image::{BrokerEpoch, BrokerImage, ConfigResource, PartitionImage};

/// One change of the cluster's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataRecord {
    /// The identity of the cluster; the first record of every metadata log.
    Cluster { cluster_id: String },
    /// The level of a feature; 0 takes it away.
    FeatureLevel { name: String, level: i16 },
    /// A broker started: replaces what was known of this node.
    RegisterBroker(BrokerImage),
    /// A broker is gone for good.
    UnregisterBroker { node: NodeId },
    /// A broker was fenced or unfenced.
    FenceBroker { node: NodeId, is_fenced: bool },
    /// A topic without partitions; its partitions follow in the same batch.
    Topic { name: TopicName, id: Uuid },
    /// A partition, new or replaced as a whole. New ones come in order, without a hole.
    Partition { topic_id: Uuid, partition: i32, state: PartitionImage },
    /// Some fields of a partition change; its partition epoch grows by one.
    PartitionChange { topic_id: Uuid, partition: i32, change: PartitionChange },
    /// A topic, its partitions and its configuration are gone.
    RemoveTopic { id: Uuid },
    /// One key of a resource; `None` takes the override away.
    Config { resource: ConfigResource, key: String, value: Option<String> },
    /// Every id below `next` has been handed out.
    ProducerIds { next: i64 },
    /// The greatest broker epoch ever given; only snapshots need to say it.
    LastBrokerEpoch { epoch: BrokerEpoch },
}

/// The fields of a partition that change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionChange {
    /// A leader (or [`NodeId::NONE`]), also the same one again: the leader epoch grows by one.
    pub leader: Option<NodeId>,
    pub isr: Option<Vec<NodeId>>,
    pub elr: Option<Vec<NodeId>>,
    pub last_known_elr: Option<Vec<NodeId>>,
    pub replicas: Option<Vec<NodeId>>,
    pub directories: Option<Vec<Uuid>>,
    pub adding: Option<Vec<NodeId>>,
    pub removing: Option<Vec<NodeId>>,
}
