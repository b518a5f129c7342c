//! Several log directories, and what becomes of one that fails.

use std::path::Path;
use std::sync::Arc;

use highwater_broker::{Seams, Server};
use highwater_protocol::messages::describe_log_dirs::DescribeLogDirsRequest;
use highwater_records::ErrorCode;
use highwater_storage::{Disk, DiskOp, SimDisk};
use tempfile::TempDir;

use crate::data::{Topic, batch, create, fetch, only, partitions, produce, values};
use crate::harness::{Client, config, in_time, start_on};

const EIO: i32 = 5;

/// Two directories below `dir`.
async fn start_on_two(dir: &Path) -> (Server, Client) {
    let both = format!("log.dirs={0}/one,{0}/two", dir.display());
    let server = start_on(dir, &[&both]).await.unwrap();
    let client = Client::connect(server.local_addrs()[0]).await;
    (server, client)
}

/// Of each log directory: what is wrong with it, and how many partitions of `topic` lie there.
async fn described(client: &mut Client, topic: &Topic) -> Vec<(ErrorCode, usize)> {
    let response = client.call(4, &DescribeLogDirsRequest { topics: None }).await;
    let of_dir = |dir: &highwater_protocol::messages::describe_log_dirs::ResponseResult| {
        let shown = dir.topics.iter().filter(|shown| shown.name == topic.name);
        (dir.error_code, shown.map(|shown| shown.partitions.len()).sum())
    };
    response.results.iter().map(of_dir).collect()
}

/// What a produce to each of the partitions is answered.
async fn produced(client: &mut Client, topic: &Topic, count: i32) -> Vec<ErrorCode> {
    let mut codes = Vec::new();
    for partition in 0..count {
        let response = client.call(13, &produce(topic, partition, -1, &batch(&["x"]))).await;
        codes.push(only(&response).error_code);
    }
    codes
}

#[tokio::test]
async fn partitions_spread_evenly_over_log_directories() {
    let dir = TempDir::new().unwrap();
    let (server, mut client) = start_on_two(dir.path()).await;
    let many = create(&mut client, "many", 5, &[]).await;
    let few = create(&mut client, "few", 3, &[]).await;
    let (many, few) = (described(&mut client, &many).await, described(&mut client, &few).await);
    let counts: Vec<usize> = many.iter().zip(&few).map(|(many, few)| many.1 + few.1).collect();
    assert_eq!(counts, [4, 4]);
    assert!(server.stop().await.is_clean);
}

#[tokio::test]
async fn log_directory_that_fails_at_the_start_is_offline_and_the_others_serve() {
    let dir = TempDir::new().unwrap();
    let (server, mut client) = start_on_two(dir.path()).await;
    let topic = create(&mut client, "t", 4, &[]).await;
    assert_eq!(produced(&mut client, &topic, 4).await, [ErrorCode::None; 4]);
    assert!(server.stop().await.is_clean);

    let (two, away) = (dir.path().join("two"), dir.path().join("away"));
    std::fs::rename(&two, &away).unwrap();
    std::fs::write(&two, "no directory").unwrap();
    let (server, mut client) = start_on_two(dir.path()).await;
    let shown = described(&mut client, &topic).await;
    assert_eq!(shown, [(ErrorCode::None, 2), (ErrorCode::KafkaStorageError, 0)]);
    let codes = produced(&mut client, &topic, 4).await;
    let count = |wanted| codes.iter().filter(|code| **code == wanted).count();
    let counts = (count(ErrorCode::None), count(ErrorCode::KafkaStorageError));
    assert_eq!(counts, (2, 2), "{codes:?}");
    let new = create(&mut client, "new", 3, &[]).await;
    assert_eq!(produced(&mut client, &new, 3).await, [ErrorCode::None; 3]);
    assert!(!server.stop().await.is_clean, "one was not closed");

    std::fs::remove_file(&two).unwrap();
    std::fs::rename(&away, &two).unwrap();
    let (server, mut client) = start_on_two(dir.path()).await;
    let all: Vec<(i32, i64)> = (0..4).map(|partition| (partition, 0)).collect();
    let response = client.call(13, &fetch(&topic, &all)).await;
    let mut counts: Vec<usize> =
        partitions(&response).iter().map(|partition| values(partition).len()).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 2, 2], "what was in the failed one is there again");
    assert_eq!(produced(&mut client, &topic, 4).await, [ErrorCode::None; 4]);
    assert!(server.stop().await.is_clean);
}

#[tokio::test]
async fn read_that_the_disk_fails_takes_its_directory_offline() {
    let disk = SimDisk::new();
    disk.create_dir_all(Path::new("/data")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let seams = Seams { disk: Arc::new(disk.clone()), ..Seams::real().unwrap() };
    let config = config(Path::new("/data"), &["highwater.tail.cache.bytes=0"]);
    let server = Server::start(config, seams).await.unwrap();
    let mut client = Client::connect(server.local_addrs()[0]).await;
    let topic = create(&mut client, "t", 1, &[]).await;
    assert_eq!(produced(&mut client, &topic, 1).await, [ErrorCode::None]);
    disk.fail_next(DiskOp::Read, EIO, 0);
    let response = client.call(13, &fetch(&topic, &[(0, 0)])).await;
    assert_eq!(partitions(&response)[0].error_code, ErrorCode::KafkaStorageError);
    // It holds the metadata, without which there is no broker.
    let reason = in_time("the end", server.wait_fatal()).await;
    assert!(reason.contains("/data") && reason.contains("read"), "{reason}");
    assert_eq!(produced(&mut client, &topic, 1).await, [ErrorCode::KafkaStorageError]);
    server.abort().await;
}
