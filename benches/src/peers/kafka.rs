//! Apache Kafka from its Maven artifacts, as a plain process: one broker that is its own controller.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use highwater_protocol::messages::metadata::MetadataRequest;
use highwater_tests::RawClient;

use super::{REMOVE_SOON, free_address, repository, scratch};

const READY_MAX: Duration = Duration::from_secs(120);
/// What `kafka-run-class.sh` passes, and a fixed heap of one gigabyte.
const JVM: [&str; 7] = [
    "-Xms1G",
    "-Xmx1G",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
];
/// It writes no log beside its data, which only helps it.
const QUIET: &str = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
/// Any 16 bytes.
const CLUSTER_ID: &str = "aGlnaHdhdGVyLWJlbmNoMQ";

/// A data directory and its settings, ready for a first start.
#[derive(Debug)]
pub struct Formatted {
    address: SocketAddr,
    properties: PathBuf,
    log: PathBuf,
}

impl Formatted {
    /// The step that Kafka wants once for each directory.
    pub fn new(data_dir: &Path, overrides: &[&str]) -> Result<Self> {
        fs::create_dir_all(data_dir)?;
        let properties = data_dir.with_extension("properties");
        let (address, controller) = (free_address()?, free_address()?);
        fs::write(&properties, server_properties(data_dir, address, controller, overrides))?;
        let log = data_dir.with_extension("log");
        let output = File::create(&log)?;
        let mut format = Command::new("java");
        format.arg(QUIET).arg("-cp").arg(kafka_classpath()?);
        format.args(["kafka.tools.StorageTool", "format", "--standalone", "-t", CLUSTER_ID, "-c"]);
        format.arg(&properties).stderr(output.try_clone()?).stdout(output);
        let status = format.status().context("start java")?;
        anyhow::ensure!(status.success(), "Kafka's format failed, see {}", log.display());
        Ok(Self { address, properties, log })
    }

    /// Starts the process; it is not ready yet.
    pub fn start(self) -> Result<Kafka> {
        let output = File::create(&self.log)?;
        let mut command = Command::new("java");
        command.args(JVM).arg(QUIET).arg("-cp").arg(kafka_classpath()?).arg("kafka.Kafka");
        command.arg(&self.properties).stdin(Stdio::null());
        let child = command.stderr(output.try_clone()?).stdout(output).spawn();
        Ok(Kafka { child: child.context("start java")?, address: self.address, log: self.log })
    }
}

/// A Kafka process; killed when dropped.
#[derive(Debug)]
pub struct Kafka {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Kafka {
    /// Waits until it names itself in its metadata.
    pub fn await_ready(&self) -> Result<()> {
        let begun = Instant::now();
        while !self.is_ready() {
            let log = self.log.display();
            anyhow::ensure!(begun.elapsed() < READY_MAX, "Kafka is not ready, see {log}");
            thread::park_timeout(Duration::from_millis(50));
        }
        Ok(())
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn is_ready(&self) -> bool {
        let request = MetadataRequest { topics: Some(Vec::new()), ..MetadataRequest::default() };
        let answer = RawClient::connect(self.address).and_then(|mut it| it.call(9, &request));
        answer.is_ok_and(|answer| !answer.brokers.is_empty())
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        // It may be gone already; there is nobody left to tell.
        drop(self.kill());
    }
}

fn server_properties(
    data_dir: &Path,
    address: SocketAddr,
    controller: SocketAddr,
    overrides: &[&str],
) -> String {
    let mut text = format!(
        "process.roles=broker,controller\nnode.id=1\n\
         controller.quorum.bootstrap.servers={controller}\n\
         listeners=PLAINTEXT://{address},CONTROLLER://{controller}\n\
         advertised.listeners=PLAINTEXT://{address},CONTROLLER://{controller}\n\
         controller.listener.names=CONTROLLER\ninter.broker.listener.name=PLAINTEXT\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
         log.dirs={}\n\
         offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\nshare.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\ngroup.initial.rebalance.delay.ms=0\n\
         {REMOVE_SOON}\n",
        data_dir.display()
    );
    for property in overrides {
        text.push_str(property);
        text.push('\n');
    }
    text
}

/// The class path of Kafka, its broker and its tools.
pub fn kafka_classpath() -> Result<String> {
    Ok(format!("{}/*", kafka_libs()?.display()))
}

/// The jars that `tests/clients/java/pom.xml` names, fetched once.
fn kafka_libs() -> Result<PathBuf> {
    let libs = scratch()?.join("kafka-libs");
    if libs.exists() {
        return Ok(libs);
    }
    // Under another name until all are there.
    let fetched = scratch()?.join("kafka-libs.part");
    let mut maven = Command::new("mvn");
    maven.args(["-B", "-q", "-f"]).arg(repository().join("tests/clients/java/pom.xml"));
    maven.args(["dependency:copy-dependencies", "-DincludeScope=runtime"]);
    maven.arg(format!("-DoutputDirectory={}", fetched.display()));
    let status = maven.stdout(Stdio::null()).status().context("start mvn (Maven and a JDK 17)")?;
    anyhow::ensure!(status.success(), "mvn did not fetch Apache Kafka");
    fs::rename(&fetched, &libs)?;
    Ok(libs)
}
