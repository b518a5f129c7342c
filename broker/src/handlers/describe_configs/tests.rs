use super::*;
use crate::handlers::fixture::image;

fn ask(resource_type: i8, name: &str, keys: Option<&[&str]>) -> ResponseResult {
    let image = image();
    let file = ConfigMap::from([
        ("log.retention.hours".to_owned(), "1".to_owned()),
        ("ssl.keystore.password".to_owned(), "secret".to_owned()),
    ]);
    let view = View {
        image: &image,
        node: NodeId::new(1),
        file: &file,
        with_synonyms: true,
        with_documentation: true,
    };
    view.resource(&RequestResource {
        resource_type,
        resource_name: Str::from(name),
        configuration_keys: keys.map(|keys| keys.iter().map(|key| Str::from(*key)).collect()),
    })
}

fn find<'a>(result: &'a ResponseResult, key: &str) -> &'a ResponseResultConfig {
    result
        .configs
        .iter()
        .find(|config| config.name == key)
        .unwrap_or_else(|| panic!("{key}: {result:?}"))
}

fn synonyms(config: &ResponseResultConfig) -> Vec<(&str, &str, i8)> {
    let all = config.synonyms.iter();
    all.map(|synonym| (&*synonym.name, synonym.value.as_deref().unwrap_or("-"), synonym.source))
        .collect()
}

#[test]
fn topic_has_all_keys_with_value_source_and_synonyms() {
    let result = ask(2, "a", None);
    assert_eq!(result.error_code, ErrorCode::None);
    let own = find(&result, "retention.ms");
    assert_eq!((own.value.as_deref(), own.config_source, own.config_type), (Some("5"), 1, 5));
    assert_eq!(
        synonyms(own),
        [
            ("retention.ms", "5", 1),
            ("log.retention.hours", "1", 4),
            ("log.retention.hours", "168", 5)
        ]
    );
    assert_eq!(find(&result, "segment.bytes").config_source, 2);
    assert_eq!(find(&result, "flush.ms").config_source, 3);
    let inherited = find(&ask(2, "b", None), "retention.ms").clone();
    assert_eq!((inherited.value.as_deref(), inherited.config_source), (Some("3600000"), 4));
    let shown = result.configs.len();
    assert_eq!(shown, TOPIC_CONFIGS.iter().filter(|def| def.usage != Usage::Internal).count());
    assert!(
        result.configs.iter().all(|config| !config.read_only && config.documentation.is_some())
    );
}

#[test]
fn keys_filter_what_is_shown_and_an_empty_list_filters_nothing() {
    let result = ask(2, "a", Some(&["retention.ms", "no.such.key"]));
    assert_eq!(result.configs.len(), 1);
    assert!(ask(2, "a", Some(&[])).configs.len() > 20);
}

#[test]
fn broker_shows_its_keys_and_no_secret() {
    let result = ask(4, "1", None);
    let secret = find(&result, "ssl.keystore.password");
    assert!(secret.is_sensitive && secret.value.is_none());
    assert!(secret.synonyms.iter().all(|synonym| synonym.value.is_none()));
    assert!(find(&result, "node.id").read_only);
    let dynamic = find(&result, "log.segment.bytes");
    assert_eq!(
        (dynamic.value.as_deref(), dynamic.config_source, dynamic.read_only),
        (Some("2000000"), 2, false)
    );
    let unused = find(&result, "num.network.threads");
    assert!(unused.documentation.as_deref().unwrap().contains("without effect"));
}

#[test]
fn defaults_of_all_brokers_are_only_those_that_are_set() {
    let result = ask(4, "", None);
    let [only] = result.configs.as_slice() else { panic!("{result:?}") };
    assert_eq!(
        (&*only.name, only.value.as_deref(), only.config_source),
        ("log.flush.interval.ms", Some("9"), 3)
    );
}

#[test]
fn resources_that_are_not_there_are_refused() {
    for (resource_type, name, expected) in [
        (2, "nope", ErrorCode::UnknownTopicOrPartition),
        (2, "bad name", ErrorCode::InvalidTopicException),
        (4, "2", ErrorCode::InvalidRequest),
        (4, "one", ErrorCode::InvalidRequest),
        (8, "1", ErrorCode::InvalidRequest),
        (16, "m", ErrorCode::InvalidRequest),
        (32, "", ErrorCode::InvalidRequest),
        (0, "", ErrorCode::InvalidRequest),
    ] {
        let result = ask(resource_type, name, None);
        assert_eq!(result.error_code, expected, "{resource_type} {name}");
        assert!(result.error_message.is_some() && result.configs.is_empty());
        assert_eq!((result.resource_type, &*result.resource_name), (resource_type, name));
    }
}

#[test]
fn group_shows_its_own_value_or_the_brokers_as_the_default() {
    let result = ask(32, "readers", None);
    let names: Vec<&str> = result.configs.iter().map(|config| &*config.name).collect();
    assert_eq!(
        names,
        [
            "consumer.assignment.interval.ms",
            "consumer.heartbeat.interval.ms",
            "consumer.session.timeout.ms"
        ]
    );
    let own = find(&result, "consumer.session.timeout.ms");
    assert_eq!((own.value.as_deref(), own.config_source), (Some("50000"), 8));
    assert_eq!(synonyms(own), [("consumer.session.timeout.ms", "50000", 8)]);
    let other = ask(32, "writers", None);
    let inherited = find(&other, "consumer.session.timeout.ms");
    assert_eq!((inherited.value.as_deref(), inherited.config_source), (Some("45000"), 5));
    assert_eq!(ask(32, "", None).error_code, ErrorCode::InvalidRequest);
}
