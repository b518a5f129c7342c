//! Topics, configurations and identities through a real socket, across restarts and kills.

use std::collections::BTreeSet;
use std::path::Path;

use highwater_broker::Server;
use highwater_protocol::Str;
use highwater_protocol::messages::alter_configs::AlterConfigsRequest;
use highwater_protocol::messages::create_partitions::{
    self, CreatePartitionsRequest, CreatePartitionsResponse,
};
use highwater_protocol::messages::create_topics::{
    CreateTopicsRequest, CreateTopicsResponse, RequestTopic, RequestTopicConfig,
};
use highwater_protocol::messages::delete_topics::{self, DeleteTopicsRequest};
use highwater_protocol::messages::describe_cluster::DescribeClusterRequest;
use highwater_protocol::messages::describe_configs::{DescribeConfigsRequest, RequestResource};
use highwater_protocol::messages::describe_topic_partitions::DescribeTopicPartitionsRequest;
use highwater_protocol::messages::find_coordinator::FindCoordinatorRequest;
use highwater_protocol::messages::incremental_alter_configs::{
    self as incremental, IncrementalAlterConfigsRequest,
};
use highwater_protocol::messages::init_producer_id::InitProducerIdRequest;
use highwater_protocol::messages::metadata::{
    self, MetadataRequest, MetadataResponse, ResponseTopic,
};
use highwater_records::{ErrorCode, Uuid};
use tempfile::TempDir;

use crate::harness::{Client, TestBroker, start_on};

fn create(names: &[&str], partitions: i32) -> CreateTopicsRequest {
    let topic = |name: &&str| RequestTopic {
        name: Str::from(*name),
        num_partitions: partitions,
        replication_factor: 1,
        configs: vec![RequestTopicConfig {
            name: Str::from_static("retention.ms"),
            value: Some(Str::from_static("12345")),
        }],
        ..Default::default()
    };
    CreateTopicsRequest {
        topics: names.iter().map(topic).collect(),
        timeout_ms: 30_000,
        validate_only: false,
    }
}

fn codes(response: &CreateTopicsResponse) -> Vec<ErrorCode> {
    response.topics.iter().map(|topic| topic.error_code).collect()
}

fn named(names: &[&str], allow_auto_topic_creation: bool) -> MetadataRequest {
    let topic =
        |name: &&str| metadata::RequestTopic { name: Some(Str::from(*name)), topic_id: Uuid::ZERO };
    let topics = Some(names.iter().map(topic).collect());
    MetadataRequest { topics, allow_auto_topic_creation, ..Default::default() }
}

async fn describe(client: &mut Client, name: &str) -> ResponseTopic {
    let MetadataResponse { topics, .. } = client.call(12, &named(&[name], false)).await;
    topics.into_iter().next().unwrap()
}

/// Asks until the topic is there; the caller's test runs out of time if it never is.
async fn describe_when_made(client: &mut Client, name: &str) -> ResponseTopic {
    loop {
        let topic = describe(client, name).await;
        if topic.error_code == ErrorCode::None {
            return topic;
        }
        assert_eq!(topic.error_code, ErrorCode::UnknownTopicOrPartition);
        tokio::task::yield_now().await;
    }
}

async fn topic_config(client: &mut Client, topic: &str, key: &str) -> (String, i8) {
    let request = DescribeConfigsRequest {
        resources: vec![RequestResource {
            resource_type: 2,
            resource_name: Str::from(topic),
            configuration_keys: Some(vec![Str::from(key)]),
        }],
        ..Default::default()
    };
    let response = client.call(4, &request).await;
    let result = &response.results[0];
    assert_eq!(result.error_code, ErrorCode::None, "{result:?}");
    let config = &result.configs[0];
    (config.value.as_deref().unwrap().to_owned(), config.config_source)
}

async fn restart(server: Server, dir: &Path) -> (Server, Client) {
    assert_eq!(server.panic_count(), 0);
    server.stop().await;
    start(dir).await
}

async fn start(dir: &Path) -> (Server, Client) {
    let server = start_on(dir, &[]).await.unwrap();
    let client = Client::connect(server.local_addrs()[0]).await;
    (server, client)
}

