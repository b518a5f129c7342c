//! Metrics and health over HTTP.

use std::net::SocketAddr;

use highwater_broker::{Config, ConfigError, Properties};
use highwater_protocol::Str;
use highwater_protocol::messages::find_coordinator::FindCoordinatorRequest;
use highwater_protocol::messages::offset_commit::{
    OffsetCommitRequest, RequestTopic, RequestTopicPartition,
};
use highwater_records::ErrorCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::data::{Topic, batch, create, only, produce};
use crate::harness::{Client, TestBroker, in_time};

const ON_A_FREE_PORT: &str = "highwater.admin.listen=127.0.0.1:0";
const ONE_PARTITION_OF_GROUPS: &str = "offsets.topic.num.partitions=1";

/// Status and body.
async fn http(address: SocketAddr, method: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    in_time(path, stream.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

async fn metrics(broker: &TestBroker) -> String {
    let (status, text) = http(broker.server.admin_addr().unwrap(), "GET", "/metrics").await;
    assert_eq!(status, 200, "{text}");
    text
}

/// The value of a series, as it stands in the text.
fn value(text: &str, series: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {series} in:\n{text}")).parse().unwrap()
}

async fn commit(client: &mut Client, group: &str, topic: &Topic, offsets: &[(i32, i64)]) {
    let find = FindCoordinatorRequest {
        coordinator_keys: vec![Str::from(group)],
        ..FindCoordinatorRequest::default()
    };
    let request = OffsetCommitRequest {
        group_id: Str::from(group),
        generation_id_or_member_epoch: -1,
        topics: vec![RequestTopic {
            name: topic.name.clone(),
            partitions: offsets
                .iter()
                .map(|(partition_index, committed_offset)| RequestTopicPartition {
                    partition_index: *partition_index,
                    committed_offset: *committed_offset,
                    ..RequestTopicPartition::default()
                })
                .collect(),
            ..RequestTopic::default()
        }],
        ..OffsetCommitRequest::default()
    };
    let committed = async {
        loop {
            // Makes the topic of groups, which takes a moment.
            client.call(4, &find).await;
            let response = client.call(8, &request).await;
            match response.topics[0].partitions[0].error_code {
                ErrorCode::None => return,
                ErrorCode::NotCoordinator | ErrorCode::CoordinatorLoadInProgress => {}
                error => panic!("{error:?}"),
            }
            tokio::task::yield_now().await;
        }
    };
    in_time("the commit", committed).await;
}

#[tokio::test]
async fn metrics_tell_what_clients_did() {
    let broker = TestBroker::start(&[ON_A_FREE_PORT, ONE_PARTITION_OF_GROUPS]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "seen", 2, &[]).await;
    for acks in [-1, 1] {
        client.call(13, &produce(&topic, 0, acks, &batch(&["a", "b"]))).await;
    }
    // Has no answer, and counts.
    client.send(13, &produce(&topic, 0, 0, &batch(&["a", "b"]))).await;
    let refused = client.call(13, &produce(&topic, 7, -1, &batch(&["x"]))).await;
    assert_eq!(only(&refused).error_code, ErrorCode::UnknownTopicOrPartition);
    let text = metrics(&broker).await;
    let produce = |error| format!("highwater_requests_total{{api=\"Produce\",error=\"{error}\"}}");
    assert_eq!(value(&text, &produce("NONE")), 3.0);
    assert_eq!(value(&text, &produce("UNKNOWN_TOPIC_OR_PARTITION")), 1.0);
    let duration = "highwater_request_duration_seconds";
    assert_eq!(value(&text, &format!("{duration}_count{{api=\"Produce\"}}")), 4.0);
    assert_eq!(value(&text, &format!("{duration}_bucket{{le=\"+Inf\",api=\"Produce\"}}")), 4.0);
    assert_eq!(value(&text, "highwater_connections"), 1.0);
    assert!(value(&text, "highwater_received_bytes_total") > 300.0);
    assert!(value(&text, "highwater_sent_bytes_total") > 100.0);
    assert_eq!(value(&text, "highwater_partitions{state=\"leading\"}"), 2.0);
    assert_eq!(value(&text, "highwater_partitions{state=\"offline\"}"), 0.0);
    assert!(value(&text, "highwater_topic_log_size_bytes{topic=\"seen\"}") > 180.0);
    let dir = broker.dir.path().to_str().unwrap();
    let of_dir = |name| format!("highwater_log_directory_{name}{{directory=\"{dir}\"}}");
    assert_eq!(value(&text, &of_dir("online")), 1.0);
    assert!(value(&text, &of_dir("usable_bytes")) > 0.0);
    assert!(value(&text, &format!("highwater_log_syncs_total{{directory=\"{dir}\"}}")) >= 1.0);
    assert_eq!(value(&text, "highwater_panics_total"), 0.0);
    assert!(value(&text, "highwater_memory_budget_limit_bytes{budget=\"requests\"}") > 1e6);
    assert!(text.ends_with("# EOF\n"));
    broker.stop().await;
}

#[tokio::test]
async fn lag_of_groups_is_told_in_records_and_seconds() {
    let broker = TestBroker::start(&[ON_A_FREE_PORT, ONE_PARTITION_OF_GROUPS]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "read", 3, &[]).await;
    for partition in [0, 1] {
        client.call(13, &produce(&topic, partition, -1, &batch(&["a", "b", "c"]))).await;
    }
    // Clients name groups as they like.
    let group = "a\"b\\c\nd";
    commit(&mut client, group, &topic, &[(0, 1), (1, 3), (2, 0)]).await;
    let text = metrics(&broker).await;
    let lag = |unit, partition| {
        let labels = format!("topic=\"read\",partition=\"{partition}\"");
        format!("highwater_group_lag_{unit}{{group=\"a\\\"b\\\\c\\nd\",{labels}}}")
    };
    assert_eq!(value(&text, &lag("records", 0)), 2.0);
    assert!(value(&text, &lag("seconds", 0)) > 0.0);
    for caught_up in [1, 2] {
        assert_eq!(value(&text, &lag("records", caught_up)), 0.0);
        assert_eq!(value(&text, &lag("seconds", caught_up)), 0.0);
    }
    assert_eq!(value(&text, "highwater_groups{type=\"classic\",state=\"Empty\"}"), 1.0);
    assert_eq!(value(&text, "highwater_group_coordinators{state=\"active\"}"), 1.0);
    assert_eq!(value(&text, "highwater_group_offsets"), 3.0);
    // The producer is idle, and the lag grows all the same; once caught up it is nothing.
    let before = value(&text, &lag("seconds", 0));
    let grows = async { while value(&metrics(&broker).await, &lag("seconds", 0)) <= before {} };
    in_time("a greater lag", grows).await;
    commit(&mut client, group, &topic, &[(0, 3)]).await;
    let text = metrics(&broker).await;
    assert_eq!(value(&text, &lag("seconds", 0)), 0.0);
    broker.stop().await;
}

#[tokio::test]
async fn series_past_the_bound_are_left_out_and_counted() {
    let bound = "highwater.metrics.series.max=3";
    let broker = TestBroker::start(&[ON_A_FREE_PORT, ONE_PARTITION_OF_GROUPS, bound]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "many", 5, &[]).await;
    for name in ["b", "c"] {
        create(&mut client, name, 1, &[]).await;
    }
    let offsets: Vec<(i32, i64)> = (0..5).map(|partition| (partition, 0)).collect();
    commit(&mut client, "g", &topic, &offsets).await;
    let text = metrics(&broker).await;
    let count = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!(count("highwater_group_lag_records{"), 3);
    assert_eq!(count("highwater_group_lag_seconds{"), 3);
    assert_eq!(count("highwater_topic_log_size_bytes{"), 3);
    let left_out = |metric| format!("highwater_series_left_out{{metric=\"{metric}\"}}");
    assert_eq!(value(&text, &left_out("group_lag")), 2.0);
    // And the topic of groups.
    assert_eq!(value(&text, &left_out("topic_log_size_bytes")), 1.0);
    broker.stop().await;
}

#[tokio::test]
async fn series_that_are_shown_are_the_first_by_name_and_long_names_are_cut() {
    let bound = "highwater.metrics.series.max=3";
    let broker = TestBroker::start(&[ON_A_FREE_PORT, bound]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "read", 1, &[]).await;
    let long = |last| format!("b{}{last}", "\u{e9}".repeat(10_000));
    let groups = ["e", "d", "c", "a", &long("1"), &long("2")];
    for group in groups {
        commit(&mut client, group, &topic, &[(0, 0)]).await;
    }
    let text = metrics(&broker).await;
    let shown: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("highwater_group_lag_records{group=\""))
        .filter_map(|line| Some(line.split_once('"')?.0))
        .collect();
    let [first, one, other] = shown[..] else { panic!("{shown:?}") };
    assert_eq!(first, "a");
    assert!(one.starts_with("b\u{e9}") && one.len() < 300 && other.len() < 300, "{one} {other}");
    assert_ne!(one, other);
    assert!(text.len() < 100_000, "{}", text.len());
    broker.stop().await;
}

#[tokio::test]
async fn health_is_told_beside_connections_that_never_finish_what_they_ask() {
    let broker = TestBroker::start(&[ON_A_FREE_PORT]).await;
    let address = broker.server.admin_addr().unwrap();
    let mut stalled = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nX: a").await.unwrap();
        stalled.push(stream);
    }
    for stream in &mut stalled {
        // Those that were cut refuse it.
        drop(stream.write_all(b"a").await);
    }
    assert_eq!(http(address, "GET", "/healthz").await.0, 200);
    // The oldest gave their places.
    let mut rest = Vec::new();
    drop(in_time("its end", stalled[0].read_to_end(&mut rest)).await);
    broker.stop().await;
}

