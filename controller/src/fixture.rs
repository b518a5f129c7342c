//! Builders for tests.

use highwater_records::{LeaderEpoch, NodeId, Uuid};

use crate::config::ConfigMap;
use crate::decide::{Controller, NewTopic, Registration, create_topics};
use crate::image::{
    BrokerEndpoint, BrokerEpoch, BrokerImage, MetadataImage, PartitionEpoch, PartitionImage,
    SupportedFeature,
};
use crate::record::MetadataRecord;
use crate::replay;

/// Numbers that look random.
pub(crate) struct Bits(u64);

impl Bits {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn draw(mut self) -> impl FnMut() -> u128 {
        move || {
            let mut next = || {
                self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                u128::from(mixed ^ (mixed >> 31))
            };
            next() << 64 | next()
        }
    }
}

pub(crate) fn broker(node: i32) -> BrokerImage {
    BrokerImage {
        node: NodeId::new(node),
        epoch: BrokerEpoch::new(i64::from(node)),
        incarnation: Uuid::from_random(1000 + u128::from(node.unsigned_abs())),
        directories: vec![Uuid::from_random(2000 + u128::from(node.unsigned_abs()))],
        endpoints: vec![BrokerEndpoint {
            listener: "PLAINTEXT".to_owned(),
            host: format!("broker-{node}"),
            port: 9092,
            security_protocol: 0,
        }],
        rack: None,
        features: vec![SupportedFeature { name: "metadata.version".to_owned(), min: 1, max: 1 }],
        is_fenced: false,
    }
}

pub(crate) fn registration(node: i32) -> Registration {
    let broker = broker(node);
    Registration {
        cluster_id: "test-cluster".to_owned(),
        node: broker.node,
        incarnation: broker.incarnation,
        directories: broker.directories,
        endpoints: broker.endpoints,
        rack: broker.rack,
        features: broker.features,
    }
}

pub(crate) fn partition(replicas: &[i32]) -> PartitionImage {
    let replicas: Vec<NodeId> = replicas.iter().copied().map(NodeId::new).collect();
    PartitionImage {
        directories: vec![Uuid::ZERO; replicas.len()],
        isr: replicas.clone(),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        leader: replicas[0],
        leader_epoch: LeaderEpoch::new(0),
        partition_epoch: PartitionEpoch::new(0),
        adding: Vec::new(),
        removing: Vec::new(),
        replicas,
    }
}

pub(crate) fn image_with(brokers: &[BrokerImage]) -> MetadataImage {
    let mut image = MetadataImage::default();
    for broker in brokers {
        apply(&mut image, &[MetadataRecord::RegisterBroker(broker.clone())]);
    }
    image
}

pub(crate) fn with_topic(image: &mut MetadataImage, name: &str, partitions: i32, factor: i16) {
    let topic = NewTopic {
        name: name.to_owned(),
        partition_count: partitions,
        replication_factor: factor,
        ..NewTopic::default()
    };
    let file = ConfigMap::new();
    let controller = Controller { node: NodeId::new(1), file: &file, full_directories: &[] };
    let seed =
        name.bytes().fold(image.topics().len() as u64, |sum, byte| sum * 31 + u64::from(byte));
    let decision = create_topics(image, &controller, &[topic], false, &mut Bits::new(seed).draw());
    assert!(decision.answer[0].1.is_ok(), "{:?}", decision.answer);
    apply(image, &decision.records);
}

pub(crate) fn apply(image: &mut MetadataImage, records: &[MetadataRecord]) {
    for record in records {
        replay(image, record).unwrap();
    }
}
