//! Power cuts of a real file system under a real broker under load.
//!
//! Several idempotent producers with `acks=all` and some that do not wait for a sync write to many
//! partitions. The file system is shut down without flushing its journal (before or after the
//! broker is killed), unmounted, mounted again, and a new broker must have every record that was
//! acknowledged, once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use highwater_protocol::messages::init_producer_id::InitProducerIdRequest;
use highwater_protocol::messages::produce::ProduceRequest;
use highwater_records::{
    BatchBuilder, Codec, ErrorCode, ProducerEpoch, ProducerId, Sequence, Timestamp, batches,
};

use crate::honest::{create_topic, fetch, produce, produce_request};
use crate::loop_fs::{Kind, LoopFs};
use crate::{Highwater, RawClient};

/// One rolls in every life, one never.
const TOPICS: [(&str, &[(&str, &str)]); 2] = [
    ("small-segments", &[("internal.segment.bytes", "20480"), FOR_EVER]),
    ("one-segment", &[FOR_EVER]),
];
/// The timestamps are long ago.
const FOR_EVER: (&str, &str) = ("retention.ms", "-1");
const PARTITIONS: i32 = 6;
/// The least that `mkfs.xfs` takes is 300.
const IMAGE_MIB: u64 = 512;
const PRODUCERS: usize = 4;
const UNSYNCED_PRODUCERS: usize = 2;
/// Requests of one producer that are under way at once.
const IN_FLIGHT_MAX: usize = 4;
/// On a slow disk the cut comes after this long, with whatever is acknowledged by then.
const PATIENCE: Duration = Duration::from_secs(15);

/// What comes first at a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// The machine loses its power at once.
    Kill,
    /// Every sync fails while the broker can still answer.
    Cut,
}

/// What an answer to `acks=all` promised: this value at this place.
type Acked = BTreeMap<(&'static str, i32, i64), String>;

/// What a campaign found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Losses {
    pub cuts: usize,
    /// Records that were acknowledged, and how many of them were gone or changed.
    pub acked: usize,
    pub acked_lost: usize,
    /// Bytes that files had before the cuts and not after, and cuts that took any.
    pub unsynced_bytes: u64,
    pub cuts_that_bit: usize,
}

/// Cuts the power of one file system so many times, in both orders in turn.
///
/// `Err(reason)` inside: the machine does not permit it. `say` is told of each cut.
pub fn campaign(
    kind: Kind,
    durability: &str,
    cuts: usize,
    say: &dyn Fn(String),
) -> Result<std::result::Result<Losses, String>> {
    let mut file_system = match LoopFs::mount(kind, IMAGE_MIB) {
        Ok(file_system) => file_system,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut losses = Losses::default();
    let mut acked = Acked::new();
    let overrides = format!("highwater.durability={durability}");
    let data_dir = file_system.path().join("data");
    for cut in 0..=cuts {
        let mut broker = Highwater::serve(&data_dir, &[&overrides])?;
        let lost = check(broker.address(), &mut acked)?;
        losses.acked_lost += lost;
        if cut > 0 {
            say(format!("    {lost} acknowledged records gone"));
        }
        if cut == cuts {
            break;
        }
        if cut == 0 {
            let mut client = RawClient::connect(broker.address())?;
            for (topic, configs) in TOPICS {
                create_topic(&mut client, topic, PARTITIONS, configs)?;
            }
        }
        let first = if cut % 2 == 0 { First::Kill } else { First::Cut };
        let mut before = BTreeMap::new();
        let new = load_until(broker.address(), cut, || {
            if first == First::Kill {
                broker.process().kill()?;
            }
            before = sizes(&file_system.path())?;
            file_system.cut_power()
        })?;
        // With the cut first it may have ended by itself: its only log directory is gone.
        drop(broker);
        file_system.unmount()?;
        file_system.mount_again()?;
        let after = sizes(&file_system.path())?;
        let gone = before
            .iter()
            .map(|(path, bytes)| bytes.saturating_sub(after.get(path).copied().unwrap_or(0)));
        let gone: u64 = gone.sum();
        say(format!(
            "{kind}, {durability}, cut {cut} ({first:?} first): {} records acknowledged, {gone} \
             unsynced bytes taken",
            new.len()
        ));
        losses.cuts += 1;
        losses.acked += new.len();
        losses.unsynced_bytes += gone;
        losses.cuts_that_bit += usize::from(gone > 0);
        acked.extend(new);
    }
    Ok(Ok(losses))
}

/// Sizes of all files below a directory.
fn sizes(directory: &Path) -> Result<BTreeMap<PathBuf, u64>> {
    let mut sizes = BTreeMap::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            // What the broker renames or removes meanwhile is not there to be lost.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                open.push(entry.path());
            } else {
                sizes.insert(entry.path(), metadata.len());
            }
        }
    }
    Ok(sizes)
}

/// Loads the broker, cuts the power after a while, and returns what was acknowledged.
fn load_until(address: SocketAddr, life: usize, cut: impl FnOnce() -> Result<()>) -> Result<Acked> {
    let enough = 300 + life * 137 % 700;
    let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut acked = Acked::new();
    thread::scope(|scope| -> Result<()> {
        let mut producers = Vec::new();
        for number in 0..PRODUCERS {
            let (over, count) = (&over, &count);
            producers.push(scope.spawn(move || {
                let mut acked = Acked::new();
                // The connection ends with the broker; what was answered before counts.
                let ended = Producer::connect(address, life, number)
                    .and_then(|mut producer| producer.run(over, count, &mut acked));
                (acked, ended)
            }));
        }
        for _ in 0..UNSYNCED_PRODUCERS {
            let over = &over;
            scope.spawn(move || drop(unsynced_producer(address, over)));
        }
        let begun = Instant::now();
        while count.load(Ordering::Relaxed) < enough && begun.elapsed() < PATIENCE {
            thread::park_timeout(Duration::from_micros(500));
        }
        let was_cut = cut();
        over.store(true, Ordering::SeqCst);
        for producer in producers {
            let (new, _) = producer.join().expect("a producer does not panic");
            acked.extend(new);
        }
        ensure!(!acked.is_empty(), "no answer in {PATIENCE:?}: the broker hangs");
        was_cut
    })?;
    Ok(acked)
}

