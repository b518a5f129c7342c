//! Frames no honest client sends, and the count of those that reached the parser.
//!
//! A frame has reached the parser when the broker had accepted its connection (an honest request on it was answered), took all of the
//! frame, and then answered or ended the connection. A connection that is refused, reset at accept included, counts as refused,
//! whatever it meant to send.

mod batches;
mod seeds;

use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use highwater_protocol::messages::api_versions::ApiVersionsRequest;
use highwater_protocol::messages::metadata::{self, MetadataRequest};
use highwater_protocol::messages::produce::{ProduceRequest, ProduceResponse};
use highwater_protocol::{Message, Reader, Request};
use highwater_records::{ErrorCode, Uuid};

use self::batches::Batches;
use self::seeds::Seed;
use crate::honest::create_topic;
use crate::{RawClient, frame, request_frame};

/// Lengths and counts that a decoder must refuse before it believes them.
const ABSURD: [u32; 6] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, u32::MAX];
/// Of the topic that is attacked.
const PARTITIONS: i32 = 4;
/// A request that may wait for longer than this waits without us.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of hostile frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Taken whole on an accepted connection, then answered or followed by the end of the connection.
    pub reached: u64,
    /// Answered among those.
    pub answered: u64,
    /// Not taken: the connection was refused or reset first.
    pub refused: u64,
    /// Record batches that were refused for what is in them.
    pub batches_refused: u64,
    /// Record batches that were stored.
    pub batches_stored: u64,
}

impl Tally {
    /// Counts what another run has counted.
    pub fn add(&mut self, other: &Self) {
        self.reached += other.reached;
        self.answered += other.answered;
        self.refused += other.refused;
        self.batches_refused += other.batches_refused;
        self.batches_stored += other.batches_stored;
    }
}

/// A topic that exists, so that what is wrong with a frame is not its name.
#[derive(Clone, Debug)]
pub struct Target {
    topic: String,
    id: Uuid,
}

impl Target {
    /// Creates `topic` if it does not exist, and asks for its id.
    pub fn prepare(client: &mut RawClient, topic: &str) -> Result<Self> {
        let named = metadata::RequestTopic { name: Some(topic.into()), topic_id: Uuid::ZERO };
        let request = MetadataRequest {
            topics: Some(vec![named]),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        let mut found = client.call(12, &request)?;
        if found.topics.first().is_some_and(|topic| topic.error_code != ErrorCode::None) {
            create_topic(client, topic, PARTITIONS, &[])?;
            found = client.call(12, &request)?;
        }
        let answer = found.topics.first().context("no topic in the answer")?;
        anyhow::ensure!(answer.error_code == ErrorCode::None, "metadata: {answer:?}");
        Ok(Self { topic: topic.to_owned(), id: answer.topic_id })
    }
}

/// One frame, size prefix included.
#[derive(Clone, Debug)]
pub struct HostileFrame {
    bytes: Vec<u8>,
    /// It is a produce that says what it says in this version, and only its batches are wrong.
    produce_version: Option<i16>,
}

impl From<Vec<u8>> for HostileFrame {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, produce_version: None }
    }
}

/// A stream of hostile frames from one seed.
#[derive(Debug)]
pub struct Frames {
    target: Target,
    seeds: Vec<Seed>,
    batches: Batches,
    random: Random,
    /// Walks every seed cut at every byte before it starts again.
    cut: (usize, usize),
}

impl Frames {
    /// Frames made from honest requests of every served API and version, about `target`.
    pub fn new(seed: u64, target: &Target) -> Result<Self> {
        let mut random = Random(seed | 1);
        let seeds = seeds::all(target)?;
        let cut = (random.below(seeds.len()), 4);
        Ok(Self { target: target.clone(), seeds, batches: Batches::new(), random, cut })
    }

    /// The next frame; equal seeds give equal frames.
    pub fn next_frame(&mut self) -> HostileFrame {
        match self.random.below(10) {
            0 => self.random_bytes().into(),
            1 => self.random_body().into(),
            2 | 3 => self.next_cut().into(),
            4 => self.absurd_number().into(),
            5 => self.flipped_bytes().into(),
            _ => self.hostile_batches(),
        }
    }

