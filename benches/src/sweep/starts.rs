//! How long a start takes with many partitions, after a clean stop and after a kill.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use highwater_tests::RawClient;
use highwater_tests::honest::produce;

use crate::paired::{Bench, Figures, Measured, Side};
use crate::peers::{Peer, Topic};
use crate::statistics::Summary;

const TOPIC: &str = "many";
const STARTS: usize = 5;

pub(super) fn measure(bench: &mut Bench, _: Side, partitions: u64) -> Result<Measured> {
    let partitions = bench.effort.pick(u32::try_from(partitions)?, 10);
    let directory = tempfile::tempdir_in(bench.directory())?;
    let mut broker = Peer::highwater(directory.path(), &[])?;
    Topic { name: TOPIC, partitions, configs: &[] }.create(broker.address())?;
    broker.terminate()?;
    let watch = bench.watch(None, 0)?;
    let mut figures = Figures::new();
    for (name, is_killed) in [("after_stop_ms", false), ("after_kill_ms", true)] {
        let mut times = Vec::new();
        for start in 0..bench.effort.pick(STARTS, 1) {
            let partition = i32::try_from(start * 7_919 % usize::try_from(partitions)?)?;
            let took = start_once(directory.path(), TOPIC, partition, is_killed)?;
            times.push(took.as_secs_f64() * 1e3);
        }
        figures.insert(name.to_owned(), Summary::of(&times).context("no starts")?.median);
    }
    Ok(Measured { figures, conditions: watch.end()? })
}

/// Starts and produces, and before that, where asked for, starts and kills with a record just written.
pub(super) fn start_once(
    data_dir: &Path,
    topic: &str,
    partition: i32,
    is_killed: bool,
) -> Result<Duration> {
    if is_killed {
        let mut broker = Peer::highwater(data_dir, &[])?;
        produce(&mut RawClient::connect(broker.address())?, topic, partition, -1, &[b"dirty"])?;
        broker.kill()?;
    }
    let begun = Instant::now();
    let mut broker = Peer::highwater(data_dir, &[])?;
    produce(&mut RawClient::connect(broker.address())?, topic, partition, -1, &[b"first"])?;
    let took = begun.elapsed();
    broker.terminate()?;
    Ok(took)
}
