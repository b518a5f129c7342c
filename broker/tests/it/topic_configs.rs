//! Every key of a topic that one broker acts on counts from the answer to IncrementalAlterConfigs on.
//!
//! Retention and compaction have tests of their own, where time goes by.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_broker::{Seams, Server};
use highwater_protocol::Str;
use highwater_protocol::messages::incremental_alter_configs::{
    IncrementalAlterConfigsRequest, RequestResource, RequestResourceConfig,
};
use highwater_records::{
    BatchBuilder, Codec, ErrorCode, RecordBatch, Timestamp, TimestampType, batches,
};
use highwater_storage::{Disk, SimDisk, read_file};

use crate::data::{Topic, create, fetch, now, only, partitions, produce, send};
use crate::harness::{Client, TestBroker, config, in_time};

async fn set(client: &mut Client, topic: &Topic, configs: &[(&str, &str)]) {
    let set = |(name, value): &(&str, &str)| RequestResourceConfig {
        name: Str::from(*name),
        config_operation: 0,
        value: Some(Str::from(*value)),
    };
    let request = IncrementalAlterConfigsRequest {
        resources: vec![RequestResource {
            resource_type: 2,
            resource_name: topic.name.clone(),
            configs: configs.iter().map(set).collect(),
        }],
        validate_only: false,
    };
    let altered = client.call(1, &request).await;
    assert_eq!(altered.responses[0].error_code, ErrorCode::None, "{configs:?}: {altered:?}");
}

async fn code(client: &mut Client, topic: &Topic, acks: i16, batch: &RecordBatch) -> ErrorCode {
    only(&client.call(13, &produce(topic, 0, acks, batch)).await).error_code
}

/// What is stored at an offset.
async fn stored(client: &mut Client, topic: &Topic, offset: i64) -> RecordBatch {
    let response = client.call(13, &fetch(topic, &[(0, offset)])).await;
    let bytes = partitions(&response)[0].records.clone().unwrap_or_default().to_bytes();
    batches(&bytes).next().unwrap().unwrap()
}

fn at(time: Timestamp, value: &[u8]) -> RecordBatch {
    BatchBuilder::new(Codec::None).append(time, Some(b"key"), Some(value), &[]).build()
}

#[tokio::test]
async fn batches_are_stored_as_the_topic_wants_them_from_the_next_one_on() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    let long = "long enough to be worth it ".repeat(20);
    let wanted = [
        ("gzip", Codec::Gzip),
        ("snappy", Codec::Snappy),
        ("lz4", Codec::Lz4),
        ("zstd", Codec::Zstd),
        ("uncompressed", Codec::None),
        ("producer", Codec::None),
    ];
    for (name, codec) in wanted.into_iter().filter(|(_, codec)| codec.is_supported()) {
        set(&mut client, &topic, &[("compression.type", name)]).await;
        let offset = send(&mut client, &topic, &[&long, "two"]).await;
        let stored = stored(&mut client, &topic, offset).await;
        assert_eq!(stored.header().codec(), Ok(codec), "{name}");
        assert_eq!(stored.records().unwrap().count(), 2, "{name}");
    }
    for (name, of) in
        [("LogAppendTime", TimestampType::LogAppendTime), ("CreateTime", TimestampType::CreateTime)]
    {
        set(&mut client, &topic, &[("message.timestamp.type", name)]).await;
        let offset = send(&mut client, &topic, &["x"]).await;
        assert_eq!(stored(&mut client, &topic, offset).await.header().timestamp_type(), of);
    }
    broker.stop().await;
}

#[tokio::test]
async fn limits_of_a_topic_count_from_the_next_batch_on() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    let large = at(now(), &[b'x'; 1000]);
    let old = at(Timestamp::new(now().value() - 3_600_000), b"old");
    let early = at(Timestamp::new(now().value() + 1_800_000), b"early");
    let keyless = BatchBuilder::new(Codec::None).append(now(), None, Some(b"x"), &[]).build();
    let cases = [
        ("max.message.bytes", "500", -1, &large, ErrorCode::MessageTooLarge, "1048588"),
        (
            "message.timestamp.before.max.ms",
            "60000",
            -1,
            &old,
            ErrorCode::InvalidTimestamp,
            "9223372036854775807",
        ),
        (
            "message.timestamp.after.max.ms",
            "60000",
            -1,
            &early,
            ErrorCode::InvalidTimestamp,
            "3600000",
        ),
        ("cleanup.policy", "compact", 1, &keyless, ErrorCode::InvalidRecord, "delete"),
    ];
    for (key, strict, acks, batch, refusal, lax) in cases {
        assert_eq!(code(&mut client, &topic, acks, batch).await, ErrorCode::None, "before {key}");
        set(&mut client, &topic, &[(key, strict)]).await;
        assert_eq!(code(&mut client, &topic, acks, batch).await, refusal, "{key}={strict}");
        set(&mut client, &topic, &[(key, lax)]).await;
        assert_eq!(code(&mut client, &topic, acks, batch).await, ErrorCode::None, "{key}={lax}");
    }
    broker.stop().await;
}