#[tokio::test]
async fn created_topic_is_there_at_once_and_after_restarts_and_kills() {
    let dir = TempDir::new().unwrap();
    let (server, mut client) = start(dir.path()).await;
    let response = client.call(7, &create(&["orders"], 3)).await;
    let created = &response.topics[0];
    assert_eq!(created.error_code, ErrorCode::None, "{created:?}");
    assert_eq!((created.num_partitions, created.replication_factor), (3, 1));
    assert!(!created.topic_id.is_zero());
    let configs = created.configs.as_ref().unwrap();
    let retention = configs.iter().find(|config| config.name == "retention.ms").unwrap();
    assert_eq!((retention.value.as_deref(), retention.config_source), (Some("12345"), 1));
    let first = describe(&mut client, "orders").await;
    assert_eq!(first.topic_id, created.topic_id);
    assert!(first.partitions.iter().all(|p| p.leader_id == 1 && p.error_code == ErrorCode::None));

    let (server, mut client) = restart(server, dir.path()).await;
    let second = describe(&mut client, "orders").await;
    assert_eq!((second.topic_id, second.partitions.len()), (first.topic_id, 3));
    assert!(second.partitions[0].leader_epoch > first.partitions[0].leader_epoch);
    assert_eq!(topic_config(&mut client, "orders", "retention.ms").await, ("12345".to_owned(), 1));

    client.call(7, &create(&["killed"], 1)).await;
    server.abort().await;
    let (server, mut client) = start(dir.path()).await;
    assert_eq!(describe(&mut client, "killed").await.error_code, ErrorCode::None);
    assert_eq!(describe(&mut client, "orders").await.topic_id, first.topic_id);
    server.stop().await;
}

#[tokio::test]
async fn deleted_topic_stays_deleted_and_its_successor_has_another_id() {
    let dir = TempDir::new().unwrap();
    let (server, mut client) = start(dir.path()).await;
    client.call(7, &create(&["t"], 2)).await;
    let id = describe(&mut client, "t").await.topic_id;
    let by_id = DeleteTopicsRequest {
        topics: vec![delete_topics::RequestTopic { name: None, topic_id: id }],
        timeout_ms: 30_000,
        ..Default::default()
    };
    let deleted = client.call(6, &by_id).await;
    assert_eq!(deleted.responses[0].error_code, ErrorCode::None);
    assert_eq!(deleted.responses[0].name.as_deref(), Some("t"));
    assert_eq!(client.call(6, &by_id).await.responses[0].error_code, ErrorCode::UnknownTopicId);
    let (server, mut client) = restart(server, dir.path()).await;
    assert_eq!(describe(&mut client, "t").await.error_code, ErrorCode::UnknownTopicOrPartition);
    assert_eq!(codes(&client.call(7, &create(&["t"], 1)).await), [ErrorCode::None]);
    let again = describe(&mut client, "t").await;
    assert_ne!(again.topic_id, id);
    let by_name = DeleteTopicsRequest {
        topic_names: vec![Str::from_static("t"), Str::from_static("nope")],
        timeout_ms: 30_000,
        ..Default::default()
    };
    let deleted = client.call(1, &by_name).await;
    let deleted: Vec<ErrorCode> = deleted.responses.iter().map(|topic| topic.error_code).collect();
    assert_eq!(deleted, [ErrorCode::None, ErrorCode::UnknownTopicOrPartition]);
    server.stop().await;
}

