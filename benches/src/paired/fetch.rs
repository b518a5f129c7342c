//! A reader that catches up with a log in the page cache, 1 MiB an answer.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};

use super::bench::{Bench, Place};
use super::produce::figures;
use super::{Durability, Measured, Side, Workload};
use crate::load::{CatchUp, ClosedLoop, Content, FetchFrame, ProduceFrame, ProduceShape};
use crate::peers::Peer;

const MAX_BYTES: i32 = 1 << 20;
const SIDES: [Side; 4] = [Side::Floor, Side::Sendfile, Side::Kafka, Side::Highwater];

/// Reads a whole log, again and again.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub log_bytes: u64,
    pub passes: u32,
    logs: BTreeMap<Side, Log>,
    floors: BTreeMap<Side, Peer>,
}

#[derive(Debug)]
struct Log {
    place: Place,
    bytes: u64,
    records: u64,
}

impl Fetch {
    pub(crate) fn new(log_bytes: u64, passes: u32) -> Self {
        Self { log_bytes, passes, logs: BTreeMap::new(), floors: BTreeMap::new() }
    }
}

impl Workload for Fetch {
    fn sides(&self) -> &[Side] {
        &SIDES
    }

    fn prepare(&mut self, bench: &mut Bench) -> Result<()> {
        self.log_bytes = bench.effort.pick(self.log_bytes, 32 << 20);
        for side in [Side::Kafka, Side::Highwater] {
            let place = bench.place(side, 1, Durability::Os)?;
            let (bytes, records) = fill(&place, self.log_bytes)?;
            self.logs.insert(side, Log { place, bytes, records });
        }
        let path = bench.directory().join("floor-file");
        let mut file = File::create(&path)?;
        let piece = vec![0x5a_u8; 1 << 20];
        for _ in 0..self.log_bytes >> 20 {
            file.write_all(&piece)?;
        }
        let path = path.to_str().context("a path that is text")?;
        let pread = Peer::floor(bench.directory(), &["file", path])?;
        let sendfile = Peer::floor(bench.directory(), &["file", path, "--sendfile"])?;
        self.floors = [(Side::Floor, pread), (Side::Sendfile, sendfile)].into();
        Ok(())
    }

    fn run(&mut self, bench: &mut Bench, side: Side) -> Result<Measured> {
        let passes = bench.effort.pick(self.passes, 1);
        let log = self.logs.get(&side);
        let (address, broker, frame, content) = match (log, self.floors.get_mut(&side)) {
            (Some(Log { place, .. }), _) => {
                let frame = FetchFrame::new(&place.topic, 0, MAX_BYTES)?;
                (place.address, place.broker, frame, Content::Batches)
            }
            (None, Some(floor)) => {
                let frame = FetchFrame::new("bench-1", 0, MAX_BYTES)?;
                (floor.address(), floor.id(), frame, Content::Bytes)
            }
            (None, None) => anyhow::bail!("{side} was not prepared"),
        };
        let bytes = log.map_or(self.log_bytes, |log| log.bytes);
        let mut reader = CatchUp::connect(address, frame, content)?;
        let watch = bench.watch(Some(broker), 0)?;
        let mut done = reader.read(bytes)?;
        for _ in 1..passes {
            reader.rewind();
            done.extend(&reader.read(bytes)?);
        }
        let conditions = watch.end()?;
        if let Some(log) = log {
            let expected = log.records * u64::from(passes);
            anyhow::ensure!(done.records == expected, "{} of {expected} records", done.records);
        }
        Ok(Measured { figures: figures(&done, &conditions), conditions })
    }
}

/// Fills a partition with batches of 64 KiB of 1 KiB records; returns bytes and records.
pub(super) fn fill(place: &Place, bytes: u64) -> Result<(u64, u64)> {
    let frame = ProduceFrame::new(&place.topic, ProduceShape::filled(64 << 10, 1024, 1))?;
    let load = ClosedLoop {
        connections: 1,
        in_flight: 8,
        partitions: place.partitions,
        duration: Duration::from_secs(600),
        bytes_max: bytes,
    };
    let (done, ()) = load.run(place.address, &frame, || Ok(()))?;
    place.verify(done.records)?;
    Ok((done.bytes, done.records))
}
