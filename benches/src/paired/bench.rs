//! What the workloads share: the processes under test, fresh topics, and how long things may take.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::conditions::Watch;
use super::{Durability, Side};
use crate::load::{ClosedLoop, ProduceFrame, ProduceShape};
use crate::machine;
use crate::peers::{Peer, Topic, record_count, scratch};

/// What may stay behind of a deleted topic, and what a broker may write meanwhile.
const REMAINS_BYTES: u64 = 48 * 1024 * 1024;
const CONTROL_REFERENCES: usize = 5;

/// How much is done: all of it, or just enough to see that it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    Full,
    Smoke,
}

impl Effort {
    pub fn time(self, full: Duration) -> Duration {
        match self {
            Self::Full => full,
            Self::Smoke => full.min(Duration::from_millis(1_500)),
        }
    }

    /// A number of anything, or of bytes.
    pub fn pick<T>(self, full: T, smoke: T) -> T {
        match self {
            Self::Full => full,
            Self::Smoke => smoke,
        }
    }
}

/// The processes of a row, started when first asked for.
#[derive(Debug)]
pub struct Bench {
    pub effort: Effort,
    /// Only the others run: for trying.
    pub is_without_kafka: bool,
    // Both end before their directory goes.
    highwater: Option<Peer>,
    kafka: Option<Peer>,
    directory: TempDir,
    /// What the control loop took at the beginning.
    reference: Duration,
    is_kafka_warm: bool,
    topics: u32,
}

/// Where one run writes: a new topic of a broker, or a floor program of its own.
#[derive(Debug)]
pub struct Place {
    pub side: Side,
    pub address: SocketAddr,
    pub broker: u32,
    pub topic: String,
    pub partitions: u32,
    data_dir: PathBuf,
    bytes_before: u64,
    floor: Option<Peer>,
}

impl Bench {
    pub fn new(effort: Effort) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("run-").tempdir_in(scratch()?)?;
        let mut references: Vec<Duration> =
            (0..CONTROL_REFERENCES).map(|_| machine::control()).collect();
        references.sort();
        let reference = references[CONTROL_REFERENCES / 2];
        Ok(Self {
            effort,
            is_without_kafka: false,
            highwater: None,
            kafka: None,
            directory,
            reference,
            is_kafka_warm: false,
            topics: 0,
        })
    }

    /// A directory of its own for whoever asks.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The broker of a side.
    pub fn peer(&mut self, side: Side) -> Result<&mut Peer> {
        let data_dir = self.directory.path().join(side.name());
        let slot = match side {
            Side::Kafka => &mut self.kafka,
            Side::Highwater | Side::HighwaterOs => &mut self.highwater,
            Side::Floor | Side::Sendfile | Side::Mock => anyhow::bail!("{side} is no broker"),
        };
        if slot.is_none() {
            *slot = Some(match side {
                Side::Kafka => Peer::kafka(&data_dir, &[])?,
                _ => Peer::highwater(&data_dir, &[])?,
            });
        }
        slot.as_mut().context("just started")
    }

    /// A new topic on the broker of a side; for the floor a process of its own with a file for each partition.
    pub fn place(&mut self, side: Side, partitions: u32, durability: Durability) -> Result<Place> {
        self.topics += 1;
        let topic = format!("bench-{}", self.topics);
        if matches!(side, Side::Floor) {
            return self.floor_place(topic, partitions, durability);
        }
        let configs: &[(&str, &str)] = match (side, durability) {
            (Side::Kafka, Durability::Os) => &[],
            (Side::Kafka, Durability::Synced) => &[("flush.messages", "1")],
            (Side::Highwater, Durability::Synced) => &[("highwater.durability", "fsync")],
            _ => &[("highwater.durability", "os")],
        };
        let peer = self.peer(side)?;
        let (address, broker) = (peer.address(), peer.id());
        let data_dir = peer.data_dir().to_owned();
        let bytes_before = machine::allocated_bytes(&data_dir)?;
        Topic { name: &topic, partitions, configs }.create(address)?;
        Ok(Place { side, address, broker, topic, partitions, data_dir, bytes_before, floor: None })
    }

    /// Begins a run on the process `broker`.
    pub fn watch(&self, broker: Option<u32>, written_bytes: u64) -> Result<Watch> {
        // What the run writes and what its pages and journal need besides.
        Watch::start(broker, self.reference, written_bytes + written_bytes / 4)
    }

    /// Lets the JVM compile what a broker does most, if there is one among the sides.
    pub fn warm_kafka_up(&mut self, sides: &[Side]) -> Result<()> {
        if !sides.contains(&Side::Kafka) || self.is_kafka_warm || self.is_without_kafka {
            return Ok(());
        }
        let load = ClosedLoop {
            connections: 8,
            in_flight: 1,
            partitions: 4,
            duration: self.effort.time(Duration::from_secs(15)),
            bytes_max: u64::MAX,
        };
        let place = self.place(Side::Kafka, load.partitions, Durability::Os)?;
        let shape = ProduceShape { record_bytes: 1024, records: 1, acks: 1 };
        let frame = ProduceFrame::new(&place.topic, shape)?;
        load.run(place.address, &frame, || Ok(()))?;
        self.is_kafka_warm = true;
        place.clear()
    }

    fn floor_place(
        &mut self,
        topic: String,
        partitions: u32,
        durability: Durability,
    ) -> Result<Place> {
        let data_dir = self.directory.path().join(&topic);
        std::fs::create_dir_all(&data_dir)?;
        let files = partitions.to_string();
        let mut arguments = vec!["produce", ".", "--files", &files];
        if durability == Durability::Synced {
            arguments.push("--sync");
        }
        let mut floor = Peer::floor(&data_dir, &arguments)?;
        Ok(Place {
            side: Side::Floor,
            address: floor.address(),
            broker: floor.id(),
            topic,
            partitions,
            data_dir,
            bytes_before: 0,
            floor: Some(floor),
        })
    }
}

impl Place {
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Fails unless the broker counts as many records as were acknowledged.
    pub fn verify(&self, records: u64) -> Result<()> {
        if self.floor.is_some() {
            return Ok(());
        }
        let counted = record_count(self.address, &self.topic, self.partitions)?;
        anyhow::ensure!(
            counted == records,
            "{} acknowledged {records} records and counts {counted}",
            self.side
        );
        Ok(())
    }

    /// Deletes the topic, or the floor's files, and waits until they are gone from the disk.
    pub fn clear(self) -> Result<()> {
        if let Some(floor) = self.floor {
            drop(floor);
            return Ok(std::fs::remove_dir_all(&self.data_dir)?);
        }
        let topic = Topic { name: &self.topic, partitions: self.partitions, configs: &[] };
        topic.delete(self.address)?;
        machine::await_removal(&self.data_dir, self.bytes_before + REMAINS_BYTES)
    }
}