#[tokio::test]
async fn partitions_and_configurations_change_and_stay_changed() {
    let dir = TempDir::new().unwrap();
    let (server, mut client) = start(dir.path()).await;
    client.call(7, &create(&["t"], 1)).await;
    let grow = |count| CreatePartitionsRequest {
        topics: vec![create_partitions::RequestTopic {
            name: Str::from_static("t"),
            count,
            assignments: None,
        }],
        timeout_ms: 30_000,
        validate_only: false,
    };
    let code = |response: CreatePartitionsResponse| response.results[0].error_code;
    assert_eq!(code(client.call(3, &grow(4)).await), ErrorCode::None);
    assert_eq!(code(client.call(0, &grow(4)).await), ErrorCode::InvalidPartitions);
    assert_eq!(describe(&mut client, "t").await.partitions.len(), 4);
    let change = |key: &'static str, operation, value: Option<&'static str>| {
        incremental::RequestResourceConfig {
            name: Str::from_static(key),
            config_operation: operation,
            value: value.map(Str::from_static),
        }
    };
    let alter = |configs| IncrementalAlterConfigsRequest {
        resources: vec![incremental::RequestResource {
            resource_type: 2,
            resource_name: Str::from_static("t"),
            configs,
        }],
        validate_only: false,
    };
    let changes = vec![
        change("cleanup.policy", 2, Some("compact")),
        change("retention.ms", 1, None),
        change("highwater.durability", 0, Some("os")),
    ];
    let altered = client.call(1, &alter(changes)).await;
    assert_eq!(altered.responses[0].error_code, ErrorCode::None, "{altered:?}");
    let wrong = client.call(0, &alter(vec![change("segment.bytes", 0, Some("1"))])).await;
    assert_eq!(wrong.responses[0].error_code, ErrorCode::InvalidConfig);
    assert!(wrong.responses[0].error_message.as_deref().unwrap().contains("1048576"));
    let (server, mut client) = restart(server, dir.path()).await;
    assert_eq!(describe(&mut client, "t").await.partitions.len(), 4);
    for (key, value, source) in [
        ("cleanup.policy", "delete,compact", 1),
        ("retention.ms", "604800000", 5),
        ("highwater.durability", "os", 1),
    ] {
        assert_eq!(topic_config(&mut client, "t", key).await, (value.to_owned(), source));
    }
    server.stop().await;
}

#[tokio::test]
async fn topic_is_made_when_asked_for_unless_request_or_broker_forbid_it() {
    let broker = TestBroker::start(&["num.partitions=2"]).await;
    let mut client = broker.connect().await;
    let first = client.call(9, &named(&["wanted", "a.b", "bad name"], true)).await;
    let codes: Vec<ErrorCode> = first.topics.iter().map(|topic| topic.error_code).collect();
    let unknown = ErrorCode::UnknownTopicOrPartition;
    assert_eq!(codes, [unknown, unknown, ErrorCode::InvalidTopicException]);
    let made = describe_when_made(&mut client, "wanted").await;
    assert_eq!(made.partitions.len(), 2);
    assert!(made.partitions.iter().all(|partition| partition.leader_id == 1));
    describe_when_made(&mut client, "a.b").await;
    client.call(9, &named(&["unwanted", "a_b"], false)).await;
    client.call(7, &create(&["later"], 1)).await;
    assert_eq!(describe(&mut client, "unwanted").await.error_code, unknown);
    client.call(9, &named(&["a_b"], true)).await;
    client.call(7, &create(&["later still"], 1)).await;
    assert_eq!(describe(&mut client, "a_b").await.error_code, unknown, "it collides with a.b");
    broker.stop().await;
    let broker = TestBroker::start(&["auto.create.topics.enable=false"]).await;
    let mut client = broker.connect().await;
    client.call(3, &named(&["wanted"], true)).await;
    client.call(7, &create(&["later"], 1)).await;
    assert_eq!(describe(&mut client, "wanted").await.error_code, unknown);
    broker.stop().await;
}

#[tokio::test]
async fn producer_ids_are_never_given_twice_not_even_after_a_kill() {
    let dir = TempDir::new().unwrap();
    let mut seen = BTreeSet::new();
    let request =
        InitProducerIdRequest { producer_id: -1, producer_epoch: -1, ..Default::default() };
    for life in 0..4 {
        let (server, mut client) = start(dir.path()).await;
        for _ in 0..1100 {
            let response = client.call(4, &request).await;
            assert_eq!((response.error_code, response.producer_epoch), (ErrorCode::None, 0));
            assert!(seen.insert(response.producer_id), "{} twice", response.producer_id);
        }
        if life % 2 == 0 {
            server.abort().await;
        } else {
            server.stop().await;
        }
    }
    assert_eq!(seen.len(), 4400);
}