    /// Every honest request cut at every byte: each frame of the whole walk once.
    pub fn cuts(&self) -> Vec<HostileFrame> {
        let cuts = self.seeds.iter().flat_map(|Seed { bytes, .. }| {
            (4..bytes.len()).map(|at| frame(&[bytes.get(4..at).unwrap_or_default()]).into())
        });
        cuts.collect()
    }

    fn random_bytes(&mut self) -> Vec<u8> {
        let length = self.random.below(300);
        frame(&[&self.random.bytes(length)])
    }

    /// A good header, then noise.
    fn random_body(&mut self) -> Vec<u8> {
        let seed = self.pick();
        let header = seed.get(4..seed.len().min(20)).unwrap_or_default().to_vec();
        let length = self.random.below(200);
        frame(&[&header, &self.random.bytes(length)])
    }

    /// An honest request cut short, in a frame that says so.
    fn next_cut(&mut self) -> Vec<u8> {
        let (which, at) = self.cut;
        let seed = &self.seeds[which % self.seeds.len()].bytes;
        let cut = frame(&[seed.get(4..at).unwrap_or_default()]);
        self.cut = if at + 1 < seed.len() { (which, at + 1) } else { (which + 1, 4) };
        cut
    }

    /// An honest request with an absurd number somewhere behind the header.
    fn absurd_number(&mut self) -> Vec<u8> {
        let mut bytes = self.pick();
        let absurd = ABSURD[self.random.below(ABSURD.len())].to_be_bytes();
        let at = 12 + self.random.below(bytes.len().saturating_sub(12).max(1));
        for (byte, new) in bytes.iter_mut().skip(at).zip(absurd) {
            *byte = new;
        }
        bytes
    }

    fn flipped_bytes(&mut self) -> Vec<u8> {
        let mut bytes = self.pick();
        for _ in 0..=self.random.below(4) {
            let at = 4 + self.random.below(bytes.len() - 4);
            bytes[at] = self.random.byte();
        }
        bytes
    }

    /// A produce whose request is right and whose batches are not.
    fn hostile_batches(&mut self) -> HostileFrame {
        let records: Vec<Vec<u8>> =
            (0..=self.random.below(2)).map(|_| self.batches.next(&mut self.random)).collect();
        let acks = [1, 1, 1, -1][self.random.below(4)];
        let versions: Vec<i16> = ProduceRequest::KEY.versions().collect();
        let version = versions[self.random.below(versions.len())];
        let request = seeds::produce(&self.target, acks, &records);
        let bytes = request_frame(version, 1, &request).expect("every version can say it");
        HostileFrame { bytes, produce_version: Some(version) }
    }

    /// A request to be spoilt.
    fn pick(&mut self) -> Vec<u8> {
        loop {
            let which = self.random.below(self.seeds.len());
            let Seed { bytes, creates_what_it_names } = &self.seeds[which];
            if !creates_what_it_names {
                return bytes.clone();
            }
        }
    }
}

/// Sends `count` frames from `source`; what cannot be sent is counted as refused.
///
/// A connection is used until the broker ends it. The size prefix of some frames is a lie as well; those end the connection.
pub fn attack(address: SocketAddr, source: Ipv4Addr, frames: &mut Frames, count: u64) -> Tally {
    let frames = (0..count).map(|turn| match turn % 64 {
        63 => lying_prefix(turn).into(),
        _ => frames.next_frame(),
    });
    attack_with(address, source, frames)
}

