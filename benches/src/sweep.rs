//! Sweeps: one thing grows, everything else stays, and what should not grow with it is measured.

mod log_size;
mod points;
mod starts;

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::paired::{
    Bench, CONTROL_DEVIATION_MAX, Conditions, Figures, Measured, Side, Stamp, append_json,
};
use crate::peers::repository;

/// Where the points are kept, from the root of the repository.
pub const RESULTS: &str = "benches/results/sweeps.jsonl";

/// One thing that grows.
pub struct Sweep {
    pub name: &'static str,
    pub says: &'static str,
    /// What grows, for an axis.
    pub unit: &'static str,
    pub points: &'static [u64],
    pub sides: &'static [Side],
    measure: fn(&mut Bench, Side, u64) -> Result<Measured>,
}

const BROKERS: &[Side] = &[Side::Kafka, Side::Highwater];
const OURS: &[Side] = &[Side::Highwater];

/// All sweeps.
pub const SWEEPS: [Sweep; 5] = [
    Sweep {
        name: "partitions",
        says: "64 KiB requests, acks=1, 4 connections, 8 in flight, spread over all partitions",
        unit: "partitions",
        points: &[1, 10, 100, 1_000, 10_000],
        sides: BROKERS,
        measure: points::partitions,
    },
    Sweep {
        name: "connections",
        says: "5,000 records of 1 KiB a second, acks=1, spread over all connections",
        unit: "connections",
        points: &[1, 10, 100, 1_000, 5_000],
        sides: BROKERS,
        measure: points::connections,
    },
    Sweep {
        name: "record-size",
        says: "requests of 900 KiB, acks=1, one connection, 4 in flight",
        unit: "bytes a record",
        // The largest that fits into a batch of a mebibyte.
        points: &[10, 100, 1_024, 10_240, 102_400, 1_048_000],
        sides: BROKERS,
        measure: points::record_size,
    },
    Sweep {
        name: "log-size",
        says: "one partition: append, look-up by offset and by time, start after a stop and a kill",
        unit: "GiB",
        points: &[0, 1, 5, 10, 20],
        sides: OURS,
        measure: log_size::measure,
    },
    Sweep {
        name: "start",
        says: "process start to first accepted produce, after a stop and after a kill",
        unit: "partitions",
        points: &[1, 10, 100, 1_000, 10_000],
        sides: OURS,
        measure: starts::measure,
    },
];

/// One side at one point.
#[derive(Serialize)]
struct Line {
    sweep: &'static str,
    unit: &'static str,
    x: u64,
    side: &'static str,
    figures: Figures,
    conditions: Conditions,
    #[serde(flatten)]
    stamp: Stamp,
}

/// Runs a sweep, some of its points or all, and appends each point to the file at `results` if there is one.
pub fn run(
    sweep: &Sweep,
    bench: &mut Bench,
    points: &[u64],
    sides: &[Side],
    results: Option<&Path>,
    tell: &mut dyn FnMut(String),
) -> Result<()> {
    let stamp = Stamp::now()?;
    tell(format!("{}: {}", sweep.name, sweep.says));
    bench.warm_kafka_up(sides)?;
    for x in points {
        for side in sides {
            let at = || format!("{side} at {x} {}", sweep.unit);
            let measured = (sweep.measure)(bench, *side, *x).with_context(at)?;
            if let Some(why) = measured.conditions.disturbance(CONTROL_DEVIATION_MAX) {
                tell(format!("{}: disturbed, {why}", at()));
            }
            let figures = measured.shortened();
            let text: Vec<String> =
                figures.iter().map(|(name, value)| format!("{name} {value}")).collect();
            tell(format!("{}: {}", at(), text.join("  ")));
            let line = Line {
                sweep: sweep.name,
                unit: sweep.unit,
                x: *x,
                side: side.name(),
                figures,
                conditions: measured.conditions.shortened(),
                stamp: stamp.clone(),
            };
            if let Some(path) = results {
                append_json(path, &[line])?;
            }
        }
    }
    Ok(())
}

/// The results file, unless told otherwise.
pub fn default_path() -> std::path::PathBuf {
    repository().join(RESULTS)
}