#[tokio::test]
async fn many_clients_create_at_once_and_each_gets_its_topic() {
    let broker = TestBroker::start(&[]).await;
    let mut clients = Vec::new();
    for number in 0..40 {
        let mut client = broker.connect().await;
        let name = format!("topic-{number}");
        client.send(7, &create(&[&name, "contested"], 1)).await;
        clients.push(client);
    }
    let mut winners = 0;
    for client in &mut clients {
        let (_, response) = client.receive::<CreateTopicsRequest>(7).await;
        let codes = codes(&response);
        assert_eq!(codes[0], ErrorCode::None);
        match codes[1] {
            ErrorCode::None => winners += 1,
            code => assert_eq!(code, ErrorCode::TopicAlreadyExists),
        }
    }
    assert_eq!(winners, 1);
    let all = MetadataRequest { topics: None, ..Default::default() };
    assert_eq!(clients[0].call(9, &all).await.topics.len(), 41);
    broker.stop().await;
}

#[tokio::test]
async fn asking_for_a_coordinator_of_transactions_creates_no_topic() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let one =
        FindCoordinatorRequest { key: Str::from_static("t"), key_type: 1, ..Default::default() };
    let response = client.call(3, &one).await;
    assert_eq!(response.error_code, ErrorCode::CoordinatorNotAvailable);
    assert_eq!((response.node_id, response.port), (-1, -1));
    client.call(7, &create(&["t"], 1)).await;
    let all = MetadataRequest { topics: None, ..Default::default() };
    assert_eq!(client.call(9, &all).await.topics.len(), 1);
    broker.stop().await;
}

#[tokio::test]
async fn every_version_of_every_admin_api_is_answered() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    for version in 2..=7 {
        let name = format!("t{version}");
        assert_eq!(codes(&client.call(version, &create(&[&name], 1)).await), [ErrorCode::None]);
    }
    for version in 0..=13 {
        let response = client.call(version, &named(&["t2"], false)).await;
        assert_eq!(response.topics[0].error_code, ErrorCode::None, "{version}");
        assert_eq!(response.brokers.len(), 1);
    }
    for version in 0..=6 {
        let request = FindCoordinatorRequest {
            key: Str::from_static("g"),
            coordinator_keys: vec![Str::from_static("g")],
            ..Default::default()
        };
        client.call(version, &request).await;
    }
    for version in 0..=5 {
        let request =
            InitProducerIdRequest { producer_id: -1, producer_epoch: -1, ..Default::default() };
        assert_eq!(client.call(version, &request).await.error_code, ErrorCode::None);
    }
    for version in 1..=4 {
        let resource = |resource_type, name| RequestResource {
            resource_type,
            resource_name: Str::from_static(name),
            configuration_keys: None,
        };
        let request = DescribeConfigsRequest {
            resources: vec![resource(2, "t2"), resource(4, "1"), resource(4, ""), resource(8, "1")],
            include_synonyms: true,
            include_documentation: true,
        };
        let response = client.call(version, &request).await;
        assert!(response.results[0].configs.len() > 30 && response.results[1].configs.len() > 150);
    }
    for version in 0..=2 {
        client.call(version, &AlterConfigsRequest::default()).await;
        let cluster = client.call(version, &DescribeClusterRequest::default()).await;
        assert_eq!((cluster.controller_id, cluster.brokers.len()), (1, 1));
    }
    for version in 0..=1 {
        client.call(version, &IncrementalAlterConfigsRequest::default()).await;
    }
    for version in 0..=3 {
        client.call(version, &CreatePartitionsRequest::default()).await;
    }
    let pages = client.call(0, &DescribeTopicPartitionsRequest::default()).await;
    // That of groups, which asking for a coordinator has made, is one of them.
    assert_eq!(pages.topics.len(), 7);
    for version in 1..=6 {
        let request = DeleteTopicsRequest {
            topics: vec![delete_topics::RequestTopic {
                name: Some(Str::from_static("none")),
                topic_id: Uuid::ZERO,
            }],
            topic_names: vec![Str::from_static("none")],
            timeout_ms: 30_000,
        };
        let response = client.call(version, &request).await;
        assert_eq!(response.responses[0].error_code, ErrorCode::UnknownTopicOrPartition);
    }
    broker.stop().await;
}
