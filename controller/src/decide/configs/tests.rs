use super::*;
use crate::fixture::{apply, broker, image_with, with_topic};

fn change(key: &str, operation: i8, value: Option<&str>) -> ConfigChange {
    ConfigChange { key: key.to_owned(), operation, value: value.map(str::to_owned) }
}

fn target(code: i8, name: &str) -> ConfigTarget {
    ConfigTarget { code, name: name.to_owned() }
}

struct World {
    image: MetadataImage,
    file: ConfigMap,
}

impl World {
    fn new() -> Self {
        let mut image = image_with(&[broker(1)]);
        with_topic(&mut image, "t", 1, 1);
        let file = ConfigMap::from([("log.cleanup.policy".to_owned(), "delete".to_owned())]);
        Self { image, file }
    }

    /// Applies one alteration; the resource's overrides afterwards, or the refusal.
    fn alter(&mut self, at: &ConfigTarget, changes: &[ConfigChange]) -> Result<ConfigMap, String> {
        let controller =
            Controller { node: NodeId::new(1), file: &self.file, full_directories: &[] };
        let resource = ResourceAlteration { target: at.clone(), changes: changes.to_vec() };
        let resources = [resource];
        let dry = incremental_alter_configs(&self.image, &controller, &resources, true);
        assert!(dry.records.is_empty());
        let decision = incremental_alter_configs(&self.image, &controller, &resources, false);
        assert_eq!(decision.answer, dry.answer);
        let (_, result) = decision.answer.into_iter().next().unwrap();
        result.map_err(|refusal| refusal.to_string())?;
        apply(&mut self.image, &decision.records);
        Ok(self.overrides(at))
    }

    fn overrides(&self, at: &ConfigTarget) -> ConfigMap {
        let resource = at.resource(&self.image).unwrap();
        self.image.configs().get(&resource).cloned().unwrap_or_default()
    }
}

