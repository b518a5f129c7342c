//! A real disk that another program fills to the last byte, and that is freed again, under load.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use highwater_protocol::messages::delete_topics::{self, DeleteTopicsRequest};
use highwater_protocol::messages::{delete_records, offset_commit};
use highwater_records::{ErrorCode, batches};
use highwater_tests::groups::{committed, coordinator};
use highwater_tests::honest::{create_topic, fetch, produce, produce_request};
use highwater_tests::loop_fs::{Kind, LoopFs};
use highwater_tests::{Highwater, RawClient, highwater_binary};

const TOPIC: &str = "load";
const DOOMED: &str = "doomed";
const GROUP: &str = "readers";
const PARTITIONS: i32 = 2;
const VALUE_BYTES: usize = 4000;
/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

#[test]
fn a_full_ext4_disk_refuses_clients_serves_all_else_and_recovers_by_itself() {
    let Some(disk) = mounted(Kind::Ext4, 64) else { return };
    fill_and_free(&disk).unwrap();
}

/// The least that today's tools make.
#[test]
fn a_full_xfs_disk_refuses_clients_serves_all_else_and_recovers_by_itself() {
    let Some(disk) = mounted(Kind::Xfs, 320) else { return };
    fill_and_free(&disk).unwrap();
}

#[test]
fn a_broker_killed_on_a_full_disk_starts_on_it_and_serves() {
    let Some(disk) = mounted(Kind::Ext4, 64) else { return };
    restart_while_full(&disk).unwrap();
}

/// A disk of our own; none, with the reason, where that is not permitted.
fn mounted(kind: Kind, mib: u64) -> Option<LoopFs> {
    match LoopFs::mount(kind, mib) {
        Ok(disk) => Some(disk),
        Err(reason) => {
            println!("skipped: no {kind} of our own on a loop device: {reason}");
            None
        }
    }
}

fn restart_while_full(disk: &LoopFs) -> Result<()> {
    let data = disk.path().join("data");
    let mut broker = Highwater::serve(&data, &[])?;
    let mut client = RawClient::connect(broker.address())?;
    create_topic(&mut client, TOPIC, PARTITIONS, &[])?;
    coordinator(&mut client, GROUP)?;
    commit(&mut client, GROUP, 1)?;
    let load = Load::start(broker.address());
    until("something is written to each", || Ok(load.acked_count() > 100))?;
    let eater = Eater::start(&disk.path().join("eaten"))?;
    until("produce is refused", || Ok(load.refusal().is_some()))?;
    eater.wait_full()?;
    let acked = load.stop()?;
    broker.process().kill()?;
    let broker = Highwater::serve(&data, &[])?;
    let mut client = RawClient::connect(broker.address())?;
    check(&mut client, &acked)?;
    coordinator(&mut client, GROUP)?;
    assert_eq!(committed(&mut client, GROUP, TOPIC)?, 1);
    commit(&mut client, GROUP, 2)?;
    let refused = produce(&mut client, TOPIC, 0, -1, &[&[b'x'; 1 << 19]]).unwrap_err();
    assert!(refused.to_string().contains("disk full"), "{refused:#}");
    eater.free()?;
    until("produce goes on", || Ok(produce(&mut client, TOPIC, 0, -1, &[b"y"]).is_ok()))?;
    assert_eq!(committed(&mut client, GROUP, TOPIC)?, 2);
    Ok(())
}

fn fill_and_free(disk: &LoopFs) -> Result<()> {
    let outside = tempfile::tempdir()?;
    let log = outside.path().join("log");
    let data = disk.path().join("data");
    let overrides = ["highwater.admin.listen=127.0.0.1:0"];
    let mut broker = Highwater::serve_logging(&data, &overrides, File::create(&log)?)?;
    let (id, address) = (broker.process().id(), broker.address());
    let mut client = RawClient::connect(address)?;
    create_topic(&mut client, TOPIC, PARTITIONS, &[])?;
    create_topic(&mut client, DOOMED, 1, &[])?;
    produce(&mut client, DOOMED, 0, -1, &[&[b'd'; 100_000]])?;
    coordinator(&mut client, GROUP)?;
    commit(&mut client, GROUP, 1)?;
    let load = Load::start(address);
    until("something is written to each", || Ok(load.acked_count() > 100))?;
    let eater = Eater::start(&disk.path().join("eaten"))?;
    until("produce is refused", || Ok(load.refusal().is_some()))?;
    eater.wait_full()?;
    let text = load.refusal().context("a refusal")?;
    let named = data.display().to_string();
    assert!(text.contains("disk full") && text.contains(&named) && text.contains("free"), "{text}");
    let written = Printed::start(address)?;
    while_full(&mut client, address, &load)?;
    let metrics = scrape(broker.process().second_address()?)?;
    let metric = format!("highwater_log_directory_disk_full{{directory=\"{named}\"}} 1");
    assert!(metrics.contains(&metric) && metrics.contains("disk full"), "{metrics}");
    let told = std::fs::read_to_string(&log)?;
    let told: Vec<&str> = told.lines().filter(|line| line.contains("disk full: no room")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(&named) && told[0].contains("free"), "{told:?}");
    until("highwater produce says it", || Ok(written.has_said("disk full")))?;
    let before = load.acked_count();
    eater.free()?;
    until("produce goes on", || Ok(load.acked_count() > before + 100))?;
    written.finish()?;
    let mut acked = load.stop()?;
    acked.get_mut(&0).context("partition 0")?.retain(|offset, _| *offset >= 50);
    check(&mut client, &acked)?;
    assert!(broker.process().is_running()? && broker.process().id() == id);
    broker.process().kill()?;
    drop(client);
    let broker = Highwater::serve(&data, &[])?;
    let mut client = RawClient::connect(broker.address())?;
    check(&mut client, &acked)?;
    coordinator(&mut client, GROUP)?;
    assert_eq!(committed(&mut client, GROUP, TOPIC)?, COMMITS);
    Ok(())
}

