use super::*;
use crate::fixture::{Bits, apply, broker, image_with, with_topic};

struct World {
    image: MetadataImage,
    file: ConfigMap,
}

impl World {
    fn new(file: &[(&str, &str)]) -> Self {
        let mut image = image_with(&[broker(1), broker(2), broker(3)]);
        with_topic(&mut image, "exists", 1, 1);
        with_topic(&mut image, "a.b", 1, 1);
        let file = file.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Self { image, file }
    }

    fn create(&mut self, topics: &[NewTopic]) -> Vec<(String, Result<CreatedTopic, Refusal>)> {
        let controller =
            Controller { node: NodeId::new(1), file: &self.file, full_directories: &[] };
        let dry = create_topics(&self.image, &controller, topics, true, &mut Bits::new(7).draw());
        assert!(dry.records.is_empty(), "validate_only must leave nothing");
        let decision =
            create_topics(&self.image, &controller, topics, false, &mut Bits::new(7).draw());
        assert_eq!(dry.answer, decision.answer);
        apply(&mut self.image, &decision.records);
        decision.answer
    }

    fn delete(
        &mut self,
        topics: &[TopicReference],
    ) -> Vec<(TopicReference, Result<DeletedTopic, Refusal>)> {
        let controller =
            Controller { node: NodeId::new(1), file: &self.file, full_directories: &[] };
        let decision = delete_topics(&self.image, &controller, topics);
        apply(&mut self.image, &decision.records);
        decision.answer
    }
}

fn topic(name: &str, partition_count: i32, replication_factor: i16) -> NewTopic {
    NewTopic { name: name.to_owned(), partition_count, replication_factor, ..NewTopic::default() }
}

fn with_config(key: &str, value: Option<&str>) -> NewTopic {
    let configs = vec![(key.to_owned(), value.map(str::to_owned))];
    NewTopic { configs, ..topic("new", 1, 1) }
}

fn assigned(assignments: &[(i32, &[i32])]) -> NewTopic {
    let nodes = |ids: &[i32]| ids.iter().copied().map(NodeId::new).collect();
    NewTopic {
        assignments: assignments.iter().map(|(number, ids)| (*number, nodes(ids))).collect(),
        ..topic("new", -1, -1)
    }
}

#[test]
fn created_topic_has_what_was_asked_for() {
    let mut world = World::new(&[("num.partitions", "4"), ("default.replication.factor", "2")]);
    for (wanted, partitions, factor) in [
        (topic("explicit", 2, 3), 2, 3),
        (topic("defaults", -1, -1), 4, 2),
        (assigned(&[(1, &[2, 1]), (0, &[1, 2])]), 2, 2),
    ] {
        let answer = world.create(std::slice::from_ref(&wanted));
        let created = answer[0].1.as_ref().unwrap();
        assert_eq!((created.partition_count, created.replication_factor), (partitions, factor));
        assert!(created.id.is_acceptable());
        let image = world.image.topics().get_by_id(created.id).unwrap();
        assert_eq!(image.name.as_str(), wanted.name);
        assert_eq!(image.partitions.len(), usize::try_from(partitions).unwrap());
        for partition in &image.partitions {
            assert_eq!(partition.replicas.len(), usize::try_from(factor).unwrap());
            assert_eq!(partition.isr, partition.replicas);
            assert_eq!(partition.leader, partition.replicas[0]);
            assert_eq!(partition.leader_epoch.value(), 0);
        }
    }
    let explicit = world.image.topics().get("new").unwrap();
    assert_eq!(explicit.partitions[1].leader, NodeId::new(2));
}

#[test]
fn refused_topics_say_why() {
    for (wanted, part) in [
        (topic("", 1, 1), "is empty"),
        (topic("..", 1, 1), "cannot be"),
        (topic("a b", 1, 1), "legal are"),
        (topic("exists", 1, 1), "already exists"),
        (topic("a_b", 1, 1), "collides with the existing topic a.b"),
        (topic("new", 0, 1), "partition count is 0"),
        (topic("new", -2, 1), "partition count is -2"),
        (topic("new", 1, 0), "replication factor is 0"),
        (topic("new", 1, -3), "replication factor is -3"),
        (topic("new", 1, 4), "above the number of brokers alive, 3"),
        (topic("new", 21, 3), "highwater.partitions.max allows 20"),
        (topic("new", i32::MAX, 1), "highwater.partitions.max allows 20"),
        (with_config("retention.ms", None), "retention.ms has no value"),
        (with_config("retention.ms", Some("x")), "not a number"),
        (with_config("colour", Some("blue")), "unknown topic configuration"),
        (with_config("max.message.bytes", Some("99999999")), "socket.request.max.bytes"),
        (NewTopic { partition_count: 1, ..assigned(&[(0, &[1])]) }, "must be -1"),
        (NewTopic { replication_factor: 1, ..assigned(&[(0, &[1])]) }, "must be -1"),
        (assigned(&[(1, &[1])]), "0 is missing"),
        (assigned(&[(0, &[1]), (2, &[1])]), "1 is missing"),
        (assigned(&[(0, &[1]), (0, &[1])]), "stands twice"),
        (assigned(&[(0, &[1, 2]), (1, &[1])]), "has 1 replicas, the others have 2"),
        (assigned(&[(0, &[1, 1])]), "names broker 1 twice"),
        (assigned(&[(0, &[9])]), "not registered"),
        (assigned(&[(0, &[])]), "has no replicas"),
    ] {
        let mut world = World::new(&[("highwater.partitions.max", "20")]);
        let before = world.image.clone();
        let answer = world.create(std::slice::from_ref(&wanted));
        let refusal = answer[0].1.clone().unwrap_err().to_string();
        assert!(refusal.contains(part), "{part}: {refusal}");
        assert_eq!(world.image, before);
    }
}

