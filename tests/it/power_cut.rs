//! The whole server on a disk that forgets what was not synced, through many power cuts.
//!
//! A kill keeps the page cache, so it cannot show what a power cut takes. Here the disk is simulated and everything above it is
//! real: listeners, sockets, handlers, partitions, the metadata quorum.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use highwater_broker::{Config, Properties, Seams, Server};
use highwater_records::batches;
use highwater_storage::SimDisk;
use highwater_tests::RawClient;
use highwater_tests::honest::{create_topic, fetch, produce};
use tokio::runtime::Runtime;

const PRODUCERS: usize = 4;
const PARTITIONS: i32 = 3; // `Checked` has as many entries
const TOPIC: &str = "cut";
/// Records that one life of the server takes without being asked to keep them.
const UNSYNCED_MAX: i32 = 1_000;
/// A producer that gets no answer for this long says that the broker hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Per partition, the offset up to which everything acknowledged was found.
type Checked = [i64; 3];

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
}

#[test]
fn power_cuts_take_nothing_that_was_acknowledged() {
    let losses = campaign("fsync", 100).unwrap();
    println!("fsync: {losses:?}");
    assert_eq!(losses.acked, 0, "{losses:?}");
    assert!(losses.acked_of > 1_000, "too few records to say anything: {losses:?}");
    assert!(losses.cuts_that_bit > 20, "the cuts took too little to say anything: {losses:?}");
}

/// The same run must lose records where durability does not promise them, or it could not show a loss at all.
#[test]
fn power_cuts_take_acknowledged_records_in_os_mode() {
    let losses = campaign("os", 10).unwrap();
    println!("os: {losses:?}");
    assert!(losses.acked > 0, "{losses:?}");
}

fn campaign(durability: &str, cuts: u64) -> Result<Losses> {
    let disk = SimDisk::new();
    let mut losses = Losses::default();
    let mut acked = Acked::new();
    let mut checked = Checked::default();
    for cut in 0..cuts {
        let machine = Machine::start(&disk, durability, cut)?;
        // What survived one cut may still fall to the next recovery: now and then everything is read again.
        let everything = durability == "os" || cut % 20 == 0;
        losses.acked += check(machine.address()?, &mut acked, &mut checked, everything)?;
        if cut == 0 {
            create_topic(&mut RawClient::connect(machine.address()?)?, TOPIC, PARTITIONS, &[])?;
        }
        let new = produce_until(machine.address()?, cut, || disk.power_cut(cut).lost_bytes)?;
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
    let machine = Machine::start(&disk, durability, cuts)?;
    losses.acked += check(machine.address()?, &mut acked, &mut checked, true)?;
    machine.abort();
    Ok(losses)
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
        // Recovery points move often, so that recovery meets many of them.
        properties.set("highwater.recovery.window.bytes", "1048576");
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

/// Produces until the connection ends, without asking for anything to be kept.
fn unsynced_producer(address: SocketAddr) -> Result<()> {
    let mut client = RawClient::connect(address)?;
    let value = [b'u'; 1_000];
    for number in 0..UNSYNCED_MAX {
        produce(&mut client, TOPIC, number % PARTITIONS, 1, &[&value])?;
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
