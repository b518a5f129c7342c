use std::collections::BTreeMap;
use std::time::Duration;

use highwater_client::admin::{CreateOptions, NewTopic};
use highwater_client::retry::RetryPolicy;
use highwater_client::{
    Admin, Client, ClientError, ClientOptions, FaultCause, Isolation, OffsetSpec, TopicsWanted,
};
use highwater_protocol::ApiKey;
use highwater_protocol::messages::api_versions::ApiVersionsRequest;
use highwater_protocol::messages::create_topics::{
    CreateTopicsRequest, CreateTopicsResponse, ResponseTopic,
};
use highwater_protocol::messages::list_offsets::{
    ListOffsetsRequest, ListOffsetsResponse, ResponseTopic as ListedTopic, ResponseTopicPartition,
};
use highwater_protocol::messages::metadata::MetadataRequest;
use highwater_records::{ErrorCode, TopicName, TopicPartition};
use tokio::time::Instant;

use crate::fake_broker::{Asked, FakeBroker, Reply, all_versions, metadata};

fn options(servers: &str) -> ClientOptions {
    ClientOptions {
        api_timeout: Duration::from_secs(20),
        retry: RetryPolicy { initial: Duration::from_millis(1), max: Duration::from_millis(5) },
        ..ClientOptions::with_servers(servers)
    }
}

/// A cluster of one broker with two partitions per topic; `script` may answer first.
async fn broker(
    mut script: impl FnMut(&Asked, i32) -> Option<Reply> + Send + 'static,
) -> FakeBroker {
    let (tell, told) = std::sync::mpsc::channel();
    let mut port = 0;
    let broker = FakeBroker::start(move |asked| {
        if port == 0 {
            port = told.recv().unwrap();
        }
        if let Some(reply) = script(asked, port) {
            return reply;
        }
        match asked.key {
            ApiKey::ApiVersions => asked.answer::<ApiVersionsRequest>(&all_versions()),
            ApiKey::Metadata => {
                let response = metadata(&asked.request(), port, 2);
                asked.answer::<MetadataRequest>(&response)
            }
            other => panic!("unexpected {other:?}"),
        }
    })
    .await;
    tell.send(broker.port).unwrap();
    broker
}

fn topic() -> TopicName {
    TopicName::parse("t").unwrap()
}

#[tokio::test]
async fn client_goes_on_to_the_next_bootstrap_server_when_one_is_dead() {
    let broker = broker(|_, _| None).await;
    // Nothing listens on a port that was free a moment ago and is closed again.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::new(options(&format!("{dead},{}", broker.address()))).unwrap();
    for _ in 0..2 {
        client.refresh(TopicsWanted::None).await.unwrap();
    }
    assert_eq!(client.metadata().brokers.len(), 1);
}

#[tokio::test]
async fn cluster_that_cannot_be_reached_names_every_address_and_why() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::new(options(&dead.to_string())).unwrap();
    match client.refresh(TopicsWanted::None).await {
        Err(ClientError::NoBroker { tried }) => {
            assert_eq!(&*tried[0].address, dead.to_string());
            assert!(matches!(tried[0].cause, FaultCause::Connect(_)));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn client_goes_back_to_the_bootstrap_servers_when_the_brokers_it_knows_are_gone() {
    // The cluster names a broker that nobody can reach; the bootstrap address still answers.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let broker = broker(move |asked, _| {
        (asked.key == ApiKey::Metadata).then(|| {
            let response = metadata(&asked.request(), i32::from(dead.port()), 1);
            asked.answer::<MetadataRequest>(&response)
        })
    })
    .await;
    let client = Client::new(options(&broker.address())).unwrap();
    for _ in 0..3 {
        client.refresh(TopicsWanted::None).await.unwrap();
    }
}

#[tokio::test]
async fn topic_that_is_being_created_is_waited_for() {
    let mut asked_count = 0;
    let broker = broker(move |asked, port| {
        if asked.key != ApiKey::Metadata {
            return None;
        }
        let mut response = metadata(&asked.request(), port, 1);
        asked_count += 1;
        if asked_count < 3 {
            for topic in &mut response.topics {
                topic.error_code = ErrorCode::UnknownTopicOrPartition;
                topic.partitions.clear();
            }
        }
        Some(asked.answer::<MetadataRequest>(&response))
    })
    .await;
    let client = Client::new(options(&broker.address())).unwrap();
    let deadline = client.api_deadline();
    let metadata = client.topic(&topic(), true, deadline).await.unwrap();
    assert_eq!(metadata.topics[&topic()].partitions.len(), 1);
}

#[tokio::test]
async fn topic_that_may_not_be_created_is_unknown_at_once() {
    let broker = broker(|asked, port| {
        (asked.key == ApiKey::Metadata).then(|| {
            let request: MetadataRequest = asked.request();
            assert!(!request.allow_auto_topic_creation);
            let mut response = metadata(&request, port, 1);
            for topic in &mut response.topics {
                topic.error_code = ErrorCode::UnknownTopicOrPartition;
            }
            asked.answer::<MetadataRequest>(&response)
        })
    })
    .await;
    let client = Client::new(options(&broker.address())).unwrap();
    let found = client.topic(&topic(), false, client.api_deadline()).await;
    assert!(matches!(found, Err(ClientError::UnknownTopic { .. })), "{found:?}");
}