/// Files of partition 0 with this suffix, oldest first.
fn files(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("t-0")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.to_str().is_some_and(|path| path.ends_with(suffix))).collect();
    files.sort();
    files
}

#[tokio::test]
async fn segments_are_made_as_the_topic_wants_them_from_the_next_batch_on() {
    let broker = TestBroker::start(&[]).await;
    let dir = broker.dir.path().to_owned();
    let mut client = broker.connect().await;
    let topic = create(&mut client, "t", 1, &[]).await;
    let half = "x".repeat(600_000);
    for _ in 0..3 {
        send(&mut client, &topic, &[&half]).await;
    }
    assert_eq!(files(&dir, ".log").len(), 1);
    set(&mut client, &topic, &[("segment.bytes", "1048576")]).await;
    for _ in 0..2 {
        send(&mut client, &topic, &[&half]).await;
    }
    assert_eq!(files(&dir, ".log").len(), 3, "each new one holds one such batch");

    set(&mut client, &topic, &[("preallocate", "true"), ("segment.ms", "60000")]).await;
    let later = Timestamp::new(now().value() + 120_000);
    assert_eq!(code(&mut client, &topic, -1, &at(later, b"later")).await, ErrorCode::None);
    let segments = files(&dir, ".log");
    assert_eq!(segments.len(), 4, "it is two minutes younger than the first batch before it");
    let newest = std::fs::metadata(&segments[3]).unwrap();
    assert!(newest.len() < 1000, "no reader meets a tail of zeros: {}", newest.len());
    assert!(newest.blocks() * 512 >= 1_048_576, "{} blocks", newest.blocks());

    set(&mut client, &topic, &[("index.interval.bytes", "0"), ("segment.ms", "604800000")]).await;
    for _ in 0..10 {
        send(&mut client, &topic, &["x"]).await;
    }
    set(&mut client, &topic, &[("segment.index.bytes", "80")]).await;
    send(&mut client, &topic, &["the index is full"]).await;
    let indexes = files(&dir, ".index");
    let full = std::fs::metadata(&indexes[3]).unwrap().len();
    assert!((72..=88).contains(&full), "an entry for each batch but the first: {full} bytes");
    assert_eq!(files(&dir, ".log").len(), 5);
    broker.stop().await;
}

#[tokio::test]
async fn durability_of_a_topic_counts_from_the_next_batch_on() {
    let disk = SimDisk::new();
    disk.create_dir_all(Path::new("/data")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let seams = Seams { disk: Arc::new(disk.clone()), ..Seams::real().unwrap() };
    let server = Server::start(config(Path::new("/data"), &[]), seams).await.unwrap();
    let mut client = Client::connect(server.local_addrs()[0]).await;
    let topic = create(&mut client, "t", 1, &[("highwater.durability", "os")]).await;
    let segment = Path::new("/data/t-0/00000000000000000000.log");
    let content = |disk: &SimDisk| read_file(disk, segment, 1 << 20).unwrap();
    let may_lose = || {
        (0..32).any(|seed| {
            let copy = disk.copy();
            copy.power_cut(seed);
            content(&copy) != content(&disk)
        })
    };
    send(&mut client, &topic, &["a"]).await;
    assert!(may_lose(), "the page cache is enough");
    set(&mut client, &topic, &[("highwater.durability", "fsync")]).await;
    send(&mut client, &topic, &["b"]).await;
    assert!(!may_lose(), "acknowledged means synced");
    set(&mut client, &topic, &[("highwater.durability", "os")]).await;
    for (key, value, after) in
        [("flush.messages", "1", "9223372036854775807"), ("flush.ms", "1", "1")]
    {
        send(&mut client, &topic, &["c"]).await;
        assert!(may_lose());
        set(&mut client, &topic, &[(key, value)]).await;
        send(&mut client, &topic, &["d"]).await;
        let synced = async {
            while may_lose() {
                tokio::task::yield_now().await;
            }
        };
        in_time(key, synced).await;
        set(&mut client, &topic, &[(key, after)]).await;
    }
    server.stop().await;
}
