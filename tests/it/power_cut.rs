//! The whole server on a disk that forgets what was not synced, through many power cuts.
//!
//! A kill keeps the page cache, so it cannot show what a power cut takes. Here the disk is simulated and everything above it is
//! real: listeners, sockets, handlers, partitions, the metadata quorum.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use highwater_broker::{Config, Properties, Seams, Server};
use highwater_protocol::messages::produce::ProduceRequest;
use highwater_records::batches;
use highwater_storage::{Disk, SimDisk, read_file};
use highwater_tests::RawClient;
use highwater_tests::honest::{create_topic, fetch, produce, produce_request};
use tokio::runtime::Runtime;

const PRODUCERS: usize = 4;
const PARTITIONS: i32 = 3; // `Checked` has as many entries
const TOPIC: &str = "cut";
/// Small, so that every life rolls segments and cuts find some that are not synced yet.
const SEGMENT_BYTES: &str = "20480";
/// The least that is allowed: recovery points move in most lives.
const RECOVERY_WINDOW_BYTES: &str = "1048576";
/// Of each record that need not be kept; a life with enough of them fills the window.
const UNSYNCED_VALUE_BYTES: usize = 8_000;
/// Records that one life of the server takes without being asked to keep them.
const UNSYNCED_MAX: i32 = 600;
/// Of those, sent before the first is answered.
const UNSYNCED_AT_ONCE: i32 = 8;
/// A producer that gets no answer for this long says that the broker hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Per partition, the offset up to which everything acknowledged was found.
type Checked = [i64; 3];

/// Newest segments of a partition that are looked at after a cut.
const SEGMENTS_UNSYNCED_MAX: usize = 8;

/// What an `acks=all` answer promised: this value at this place.
type Acked = BTreeMap<(i32, i64), String>;

#[derive(Debug, Default)]
struct Losses {
    /// Acknowledged records that were gone after a cut.
    acked: usize,
    /// Acknowledged records in all.
    acked_of: usize,
    /// Unsynced bytes that the cuts took.
    unsynced_bytes: u64,
    /// Cuts that took any.
    cuts_that_bit: usize,
    /// Segments that were begun, in all lives and partitions.
    rolls: usize,
    /// Lives in which a segment was begun.
    lives_with_rolls: usize,
    /// Lives in which a recovery point moved.
    lives_with_recovery_points: usize,
    /// Cuts that took something of more than one segment of a partition.
    cuts_across_segments: usize,
}

#[test]
fn power_cuts_take_nothing_that_was_acknowledged() {
    let mut losses = Losses::default();
    for disk in 0..5 {
        // A disk of its own for each: the cost of a cut grows with the files that are there.
        campaign("fsync", disk * 20..disk * 20 + 20, &mut losses).unwrap();
    }
    println!("fsync: {losses:?}");
    assert_eq!(losses.acked, 0, "{losses:?}");
    assert!(losses.acked_of > 1_000, "too few records to say anything: {losses:?}");
    assert!(losses.cuts_that_bit > 20, "the cuts took too little to say anything: {losses:?}");
    assert!(losses.lives_with_rolls > 80, "too few lives began a segment: {losses:?}");
    assert!(losses.lives_with_recovery_points > 20, "recovery points stood still: {losses:?}");
    assert!(losses.cuts_across_segments > 2, "too few cuts met more than one segment: {losses:?}");
}

/// The same run must lose records where durability does not promise them, or it could not show a loss at all.
#[test]
fn power_cuts_take_acknowledged_records_in_os_mode() {
    let mut losses = Losses::default();
    campaign("os", 0..10, &mut losses).unwrap();
    println!("os: {losses:?}");
    assert!(losses.acked > 0, "{losses:?}");
}

