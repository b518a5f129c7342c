//! Frames no honest client sends, and the count of those that reached the parser.
//!
//! A frame has reached the parser when all of it was taken and the broker then said something: an answer, or the end of the
//! connection. A connection that was refused before it could send counts as refused, whatever it meant to send.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};

use anyhow::Result;
use highwater_protocol::Request;
use highwater_protocol::messages::{
    alter_configs::AlterConfigsRequest,
    api_versions::ApiVersionsRequest,
    create_partitions::CreatePartitionsRequest,
    create_topics::CreateTopicsRequest,
    delete_records::DeleteRecordsRequest,
    delete_topics::DeleteTopicsRequest,
    describe_cluster::DescribeClusterRequest,
    describe_configs::DescribeConfigsRequest,
    describe_log_dirs::DescribeLogDirsRequest,
    describe_topic_partitions::DescribeTopicPartitionsRequest,
    fetch::{FetchRequest, RequestTopic, RequestTopicPartition},
    find_coordinator::FindCoordinatorRequest,
    incremental_alter_configs::IncrementalAlterConfigsRequest,
    init_producer_id::InitProducerIdRequest,
    list_offsets::ListOffsetsRequest,
    metadata::MetadataRequest,
    offset_for_leader_epoch::OffsetForLeaderEpochRequest,
    produce::{ProduceRequest, RequestTopicData, RequestTopicDataPartitionData},
};

use crate::{RawClient, frame, request_frame};

/// Lengths and counts that a decoder must refuse before it believes them.
const ABSURD: [u32; 6] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, u32::MAX];

/// What became of hostile frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Taken whole, then answered or followed by the end of the connection.
    pub reached: u64,
    /// Answered among those.
    pub answered: u64,
    /// Not taken: the connection was refused or reset first.
    pub refused: u64,
}

/// A stream of hostile frames from one seed.
#[derive(Debug)]
pub struct Frames {
    seeds: Vec<Vec<u8>>,
    random: Random,
    /// Walks every seed cut at every byte before it starts again.
    cut: (usize, usize),
}

impl Frames {
    /// Frames made from honest requests of every served API and version.
    pub fn new(seed: u64) -> Result<Self> {
        Ok(Self { seeds: honest_requests()?, random: Random(seed | 1), cut: (0, 4) })
    }

