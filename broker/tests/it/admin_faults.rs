//! What admin clients are told, and what stays, when the disk under the metadata fails, fills up or loses power.

use std::path::Path;
use std::sync::Arc;

use highwater_broker::{Seams, Server};
use highwater_protocol::Str;
use highwater_protocol::messages::create_topics::{CreateTopicsRequest, RequestTopic};
use highwater_protocol::messages::metadata::MetadataRequest;
use highwater_records::ErrorCode;
use highwater_storage::{Disk, DiskOp, SimDisk};

use crate::harness::{Client, config, in_time};

const DATA: &str = "/data";

fn disk() -> SimDisk {
    let disk = SimDisk::new();
    disk.create_dir_all(Path::new(DATA)).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

async fn start(disk: &SimDisk) -> (Server, Client) {
    let seams = Seams { disk: Arc::new(disk.clone()), ..Seams::real().unwrap() };
    let server = Server::start(config(Path::new(DATA), &[]), seams).await.unwrap();
    let client = Client::connect(server.local_addrs()[0]).await;
    (server, client)
}

async fn create(client: &mut Client, name: &str) -> (ErrorCode, String) {
    let topic = RequestTopic {
        name: Str::from(name),
        num_partitions: 2,
        replication_factor: 1,
        ..Default::default()
    };
    let request =
        CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, validate_only: false };
    let response = client.call(5, &request).await;
    let topic = &response.topics[0];
    (topic.error_code, topic.error_message.as_deref().unwrap_or_default().to_owned())
}

async fn topics(client: &mut Client) -> Vec<String> {
    let all = MetadataRequest { topics: None, ..Default::default() };
    let response = client.call(9, &all).await;
    let topics = response.topics.iter();
    topics.map(|topic| topic.name.as_deref().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn created_topics_survive_power_cuts() {
    let disk = disk();
    let mut created = Vec::new();
    for life in 0..8 {
        let (server, mut client) = start(&disk).await;
        assert_eq!(topics(&mut client).await, created);
        for number in 0..3 {
            let name = format!("topic-{life}-{number}");
            assert_eq!(create(&mut client, &name).await.0, ErrorCode::None);
            created.push(name);
        }
        disk.power_cut(life);
        server.abort().await;
    }
}

#[tokio::test]
async fn topics_are_refused_on_a_full_disk_and_the_broker_starts_on_it() {
    let disk = disk();
    let (server, mut client) = start(&disk).await;
    assert_eq!(create(&mut client, "before").await.0, ErrorCode::None);
    disk.set_capacity(Some(disk.used_bytes()));
    let (code, text) = create(&mut client, "during").await;
    assert_eq!(code, ErrorCode::KafkaStorageError);
    assert!(text.contains("disk full") && text.contains(DATA), "{text}");
    server.abort().await;
    for clean in [true, false] {
        let (server, mut client) = start(&disk).await;
        assert_eq!(topics(&mut client).await, ["before"]);
        if clean {
            in_time("stop", server.stop()).await;
        } else {
            disk.power_cut(3);
            server.abort().await;
        }
    }
    disk.set_capacity(None);
    let (server, mut client) = start(&disk).await;
    assert_eq!(create(&mut client, "after").await.0, ErrorCode::None);
    server.abort().await;
}

#[tokio::test]
async fn failed_sync_of_the_metadata_stops_the_broker_and_claims_nothing() {
    let disk = disk();
    let (server, mut client) = start(&disk).await;
    assert_eq!(create(&mut client, "before").await.0, ErrorCode::None);
    disk.fail_next(DiskOp::Sync, 5, 0);
    assert_ne!(create(&mut client, "during").await.0, ErrorCode::None);
    let reason = server.wait_fatal().await;
    assert!(reason.contains("metadata"), "{reason}");
    disk.power_cut(1);
    server.abort().await;
    let (server, mut client) = start(&disk).await;
    assert!(topics(&mut client).await.contains(&"before".to_owned()));
    assert_eq!(create(&mut client, "after").await.0, ErrorCode::None);
    server.abort().await;
}