/// Cuts the power of one disk so many times, with the seeds of these numbers.
fn campaign(durability: &str, cuts: Range<u64>, losses: &mut Losses) -> Result<()> {
    let (first, end) = (cuts.start, cuts.end);
    let disk = SimDisk::new();
    let mut acked = Acked::new();
    let mut checked = Checked::default();
    for cut in cuts {
        let machine = Machine::start(&disk, durability, cut)?;
        // What survived one cut may still fall to the next recovery: now and then everything is read again.
        let everything = durability == "os" || cut % 5 == 0;
        losses.acked += check(machine.address()?, &mut acked, &mut checked, everything)?;
        if cut == first {
            let configs = [("internal.segment.bytes", SEGMENT_BYTES)];
            create_topic(
                &mut RawClient::connect(machine.address()?)?,
                TOPIC,
                PARTITIONS,
                &configs,
            )?;
        }
        let (begun, recovery_points) = (segment_count(&disk)?, recovery_points(&disk)?);
        let mut before = SimDisk::new();
        let new = produce_until(machine.address()?, cut, || {
            before = disk.copy();
            disk.power_cut(cut).lost_bytes
        })?;
        let rolls = segment_count(&before)? - begun;
        losses.rolls += rolls;
        losses.lives_with_rolls += usize::from(rolls > 0);
        losses.lives_with_recovery_points +=
            usize::from(self::recovery_points(&before)? != recovery_points);
        losses.cuts_across_segments += usize::from(segments_hurt(&before, &disk)? > 1);
        losses.unsynced_bytes += new.lost_bytes;
        losses.cuts_that_bit += usize::from(new.lost_bytes > 0);
        losses.acked_of += new.acked.len();
        println!(
            "cut {cut}: {} acknowledged, took {} unsynced bytes",
            new.acked.len(),
            new.lost_bytes
        );
        acked.extend(new.acked);
        machine.abort();
    }
    let machine = Machine::start(&disk, durability, end)?;
    losses.acked += check(machine.address()?, &mut acked, &mut checked, true)?;
    machine.abort();
    Ok(())
}

/// The log files of a partition, oldest first.
fn segments(disk: &SimDisk, partition: i32) -> Result<Vec<PathBuf>> {
    let dir = PathBuf::from(format!("/data/{TOPIC}-{partition}"));
    if !disk.exists(&dir)? {
        return Ok(Vec::new());
    }
    let names = disk.read_dir(&dir)?.into_iter().map(|entry| dir.join(entry.name));
    let mut logs: Vec<PathBuf> =
        names.filter(|path| path.extension().is_some_and(|extension| extension == "log")).collect();
    logs.sort();
    Ok(logs)
}

fn segment_count(disk: &SimDisk) -> Result<usize> {
    (0..PARTITIONS).map(|partition| Ok(segments(disk, partition)?.len())).sum()
}

/// The file that says from where on a start has to read.
fn recovery_points(disk: &SimDisk) -> Result<Option<Vec<u8>>> {
    Ok(read_file(disk, Path::new("/data/recovery-point-offset-checkpoint"), 1 << 20)?)
}

/// Most segments of one partition of which a cut took something.
fn segments_hurt(before: &SimDisk, after: &SimDisk) -> Result<usize> {
    let mut most = 0;
    for partition in 0..PARTITIONS {
        let mut hurt = 0;
        for path in segments(before, partition)?.iter().rev().take(SEGMENTS_UNSYNCED_MAX) {
            hurt += usize::from(is_hurt(before, after, path)?);
        }
        most = most.max(hurt);
    }
    Ok(most)
}

/// Whether bytes that were there before are gone or others now. What was written in between is no loss.
fn is_hurt(before: &SimDisk, after: &SimDisk, path: &Path) -> Result<bool> {
    let old = read_file(before, path, u64::MAX)?.unwrap_or_default();
    let new = read_file(after, path, u64::MAX)?.unwrap_or_default();
    Ok(!new.starts_with(&old))
}

/// One life of the server.
struct Machine {
    runtime: Runtime,
    server: Server,
}

impl Machine {
    fn start(disk: &SimDisk, durability: &str, seed: u64) -> Result<Self> {
        let mut properties = Properties::default();
        properties.set("log.dirs", "/data");
        properties.set("listeners", "PLAINTEXT://127.0.0.1:0");
        properties.set("highwater.durability", durability);
        properties.set("highwater.recovery.window.bytes", RECOVERY_WINDOW_BYTES);
        let seams = Seams { disk: Arc::new(disk.clone()), random_seed: seed, ..Seams::real()? };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let server =
            runtime.block_on(Server::start(Config::from_properties(properties)?, seams))?;
        Ok(Self { runtime, server })
    }

    fn address(&self) -> Result<SocketAddr> {
        self.server.local_addrs().first().copied().context("no listener")
    }

    fn abort(self) {
        self.runtime.block_on(self.server.abort());
    }
}

struct Produced {
    acked: Acked,
    lost_bytes: u64,
}