/// Commits while the disk is full.
const COMMITS: i64 = 50;
const STRANGERS: [i32; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/// What must go on while there is not a byte left, and somebody waits for each that becomes free.
fn while_full(client: &mut RawClient, address: SocketAddr, load: &Load) -> Result<()> {
    assert!(!fetch(client, TOPIC, 0, 60)?.is_empty());
    for offset in 2..=COMMITS {
        commit(client, GROUP, offset)?;
    }
    assert_eq!(committed(client, GROUP, TOPIC)?, COMMITS);
    // Of groups that nobody has seen: most are the first of their partition.
    for group in STRANGERS.map(|number| format!("strangers-{number}")) {
        commit(client, &group, 7)?;
        assert_eq!(committed(client, &group, TOPIC)?, 7);
    }
    // Enough that segments go, and a log start that is kept.
    let until = delete_records::RequestTopicPartition { partition_index: 0, offset: 50 };
    let topic = delete_records::RequestTopic { name: TOPIC.into(), partitions: vec![until] };
    let request = delete_records::DeleteRecordsRequest { topics: vec![topic], timeout_ms: 30_000 };
    let deleted = client.call(2, &request)?.topics.remove(0).partitions.remove(0);
    assert_eq!((deleted.error_code, deleted.low_watermark), (ErrorCode::None, 50));
    let request = DeleteTopicsRequest {
        topics: vec![delete_topics::RequestTopic {
            name: Some(DOOMED.into()),
            ..delete_topics::RequestTopic::default()
        }],
        timeout_ms: 30_000,
        ..DeleteTopicsRequest::default()
    };
    let response = client.call(6, &request)?;
    assert_eq!(response.responses[0].error_code, ErrorCode::None, "{response:?}");
    let gone = produce(client, DOOMED, 0, -1, &[b"x"]).unwrap_err();
    assert!(gone.to_string().contains("UnknownTopic"), "{gone}");
    let newcomer = create_topic(&mut RawClient::connect(address)?, "new", 1, &[]);
    assert!(newcomer.unwrap_err().to_string().contains("disk full"));
    // Fetched again, once all this is done: nothing of it has taken the broker down.
    assert!(!fetch(client, TOPIC, 1, 0)?.is_empty());
    assert!(load.refusal().is_some());
    Ok(())
}

fn until(what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !done()? {
        anyhow::ensure!(Instant::now() < deadline, "not in time: {what}");
        thread::park_timeout(PAUSE);
    }
    Ok(())
}

fn commit(client: &mut RawClient, group: &str, offset: i64) -> Result<()> {
    let partition = offset_commit::RequestTopicPartition {
        partition_index: 0,
        committed_offset: offset,
        ..offset_commit::RequestTopicPartition::default()
    };
    let topic = offset_commit::RequestTopic {
        name: TOPIC.into(),
        partitions: vec![partition],
        ..offset_commit::RequestTopic::default()
    };
    let request = offset_commit::OffsetCommitRequest {
        group_id: group.into(),
        topics: vec![topic],
        ..offset_commit::OffsetCommitRequest::default()
    };
    let code = client.call(8, &request)?.topics[0].partitions[0].error_code;
    anyhow::ensure!(code == ErrorCode::None, "commit {offset}: {code:?}");
    Ok(())
}

fn scrape(address: SocketAddr) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// Offsets and values that were acknowledged, of each partition.
type Acked = BTreeMap<i32, Written>;
type Written = BTreeMap<i64, Vec<u8>>;

/// Clients that write without end, one for each partition.
struct Load {
    shared: Arc<Shared>,
    writers: Vec<JoinHandle<Result<(i32, Written)>>>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    /// Of each partition.
    acked_counts: [AtomicU64; PARTITIONS as usize],
    refusal: Mutex<Option<String>>,
}

impl Load {
    fn start(address: SocketAddr) -> Self {
        let shared = Arc::new(Shared::default());
        let writer = |partition| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || Ok((partition, shared.write(address, partition)?)))
        };
        let writers = (0..PARTITIONS).map(writer).collect();
        Self { shared, writers }
    }

    /// How many records of each partition were acknowledged, of the one with the fewest.
    fn acked_count(&self) -> u64 {
        let counts = self.shared.acked_counts.iter().map(|count| count.load(Ordering::Relaxed));
        counts.min().unwrap_or(0)
    }

    fn refusal(&self) -> Option<String> {
        self.shared.refusal.lock().unwrap().clone()
    }

    fn stop(mut self) -> Result<Acked> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        std::mem::take(&mut self.writers).into_iter().map(|one| one.join().unwrap()).collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    /// Writes one record after another; what is refused is tried again, in other words.
    fn write(&self, address: SocketAddr, partition: i32) -> Result<Written> {
        let mut client = RawClient::connect(address)?;
        let mut acked = BTreeMap::new();
        for number in 0_u64.. {
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            let mut value = format!("{partition} {number} ").into_bytes();
            value.resize(VALUE_BYTES, b'v');
            let request = produce_request(TOPIC, partition, -1, &[&value]);
            let response = client.call(9, &request)?;
            let answer = &response.responses[0].partition_responses[0];
            match answer.error_code {
                ErrorCode::None => {
                    anyhow::ensure!(acked.insert(answer.base_offset, value).is_none());
                    self.acked_counts[partition as usize].fetch_add(1, Ordering::Relaxed);
                }
                ErrorCode::KafkaStorageError => {
                    let text = answer.error_message.as_ref().map(ToString::to_string);
                    let mut refusal = self.refusal.lock().unwrap();
                    // The last one counts.
                    *refusal = Some(text.unwrap_or_default());
                    drop(refusal);
                    thread::park_timeout(Duration::from_millis(1));
                }
                other => anyhow::bail!("produce: {other:?}"),
            }
        }
        Ok(acked)
    }
}