/// An idempotent producer with several requests under way.
struct Producer {
    client: RawClient,
    id: (ProducerId, ProducerEpoch),
    name: String,
    sequences: BTreeMap<(&'static str, i32), i32>,
}

/// A request that is not answered yet: where it goes and what it holds.
type UnderWay = (i32, &'static str, i32, Vec<String>);

impl Producer {
    fn connect(address: SocketAddr, life: usize, number: usize) -> Result<Self> {
        let mut client = RawClient::connect(address)?;
        let given = client.call(4, &InitProducerIdRequest::default())?;
        ensure!(given.error_code == ErrorCode::None, "no producer id: {:?}", given.error_code);
        let id = (ProducerId::new(given.producer_id), ProducerEpoch::new(given.producer_epoch));
        let name = format!("life {life} producer {number}");
        Ok(Self { client, id, name, sequences: BTreeMap::new() })
    }

    fn run(&mut self, over: &AtomicBool, count: &AtomicUsize, acked: &mut Acked) -> Result<()> {
        let mut under_way = std::collections::VecDeque::<UnderWay>::new();
        for number in 0_usize.. {
            if over.load(Ordering::SeqCst) {
                break;
            }
            under_way.push_back(self.send(number)?);
            if under_way.len() < IN_FLIGHT_MAX {
                continue;
            }
            let (correlation_id, topic, partition, values) =
                under_way.pop_front().context("one is under way")?;
            let response = self.client.finish::<ProduceRequest>(9, correlation_id)?;
            let answer = &response.responses[0].partition_responses[0];
            ensure!(answer.error_code == ErrorCode::None, "refused: {:?}", answer.error_code);
            count.fetch_add(values.len(), Ordering::Relaxed);
            for (offset, value) in (answer.base_offset..).zip(values) {
                acked.insert((topic, partition, offset), value);
            }
        }
        Ok(())
    }

    fn send(&mut self, number: usize) -> Result<UnderWay> {
        let (topic, _) = TOPICS[number % TOPICS.len()];
        let partition = i32::try_from(number / TOPICS.len())? % PARTITIONS;
        let sequence = self.sequences.entry((topic, partition)).or_default();
        let mut batch = BatchBuilder::new(Codec::None);
        batch.producer(self.id.0, self.id.1, Sequence::new(*sequence));
        let mut values = Vec::new();
        for record in 0..=number % 3 {
            let padding = 50 + number * 97 % 900;
            let value = format!("{} number {number}.{record} {:>padding$}", self.name, "x");
            batch.append(Timestamp::new(1_700_000_000_000), None, Some(value.as_bytes()), &[]);
            values.push(value);
        }
        *sequence += i32::try_from(values.len())?;
        let mut request = produce_request(topic, partition, -1, &[]);
        request.topic_data[0].partition_data[0].records =
            Some(batch.build().bytes().clone().into());
        Ok((self.client.start(9, &request)?, topic, partition, values))
    }
}

/// Produces without waiting for a sync, so that a cut always finds something to take.
fn unsynced_producer(address: SocketAddr, over: &AtomicBool) -> Result<()> {
    let mut client = RawClient::connect(address)?;
    let value = [b'u'; 3000];
    for number in 0_i32.. {
        if over.load(Ordering::SeqCst) {
            break;
        }
        produce(&mut client, TOPICS[0].0, number % PARTITIONS, 1, &[&value])?;
    }
    Ok(())
}

/// Reads everything, counts what was acknowledged and is not there, and forgets that.
fn check(address: SocketAddr, acked: &mut Acked) -> Result<usize> {
    if acked.is_empty() {
        return Ok(0);
    }
    let mut client = RawClient::connect(address)?;
    let mut found = Acked::new();
    for (topic, _) in TOPICS {
        for partition in 0..PARTITIONS {
            read_partition(&mut client, topic, partition, &mut found)?;
        }
    }
    let mut copies = BTreeMap::<&String, usize>::new();
    for value in found.values().filter(|value| value.starts_with("life")) {
        *copies.entry(value).or_default() += 1;
    }
    ensure!(copies.values().all(|count| *count == 1), "a record is there twice");
    let before = acked.len();
    acked.retain(|place, value| found.get(place) == Some(value));
    Ok(before - acked.len())
}

fn read_partition(
    client: &mut RawClient,
    topic: &'static str,
    partition: i32,
    found: &mut Acked,
) -> Result<()> {
    // One more record marks the end, so that the last fetch need not wait for its deadline.
    let end = produce(client, topic, partition, -1, &[b"end"])?;
    let mut next = 0;
    while next <= end {
        let bytes = fetch(client, topic, partition, next)?;
        ensure!(!bytes.is_empty(), "nothing at {next} of {topic}-{partition}, which ends at {end}");
        for batch in batches(&bytes) {
            for record in batch?.records()? {
                let record = record?;
                let value = record.value.context("a value")?;
                next = record.offset.value() + 1;
                let value = String::from_utf8(value.to_vec())?;
                found.insert((topic, partition, record.offset.value()), value);
            }
        }
    }
    Ok(())
}
