//! Clients that people know: Kafka's own `kafka-producer-perf-test`, and confluent-kafka for Python.
//!
//! Both are slower than a broker, so their rates compare clients more than brokers; what they cost the broker is the point.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::bench::{Bench, Place};
use super::{Durability, Figures, Measured, Side, Workload};
use crate::peers::{kafka_classpath, repository, scratch};

const RECORD_BYTES: u64 = 1024;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Client {
    Java,
    Python,
}

/// Records of 1 KiB with acks=all as in the client's default, to 4 partitions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct External {
    pub(crate) client: Client,
    pub(crate) records: u64,
}

impl Workload for External {
    fn sides(&self) -> &[Side] {
        &[Side::Kafka, Side::Highwater]
    }

    fn prepare(&mut self, bench: &mut Bench) -> Result<()> {
        self.records = bench.effort.pick(self.records, 20_000);
        if matches!(self.client, Client::Python) {
            python()?;
        }
        bench.warm_kafka_up(self.sides())
    }

    fn warm_up_runs(&self, _: Side) -> u32 {
        1
    }

    fn run(&mut self, bench: &mut Bench, side: Side) -> Result<Measured> {
        let place = bench.place(side, 4, Durability::Os)?;
        let watch = bench.watch(Some(place.broker), self.records * (RECORD_BYTES + 16))?;
        let told = match self.client {
            Client::Java => self.java(&place)?,
            Client::Python => self.python(&place)?,
        };
        let conditions = watch.end()?;
        place.verify(self.records)?;
        place.clear()?;
        let gigabytes = (self.records * RECORD_BYTES) as f64 / 1e9;
        let mut figures = told;
        figures.insert("cpu_s_per_gb".to_owned(), conditions.broker_cpu_s / gigabytes);
        figures.insert("client_cpu_s_per_gb".to_owned(), conditions.client_cpu_s / gigabytes);
        Ok(Measured { figures, conditions })
    }
}

impl External {
    fn java(&self, place: &Place) -> Result<Figures> {
        let mut java = Command::new("java");
        java.args(["-Xmx512M", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp"]);
        java.arg(kafka_classpath()?).arg("org.apache.kafka.tools.ProducerPerformance");
        java.args(["--topic", &place.topic, "--num-records", &self.records.to_string()]);
        java.args(["--record-size", &RECORD_BYTES.to_string(), "--throughput", "-1"]);
        java.arg("--producer-props").arg(format!("bootstrap.servers={}", place.address));
        java.args(["batch.size=65536", "linger.ms=5"]);
        let output = java.stderr(Stdio::inherit()).output().context("start java")?;
        anyhow::ensure!(output.status.success(), "kafka-producer-perf-test: {}", output.status);
        let text = String::from_utf8(output.stdout)?;
        perf_test_figures(&text).with_context(|| format!("no result in {text:?}"))
    }

    fn python(&self, place: &Place) -> Result<Figures> {
        let mut command = Command::new(python()?);
        command.arg(repository().join("benches/python/produce.py"));
        command.args([&place.address.to_string(), &place.topic]);
        command.args([&self.records.to_string(), &RECORD_BYTES.to_string()]);
        let output = command.stderr(Stdio::inherit()).output().context("start python")?;
        anyhow::ensure!(output.status.success(), "produce.py: {}", output.status);
        serde_json::from_slice(&output.stdout).context("what produce.py printed")
    }
}

/// `N records sent, R records/sec (M MB/sec), A ms avg latency, X ms max latency, P ms 50th, ...`, the last such line.
fn perf_test_figures(text: &str) -> Option<Figures> {
    let line = text.lines().rfind(|line| line.contains("99th"))?;
    let number_before = |word: &str| -> Option<f64> {
        let before = line.split_once(word)?.0;
        before.trim().rsplit([' ', ',']).next()?.parse().ok()
    };
    let figures = [
        ("records_per_s", number_before("records/sec")?),
        ("p50_ms", number_before("ms 50th")?),
        ("p99_ms", number_before("ms 99th")?),
        ("max_ms", number_before("ms max latency")?),
    ];
    Some(figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A Python with what `benches/python/requirements.txt` names, made once.
pub fn python() -> Result<PathBuf> {
    let home = scratch()?.join("python");
    let python = home.join("bin/python");
    let wanted = repository().join("benches/python/requirements.txt");
    let installed = home.join("installed.txt");
    let same = std::fs::read(&installed).ok() == std::fs::read(&wanted).ok();
    if same && python.exists() {
        return Ok(python);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(&home).status();
    anyhow::ensure!(made.context("start python3")?.success(), "python3 -m venv did not succeed");
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
    let status = pip.arg(&wanted).status().context("start pip")?;
    anyhow::ensure!(status.success(), "pip did not install {}", wanted.display());
    std::fs::copy(&wanted, &installed)?;
    Ok(python)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perf_test_is_read_at_its_last_line() {
        let text = "1 records sent, 0.2 records/sec (0.00 MB/sec), 4.0 ms avg latency, 9.0 ms max latency.\n\
            20000 records sent, 9541.984733 records/sec (9.32 MB/sec), 618.51 ms avg latency, \
            1017.00 ms max latency, 653 ms 50th, 965 ms 95th, 989 ms 99th, 1013 ms 99.9th.\n";
        let figures = perf_test_figures(text).unwrap();
        assert_eq!(figures["records_per_s"], 9541.984733);
        assert_eq!((figures["p50_ms"], figures["p99_ms"]), (653.0, 989.0));
        assert_eq!(figures["max_ms"], 1017.0);
        assert!(perf_test_figures("nothing").is_none());
    }
}
