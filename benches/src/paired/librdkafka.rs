//! librdkafka, driven from a program of its own (`benches/librdkafka`, built on first use).

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::bench::Bench;
use super::{Durability, Figures, Measured, Side, Workload};
use crate::peers::{repository, scratch};

/// As many records as the client can send.
#[derive(Debug)]
pub(crate) struct ClientProduce {
    pub(crate) records: u64,
    pub(crate) record_bytes: u64,
}

/// Records of 1 KiB at a fixed rate, to a waiting consumer.
#[derive(Debug)]
pub(crate) struct ClientTail {
    pub(crate) rate_per_s: u32,
    pub(crate) durability: Durability,
    pub(crate) time: Duration,
}

impl Workload for ClientProduce {
    fn sides(&self) -> &[Side] {
        &[Side::Mock, Side::Kafka, Side::Highwater]
    }

    fn prepare(&mut self, bench: &mut Bench) -> Result<()> {
        build()?;
        self.records = bench.effort.pick(self.records, 100_000);
        bench.warm_kafka_up(self.sides())
    }

    fn run(&mut self, bench: &mut Bench, side: Side) -> Result<Measured> {
        let (records, bytes) = (self.records.to_string(), self.record_bytes.to_string());
        if side == Side::Mock {
            let watch = bench.watch(None, 0)?;
            let figures = run(&["produce", "mock", "bench", &records, &bytes])?;
            return Ok(self.measured(figures, watch.end()?));
        }
        let place = bench.place(side, 1, Durability::Os)?;
        let servers = place.address.to_string();
        let watch = bench.watch(Some(place.broker), self.records * (self.record_bytes + 8))?;
        let figures = run(&["produce", &servers, &place.topic, &records, &bytes])?;
        let conditions = watch.end()?;
        place.verify(self.records)?;
        place.clear()?;
        Ok(self.measured(figures, conditions))
    }
}

impl ClientProduce {
    fn measured(&self, told: Figures, conditions: super::Conditions) -> Measured {
        let records = self.records as f64;
        let seconds = told.get("seconds").copied().unwrap_or(f64::NAN);
        let figures = [
            ("records_per_s", records / seconds),
            ("mb_per_s", records * self.record_bytes as f64 / 1e6 / seconds),
            ("cpu_us_per_record", conditions.broker_cpu_s * 1e6 / records),
            ("client_cpu_us_per_record", conditions.client_cpu_s * 1e6 / records),
        ];
        let figures = figures.into_iter().map(|(name, value)| (name.to_owned(), value));
        Measured { figures: figures.collect(), conditions }
    }
}

impl Workload for ClientTail {
    fn sides(&self) -> &[Side] {
        &[Side::Kafka, Side::Highwater]
    }

    fn prepare(&mut self, bench: &mut Bench) -> Result<()> {
        build()?;
        bench.warm_kafka_up(self.sides())
    }

    fn warm_up_runs(&self, _: Side) -> u32 {
        // The first consumer makes its broker create the topic of committed offsets.
        1
    }

    fn run(&mut self, bench: &mut Bench, side: Side) -> Result<Measured> {
        let place = bench.place(side, 1, self.durability)?;
        let seconds = bench.effort.time(self.time).as_secs_f64();
        let (servers, rate) = (place.address.to_string(), self.rate_per_s.to_string());
        let acks = match self.durability {
            Durability::Os => "1",
            Durability::Synced => "all",
        };
        let records = (f64::from(self.rate_per_s) * seconds) as u64;
        let watch = bench.watch(Some(place.broker), records * 1100)?;
        let seconds = seconds.to_string();
        let figures = run(&["tail", &servers, &place.topic, &rate, &seconds, acks])?;
        let conditions = watch.end()?;
        place.verify(records)?;
        place.clear()?;
        Ok(Measured { figures, conditions })
    }
}

/// Runs the program and returns what it printed.
fn run(arguments: &[&str]) -> Result<Figures> {
    let mut command = Command::new(target()?.join("release/librdkafka-load"));
    let output = command.args(arguments).stderr(Stdio::inherit()).output();
    let output = output.context("run librdkafka-load")?;
    anyhow::ensure!(output.status.success(), "librdkafka-load: {}", output.status);
    serde_json::from_slice(&output.stdout).context("what librdkafka-load printed")
}

/// A workspace of its own, because it builds the C library.
fn build() -> Result<()> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--release", "--locked", "--manifest-path"]);
    cargo.arg(repository().join("benches/librdkafka/Cargo.toml"));
    cargo.arg("--target-dir").arg(target()?);
    let status = cargo.status().context("run cargo")?;
    anyhow::ensure!(
        status.success(),
        "benches/librdkafka did not build (it needs make and a C compiler)"
    );
    Ok(())
}

fn target() -> Result<PathBuf> {
    Ok(scratch()?.join("librdkafka"))
}