#[tokio::test]
async fn change_refused_by_a_former_controller_is_sent_again() {
    let mut refusals = 2;
    let broker = broker(move |asked, _| {
        (asked.key == ApiKey::CreateTopics).then(|| {
            let request: CreateTopicsRequest = asked.request();
            let error_code = match refusals {
                0 => ErrorCode::None,
                _ => ErrorCode::NotController,
            };
            refusals -= i32::from(refusals > 0);
            let name = request.topics[0].name.clone();
            let topic = ResponseTopic { name, error_code, ..ResponseTopic::default() };
            let response =
                CreateTopicsResponse { topics: vec![topic], ..CreateTopicsResponse::default() };
            asked.answer::<CreateTopicsRequest>(&response)
        })
    })
    .await;
    let admin = Admin::new(options(&broker.address())).unwrap();
    let created = admin.create_topics(&[NewTopic::new(topic())], CreateOptions::default()).await;
    assert!(created.unwrap()[0].is_ok());
}

#[tokio::test]
async fn final_refusal_of_one_topic_is_its_own_answer() {
    let broker = broker(|asked, _| {
        (asked.key == ApiKey::CreateTopics).then(|| {
            let request: CreateTopicsRequest = asked.request();
            let answers = request.topics.iter().zip([ErrorCode::None, ErrorCode::InvalidConfig]);
            let topics = answers.map(|(topic, error_code)| ResponseTopic {
                name: topic.name.clone(),
                error_code,
                error_message: Some("why".into()),
                ..ResponseTopic::default()
            });
            let topics = topics.collect();
            let response = CreateTopicsResponse { topics, ..CreateTopicsResponse::default() };
            asked.answer::<CreateTopicsRequest>(&response)
        })
    })
    .await;
    let admin = Admin::new(options(&broker.address())).unwrap();
    let topics = [NewTopic::new(topic()), NewTopic::new(TopicName::parse("u").unwrap())];
    let created = admin.create_topics(&topics, CreateOptions::default()).await.unwrap();
    assert!(created[0].is_ok());
    let refused = created[1].as_ref().unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::InvalidConfig));
    assert!(refused.to_string().ends_with("INVALID_CONFIG (why)"), "{refused}");
}

#[tokio::test]
async fn offset_refused_by_a_former_leader_is_asked_for_again() {
    let mut refusals = 2;
    let broker = broker(move |asked, _| {
        (asked.key == ApiKey::ListOffsets).then(|| {
            let request: ListOffsetsRequest = asked.request();
            let is_refused = refusals > 0;
            refusals -= i32::from(is_refused);
            let answer = |partition_index| ResponseTopicPartition {
                partition_index,
                error_code: match is_refused && partition_index == 1 {
                    true => ErrorCode::NotLeaderOrFollower,
                    false => ErrorCode::None,
                },
                offset: 10 + i64::from(partition_index),
                ..ResponseTopicPartition::default()
            };
            let topics = request.topics.iter().map(|topic| ListedTopic {
                name: topic.name.clone(),
                partitions: topic.partitions.iter().map(|it| answer(it.partition_index)).collect(),
            });
            let topics = topics.collect();
            let response = ListOffsetsResponse { topics, ..ListOffsetsResponse::default() };
            asked.answer::<ListOffsetsRequest>(&response)
        })
    })
    .await;
    let admin = Admin::new(options(&broker.address())).unwrap();
    let places: BTreeMap<_, _> =
        (0..3).map(|it| (TopicPartition::new(topic(), it), OffsetSpec::Latest)).collect();
    let found = admin.list_offsets(places, Isolation::ReadUncommitted).await;
    let offset = |partition| {
        let found = &found[&TopicPartition::new(topic(), partition)];
        found.as_ref().map(|listed| listed.offset.unwrap().value())
    };
    assert_eq!(offset(0).unwrap(), 10);
    assert_eq!(offset(1).unwrap(), 11);
    assert!(matches!(offset(2), Err(ClientError::UnknownPartition { partition_count: 2, .. })));
}

#[tokio::test]
async fn call_that_never_succeeds_ends_at_its_deadline_with_the_last_reason() {
    let broker = broker(|asked, _| (asked.key == ApiKey::Metadata).then_some(Reply::Close)).await;
    let client = Client::new(options(&broker.address())).unwrap();
    let deadline = Instant::now() + Duration::from_millis(100);
    match client.topic(&topic(), true, deadline).await {
        Err(ClientError::TimedOut { last, .. }) => {
            assert!(matches!(last.as_deref(), None | Some(ClientError::Connection(_))));
        }
        other => panic!("{other:?}"),
    }
}
