//! What must hold whatever is asked: random admin sequences.

use bytes::Bytes;
use highwater_records::{NodeId, Uuid};
use proptest::prelude::*;

use crate::config::ConfigMap;
use crate::decide::{
    ConfigChange, ConfigTarget, Controller, NewPartitions, NewTopic, ResourceAlteration,
    TopicReference, allocate_producer_ids, create_partitions, create_topics, delete_topics,
    fence_broker, incremental_alter_configs, register_broker,
};
use crate::fixture::{Bits, broker, registration};
use crate::image::MetadataImage;
use crate::record::{MetadataRecord, PartitionChange};
use crate::{MetadataDelta, decode_records, encode_records, replay};

/// One request of an admin, with few enough names that requests meet each other.
#[derive(Clone, Debug)]
enum Step {
    Create { name: u8, partitions: i32, factor: i16, validate_only: bool },
    Grow { name: u8, count: i32 },
    Delete { name: u8, by_id: bool },
    Alter { name: u8, value: i64, delete: bool },
    Register { node: i32 },
    Fence { node: i32 },
    ProducerIds,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u8, -2..5_i32, -2..4_i16, any::<bool>()).prop_map(
            |(name, partitions, factor, validate_only)| Step::Create {
                name, partitions, factor, validate_only
            }
        ),
        2 => (0..6_u8, -1..9_i32).prop_map(|(name, count)| Step::Grow { name, count }),
        3 => (0..6_u8, any::<bool>()).prop_map(|(name, by_id)| Step::Delete { name, by_id }),
        2 => (0..6_u8, -3..9_i64, any::<bool>())
            .prop_map(|(name, value, delete)| Step::Alter { name, value, delete }),
        2 => (1..4_i32).prop_map(|node| Step::Register { node }),
        2 => (1..4_i32).prop_map(|node| Step::Fence { node }),
        1 => Just(Step::ProducerIds),
    ]
}

/// `a.b` and `a_b` collide.
fn name_of(name: u8) -> String {
    ["orders", "a.b", "a_b", "x-1", "bad name", "..."][usize::from(name)].to_owned()
}

fn decide(image: &MetadataImage, step: &Step, seed: u64) -> Vec<MetadataRecord> {
    let file = ConfigMap::from([("highwater.partitions.max".to_owned(), "12".to_owned())]);
    let controller = Controller { node: NodeId::new(1), file: &file, full_directories: &[] };
    let random = &mut Bits::new(seed).draw();
    match step {
        Step::Create { name, partitions, factor, validate_only } => {
            let topic = NewTopic {
                name: name_of(*name),
                partition_count: *partitions,
                replication_factor: *factor,
                ..NewTopic::default()
            };
            create_topics(image, &controller, &[topic], *validate_only, random).records
        }
        Step::Grow { name, count } => {
            let wanted = NewPartitions { name: name_of(*name), count: *count, assignments: None };
            create_partitions(image, &controller, &[wanted], false, random).records
        }
        Step::Delete { name, by_id } => {
            let name = name_of(*name);
            let id = image.topics().get(&name).map_or(Uuid::ZERO, |topic| topic.id);
            let reference = if *by_id {
                TopicReference { name: None, id }
            } else {
                TopicReference { name: Some(name), id: Uuid::ZERO }
            };
            delete_topics(image, &controller, &[reference]).records
        }
        Step::Alter { name, value, delete } => {
            let change = ConfigChange {
                key: "retention.ms".to_owned(),
                operation: i8::from(*delete),
                value: Some(value.to_string()),
            };
            let target = ConfigTarget { code: 2, name: name_of(*name) };
            let resource = ResourceAlteration { target, changes: vec![change] };
            incremental_alter_configs(image, &controller, &[resource], false).records
        }
        Step::Register { node } => register_broker(image, &registration(*node)).records,
        Step::Fence { node } => fence_broker(image, NodeId::new(*node)).records,
        Step::ProducerIds => allocate_producer_ids(image).records,
    }
}