#[tokio::test]
async fn scrapes_whose_callers_left_do_not_delay_others() {
    let broker = TestBroker::start(&[ON_A_FREE_PORT]).await;
    let address = broker.server.admin_addr().unwrap();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    }
    assert_eq!(http(address, "GET", "/readyz").await.0, 200);
    metrics(&broker).await;
    broker.stop().await;
}

#[tokio::test]
async fn health_and_readiness_answer_and_nothing_can_be_changed() {
    let broker = TestBroker::start(&[ON_A_FREE_PORT]).await;
    let address = broker.server.admin_addr().unwrap();
    assert_eq!(http(address, "GET", "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(http(address, "GET", "/readyz").await, (200, "ready\n".to_owned()));
    assert_eq!(http(address, "GET", "/").await.0, 404);
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(http(address, method, "/metrics").await.0, 405);
    }
    broker.stop().await;
}

#[tokio::test]
async fn stop_waits_for_no_request_that_never_ends_and_frees_the_port() {
    let broker = TestBroker::start(&[ON_A_FREE_PORT]).await;
    let address = broker.server.admin_addr().unwrap();
    let mut stalled = TcpStream::connect(address).await.unwrap();
    stalled.write_all(b"GET /metrics HTTP/1.1\r\nHos").await.unwrap();
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    broker.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn port_of_metrics_that_is_taken_is_named() {
    let first = TestBroker::start(&[ON_A_FREE_PORT]).await;
    let taken = format!("highwater.admin.listen={}", first.server.admin_addr().unwrap());
    let dir = tempfile::TempDir::new().unwrap();
    let error = crate::harness::start_on(dir.path(), &[&taken]).await.err().unwrap().to_string();
    assert!(error.contains("highwater.admin.listen") && error.contains("in use"), "{error}");
    first.stop().await;
}

#[tokio::test]
async fn nothing_is_served_unless_asked_for() {
    let broker = TestBroker::start(&[]).await;
    assert_eq!(broker.server.admin_addr(), None);
    broker.stop().await;
}

fn admin_listen(value: &str, allow_insecure: bool) -> Result<Option<String>, ConfigError> {
    let mut properties = Properties::default();
    properties.set("log.dirs", "d");
    properties.set("highwater.admin.listen", value);
    properties.set("highwater.allow.insecure", allow_insecure.to_string());
    let config = Config::from_properties(properties)?;
    Ok(config.admin_listen.map(|endpoint| endpoint.to_string()))
}

#[test]
fn metrics_are_on_loopback_unless_the_operator_insists() {
    for (value, expected) in [
        ("", None),
        ("9644", Some("127.0.0.1:9644")),
        (":9644", Some("127.0.0.1:9644")),
        ("localhost:1", Some("localhost:1")),
        ("[::1]:1", Some("[::1]:1")),
    ] {
        assert_eq!(admin_listen(value, false).unwrap().as_deref(), expected, "{value}");
    }
    for open in ["0.0.0.0:9644", "10.0.0.1:9644", "[::]:9644", "metrics.example:9644"] {
        let refused = admin_listen(open, false).unwrap_err();
        assert!(matches!(refused, ConfigError::InsecureAdmin { .. }), "{refused}");
        assert_eq!(admin_listen(open, true).unwrap().as_deref(), Some(open));
    }
    for wrong in ["nowhere", "127.0.0.1:70000", "1:2:3"] {
        assert!(matches!(admin_listen(wrong, false), Err(ConfigError::Wrong { .. })), "{wrong}");
    }
}