fn map(pairs: &[(&str, &str)]) -> ConfigMap {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn keys_of_a_topic_are_set_and_deleted_one_by_one() {
    let mut world = World::new();
    let topic = target(2, "t");
    let set = world.alter(
        &topic,
        &[change("retention.ms", 0, Some("5")), change("segment.bytes", 0, Some("2000000"))],
    );
    assert_eq!(set, Ok(map(&[("retention.ms", "5"), ("segment.bytes", "2000000")])));
    let deleted = world.alter(&topic, &[change("segment.bytes", 1, None)]);
    assert_eq!(deleted, Ok(map(&[("retention.ms", "5")])));
    let nothing = world.alter(&topic, &[change("flush.ms", 1, None)]);
    assert_eq!(nothing, Ok(map(&[("retention.ms", "5")])));
}

#[test]
fn lists_grow_and_shrink_from_the_value_in_force() {
    let mut world = World::new();
    let topic = target(2, "t");
    let appended = world.alter(&topic, &[change("cleanup.policy", 2, Some("compact"))]);
    assert_eq!(appended, Ok(map(&[("cleanup.policy", "delete,compact")])));
    let again = world.alter(&topic, &[change("cleanup.policy", 2, Some("compact"))]);
    assert_eq!(again, Ok(map(&[("cleanup.policy", "delete,compact")])));
    let less = world.alter(&topic, &[change("cleanup.policy", 3, Some("delete"))]);
    assert_eq!(less, Ok(map(&[("cleanup.policy", "compact")])));
    let empty = world.alter(&topic, &[change("cleanup.policy", 3, Some("compact"))]);
    assert_eq!(empty, Ok(map(&[("cleanup.policy", "")])));
}

#[test]
fn refused_changes_leave_the_resource_as_it_was() {
    let long = "x".repeat(40_000);
    for (code, name, changes, part) in [
        (2, "t", vec![change("colour", 0, Some("blue"))], "unknown topic configuration colour"),
        (2, "t", vec![change("retention.ms", 0, Some("x"))], "not a number"),
        (2, "t", vec![change("retention.ms", 0, None)], "retention.ms needs a value"),
        (2, "t", vec![change("retention.ms", 2, Some("1"))], "not a list"),
        (2, "t", vec![change("retention.ms", 9, Some("1"))], "unknown alter operation 9"),
        (
            2,
            "t",
            vec![change("retention.ms", 0, Some("1")), change("retention.ms", 1, None)],
            "stands twice",
        ),
        (
            2,
            "t",
            vec![change("max.message.bytes", 0, Some("99999999"))],
            "socket.request.max.bytes",
        ),
        (2, "t", vec![change("colour", 0, Some(&long))], "at most 32767"),
        (2, "nope", vec![change("retention.ms", 0, Some("1"))], "does not exist"),
        (2, "a/b", vec![change("retention.ms", 0, Some("1"))], "not allowed"),
        (4, "one", vec![change("message.max.bytes", 0, Some("1"))], "not the id of a broker"),
        (4, "-1", vec![change("message.max.bytes", 0, Some("1"))], "not the id of a broker"),
        (4, "1", vec![change("node.id", 0, Some("2"))], "configs dynamically: node.id;"),
        (4, "1", vec![change("colour", 0, Some("blue"))], "unknown broker configuration"),
        (4, "1", vec![change("message.max.bytes", 0, Some("many"))], "not a number"),
        (4, "9", vec![change("message.max.bytes", 0, Some("1"))], "not the id of a broker"),
        (
            4,
            "",
            vec![
                change("max.connections", 0, Some("7")),
                change("message.max.bytes", 0, Some("1")),
                change("listeners", 0, Some("PLAINTEXT://:1")),
            ],
            "configs dynamically: listeners, max.connections;",
        ),
        (4, "1", vec![change("num.io.threads", 0, Some("4"))], "dynamically: num.io.threads"),
        (4, "", vec![change("message.max.bytes", 0, Some("99999999"))], "socket.request.max.bytes"),
        (8, "1", vec![change("root", 0, Some("INFO"))], "resource type 8"),
        (32, "g", vec![change("x", 0, Some("1"))], "unknown group configuration x"),
        (0, "", vec![], "resource type 0"),
    ] {
        let mut world = World::new();
        let before = world.image.clone();
        let refusal = world.alter(&target(code, name), &changes).unwrap_err();
        assert!(refusal.contains(part), "{code} {name} {part}: {refusal}");
        assert_eq!(world.image, before);
    }
}

#[test]
fn broker_keys_are_kept_for_one_broker_and_for_all() {
    let mut world = World::new();
    let one = world.alter(&target(4, "1"), &[change("log.retention.ms", 0, Some("7"))]);
    assert_eq!(one, Ok(map(&[("log.retention.ms", "7")])));
    let all = world.alter(&target(4, ""), &[change("log.retention.ms", 0, Some("8"))]);
    assert_eq!(all, Ok(map(&[("log.retention.ms", "8")])));
    let sources = world.image.topic_config_sources(
        &TopicName::parse("t").unwrap(),
        NodeId::new(1),
        &world.file,
    );
    let value = sources.topic_value(topic_config("retention.ms").unwrap());
    assert_eq!(value.value.as_deref(), Some("7"));
}

#[test]
fn resource_that_stands_twice_is_refused_and_the_others_go_through() {
    let mut world = World::new();
    with_topic(&mut world.image, "u", 1, 1);
    let set = |name: &str| ResourceAlteration {
        target: target(2, name),
        changes: vec![change("flush.ms", 0, Some("1"))],
    };
    let controller = Controller { node: NodeId::new(1), file: &world.file, full_directories: &[] };
    let resources = [set("t"), set("u"), set("t")];
    let decision = incremental_alter_configs(&world.image, &controller, &resources, false);
    assert_eq!(
        decision.answer,
        [(target(2, "t"), Err(Refusal::DuplicateResource)), (target(2, "u"), Ok(()))]
    );
    assert_eq!(decision.records.len(), 1);
}

#[test]
fn replacement_takes_away_what_it_does_not_name() {
    let mut world = World::new();
    let topic = target(2, "t");
    let both = [change("retention.ms", 0, Some("5")), change("flush.ms", 0, Some("6"))];
    world.alter(&topic, &both).unwrap();
    let replace = |value: Option<&str>| ResourceReplacement {
        target: topic.clone(),
        configs: vec![("flush.ms".to_owned(), value.map(str::to_owned))],
    };
    let controller = Controller { node: NodeId::new(1), file: &world.file, full_directories: &[] };
    let null = alter_configs(&world.image, &controller, &[replace(None)], false);
    assert_eq!(null.answer[0].1, Err(Refusal::NullValue { key: "flush.ms".to_owned() }));
    let decision = alter_configs(&world.image, &controller, &[replace(Some("7"))], false);
    apply(&mut world.image, &decision.records);
    assert_eq!(world.overrides(&topic), map(&[("flush.ms", "7")]));
}

#[test]
fn group_has_keys_of_its_own_whether_it_exists_or_not() {
    let mut world = World::new();
    let group = target(32, "readers");
    let key = "consumer.session.timeout.ms";
    let set = world.alter(&group, &[change(key, 0, Some("50000"))]);
    assert_eq!(set, Ok(map(&[(key, "50000")])));
    let low = world.alter(&group, &[change(key, 0, Some("1000"))]).unwrap_err();
    assert!(low.contains("group.consumer.min.session.timeout.ms is 45000"), "{low}");
    let foreign = world.alter(&group, &[change("retention.ms", 0, Some("1"))]).unwrap_err();
    assert_eq!(foreign, "unknown group configuration retention.ms");
    assert_eq!(world.overrides(&group), map(&[(key, "50000")]));
    assert_eq!(world.alter(&group, &[change(key, 1, None)]), Ok(ConfigMap::new()));
    let nobody = target(32, "").resource(&world.image);
    assert_eq!(nobody, Err(Refusal::NoGroupName));
}
