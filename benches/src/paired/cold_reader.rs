//! A tail consumer, alone and beside a reader whose data is not in the page cache.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::fs::{Advice, fadvise};

use super::bench::{Bench, Place};
use super::fetch::fill;
use super::tail::Tail;
use super::{Durability, Figures, Measured, Side, Workload};
use crate::load::{CatchUp, Content, FetchFrame};

const MAX_BYTES: i32 = 1 << 20;

/// `tail` on a topic of its own, first alone, then beside the reader.
#[derive(Debug)]
pub(crate) struct ColdReader {
    pub(crate) log_bytes: u64,
    pub(crate) tail: Tail,
    logs: BTreeMap<Side, (Place, u64)>,
}

impl ColdReader {
    pub(crate) fn new(log_bytes: u64, rate_per_s: f64, time: Duration) -> Self {
        let tail = Tail { rate_per_s, durability: Durability::Os, time };
        Self { log_bytes, tail, logs: BTreeMap::new() }
    }
}

impl Workload for ColdReader {
    fn sides(&self) -> &[Side] {
        self.tail.sides()
    }

    fn prepare(&mut self, bench: &mut Bench) -> Result<()> {
        bench.warm_kafka_up(self.sides())?;
        let bytes = bench.effort.pick(self.log_bytes, 32 << 20);
        for side in [Side::Kafka, Side::Highwater] {
            let place = bench.place(side, 1, Durability::Os)?;
            let (bytes, _) = fill(&place, bytes)?;
            self.logs.insert(side, (place, bytes));
        }
        Ok(())
    }

    fn warm_up_runs(&self, _: Side) -> u32 {
        0
    }

    fn run(&mut self, bench: &mut Bench, side: Side) -> Result<Measured> {
        let quiet = self.tail.run(bench, side)?;
        let (log, bytes) = self.logs.get(&side).context("not prepared")?;
        let tail_place = bench.place(side, 1, Durability::Os)?;
        let is_over = AtomicBool::new(false);
        let (beside, read_mb_per_s) = thread::scope(|scope| {
            let reader = scope.spawn(|| read_cold(log, *bytes, &is_over));
            let beside = self.tail.run_at(bench, &tail_place);
            is_over.store(true, Ordering::Relaxed);
            let read = reader.join().ok().context("the reader panicked")?;
            Ok::<_, anyhow::Error>((beside?, read?))
        })?;
        tail_place.clear()?;
        let mut figures = Figures::new();
        for (measured, name) in [(&quiet, "quiet"), (&beside, "beside")] {
            for figure in ["tail_p50_us", "tail_p99_us", "tail_max_us"] {
                if let Some(value) = measured.figures.get(figure) {
                    figures.insert(format!("{name}_{figure}"), *value);
                }
            }
        }
        figures.insert("cold_mb_per_s".to_owned(), read_mb_per_s);
        Ok(Measured { figures, conditions: beside.conditions })
    }
}

/// Reads the log from the disk until told to stop, again from its start whenever it came to the end.
fn read_cold(log: &Place, bytes: u64, is_over: &AtomicBool) -> Result<f64> {
    let frame = FetchFrame::new(&log.topic, 0, MAX_BYTES)?;
    let mut reader = CatchUp::connect(log.address, frame, Content::Batches)?;
    let begun = Instant::now();
    let mut read = 0;
    while !is_over.load(Ordering::Relaxed) {
        evict(log.data_dir(), &log.topic)?;
        reader.rewind();
        let mut left = bytes;
        while left > 0 && !is_over.load(Ordering::Relaxed) {
            let done = reader.read(left.min(16 << 20))?;
            left = left.saturating_sub(done.bytes);
            read += done.bytes;
        }
    }
    Ok(read as f64 / 1e6 / begun.elapsed().as_secs_f64())
}

/// Takes a topic's files out of the page cache; they are on disk already.
fn evict(data_dir: &Path, topic: &str) -> Result<()> {
    for entry in std::fs::read_dir(data_dir.join(format!("{topic}-0")))? {
        fadvise(File::open(entry?.path())?, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}
