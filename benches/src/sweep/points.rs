//! Loads at one point of a sweep.

use std::time::Duration;

use anyhow::Result;

use crate::load::ProduceShape;
use crate::paired::{Ack, Bench, Durability, Measured, Produce, Rate, Side, Workload};

const LARGE: usize = 900 << 10;

/// A closed loop in `os` mode.
fn produce(shape: ProduceShape) -> Produce {
    Produce {
        sides: &[],
        shape,
        connections: 1,
        in_flight: 4,
        partitions: 1,
        durability: Durability::Os,
        time: Duration::from_secs(8),
        bytes_max: 2 << 30,
    }
}

pub(super) fn partitions(bench: &mut Bench, side: Side, partitions: u64) -> Result<Measured> {
    let partitions = u32::try_from(partitions)?;
    let shape = ProduceShape::filled(64 << 10, 1024, 1);
    Produce { connections: 4, in_flight: 8, partitions, ..produce(shape) }.run(bench, side)
}

pub(super) fn connections(bench: &mut Bench, side: Side, connections: u64) -> Result<Measured> {
    let connections = u32::try_from(connections)?;
    let one = ProduceShape { record_bytes: 1024, records: 1, acks: 1 };
    let produce = Produce { connections, partitions: 4, ..produce(one) };
    let time = Duration::from_secs(20);
    Ack { produce, rate: Rate::PerSecond(5_000.0), time }.run(bench, side)
}

pub(super) fn record_size(bench: &mut Bench, side: Side, record_bytes: u64) -> Result<Measured> {
    let record_bytes = usize::try_from(record_bytes)?;
    let filled = ProduceShape::filled(LARGE, record_bytes, 1);
    produce(ProduceShape { records: filled.records.max(1), ..filled }).run(bench, side)
}