/// Produces from several connections, cuts the power after a while, and returns what was acknowledged before.
fn produce_until(address: SocketAddr, seed: u64, cut: impl FnOnce() -> u64) -> Result<Produced> {
    let enough = 20 + usize::try_from(seed * 37 % 180)?;
    let over = AtomicBool::new(false);
    let count = AtomicUsize::new(0);
    let mut lost_bytes = 0;
    let mut acked = Acked::new();
    thread::scope(|scope| -> Result<()> {
        let mut producers = Vec::new();
        for producer in 0..PRODUCERS {
            let (over, count) = (&over, &count);
            producers.push(scope.spawn(move || one_producer(address, seed, producer, over, count)));
        }
        // Answered before the sync: there is always something unsynced for the cut to take.
        scope.spawn(move || drop(unsynced_producer(address)));
        let begun = Instant::now();
        while count.load(Ordering::Relaxed) < enough && begun.elapsed() < PATIENCE {
            thread::park_timeout(Duration::from_micros(200));
        }
        // An answer that comes while the power goes may be true or not; only those seen before count.
        over.store(true, Ordering::SeqCst);
        lost_bytes = cut();
        for producer in producers {
            acked.extend(producer.join().expect("a producer does not panic"));
        }
        anyhow::ensure!(
            begun.elapsed() < PATIENCE,
            "{} answers in {PATIENCE:?}",
            count.load(Ordering::Relaxed)
        );
        Ok(())
    })?;
    Ok(Produced { acked, lost_bytes })
}

fn one_producer(
    address: SocketAddr,
    seed: u64,
    producer: usize,
    over: &AtomicBool,
    count: &AtomicUsize,
) -> Acked {
    let mut acked = Acked::new();
    let Ok(mut client) = RawClient::connect(address) else { return acked };
    for number in 0_i32.. {
        let partition = number % PARTITIONS;
        let value = format!("cut {seed} producer {producer} number {number} {:>200}", "x");
        let Ok(offset) = produce(&mut client, TOPIC, partition, -1, &[value.as_bytes()]) else {
            break;
        };
        if over.load(Ordering::SeqCst) {
            break;
        }
        acked.insert((partition, offset), value);
        count.fetch_add(1, Ordering::Relaxed);
    }
    acked
}

/// Produces until the connection ends, without asking for anything to be kept: several at a time, more than a segment takes.
fn unsynced_producer(address: SocketAddr) -> Result<()> {
    let mut client = RawClient::connect(address)?;
    let value = [b'u'; UNSYNCED_VALUE_BYTES];
    for number in 0..UNSYNCED_MAX / UNSYNCED_AT_ONCE {
        let request = produce_request(TOPIC, number % PARTITIONS, 1, &[&value]);
        let sent: Result<Vec<i32>> =
            (0..UNSYNCED_AT_ONCE).map(|_| client.start(9, &request)).collect();
        for correlation_id in sent? {
            client.finish::<ProduceRequest>(9, correlation_id)?;
        }
    }
    Ok(())
}

/// Reads what is new, or everything, counts what was acknowledged and is not there, and forgets it.
fn check(
    address: SocketAddr,
    acked: &mut Acked,
    checked: &mut Checked,
    everything: bool,
) -> Result<usize> {
    if acked.is_empty() {
        return Ok(0);
    }
    if everything {
        *checked = Checked::default();
    }
    let mut found = Acked::new();
    let mut client = RawClient::connect(address)?;
    let from = *checked;
    for (partition, next) in (0..).zip(checked.iter_mut()) {
        read_partition(&mut client, partition, next, &mut found)?;
    }
    let is_old = |place: &(i32, i64)| {
        (0..).zip(from).any(|(partition, from)| place.0 == partition && place.1 < from)
    };
    let before = acked.len();
    acked.retain(|place, value| is_old(place) || found.get(place) == Some(value));
    Ok(before - acked.len())
}

fn read_partition(
    client: &mut RawClient,
    partition: i32,
    next: &mut i64,
    found: &mut Acked,
) -> Result<()> {
    // One more record marks the end, so that the last fetch need not wait for its deadline.
    let end = produce(client, TOPIC, partition, -1, &[b"end"])?;
    while *next <= end {
        let bytes = fetch(client, TOPIC, partition, *next)?;
        anyhow::ensure!(!bytes.is_empty(), "nothing at {next} of {partition}, which ends at {end}");
        for batch in batches(&bytes) {
            let batch = batch?;
            for record in batch.records()? {
                let record = record?;
                let value = record.value.context("a value")?;
                let offset = record.offset.value();
                found.insert((partition, offset), String::from_utf8(value.to_vec())?);
                *next = offset + 1;
            }
        }
    }
    Ok(())
}