/// Reads everything back: each acknowledged record is where it was said to be.
fn check(client: &mut RawClient, acked: &Acked) -> Result<()> {
    for (partition, acked) in acked {
        let mut left = acked.clone();
        let mut next = left.keys().next().copied().unwrap_or(0);
        while !left.is_empty() {
            let bytes = fetch(client, TOPIC, *partition, next)?;
            anyhow::ensure!(!bytes.is_empty(), "lost from {next} on: {} records", left.len());
            for batch in batches(&bytes) {
                for record in batch?.records()? {
                    let record = record?;
                    next = record.offset.value() + 1;
                    if let Some(expected) = left.remove(&record.offset.value()) {
                        let found = record.value.context("a value")?;
                        anyhow::ensure!(*expected == *found, "offset {}", record.offset.value());
                    }
                }
            }
        }
    }
    Ok(())
}

/// A program that takes every byte of the disk that it can get.
struct Eater {
    child: Child,
    file: PathBuf,
}

impl Eater {
    fn start(file: &Path) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_disk_eater"));
        let child = command.arg(file).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        Ok(Self { child, file: file.to_owned() })
    }

    /// Waits until not a byte is left.
    fn wait_full(&self) -> Result<()> {
        // It says so once; who knows it is refused knows as well.
        until("the disk is full", || {
            let before = std::fs::metadata(&self.file)?.len();
            thread::park_timeout(PAUSE);
            Ok(before > 0 && std::fs::metadata(&self.file)?.len() == before)
        })
    }

    fn free(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(std::fs::remove_file(&self.file)?)
    }
}

impl Drop for Eater {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `highwater produce`, and what it prints.
struct Printed {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Printed {
    fn start(address: SocketAddr) -> Result<Self> {
        let mut command = Command::new(highwater_binary()?);
        command.args(["produce", TOPIC, "--brokers", &address.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        child.stdin.take().context("no input")?.write_all(b"patient\n")?;
        let stderr = child.stderr.take().context("no standard error")?;
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *heard.lock().unwrap() += &line;
            }
        });
        Ok(Self { child, said })
    }

    fn has_said(&self, words: &str) -> bool {
        self.said.lock().unwrap().contains(words)
    }

    /// What it was given is written after all.
    fn finish(mut self) -> Result<()> {
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "{status}: {}", self.said.lock().unwrap());
        Ok(())
    }
}

impl Drop for Printed {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