/// I-C5 and what every partition must be.
fn check_invariants(image: &MetadataImage) {
    let mut replicas = 0;
    for topic in image.topics().iter() {
        let by_id = image.topics().get_by_id(topic.id).expect("every topic is found by its id");
        assert_eq!(by_id.name, topic.name);
        assert!(image.topics().colliding(&topic.name).is_none(), "{} collides", topic.name);
        assert!(!topic.partitions.is_empty());
        for partition in &topic.partitions {
            replicas += partition.replicas.len();
            assert_eq!(partition.directories.len(), partition.replicas.len());
            assert!(partition.isr.iter().all(|node| partition.replicas.contains(node)));
            assert!(partition.isr.iter().all(|node| !partition.elr.contains(node)));
            if !partition.leader.is_none() {
                assert!(image.is_alive(partition.leader), "a fenced broker leads");
                assert!(partition.isr.contains(&partition.leader));
            }
        }
    }
    let counted: usize = (1..4).map(|node| image.topics().replica_count(NodeId::new(node))).sum();
    assert_eq!(counted, replicas);
    for (resource, map) in image.configs().iter() {
        assert!(!map.is_empty(), "{resource:?} without a key");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// I-C1: memory is the replay of the log, also through bytes and through a snapshot.
    #[test]
    fn image_equals_replay_of_its_records(steps in prop::collection::vec(step(), 1..60)) {
        let mut image = MetadataImage::default();
        let mut log: Vec<Bytes> = Vec::new();
        for (seed, step) in (1..).zip(&steps) {
            let before = image.clone();
            let records = decide(&image, step, seed);
            let mut delta = MetadataDelta::default();
            for record in &records {
                delta.replay(&mut image, record).expect("decisions fit the image they were made on");
            }
            check_invariants(&image);
            prop_assert_eq!(delta.is_empty() && records.is_empty(), before == image);
            for topic in before.topics().iter() {
                let is_gone = image.topics().get_by_id(topic.id).is_none();
                prop_assert_eq!(is_gone, delta.deleted_topics.contains_key(&topic.id));
                let Some(after) = image.topics().get_by_id(topic.id) else { continue };
                for (number, partition) in topic.numbered() {
                    let later = after.partition(number).unwrap();
                    prop_assert!(later.leader_epoch >= partition.leader_epoch);
                    let is_named = delta.changed_partitions.contains(&(topic.id, number));
                    prop_assert_eq!(is_named, later != partition);
                }
            }
            log.push(encode_records(&records).unwrap());
        }
        let mut replayed = MetadataImage::default();
        for record in log.iter().flat_map(|batch| decode_records(batch).unwrap()) {
            replay(&mut replayed, &record).unwrap();
        }
        prop_assert_eq!(&replayed, &image);
        let mut restored = MetadataImage::default();
        let snapshot = encode_records(&image.to_records()).unwrap();
        for record in decode_records(&snapshot).unwrap() {
            replay(&mut restored, &record).unwrap();
        }
        prop_assert_eq!(&restored, &image);
    }

    #[test]
    fn any_bytes_decode_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(records) = decode_records(&Bytes::from(bytes)) {
            let mut image = MetadataImage::default();
            for record in &records {
                // A record that does not fit is refused; nothing panics.
                drop(replay(&mut image, record));
            }
        }
    }

    #[test]
    fn cut_or_flipped_records_never_panic(cut in 0..400_usize, flip in 0..3200_usize) {
        let bytes = encode_records(&one_of_each()).unwrap();
        drop(decode_records(&bytes.slice(..cut.min(bytes.len()))));
        let mut flipped = bytes.to_vec();
        let at = flip / 8 % flipped.len();
        flipped[at] ^= 1 << (flip % 8);
        drop(decode_records(&Bytes::from(flipped)));
    }
}

fn one_of_each() -> Vec<MetadataRecord> {
    let id = Uuid::from_random(1);
    let nodes = vec![NodeId::new(1), NodeId::new(2)];
    vec![
        MetadataRecord::Cluster { cluster_id: "c".to_owned() },
        MetadataRecord::FeatureLevel { name: "f".to_owned(), level: 3 },
        MetadataRecord::RegisterBroker(broker(1)),
        MetadataRecord::UnregisterBroker { node: NodeId::new(1) },
        MetadataRecord::FenceBroker { node: NodeId::new(1), is_fenced: true },
        MetadataRecord::Topic { name: "t".parse().unwrap(), id },
        MetadataRecord::Partition {
            topic_id: id,
            partition: 0,
            state: crate::fixture::partition(&[1, 2]),
        },
        MetadataRecord::PartitionChange {
            topic_id: id,
            partition: 0,
            change: PartitionChange {
                leader: Some(NodeId::NONE),
                isr: Some(nodes.clone()),
                elr: Some(Vec::new()),
                last_known_elr: Some(nodes.clone()),
                replicas: Some(nodes.clone()),
                directories: Some(vec![id, id]),
                adding: Some(nodes.clone()),
                removing: Some(nodes),
            },
        },
        MetadataRecord::RemoveTopic { id },
        MetadataRecord::Config {
            resource: crate::image::ConfigResource::BrokerDefaults,
            key: "k".to_owned(),
            value: None,
        },
        MetadataRecord::ProducerIds { next: 5 },
        MetadataRecord::LastBrokerEpoch { epoch: crate::image::BrokerEpoch::new(9) },
    ]
}

#[test]
fn every_kind_of_record_reads_back_equal() {
    let records = one_of_each();
    let bytes = encode_records(&records).unwrap();
    assert_eq!(decode_records(&bytes).unwrap(), records);
}

/// The bytes of version 0, written down: they are on disks.
#[test]
fn topic_record_has_the_bytes_of_version_0() {
    let record = MetadataRecord::Topic { name: "t".parse().unwrap(), id: Uuid::ONE };
    let mut expected = vec![21, 5, 0, 2, b't'];
    expected.extend_from_slice(&Uuid::ONE.to_bytes());
    expected.push(0);
    assert_eq!(encode_records(&[record]).unwrap(), expected);
}

#[test]
fn record_with_an_unknown_tag_is_read_and_of_an_unknown_version_is_refused() {
    let mut bytes = vec![23, 8, 0];
    bytes.extend_from_slice(&Uuid::ONE.to_bytes());
    bytes.extend_from_slice(&[1, 9, 2, 0xaa, 0xbb]);
    let tagged = decode_records(&Bytes::from(bytes.clone())).unwrap();
    assert_eq!(tagged, [MetadataRecord::RemoveTopic { id: Uuid::ONE }]);
    bytes[2] = 1;
    let refused = decode_records(&Bytes::from(bytes)).unwrap_err();
    assert!(refused.to_string().contains("version 1"), "{refused}");
}
