//! An image for the tests of handlers that read it.

use highwater_controller::image::{
    BrokerEndpoint, BrokerEpoch, BrokerImage, ConfigResource, PartitionEpoch, PartitionImage,
};
use highwater_controller::{MetadataImage, MetadataRecord, replay};
use highwater_records::{LeaderEpoch, NodeId, TopicName, Uuid};

/// A listener that no broker has.
pub(super) fn unreachable_listener() -> &'static str {
    "INTERNAL"
}

pub(super) fn topic_id(name: &str) -> Uuid {
    Uuid::from_random(
        name.bytes().fold(7, |sum: u128, byte| sum.wrapping_mul(131) + u128::from(byte)),
    )
}

fn broker(node: i32, is_fenced: bool) -> BrokerImage {
    BrokerImage {
        node: NodeId::new(node),
        epoch: BrokerEpoch::new(i64::from(node)),
        incarnation: Uuid::ONE,
        directories: vec![Uuid::from_random(5)],
        endpoints: vec![BrokerEndpoint {
            listener: "PLAINTEXT".to_owned(),
            host: format!("host-{node}"),
            port: 9092,
            security_protocol: 0,
        }],
        rack: (node == 1).then(|| "rack".to_owned()),
        features: Vec::new(),
        is_fenced,
    }
}

fn partition(leader: i32, replicas: &[i32]) -> PartitionImage {
    let replicas: Vec<NodeId> = replicas.iter().copied().map(NodeId::new).collect();
    PartitionImage {
        directories: vec![Uuid::ZERO; replicas.len()],
        isr: replicas.clone(),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        leader: NodeId::new(leader),
        leader_epoch: LeaderEpoch::new(3),
        partition_epoch: PartitionEpoch::new(0),
        adding: Vec::new(),
        removing: Vec::new(),
        replicas,
    }
}

/// Broker 1 alive and 2 fenced; `a` with 3 partitions, `b` with 2 of which one has no leader and one a fenced one, `__consumer_offsets`.
pub(super) fn image() -> MetadataImage {
    let mut records = vec![
        MetadataRecord::Cluster { cluster_id: "test-cluster".to_owned() },
        MetadataRecord::RegisterBroker(broker(1, false)),
        MetadataRecord::RegisterBroker(broker(2, true)),
    ];
    let mut topic = |name: &str, partitions: Vec<PartitionImage>| {
        let id = topic_id(name);
        records.push(MetadataRecord::Topic { name: TopicName::parse(name).unwrap(), id });
        let numbered = (0..).zip(partitions);
        records.extend(numbered.map(|(partition, state)| MetadataRecord::Partition {
            topic_id: id,
            partition,
            state,
        }));
    };
    topic("a", vec![partition(1, &[1]); 3]);
    topic("b", vec![partition(-1, &[2]), partition(2, &[2, 1])]);
    topic("both", vec![partition(1, &[1, 2])]);
    topic("__consumer_offsets", vec![partition(1, &[1])]);
    let config = |resource: ConfigResource, key: &str, value: &str| MetadataRecord::Config {
        resource,
        key: key.to_owned(),
        value: Some(value.to_owned()),
    };
    let a = ConfigResource::Topic(TopicName::parse("a").unwrap());
    records.push(config(a, "retention.ms", "5"));
    records.push(config(ConfigResource::Broker(NodeId::new(1)), "log.segment.bytes", "2000000"));
    let readers = ConfigResource::Group("readers".to_owned());
    records.push(config(readers, "consumer.session.timeout.ms", "50000"));
    records.push(config(ConfigResource::BrokerDefaults, "log.flush.interval.ms", "9"));
    let mut image = MetadataImage::default();
    records.iter().for_each(|record| replay(&mut image, record).unwrap());
    image
}
