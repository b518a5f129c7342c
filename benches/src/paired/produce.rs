//! As many Produce requests as a side takes.

use std::time::Duration;

use anyhow::Result;

use super::bench::{Bench, Place};
use super::conditions::Conditions;
use super::{Durability, Figures, Measured, Side, Workload};
use crate::load::{ClosedLoop, Done, ProduceFrame, ProduceShape};

/// A closed loop of prebuilt requests.
#[derive(Clone, Copy, Debug)]
pub struct Produce {
    pub sides: &'static [Side],
    pub shape: ProduceShape,
    pub connections: u32,
    pub in_flight: usize,
    pub partitions: u32,
    pub durability: Durability,
    pub time: Duration,
    pub bytes_max: u64,
}

impl Workload for Produce {
    fn sides(&self) -> &[Side] {
        self.sides
    }

    fn run(&mut self, bench: &mut Bench, side: Side) -> Result<Measured> {
        let place = bench.place(side, self.partitions, self.durability)?;
        let measured = self.run_at(bench, &place)?;
        place.clear()?;
        Ok(measured)
    }
}

impl Produce {
    /// Runs it in a place that exists already.
    pub(crate) fn run_at(&self, bench: &Bench, place: &Place) -> Result<Measured> {
        let frame = ProduceFrame::new(&place.topic, self.shape)?;
        let load = self.load(bench);
        let watch = bench.watch(Some(place.broker), load.bytes_max)?;
        let (done, conditions) = load.run(place.address, &frame, || watch.end())?;
        place.verify(done.records)?;
        Ok(Measured { figures: figures(&done, &conditions), conditions })
    }

    fn load(&self, bench: &Bench) -> ClosedLoop {
        ClosedLoop {
            connections: self.connections,
            in_flight: self.in_flight,
            partitions: self.partitions,
            duration: bench.effort.time(self.time),
            bytes_max: bench.effort.pick(self.bytes_max, self.bytes_max.min(64 << 20)),
        }
    }
}

/// Rates, processor time and latencies of a load on one broker.
pub(crate) fn figures(done: &Done, conditions: &Conditions) -> Figures {
    let seconds = done.elapsed.as_secs_f64();
    let (bytes, requests) = (done.bytes as f64, done.requests as f64);
    let mut figures = Figures::new();
    let mut put = |name: &str, value: f64| {
        figures.insert(name.to_owned(), value);
    };
    put("mb_per_s", bytes / 1e6 / seconds);
    put("requests_per_s", requests / seconds);
    if done.records > 0 {
        put("records_per_s", done.records as f64 / seconds);
    }
    put("cpu_s_per_gb", conditions.broker_cpu_s / (bytes / 1e9));
    put("cpu_us_per_request", conditions.broker_cpu_s * 1e6 / requests);
    if done.latencies.count() > 0 {
        put("p50_us", done.latencies.quantile_us(0.5));
        put("p99_us", done.latencies.quantile_us(0.99));
        put("p999_us", done.latencies.quantile_us(0.999));
        put("max_us", done.latencies.max_us());
    }
    figures
}