    /// The next frame; equal seeds give equal frames.
    pub fn next_frame(&mut self) -> Vec<u8> {
        match self.random.below(8) {
            0 => self.random_bytes(),
            1 | 2 => self.random_body(),
            3 | 4 => self.cut_request(),
            5 | 6 => self.absurd_number(),
            _ => self.flipped_bytes(),
        }
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
    fn cut_request(&mut self) -> Vec<u8> {
        let (which, at) = self.cut;
        let seed = &self.seeds[which % self.seeds.len()];
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

    fn pick(&mut self) -> Vec<u8> {
        let which = self.random.below(self.seeds.len());
        self.seeds[which].clone()
    }
}

/// Sends frames from `source` until `count` of them were sent or refused.
///
/// A connection is used until the broker ends it. The size prefix of some frames is a lie as well; those end the connection.
pub fn attack(address: SocketAddr, source: Ipv4Addr, frames: &mut Frames, count: u64) -> Tally {
    let mut tally = Tally::default();
    let mut open: Option<RawClient> = None;
    for turn in 0..count {
        let Some(mut client) =
            open.take().or_else(|| RawClient::connect_from(source, address).ok())
        else {
            tally.refused += 1;
            continue;
        };
        let bytes = if turn % 64 == 63 { lying_prefix(turn) } else { frames.next_frame() };
        match exchange(&mut client, &bytes) {
            Outcome::Answered => {
                tally.reached += 1;
                tally.answered += 1;
                open = Some(client);
            }
            Outcome::Silent => {
                tally.reached += 1;
                open = Some(client);
            }
            Outcome::Closed => tally.reached += 1,
            Outcome::Refused => tally.refused += 1,
        }
    }
    tally
}

enum Outcome {
    Answered,
    /// Nothing came back, and nothing had to (acks=0).
    Silent,
    Closed,
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
        return Outcome::Closed;
    }
    let mut answered = false;
    loop {
        let mut head = [0; 8];
        match stream.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Outcome::Refused,
            Err(_) => return Outcome::Closed,
        }
        let size = prefix(&head);
        let mut rest = vec![0; size.saturating_sub(4)];
        if stream.read_exact(&mut rest).is_err() {
            return Outcome::Closed;
        }
        if head[4..] == PROBE.to_be_bytes() {
            return if answered { Outcome::Answered } else { Outcome::Silent };
        }
        answered = true;
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

/// One honest request of each served API and version.
fn honest_requests() -> Result<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    add::<ApiVersionsRequest>(&mut all, &ApiVersionsRequest::default())?;
    add::<MetadataRequest>(&mut all, &MetadataRequest::default())?;
    add(&mut all, &produce())?;
    add(&mut all, &fetch())?;
    add::<ListOffsetsRequest>(&mut all, &ListOffsetsRequest::default())?;
    add::<OffsetForLeaderEpochRequest>(&mut all, &OffsetForLeaderEpochRequest::default())?;
    add::<CreateTopicsRequest>(&mut all, &CreateTopicsRequest::default())?;
    add::<DeleteTopicsRequest>(&mut all, &DeleteTopicsRequest::default())?;
    add::<CreatePartitionsRequest>(&mut all, &CreatePartitionsRequest::default())?;
    add::<DescribeConfigsRequest>(&mut all, &DescribeConfigsRequest::default())?;
    add::<AlterConfigsRequest>(&mut all, &AlterConfigsRequest::default())?;
    add::<IncrementalAlterConfigsRequest>(&mut all, &IncrementalAlterConfigsRequest::default())?;
    add::<DescribeClusterRequest>(&mut all, &DescribeClusterRequest::default())?;
    add::<DescribeTopicPartitionsRequest>(&mut all, &DescribeTopicPartitionsRequest::default())?;
    add::<DescribeLogDirsRequest>(&mut all, &DescribeLogDirsRequest::default())?;
    add::<DeleteRecordsRequest>(&mut all, &DeleteRecordsRequest::default())?;
    add::<InitProducerIdRequest>(&mut all, &InitProducerIdRequest::default())?;
    add::<FindCoordinatorRequest>(&mut all, &FindCoordinatorRequest::default())?;
    Ok(all)
}

fn add<R: Request>(all: &mut Vec<Vec<u8>>, request: &R) -> Result<()> {
    for version in R::KEY.versions() {
        all.push(request_frame(version, 1, request)?);
    }
    Ok(())
}

fn produce() -> ProduceRequest {
    let partition = RequestTopicDataPartitionData {
        index: 0,
        records: Some(bytes::Bytes::from_static(GOLDEN_BATCH).into()),
    };
    let topic = RequestTopicData {
        name: "hostile".into(),
        partition_data: vec![partition],
        ..RequestTopicData::default()
    };
    ProduceRequest { acks: 1, timeout_ms: 100, topic_data: vec![topic], ..Default::default() }
}

fn fetch() -> FetchRequest {
    let partition =
        RequestTopicPartition { partition_max_bytes: 1 << 20, ..RequestTopicPartition::default() };
    let topic = RequestTopic {
        topic: "hostile".into(),
        partitions: vec![partition],
        ..RequestTopic::default()
    };
    FetchRequest { max_wait_ms: 0, min_bytes: 1, topics: vec![topic], ..Default::default() }
}

/// Two records, as the Java client writes them.
const GOLDEN_BATCH: &[u8] =
    b"\0\0\0\0\0\0\0\0\0\0\0\x48\xff\xff\xff\xff\x02\xfd\xe8\x65\x79\0\0\0\0\0\x01\
    \0\0\x01\x8b\xcf\xe5\x68\0\0\0\x01\x8b\xcf\xe5\x68\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
    \xff\xff\xff\xff\0\0\0\x02\x12\0\0\0\x02k\x04v1\0\x18\0\x0a\x02\x01\x04v2\x02\x02h\x02x";

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
