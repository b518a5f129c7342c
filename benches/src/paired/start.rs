//! From the start of the process to the first accepted produce: on an empty directory, and with many partitions.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use highwater_tests::RawClient;
use highwater_tests::honest::{create_topic, produce};
use tempfile::TempDir;

use super::bench::Bench;
use super::{Figures, Measured, Side, Workload};
use crate::peers::{Formatted, Peer, Topic};
use crate::statistics::Summary;

const TOPIC: &str = "many";

/// Default durability, acks=all.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) partitions: u32,
    /// Starts of one run, of which the median counts; a JVM starts once.
    pub(crate) starts: u32,
    /// A directory with the partitions, stopped cleanly.
    many: Option<TempDir>,
}

impl Start {
    pub(crate) fn new(partitions: u32, starts: u32) -> Self {
        Self { partitions, starts, many: None }
    }

    fn many(&self) -> Result<PathBuf> {
        Ok(self.many.as_ref().context("not prepared")?.path().join("data"))
    }
}

impl Workload for Start {
    fn sides(&self) -> &[Side] {
        &[Side::Kafka, Side::Highwater]
    }

    fn prepare(&mut self, bench: &mut Bench) -> Result<()> {
        self.partitions = bench.effort.pick(self.partitions, 20);
        self.starts = bench.effort.pick(self.starts, 1);
        self.many = Some(tempfile::tempdir_in(bench.directory())?);
        let mut broker = Peer::highwater(&self.many()?, &[])?;
        let topic = Topic { name: TOPIC, partitions: self.partitions, configs: &[] };
        topic.create(broker.address())?;
        broker.terminate()
    }

    fn warm_up_runs(&self, _: Side) -> u32 {
        1
    }

    fn run(&mut self, bench: &mut Bench, side: Side) -> Result<Measured> {
        let watch = bench.watch(None, 0)?;
        let mut figures = Figures::new();
        if side == Side::Kafka {
            let directory = tempfile::tempdir_in(bench.directory())?;
            let took = kafka_on_empty(&directory.path().join("data"))?;
            figures.insert("empty_ms".to_owned(), took.as_secs_f64() * 1e3);
            return Ok(Measured { figures, conditions: watch.end()? });
        }
        let (mut empty, mut many) = (Vec::new(), Vec::new());
        for start in 0..self.starts {
            let directory = tempfile::tempdir_in(bench.directory())?;
            empty.push(highwater_on_empty(&directory.path().join("data"))?.as_secs_f64() * 1e3);
            // Any partition may be the first that is asked for.
            let partition = i32::try_from(start * 7_919 % self.partitions)?;
            many.push(highwater_on_many(&self.many()?, partition)?.as_secs_f64() * 1e3);
        }
        for (name, times) in [("empty_ms", empty), ("partitions_ms", many)] {
            figures.insert(name.to_owned(), Summary::of(&times).context("no starts")?.median);
        }
        Ok(Measured { figures, conditions: watch.end()? })
    }
}

fn highwater_on_empty(data_dir: &Path) -> Result<Duration> {
    let begun = Instant::now();
    let broker = Peer::highwater(data_dir, &[])?;
    first_produce(broker.address())?;
    Ok(begun.elapsed())
}

fn highwater_on_many(data_dir: &Path, partition: i32) -> Result<Duration> {
    let begun = Instant::now();
    let mut broker = Peer::highwater(data_dir, &[])?;
    produce(&mut RawClient::connect(broker.address())?, TOPIC, partition, -1, &[b"first"])?;
    let took = begun.elapsed();
    broker.terminate()?;
    Ok(took)
}

/// Its format step counts for nothing: it is done once.
fn kafka_on_empty(data_dir: &Path) -> Result<Duration> {
    let formatted = Formatted::new(data_dir, &[])?;
    let begun = Instant::now();
    let kafka = formatted.start()?;
    kafka.await_ready()?;
    while first_produce(kafka.address()).is_err() {
        anyhow::ensure!(begun.elapsed() < Duration::from_secs(60), "Kafka takes no produce");
    }
    Ok(begun.elapsed())
}

fn first_produce(address: SocketAddr) -> Result<()> {
    let mut client = RawClient::connect(address)?;
    // A second attempt finds the topic.
    drop(create_topic(&mut client, "first", 1, &[]));
    produce(&mut client, "first", 0, -1, &[b"first"])?;
    Ok(())
}
