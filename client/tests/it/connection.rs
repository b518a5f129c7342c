use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use highwater_client::{ClientError, ClientOptions, Connection, FaultCause};
use highwater_protocol::ApiKey;
use highwater_protocol::messages::api_versions::{
    ApiVersionsRequest, ApiVersionsResponse, ResponseApiKey,
};
use highwater_protocol::messages::metadata::{MetadataRequest, MetadataResponse};
use highwater_records::ErrorCode;

use crate::fake_broker::{Asked, FakeBroker, Reply, all_versions};

fn options() -> ClientOptions {
    ClientOptions { request_timeout: Duration::from_secs(20), ..ClientOptions::default() }
}

/// Answers ApiVersions with everything, and the rest as `script` says.
async fn broker(mut script: impl FnMut(&Asked) -> Reply + Send + 'static) -> FakeBroker {
    FakeBroker::start(move |asked| match asked.key {
        ApiKey::ApiVersions => asked.answer::<ApiVersionsRequest>(&all_versions()),
        _ => script(asked),
    })
    .await
}

fn named(cluster: &str) -> MetadataResponse {
    MetadataResponse { cluster_id: Some(cluster.into()), ..MetadataResponse::default() }
}

fn cause(result: Result<MetadataResponse, ClientError>) -> FaultCause {
    match result {
        Err(ClientError::Connection(fault)) => fault.cause,
        other => panic!("{other:?}"),
    }
}

async fn ask(connection: &Connection) -> Result<MetadataResponse, ClientError> {
    connection.request(&MetadataRequest::default()).await
}

#[tokio::test]
async fn answers_out_of_order_reach_who_asked() {
    let mut held: Vec<Bytes> = Vec::new();
    let broker = broker(move |asked| {
        let name = format!("answer-{}", held.len());
        held.push(asked.frame::<MetadataRequest>(&named(&name)));
        if held.len() < 3 {
            return Reply::Silence;
        }
        Reply::Frames(held.drain(..).rev().collect())
    })
    .await;
    let connection = Connection::open(&broker.address(), &options()).await.unwrap();
    let answers = tokio::join!(ask(&connection), ask(&connection), ask(&connection));
    let names = [answers.0, answers.1, answers.2].map(|it| it.unwrap().cluster_id.unwrap());
    assert_eq!(names.map(|name| name.to_string()), ["answer-0", "answer-1", "answer-2"]);
}

#[tokio::test]
async fn caller_that_goes_away_leaves_the_connection_usable() {
    let mut first: Option<Bytes> = None;
    let broker = broker(move |asked| {
        let frame = asked.frame::<MetadataRequest>(&named("late"));
        match first.take() {
            None => {
                first = Some(frame);
                Reply::Silence
            }
            Some(late) => Reply::Frames(vec![late, asked.frame::<MetadataRequest>(&named("mine"))]),
        }
    })
    .await;
    let connection = Connection::open(&broker.address(), &options()).await.unwrap();
    let version = *ApiKey::Metadata.versions().end();
    let abandoned = connection.start(&MetadataRequest::default(), version).await.unwrap();
    drop(abandoned);
    assert_eq!(ask(&connection).await.unwrap().cluster_id.unwrap(), "mine");
    assert!(!connection.is_closed());
}

#[tokio::test]
async fn answer_that_does_not_come_closes_the_connection_and_fails_all_who_wait() {
    let broker = broker(|_| Reply::Silence).await;
    let options = ClientOptions { request_timeout: Duration::from_millis(50), ..options() };
    let connection = Connection::open(&broker.address(), &options).await.unwrap();
    let version = *ApiKey::Metadata.versions().end();
    let patient = connection.start(&MetadataRequest::default(), version).await.unwrap();
    let (patient, hasty) = tokio::join!(patient.wait(Duration::from_secs(60)), ask(&connection));
    assert!(matches!(cause(hasty), FaultCause::RequestTimedOut { api: "Metadata", .. }));
    assert!(matches!(cause(patient), FaultCause::RequestTimedOut { .. }));
    assert!(connection.is_closed());
}

#[tokio::test]
async fn answer_to_nothing_that_was_asked_ends_the_connection() {
    let broker = broker(|_| Reply::Frames(vec![Bytes::from_static(&[0, 0, 9, 9, 0])])).await;
    let connection = Connection::open(&broker.address(), &options()).await.unwrap();
    assert!(matches!(cause(ask(&connection).await), FaultCause::UnexpectedAnswer(0x909)));
}