#[test]
fn name_twice_in_a_request_is_refused_once_and_the_others_are_made() {
    let mut world = World::new(&[]);
    let answer = world.create(&[topic("twice", 1, 1), topic("once", 1, 1), topic("twice", 2, 1)]);
    let names: Vec<&str> = answer.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["twice", "once"]);
    assert_eq!(answer[0].1, Err(Refusal::DuplicateTopic { name: "twice".to_owned() }));
    assert!(answer[1].1.is_ok());
    assert!(world.image.topics().get("twice").is_none());
}

#[test]
fn names_of_one_request_collide_with_each_other() {
    let mut world = World::new(&[]);
    let answer = world.create(&[topic("x.y", 1, 1), topic("x_y", 1, 1)]);
    assert!(answer[0].1.is_ok());
    assert!(matches!(answer[1].1, Err(Refusal::CollidingTopicName { .. })));
}

#[test]
fn limit_of_partitions_counts_all_topics_of_a_request() {
    let mut world = World::new(&[("highwater.partitions.max", "10")]);
    let answer = world.create(&[topic("one", 6, 3), topic("two", 6, 3), topic("three", 2, 3)]);
    assert!(answer[0].1.is_ok());
    assert!(matches!(answer[1].1, Err(Refusal::TooManyPartitions { .. })));
    assert!(answer[2].1.is_ok());
}

#[test]
fn overrides_are_committed_with_the_topic_and_gone_with_it() {
    let mut world = World::new(&[]);
    let answer = world.create(&[with_config("retention.ms", Some("5"))]);
    let created = answer[0].1.clone().unwrap();
    let resource = ConfigResource::Topic(created.name.clone());
    assert_eq!(world.image.configs().get(&resource), Some(&created.configs));
    world.delete(&[TopicReference { name: None, id: created.id }]);
    assert_eq!(world.image.configs().get(&resource), None);
}

#[test]
fn recreated_topic_has_a_new_id() {
    let mut world = World::new(&[]);
    let first = world.image.topics().get("exists").unwrap().id;
    world.delete(&[TopicReference { name: Some("exists".to_owned()), id: Uuid::ZERO }]);
    let answer = world.create(&[topic("exists", 1, 1)]);
    assert_ne!(answer[0].1.as_ref().unwrap().id, first);
    assert!(world.image.topics().get_by_id(first).is_none());
}

#[test]
fn deletion_finds_topics_by_name_or_id_and_refuses_the_rest() {
    let named = |name: &str| TopicReference { name: Some(name.to_owned()), id: Uuid::ZERO };
    let mut world = World::new(&[]);
    let id = world.image.topics().get("exists").unwrap().id;
    let unknown = Uuid::from_random(99);
    let answer = world.delete(&[
        named("a.b"),
        named("nope"),
        TopicReference { name: None, id: unknown },
        TopicReference { name: None, id: Uuid::ZERO },
        TopicReference { name: Some("exists".to_owned()), id },
        TopicReference { name: None, id },
    ]);
    let results: Vec<_> = answer.into_iter().map(|(_, result)| result.map(|_| ())).collect();
    assert_eq!(
        results,
        [
            Ok(()),
            Err(Refusal::UnknownTopic { name: "nope".to_owned() }),
            Err(Refusal::UnknownTopicId { id: unknown }),
            Err(Refusal::NeitherNameNorId),
            Err(Refusal::NameAndId),
            Ok(()),
        ]
    );
    assert!(world.image.topics().is_empty());
}

#[test]
fn topic_given_twice_is_not_deleted() {
    let named = |name: &str| TopicReference { name: Some(name.to_owned()), id: Uuid::ZERO };
    let mut world = World::new(&[]);
    let id = world.image.topics().get("exists").unwrap().id;
    let twice = world.delete(&[named("exists"), named("exists")]);
    assert_eq!(twice.len(), 1);
    assert!(matches!(twice[0].1, Err(Refusal::DuplicateTopic { .. })));
    let both_ways = world.delete(&[named("exists"), TopicReference { name: None, id }]);
    assert!(both_ways.iter().all(|(_, result)| result.is_err()));
    assert!(world.image.topics().get("exists").is_some());
}

#[test]
fn deletion_can_be_disabled() {
    let mut world = World::new(&[("delete.topic.enable", "false")]);
    let reference = TopicReference { name: Some("exists".to_owned()), id: Uuid::ZERO };
    assert_eq!(world.delete(&[reference])[0].1, Err(Refusal::DeletionDisabled));
}

#[test]
fn internal_topics_are_clamped_to_the_brokers_alive() {
    let file = ConfigMap::new();
    let controller = Controller { node: NodeId::new(1), file: &file, full_directories: &[] };
    let one = image_with(&[broker(1)]);
    let small = internal_topic(&one, &controller, "__transaction_state").unwrap();
    assert_eq!((small.partition_count, small.replication_factor), (50, 1));
    assert!(small.configs.contains(&("min.insync.replicas".to_owned(), Some("1".to_owned()))));
    let three = image_with(&[broker(1), broker(2), broker(3)]);
    let full = internal_topic(&three, &controller, "__transaction_state").unwrap();
    assert_eq!(full.replication_factor, 3);
    assert!(full.configs.contains(&("min.insync.replicas".to_owned(), Some("2".to_owned()))));
    assert!(internal_topic(&one, &controller, "orders").is_none());
    let mut world = World { image: one, file };
    assert!(world.create(&[small])[0].1.is_ok());
}
