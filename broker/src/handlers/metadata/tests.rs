use super::*;
use crate::handlers::fixture::{image, topic_id, unreachable_listener};

fn ask_on(
    listener: &str,
    version: i16,
    request: &MetadataRequest,
) -> (MetadataResponse, Vec<String>) {
    let image = image();
    let view = View { image: &image, listener, version, controller: Some(NodeId::new(1)) };
    let (response, missing) = view.answer(request);
    (response, missing.iter().map(ToString::to_string).collect())
}

fn ask(version: i16, request: &MetadataRequest) -> (MetadataResponse, Vec<String>) {
    ask_on("PLAINTEXT", version, request)
}

fn named(names: &[&str]) -> MetadataRequest {
    let topic = |name: &&str| RequestTopic { name: Some(Str::from(*name)), topic_id: Uuid::ZERO };
    MetadataRequest { topics: Some(names.iter().map(topic).collect()), ..Default::default() }
}

fn by_id(id: Uuid) -> MetadataRequest {
    let topic = RequestTopic { name: None, topic_id: id };
    MetadataRequest { topics: Some(vec![topic]), ..Default::default() }
}

fn found(response: &MetadataResponse) -> Vec<(&str, ErrorCode)> {
    response
        .topics
        .iter()
        .map(|topic| (topic.name.as_deref().unwrap_or("-"), topic.error_code))
        .collect()
}

#[test]
fn empty_list_is_all_topics_in_version_0_and_none_later() {
    assert_eq!(ask(0, &named(&[])).0.topics.len(), 4);
    assert_eq!(ask(1, &named(&[])).0.topics.len(), 0);
    let all = MetadataRequest { topics: None, ..Default::default() };
    assert_eq!(ask(1, &all).0.topics.len(), 4);
}

#[test]
fn brokers_are_the_ones_alive_with_the_address_of_the_listener() {
    let (response, _) = ask(9, &named(&[]));
    let [broker] = response.brokers.as_slice() else { panic!("{response:?}") };
    assert_eq!((broker.node_id, &*broker.host, broker.port), (1, "host-1", 9092));
    assert_eq!(broker.rack.as_deref(), Some("rack"));
    assert_eq!(response.cluster_id.as_deref(), Some("test-cluster"));
    assert_eq!(response.controller_id, 1);
}

#[test]
fn missing_names_are_told_and_illegal_ones_refused() {
    let (response, missing) = ask(9, &named(&["a", "new", "a", "bad name", "new"]));
    assert_eq!(
        found(&response),
        [
            ("a", ErrorCode::None),
            ("new", ErrorCode::UnknownTopicOrPartition),
            ("bad name", ErrorCode::InvalidTopicException)
        ]
    );
    assert_eq!(missing, ["new"]);
}

#[test]
fn ids_find_topics_from_version_12_and_are_refused_before() {
    let known = by_id(topic_id("a"));
    let (response, _) = ask(12, &known);
    assert_eq!(found(&response), [("a", ErrorCode::None)]);
    assert_eq!(response.topics[0].topic_id, topic_id("a"));
    let (response, missing) = ask(12, &by_id(Uuid::from_random(99)));
    assert_eq!(found(&response), [("-", ErrorCode::UnknownTopicId)]);
    assert_eq!(response.topics[0].topic_id, Uuid::from_random(99));
    assert!(missing.is_empty());
    for version in [10, 11] {
        assert_eq!(found(&ask(version, &known).0), [("", ErrorCode::InvalidRequest)]);
    }
}

#[test]
fn partition_without_reachable_leader_says_so_and_keeps_its_epoch() {
    for (listener, version, name, expected) in [
        ("PLAINTEXT", 9, "b", [ErrorCode::LeaderNotAvailable; 2].to_vec()),
        (unreachable_listener(), 5, "both", vec![ErrorCode::LeaderNotAvailable]),
        (unreachable_listener(), 6, "both", vec![ErrorCode::ListenerNotFound]),
    ] {
        let (response, _) = ask_on(listener, version, &named(&[name]));
        let partitions = &response.topics[0].partitions;
        let codes: Vec<ErrorCode> =
            partitions.iter().map(|partition| partition.error_code).collect();
        assert_eq!(codes, expected, "{listener} {version}");
        assert!(
            partitions
                .iter()
                .all(|partition| partition.leader_id == -1 && partition.leader_epoch == 3)
        );
    }
}

#[test]
fn replicas_on_fenced_brokers_are_offline_and_left_out_in_version_0() {
    let (response, _) = ask(9, &named(&["both"]));
    let partition = &response.topics[0].partitions[0];
    assert_eq!((partition.error_code, partition.leader_id), (ErrorCode::None, 1));
    assert_eq!((&partition.replica_nodes, &partition.offline_replicas), (&vec![1, 2], &vec![2]));
    let (response, _) = ask(0, &named(&["both"]));
    let partition = &response.topics[0].partitions[0];
    assert_eq!(partition.error_code, ErrorCode::ReplicaNotAvailable);
    assert_eq!((&partition.replica_nodes, &partition.isr_nodes), (&vec![1], &vec![1]));
}

#[test]
fn operations_are_told_only_if_asked_for() {
    let silent = ask(8, &named(&["a", "new"])).0;
    assert_eq!(silent.cluster_authorized_operations, i32::MIN);
    assert!(silent.topics.iter().all(|topic| topic.topic_authorized_operations == i32::MIN));
    let request = MetadataRequest {
        include_cluster_authorized_operations: true,
        include_topic_authorized_operations: true,
        ..named(&["a", "new"])
    };
    let told = ask(8, &request).0;
    assert_eq!(told.cluster_authorized_operations, 0b1_1111_1010_0000);
    assert_eq!(told.topics[0].topic_authorized_operations, 0b1101_1111_1000);
    assert_eq!(told.topics[1].topic_authorized_operations, i32::MIN);
}

#[test]
fn internal_topics_are_marked() {
    let (response, _) = ask(9, &named(&["__consumer_offsets", "__transaction_state", "a"]));
    let marks: Vec<bool> = response.topics.iter().map(|topic| topic.is_internal).collect();
    assert_eq!(marks, [true, true, false]);
}

#[test]
fn too_many_topics_are_refused() {
    let names: Vec<String> = (0..=TOPICS_MAX).map(|number| format!("t{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (response, missing) = ask(9, &named(&names));
    assert!(response.topics.iter().all(|topic| topic.error_code == ErrorCode::InvalidRequest));
    assert!(missing.is_empty());
}
