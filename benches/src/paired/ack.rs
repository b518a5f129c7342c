//! How long an acknowledgement takes at a fixed rate, from the moment the request was due.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::bench::Bench;
use super::produce::{Produce, figures};
use super::{Measured, Side, Workload};
use crate::load::{OpenLoop, ProduceFrame};
use crate::statistics::Summary;

/// Runs that find the maximum.
const MAXIMUM_RUNS: usize = 3;

/// What the fixed rate is.
#[derive(Clone, Copy, Debug)]
pub enum Rate {
    PerSecond(f64),
    /// Half of what Kafka takes in a closed loop of the same requests, measured before the first round.
    HalfOfKafka,
}

/// An open loop; `produce` names the requests, the connections and the sides.
#[derive(Clone, Copy, Debug)]
pub struct Ack {
    pub produce: Produce,
    pub rate: Rate,
    pub time: Duration,
}

impl Workload for Ack {
    fn sides(&self) -> &[Side] {
        self.produce.sides
    }

    fn prepare(&mut self, bench: &mut Bench) -> Result<()> {
        bench.warm_kafka_up(self.sides())?;
        if matches!(self.rate, Rate::HalfOfKafka) {
            let mut rates = Vec::new();
            for _ in 0..bench.effort.pick(MAXIMUM_RUNS, 1) {
                let measured = self.produce.run(bench, Side::Kafka)?;
                rates.extend(measured.figures.get("requests_per_s"));
            }
            let maximum = Summary::of(&rates).context("no rates")?.median;
            self.rate = Rate::PerSecond((maximum / 2.0).round());
        }
        Ok(())
    }

    fn warm_up_runs(&self, side: Side) -> u32 {
        u32::from(side == Side::Kafka)
    }

    fn run(&mut self, bench: &mut Bench, side: Side) -> Result<Measured> {
        let Rate::PerSecond(rate_per_s) = self.rate else { anyhow::bail!("not prepared") };
        let load = OpenLoop {
            rate_per_s,
            connections: self.produce.connections,
            partitions: self.produce.partitions,
            duration: bench.effort.time(self.time),
            warm_up: bench.effort.time(self.time) / 10,
        };
        let place = bench.place(side, self.produce.partitions, self.produce.durability)?;
        let frame = ProduceFrame::new(&place.topic, self.produce.shape)?;
        let written = rate_per_s * load.duration.as_secs_f64() * frame.batch_bytes as f64;
        let watch = bench.watch(Some(place.broker), written as u64)?;
        let start = Instant::now() + Duration::from_millis(100);
        let (done, late) = load.run(place.address, &frame, start)?;
        let conditions = watch.end()?;
        place.verify(done.records)?;
        place.clear()?;
        let mut figures = figures(&done, &conditions);
        figures.insert("offered_per_s".to_owned(), rate_per_s);
        figures.insert("sent_late_p99_us".to_owned(), late.quantile_us(0.99));
        Ok(Measured { figures, conditions })
    }
}
