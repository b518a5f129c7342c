//! What changed between two images.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use highwater_records::{NodeId, Uuid};

use crate::image::{ConfigResource, MetadataImage, TopicImage};
use crate::record::MetadataRecord;
use crate::replay::{ReplayError, replay};

/// What changed since some earlier image; those who host something look only at this.
///
/// Topics and partitions named here as changed exist in the later image, unless the same topic is
/// also in `deleted_topics`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataDelta {
    /// Topics that a committed delete record took away, as they were.
    ///
    /// A topic that is merely absent is never in here: absence deletes nothing.
    pub deleted_topics: BTreeMap<Uuid, Arc<TopicImage>>,
    /// Topics made since.
    pub created_topics: BTreeSet<Uuid>,
    /// Partitions made or changed since.
    pub changed_partitions: BTreeSet<(Uuid, i32)>,
    pub changed_configs: BTreeSet<ConfigResource>,
    pub changed_brokers: BTreeSet<NodeId>,
    pub are_features_changed: bool,
}

impl MetadataDelta {
    /// The delta that leads from nothing to `image`.
    pub fn everything(image: &MetadataImage) -> Self {
        let mut delta = Self::default();
        for topic in image.topics().iter() {
            delta.created_topics.insert(topic.id);
            delta.changed_partitions.extend(topic.numbered().map(|(number, _)| (topic.id, number)));
        }
        delta.changed_configs.extend(image.configs().iter().map(|(resource, _)| resource.clone()));
        delta.changed_brokers.extend(image.brokers().map(|broker| broker.node));
        delta.are_features_changed = !image.features().is_empty();
        delta
    }

    /// Replays one record and notes what it changes.
    pub fn replay(
        &mut self,
        image: &mut MetadataImage,
        record: &MetadataRecord,
    ) -> Result<(), ReplayError> {
        let deleted = if let MetadataRecord::RemoveTopic { id } = record {
            image.topics().get_by_id(*id).cloned()
        } else {
            None
        };
        replay(image, record)?;
        match record {
            MetadataRecord::RemoveTopic { id } => {
                let topic = deleted.expect("replay refuses to remove a topic that is not there");
                self.changed_configs.insert(ConfigResource::Topic(topic.name.clone()));
                self.deleted_topics.insert(*id, topic);
                self.created_topics.remove(id);
                self.changed_partitions.retain(|(topic_id, _)| topic_id != id);
            }
            MetadataRecord::Topic { id, .. } => drop(self.created_topics.insert(*id)),
            MetadataRecord::Partition { topic_id, partition, .. }
            | MetadataRecord::PartitionChange { topic_id, partition, .. } => {
                self.changed_partitions.insert((*topic_id, *partition));
            }
            MetadataRecord::Config { resource, .. } => {
                self.changed_configs.insert(resource.clone());
            }
            MetadataRecord::RegisterBroker(broker) => {
                self.changed_brokers.insert(broker.node);
            }
            MetadataRecord::UnregisterBroker { node }
            | MetadataRecord::FenceBroker { node, .. } => {
                self.changed_brokers.insert(*node);
            }
            MetadataRecord::FeatureLevel { .. } => self.are_features_changed = true,
            MetadataRecord::Cluster { .. }
            | MetadataRecord::ProducerIds { .. }
            | MetadataRecord::LastBrokerEpoch { .. } => {}
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
