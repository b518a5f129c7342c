//! `kill -9` under way, then the first accepted produce, and every partition right, at several log sizes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use highwater_protocol::messages::list_offsets::{self, ListOffsetsRequest};
use highwater_records::ErrorCode;
use highwater_tests::RawClient;
use highwater_tests::honest::{fetch, produce};
use tempfile::TempDir;

use super::bench::Bench;
use super::{Figures, Measured, Side, Workload};
use crate::load::{ClosedLoop, ProduceFrame, ProduceShape};
use crate::peers::{Peer, Topic, record_count};

const TOPIC: &str = "dirty";

/// One data directory a size, in the default durability; each run dirties every partition, kills, and starts again.
#[derive(Debug)]
pub(crate) struct Recovery {
    pub(crate) partitions: u32,
    pub(crate) sizes_gib: &'static [u32],
    logs: Vec<Log>,
    runs: u32,
}

#[derive(Debug)]
struct Log {
    size_gib: u32,
    directory: TempDir,
}

impl Recovery {
    pub(crate) fn new(partitions: u32, sizes_gib: &'static [u32]) -> Self {
        Self { partitions, sizes_gib, logs: Vec::new(), runs: 0 }
    }
}

impl Workload for Recovery {
    fn sides(&self) -> &[Side] {
        &[Side::Highwater]
    }

    fn prepare(&mut self, bench: &mut Bench) -> Result<()> {
        for size_gib in self.sizes_gib {
            let directory = tempfile::tempdir_in(bench.directory())?;
            let bytes = bench.effort.pick(u64::from(*size_gib) << 30, 8 << 20);
            let mut broker = Peer::highwater(&directory.path().join("data"), &[])?;
            let topic = Topic { name: TOPIC, partitions: self.partitions, configs: &[] };
            topic.create(broker.address())?;
            let shape = ProduceShape::filled(900 << 10, 1024, 1);
            let load = ClosedLoop {
                connections: 2,
                in_flight: 4,
                partitions: self.partitions,
                duration: Duration::from_secs(900),
                bytes_max: bytes,
            };
            load.run(broker.address(), &ProduceFrame::new(TOPIC, shape)?, || Ok(()))?;
            broker.terminate()?;
            self.logs.push(Log { size_gib: *size_gib, directory });
        }
        Ok(())
    }

    fn warm_up_runs(&self, _: Side) -> u32 {
        0
    }

    fn run(&mut self, bench: &mut Bench, _: Side) -> Result<Measured> {
        self.runs += 1;
        let watch = bench.watch(None, 0)?;
        let mut figures = Figures::new();
        for log in &self.logs {
            let data_dir = log.directory.path().join("data");
            let recovered = recover(data_dir, self.partitions, self.runs)?;
            let mut put = |name: &str, value| {
                figures.insert(format!("{name}_at_{}_gib", log.size_gib), value);
            };
            put("first_produce_ms", recovered.first_produce.as_secs_f64() * 1e3);
            put("all_right_ms", recovered.all_right.as_secs_f64() * 1e3);
            put("read_mb", recovered.read_bytes as f64 / 1e6);
        }
        Ok(Measured { figures, conditions: watch.end()? })
    }
}

struct Recovered {
    first_produce: Duration,
    all_right: Duration,
    /// By the process before the first fetch, from the disk or the page cache.
    read_bytes: u64,
}

fn recover(data_dir: PathBuf, partitions: u32, run: u32) -> Result<Recovered> {
    let mut broker = Peer::highwater(&data_dir, &[])?;
    dirty(broker.address(), partitions)?;
    let mut expected = ends(broker.address(), partitions)?;
    broker.kill()?;
    drop(broker);

    let begun = Instant::now();
    let mut broker = Peer::highwater(&data_dir, &[])?;
    // Another one each time, spread over all.
    let first = usize::try_from(run.wrapping_mul(7_919) % partitions)?;
    let mut client = RawClient::connect(broker.address())?;
    let offset = produce(&mut client, TOPIC, i32::try_from(first)?, -1, &[b"after the kill"])?;
    let first_produce = begun.elapsed();
    let end = expected.get_mut(first).context("a partition")?;
    anyhow::ensure!(offset == *end, "offset {offset} after {end} acknowledged records");
    *end += 1;
    let found = ends(broker.address(), partitions)?;
    anyhow::ensure!(found == expected, "ends {found:?}, not {expected:?}");
    // Before the fetches, which read on behalf of clients.
    let read_bytes = read_bytes(broker.id())?;
    for (partition, end) in expected.iter().enumerate() {
        let records = fetch(&mut client, TOPIC, i32::try_from(partition)?, end - 1)?;
        anyhow::ensure!(!records.is_empty(), "nothing at the end of partition {partition}");
    }
    let all_right = begun.elapsed();
    broker.terminate()?;
    Ok(Recovered { first_produce, all_right, read_bytes })
}

/// About 50 MB over all partitions, every byte of it acknowledged by acks=all.
fn dirty(address: SocketAddr, partitions: u32) -> Result<()> {
    let before = record_count(address, TOPIC, partitions)?;
    let frame = ProduceFrame::new(TOPIC, ProduceShape::filled(64 << 10, 1024, -1))?;
    let load = ClosedLoop {
        connections: 8,
        in_flight: 1,
        partitions,
        duration: Duration::from_secs(60),
        bytes_max: 48 << 20,
    };
    let (done, ()) = load.run(address, &frame, || Ok(()))?;
    let after = record_count(address, TOPIC, partitions)?;
    anyhow::ensure!(after == before + done.records, "{before} and {} are {after}", done.records);
    Ok(())
}

/// The end of each partition.
fn ends(address: SocketAddr, partitions: u32) -> Result<Vec<i64>> {
    let asked = (0..partitions).map(|index| {
        Ok(list_offsets::RequestTopicPartition {
            partition_index: i32::try_from(index)?,
            timestamp: -1,
            current_leader_epoch: -1,
            ..Default::default()
        })
    });
    let topic = list_offsets::RequestTopic {
        name: TOPIC.into(),
        partitions: asked.collect::<Result<_>>()?,
    };
    let request = ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
    let response = RawClient::connect(address)?.call(5, &request)?;
    let mut ends = vec![-1; usize::try_from(partitions)?];
    for answer in &response.topics.first().context("no topic in the answer")?.partitions {
        anyhow::ensure!(answer.error_code == ErrorCode::None, "list offsets: {answer:?}");
        *ends.get_mut(usize::try_from(answer.partition_index)?).context("a partition")? =
            answer.offset;
    }
    Ok(ends)
}

fn read_bytes(id: u32) -> Result<u64> {
    let path = format!("/proc/{id}/io");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = text.lines().find_map(|line| line.strip_prefix("rchar: ")).context("no rchar")?;
    Ok(line.trim().parse()?)
}