#[tokio::test]
async fn answer_that_cannot_be_read_names_api_and_version() {
    let broker = broker(|asked| {
        let mut frame = asked.header.correlation_id.to_be_bytes().to_vec();
        frame.extend_from_slice(&[0; 3]);
        Reply::Frames(vec![frame.into()])
    })
    .await;
    let connection = Connection::open(&broker.address(), &options()).await.unwrap();
    let version = *ApiKey::Metadata.versions().end();
    match cause(ask(&connection).await) {
        FaultCause::Decode { api: "Metadata", version: found, .. } => assert_eq!(found, version),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn answer_above_the_limit_ends_the_connection() {
    let broker = broker(|_| Reply::Frames(vec![Bytes::from(vec![0; 5000])])).await;
    let options = ClientOptions { response_bytes_max: 4096, ..options() };
    let connection = Connection::open(&broker.address(), &options).await.unwrap();
    match cause(ask(&connection).await) {
        FaultCause::ResponseTooLarge { size_bytes: 5000, max_bytes: 4096 } => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn request_above_the_limit_in_flight_waits_for_an_answer() {
    let mut held = Vec::new();
    let seen = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&seen);
    let broker = broker(move |asked| {
        *counter.lock().unwrap() += 1;
        held.push(asked.frame::<MetadataRequest>(&named("x")));
        if held.len() < 2 { Reply::Silence } else { Reply::Frames(std::mem::take(&mut held)) }
    })
    .await;
    let options = ClientOptions { in_flight_max: 2, ..options() };
    let connection = Connection::open(&broker.address(), &options).await.unwrap();
    let version = *ApiKey::Metadata.versions().end();
    let request = MetadataRequest::default();
    let one = connection.start(&request, version).await.unwrap();
    let mut others = Box::pin(async {
        let two = connection.start(&request, version).await.unwrap();
        let three = connection.start(&request, version).await.unwrap();
        let four = connection.start(&request, version).await.unwrap();
        (two, three, four)
    });
    // The third can only be started after an answer, and the broker answers when it has two.
    assert!((&mut others).now_or_never().is_none());
    let timeout = Duration::from_secs(60);
    one.wait(timeout).await.unwrap();
    let (two, three, four) = others.await;
    for pending in [two, three, four] {
        pending.wait(timeout).await.unwrap();
    }
    assert_eq!(*seen.lock().unwrap(), 4);
}

/// Opens a connection to a broker whose newest ApiVersions is `newest`; returns what was asked.
async fn negotiate(newest: i16, closes_instead: bool) -> Vec<i16> {
    let asked_versions = Arc::new(Mutex::new(Vec::new()));
    let versions = Arc::clone(&asked_versions);
    let broker = FakeBroker::start(move |asked| {
        let version = asked.header.api_version;
        versions.lock().unwrap().push(version);
        if version <= newest {
            return asked.answer::<ApiVersionsRequest>(&all_versions());
        }
        if closes_instead {
            return Reply::Close;
        }
        let own = ResponseApiKey { api_key: 18, min_version: 0, max_version: newest };
        let refusal = ApiVersionsResponse {
            error_code: ErrorCode::UnsupportedVersion,
            api_keys: vec![own],
            ..ApiVersionsResponse::default()
        };
        Reply::Frames(vec![asked.frame_in::<ApiVersionsRequest>(&refusal, 0)])
    })
    .await;
    Connection::open(&broker.address(), &options()).await.unwrap();
    let versions = asked_versions.lock().unwrap();
    versions.clone()
}

#[tokio::test]
async fn negotiation_steps_down_to_what_the_refusal_names() {
    let ours = *ApiKey::ApiVersions.versions().end();
    assert_eq!(negotiate(ours, false).await, [ours]);
    assert_eq!(negotiate(2, false).await, [ours, 2]);
    assert_eq!(negotiate(0, false).await, [ours, 0]);
}

#[tokio::test]
async fn negotiation_with_a_broker_that_closes_starts_again_in_version_0() {
    let ours = *ApiKey::ApiVersions.versions().end();
    assert_eq!(negotiate(0, true).await, [ours, 0]);
}

#[tokio::test]
async fn mute_listener_is_given_up_after_the_connect_timeout() {
    let broker = FakeBroker::start(|_| Reply::Silence).await;
    let options = ClientOptions { connect_timeout: Duration::from_millis(50), ..options() };
    let fault = Connection::open(&broker.address(), &options).await.unwrap_err();
    assert!(matches!(fault.cause, FaultCause::ConnectTimedOut(_)));
    assert!(fault.to_string().starts_with(&broker.address()), "{fault}");
}

#[tokio::test]
async fn api_that_the_broker_does_not_serve_is_refused_before_it_is_sent() {
    let broker = FakeBroker::start(|asked| {
        let nothing = ApiVersionsResponse::default();
        asked.answer::<ApiVersionsRequest>(&nothing)
    })
    .await;
    let connection = Connection::open(&broker.address(), &options()).await.unwrap();
    match ask(&connection).await {
        Err(ClientError::UnsupportedVersion { api: "Metadata", theirs: None, .. }) => {}
        other => panic!("{other:?}"),
    }
}
