//! A commit of one offset beside an acks=all produce of the same record, one after another on one connection, in pairs A B B A.
//!
//! The commit is a member's, of a classic group and of one of KIP-848; the produced record has the key and the value that the
//! coordinator writes for the commit. Target: the median answer takes at most twice as long.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use highwater_benches::cpu;
use highwater_benches::statistics::Summary;
use highwater_coordinator::group::records::{GroupRecord, OffsetRecord};
use highwater_protocol::Request;
use highwater_protocol::messages::offset_commit::{
    OffsetCommitRequest, RequestTopic, RequestTopicPartition,
};
use highwater_protocol::messages::produce::{
    ProduceRequest, RequestTopicData, RequestTopicDataPartitionData,
};
use highwater_protocol::records::OffsetCommitValue;
use highwater_records::{BatchBuilder, Codec, ErrorCode, Timestamp, Uuid};
use highwater_tests::groups::coordinator;
use highwater_tests::honest::create_topic;
use highwater_tests::{Highwater, RawClient, request_frame};

use super::members::{Membership, expect, join_classic, join_consumer};
use super::row;

const TOPIC: &str = "committed";
const ROUNDS: usize = 8;
const COMMIT_VERSION: i16 = 9;
const PRODUCE_VERSION: i16 = 9;

type Join = fn(&mut RawClient, &str, &str) -> Result<Membership>;

const PROTOCOLS: [(&str, Join); 2] = [("classic", join_classic), ("KIP-848", join_consumer)];
/// Durability, and how many requests make a round of it.
const DURABILITIES: [(&str, usize); 2] = [("fsync", 2_000), ("os", 10_000)];

pub(crate) fn run() -> Result<()> {
    for (durability, requests) in DURABILITIES {
        for (protocol, join) in PROTOCOLS {
            pairs(durability, requests, protocol, join)?;
        }
    }
    Ok(())
}

fn pairs(durability: &str, requests: usize, protocol: &str, join: Join) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let override_ = format!("highwater.durability={durability}");
    let overrides = [override_.as_str(), "group.initial.rebalance.delay.ms=0"];
    let mut broker = Highwater::serve(&directory.path().join("data"), &overrides)?;
    let mut client = RawClient::connect(broker.address())?;
    create_topic(&mut client, TOPIC, 1, &[])?;
    coordinator(&mut client, protocol)?;
    let process = broker.process().id();
    let mut sides = [Vec::new(), Vec::new()];
    let mut used = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for side in [round % 2, (round + 1) % 2] {
            // Each time anew: a member of KIP-848 stays one by heartbeats, not by commits.
            let group = format!("{protocol}-{round}");
            let cost = if side == 0 {
                let produce = produce_request(&group)?;
                cost(&mut client, process, requests, PRODUCE_VERSION, &produce, |answer| {
                    answer.responses[0].partition_responses[0].error_code
                })?
            } else {
                let membership = join(&mut client, &group, TOPIC)?;
                let commit = commit_request(&group, membership);
                cost(&mut client, process, requests, COMMIT_VERSION, &commit, |answer| {
                    answer.topics[0].partitions[0].error_code
                })?
            };
            sides[side].push(cost.answer_us);
            used[side].push(cost.cpu_us);
        }
    }
    let ratio = |[produce, commit]: &[Vec<f64>; 2]| -> Vec<f64> {
        commit.iter().zip(produce).map(|(commit, produce)| commit / produce).collect()
    };
    let what = format!("commit ({protocol}) / produce acks=all, {durability}: median answers");
    row(&what, &ratio(&sides), "at most 2")?;
    row("  commit, microseconds", &sides[1], "-")?;
    row("  produce, microseconds", &sides[0], "-")?;
    row("  ratio of the broker's processor time", &ratio(&used), "-")
}

struct Cost {
    /// Median time from request to answer.
    answer_us: f64,
    /// Processor time of the broker for each.
    cpu_us: f64,
}

fn cost<R: Request>(
    client: &mut RawClient,
    process: u32,
    requests: usize,
    version: i16,
    request: &R,
    code: impl Fn(&R::Response) -> ErrorCode,
) -> Result<Cost> {
    expect(code(&client.call(version, request)?), ErrorCode::None, "the first answer")?;
    let frame = request_frame(version, 0, request)?;
    let before = cpu::of_process(process)?;
    let mut times = Vec::with_capacity(requests);
    for _ in 0..requests {
        let sent = Instant::now();
        client.send(&frame)?;
        client.receive()?;
        times.push(sent.elapsed().as_secs_f64() * 1e6);
    }
    let used = cpu::of_process(process)? - before;
    expect(code(&client.call(version, request)?), ErrorCode::None, "the last answer")?;
    let answer_us = Summary::of(&times).context("no requests")?.median;
    let requests = u32::try_from(requests)?;
    Ok(Cost { answer_us, cpu_us: Duration::as_secs_f64(&(used / requests)) * 1e6 })
}

fn commit_request(group: &str, membership: Membership) -> OffsetCommitRequest {
    let partition = RequestTopicPartition { committed_offset: 42, ..Default::default() };
    let topic =
        RequestTopic { name: TOPIC.into(), partitions: vec![partition], ..Default::default() };
    OffsetCommitRequest {
        group_id: group.into(),
        generation_id_or_member_epoch: membership.generation,
        member_id: membership.member_id,
        topics: vec![topic],
        ..OffsetCommitRequest::default()
    }
}

/// The record of a commit, for a topic.
fn produce_request(group: &str) -> Result<ProduceRequest> {
    let now = Timestamp::new(1_700_000_000_000);
    let value = OffsetCommitValue {
        offset: 42,
        commit_timestamp: now.value(),
        topic_id: Uuid::from_random(1),
        ..OffsetCommitValue::default()
    };
    let record = GroupRecord::Offset(OffsetRecord {
        group_id: group.into(),
        topic: TOPIC.into(),
        partition: 0,
        value: Some(value),
    });
    let (key, value) = record.encode()?;
    let mut batch = BatchBuilder::new(Codec::None);
    batch.append(now, Some(&key), value.as_deref(), &[]);
    let batch = batch.build();
    let data = RequestTopicDataPartitionData {
        records: Some(batch.bytes().clone().into()),
        ..Default::default()
    };
    let topic = RequestTopicData {
        name: TOPIC.into(),
        partition_data: vec![data],
        ..RequestTopicData::default()
    };
    Ok(ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![topic],
        ..ProduceRequest::default()
    })
}
