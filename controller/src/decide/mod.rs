//! What to do: pure functions of image and input.
//!
//! Each returns a [`Decision`]: records to commit, and the answer to give once they are. Items of
//! one request succeed or fail one by one; a refused item leaves no record.

mod brokers;
mod configs;
mod elections;
mod partitions;
mod placement;
mod producer_ids;
mod topics;

pub use brokers::{Registration, fence_broker, register_broker};
pub use configs::{
    AlterAnswer, AlterOperation, CONFIG_VALUE_BYTES_MAX, ConfigChange, ConfigTarget,
    ResourceAlteration, ResourceReplacement, alter_configs, incremental_alter_configs,
};
pub use elections::elect;
pub use partitions::{NewPartitions, create_partitions};
pub use producer_ids::{PRODUCER_ID_BLOCK_LENGTH, ProducerIdBlock, allocate_producer_ids};
pub use topics::{
    CreatedTopic, DeletedTopic, NewTopic, TopicReference, create_topics, delete_topics,
    internal_topic,
};

use highwater_records::{NodeId, Uuid};

use crate::MetadataImage;
use crate::config::{ConfigMap, ConfigSources, broker_config};
use crate::record::MetadataRecord;

/// Records to commit, and the answer to give once they are committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<A> {
    pub records: Vec<MetadataRecord>,
    pub answer: A,
}

impl<A> Decision<A> {
    pub(crate) fn nothing(answer: A) -> Self {
        Self { records: Vec::new(), answer }
    }
}

/// Where chance comes from: 128 random bits a call.
pub type RandomBits<'a> = dyn FnMut() -> u128 + 'a;

/// What a decision needs to know about this node beside the image.
#[derive(Clone, Copy, Debug)]
pub struct Controller<'a> {
    pub node: NodeId,
    /// The configuration file's keys and values.
    pub file: &'a ConfigMap,
    /// Log directories of any broker that have no room for a new partition.
    pub full_directories: &'a [Uuid],
}

impl<'a> Controller<'a> {
    /// Where the values of this broker come from.
    pub fn sources(&self, image: &'a MetadataImage) -> ConfigSources<'a> {
        image.broker_config_sources(self.node, self.file)
    }

    fn number(&self, image: &'a MetadataImage, key: &str) -> i64 {
        let def = broker_config(key).expect("decisions ask for keys of the table only");
        let value = self.sources(image).broker_value(def).value;
        value.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
    }

    fn flag(&self, image: &'a MetadataImage, key: &str) -> bool {
        let def = broker_config(key).expect("decisions ask for keys of the table only");
        let value = self.sources(image).broker_value(def).value;
        value.is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    fn partitions_max(&self, image: &'a MetadataImage) -> usize {
        usize::try_from(self.number(image, "highwater.partitions.max")).unwrap_or(0)
    }

    fn request_max_bytes(&self, image: &'a MetadataImage) -> i32 {
        i32::try_from(self.number(image, "socket.request.max.bytes")).unwrap_or(i32::MAX)
    }
}
