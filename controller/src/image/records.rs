//! An image as the records that rebuild it: the content of a snapshot.

use super::MetadataImage;
use crate::record::MetadataRecord;

impl MetadataImage {
    /// Records that turn an empty image into this one.
    pub fn to_records(&self) -> Vec<MetadataRecord> {
        let mut records = Vec::new();
        if !self.cluster_id.is_empty() {
            records.push(MetadataRecord::Cluster { cluster_id: self.cluster_id.clone() });
        }
        let features = self.features.iter();
        records.extend(features.map(|(name, level)| MetadataRecord::FeatureLevel {
            name: name.clone(),
            level: *level,
        }));
        records.extend(self.brokers().cloned().map(MetadataRecord::RegisterBroker));
        records.push(MetadataRecord::LastBrokerEpoch { epoch: self.last_broker_epoch });
        for topic in self.topics.iter() {
            records.push(MetadataRecord::Topic { name: topic.name.clone(), id: topic.id });
            records.extend(topic.numbered().map(|(partition, state)| MetadataRecord::Partition {
                topic_id: topic.id,
                partition,
                state: state.clone(),
            }));
        }
        for (resource, map) in self.configs.iter() {
            records.extend(map.iter().map(|(key, value)| MetadataRecord::Config {
                resource: resource.clone(),
                key: key.clone(),
                value: Some(value.clone()),
            }));
        }
        records.push(MetadataRecord::ProducerIds { next: self.next_producer_id });
        records
    }
}
