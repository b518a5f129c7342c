//! Who is measured: Highwater, Apache Kafka, a floor program. The harness knows each by its address and its process.

mod kafka;
mod topic;

pub use self::kafka::{Formatted, Kafka, kafka_classpath};
pub use self::topic::{Topic, record_count};

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use highwater_tests::{Highwater, Process};

use crate::cpu;

/// What both brokers are told, so that a deleted topic is gone soon.
pub(crate) const REMOVE_SOON: &str = "log.segment.delete.delay.ms=100";
/// Limits that protect a broker from strangers; Kafka has none by default.
const MANY_CONNECTIONS: [&str; 3] =
    ["max.connections=20000", "max.connections.per.ip=20000", "max.connection.creation.rate=20000"];

/// One process under test.
#[derive(Debug)]
pub struct Peer {
    owner: Owner,
    data_dir: PathBuf,
}

#[derive(Debug)]
enum Owner {
    Highwater(Highwater),
    Kafka(Kafka),
    Floor(Process),
}

impl Peer {
    /// The release build of the broker.
    pub fn highwater(data_dir: &Path, overrides: &[&str]) -> Result<Self> {
        Self::highwater_at(data_dir, "127.0.0.1:0", overrides)
    }

    pub fn highwater_at(data_dir: &Path, listen: &str, overrides: &[&str]) -> Result<Self> {
        let overrides = [&[REMOVE_SOON], &MANY_CONNECTIONS[..], overrides].concat();
        let broker = Highwater::serve_at(data_dir, listen, &overrides)?;
        Ok(Self { owner: Owner::Highwater(broker), data_dir: data_dir.to_owned() })
    }

    pub fn kafka(data_dir: &Path, overrides: &[&str]) -> Result<Self> {
        let kafka = Formatted::new(data_dir, overrides)?.start()?;
        kafka.await_ready()?;
        Ok(Self { owner: Owner::Kafka(kafka), data_dir: data_dir.to_owned() })
    }

    /// The floor program beside this one.
    pub fn floor(data_dir: &Path, arguments: &[&str]) -> Result<Self> {
        let own = std::env::current_exe()?;
        let mut command = Command::new(own.with_file_name("floor"));
        let floor = Process::start(command.args(arguments).current_dir(data_dir))?;
        Ok(Self { owner: Owner::Floor(floor), data_dir: data_dir.to_owned() })
    }

    pub fn address(&self) -> SocketAddr {
        match &self.owner {
            Owner::Highwater(broker) => broker.address(),
            Owner::Kafka(kafka) => kafka.address(),
            Owner::Floor(floor) => floor.address(),
        }
    }

    pub fn id(&mut self) -> u32 {
        match &mut self.owner {
            Owner::Highwater(broker) => broker.process().id(),
            Owner::Kafka(kafka) => kafka.id(),
            Owner::Floor(floor) => floor.id(),
        }
    }

    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub fn cpu(&mut self) -> Result<Duration> {
        cpu::of_process(self.id())
    }

    pub fn resident_bytes(&mut self) -> Result<u64> {
        resident_bytes(self.id())
    }

    /// SIGTERM, and waits for a clean stop of our broker; others are killed.
    pub fn terminate(&mut self) -> Result<()> {
        match &mut self.owner {
            Owner::Highwater(broker) => {
                let status = broker.process().terminate()?;
                anyhow::ensure!(status.success(), "the broker stopped with {status}");
                Ok(())
            }
            Owner::Kafka(_) | Owner::Floor(_) => self.kill(),
        }
    }

    /// SIGKILL, and waits until the process is gone.
    pub fn kill(&mut self) -> Result<()> {
        match &mut self.owner {
            Owner::Highwater(broker) => drop(broker.process().kill()?),
            Owner::Kafka(kafka) => kafka.kill()?,
            Owner::Floor(floor) => drop(floor.kill()?),
        }
        Ok(())
    }
}

/// Resident memory of a process, page cache left out.
pub fn resident_bytes(id: u32) -> Result<u64> {
    let path = format!("/proc/{id}/status");
    let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kib * 1024)
}

/// An address that nobody listens on at this moment.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Where benchmarks keep what they fetch and write: below the build's own directory.
pub fn scratch() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    // TARGET/release/bench
    let target = own.ancestors().nth(2).context("no target directory")?;
    let scratch = target.join("bench");
    std::fs::create_dir_all(&scratch)?;
    Ok(scratch)
}