/// As [`attack`], with these frames.
pub fn attack_with(
    address: SocketAddr,
    source: Ipv4Addr,
    frames: impl IntoIterator<Item = HostileFrame>,
) -> Tally {
    let mut tally = Tally::default();
    let mut open: Option<RawClient> = None;
    for frame in frames {
        let Some(mut client) = open.take().or_else(|| connect(address, source).ok()) else {
            tally.refused += 1;
            continue;
        };
        let outcome = exchange(&mut client, &frame.bytes);
        match &outcome {
            Outcome::Refused => tally.refused += 1,
            Outcome::Ended => tally.reached += 1,
            Outcome::Silent => {
                tally.reached += 1;
                open = Some(client);
            }
            Outcome::Answered(answer) => {
                tally.reached += 1;
                tally.answered += 1;
                if let Some(version) = frame.produce_version {
                    judge(&mut tally, version, answer);
                }
                open = Some(client);
            }
        }
    }
    tally
}

/// A connection that the broker has let in, and says so: one that it resets at accept looks the same until something is read.
fn connect(address: SocketAddr, source: Ipv4Addr) -> Result<RawClient> {
    let mut client = RawClient::connect_from(source, address)?;
    client.stream().set_read_timeout(Some(PATIENCE))?;
    client.call(0, &ApiVersionsRequest::default())?;
    Ok(client)
}

enum Outcome {
    Answered(Bytes),
    /// Nothing came back, and nothing had to (acks=0).
    Silent,
    /// The connection ended, or what was asked for waits on.
    Ended,
    Refused,
}

fn exchange(client: &mut RawClient, bytes: &[u8]) -> Outcome {
    let mut stream = client.stream();
    if stream.write_all(bytes).is_err() {
        return Outcome::Refused;
    }
    // An honest request behind it is answered once the hostile one was worked through, unless the connection ended.
    let probe = request_frame(0, PROBE, &ApiVersionsRequest::default()).unwrap_or_default();
    let lies = bytes.len() != prefix(bytes) + 4;
    if lies {
        drop(stream.shutdown(Shutdown::Write));
    } else if stream.write_all(&probe).is_err() {
        return Outcome::Ended;
    }
    let mut answered = None;
    loop {
        match client.receive() {
            Ok(answer) if answer.starts_with(&PROBE.to_be_bytes()) => {
                return answered.map_or(Outcome::Silent, Outcome::Answered);
            }
            Ok(answer) => answered = Some(answer),
            Err(_) => return Outcome::Ended,
        }
    }
}

/// Counts the batches of a produce by what was said of them.
fn judge(tally: &mut Tally, version: i16, answer: &Bytes) {
    let mut reader = Reader::new(answer.clone());
    let response = reader.i32().and_then(|_correlation_id| {
        if ProduceRequest::KEY.response_header_version(version) > 0 {
            reader.skip_tags()?;
        }
        ProduceResponse::decode(&mut reader, version)
    });
    let Ok(response) = response else { return };
    let partitions = response.responses.iter().flat_map(|topic| &topic.partition_responses);
    for partition in partitions {
        match partition.error_code {
            ErrorCode::None => tally.batches_stored += 1,
            // Nothing but a look into the batch leads to one of these.
            ErrorCode::CorruptMessage
            | ErrorCode::InvalidRecord
            | ErrorCode::InvalidTimestamp
            | ErrorCode::UnsupportedCompressionType
            | ErrorCode::UnsupportedForMessageFormat
            | ErrorCode::OutOfOrderSequenceNumber
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::MessageTooLarge => tally.batches_refused += 1,
            _ => {}
        }
    }
}

/// Correlation id of the honest request that follows each hostile one.
const PROBE: i32 = 0x5052_4f42;

fn prefix(bytes: &[u8]) -> usize {
    let size = bytes.first_chunk().map_or(0, |prefix| u32::from_be_bytes(*prefix));
    usize::try_from(size).unwrap_or(usize::MAX - 4)
}

fn lying_prefix(turn: u64) -> Vec<u8> {
    let which = usize::try_from(turn / 64).unwrap_or(0) % ABSURD.len();
    let mut bytes = ABSURD[which].to_be_bytes().to_vec();
    bytes.extend_from_slice(b"\0\x03\0\x09abcdefgh");
    bytes
}

/// xorshift64: enough for noise, and the same on every machine.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap_or(0) % bound.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[2]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }
}
