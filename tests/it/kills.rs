//! `kill -9` of the real process: what was acknowledged is there after the restart, once, and in its place.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use highwater_protocol::messages::init_producer_id::InitProducerIdRequest;
use highwater_records::{
    BatchBuilder, Codec, ErrorCode, ProducerEpoch, ProducerId, Sequence, Timestamp, batches,
};
use highwater_tests::honest::{create_topic, fetch, produce, produce_request};
use highwater_tests::{Highwater, RawClient, request_frame};

const TOPIC: &str = "kills";
/// Produces that nobody waits for when the process dies.
const UNDER_WAY: usize = 10;

#[test]
fn a_kill_loses_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let mut acked = BTreeMap::new();
    for life in 0..5 {
        let mut broker = Highwater::serve(directory.path(), &[]).unwrap();
        let mut client = RawClient::connect(broker.address()).unwrap();
        if life == 0 {
            create_topic(&mut client, TOPIC, 1, &[]).unwrap();
        }
        for number in 0..50 {
            let value = format!("life {life} number {number}");
            // acks=1 answers before the sync; a kill must not take it either.
            let acks = if number % 2 == 0 { -1 } else { 1 };
            let offset = produce(&mut client, TOPIC, 0, acks, &[value.as_bytes()]).unwrap();
            assert!(acked.insert(offset, value).is_none(), "offset {offset} was given twice");
        }
        // Some more are under way when the process dies.
        for number in 50..50 + UNDER_WAY {
            let value = format!("life {life} number {number}");
            client.send(&one_record(value.as_bytes()).unwrap()).unwrap();
        }
        broker.process().kill().unwrap();
    }
    let broker = Highwater::serve(directory.path(), &[]).unwrap();
    let found = read_all(&mut RawClient::connect(broker.address()).unwrap()).unwrap();
    for (offset, value) in &acked {
        assert_eq!(found.get(offset), Some(value), "offset {offset}");
    }
    // Each value was sent once, answered or not; a second copy anywhere would be read twice.
    let mut copies = BTreeMap::<&String, Vec<i64>>::new();
    for (offset, value) in &found {
        copies.entry(value).or_default().push(*offset);
    }
    copies.retain(|_, offsets| offsets.len() > 1);
    assert!(copies.is_empty(), "stored more than once: {copies:?}");
    let sent_max = acked.len() + 5 * UNDER_WAY;
    assert!(found.len() <= sent_max + 1, "{} records of {sent_max} and the end", found.len());
}

/// The five batches that a broker remembers of each producer survive a kill and a clean stop.
#[test]
fn a_retry_after_a_restart_is_recognised_for_all_five_batches() {
    let directory = tempfile::tempdir().unwrap();
    let mut broker = Highwater::serve(directory.path(), &[]).unwrap();
    let mut client = RawClient::connect(broker.address()).unwrap();
    create_topic(&mut client, TOPIC, 1, &[]).unwrap();
    let producer = client.call(4, &InitProducerIdRequest::default()).unwrap();
    assert_eq!(producer.error_code, ErrorCode::None);
    let producer =
        (ProducerId::new(producer.producer_id), ProducerEpoch::new(producer.producer_epoch));
    let first: Vec<i64> =
        (0..7).map(|number| send(&mut client, producer, number).unwrap()).collect();
    assert_eq!(first, [0, 1, 2, 3, 4, 5, 6]);
    for restart in 0..4 {
        if restart % 2 == 0 {
            broker.process().kill().unwrap();
        } else {
            broker.process().terminate().unwrap();
        }
        broker = Highwater::serve(directory.path(), &[]).unwrap();
        client = RawClient::connect(broker.address()).unwrap();
        for number in 2..7 {
            let again = send(&mut client, producer, number).unwrap();
            assert_eq!(again, i64::from(number), "restart {restart}: batch {number}");
        }
        let gap = send(&mut client, producer, 9).unwrap_err();
        assert!(gap.to_string().contains("OutOfOrderSequenceNumber"), "restart {restart}: {gap}");
    }
    assert_eq!(send(&mut client, producer, 7).unwrap(), 7);
    let found: Vec<String> = read_all(&mut client).unwrap().into_values().collect();
    assert_eq!(found, ["0", "1", "2", "3", "4", "5", "6", "7", "end"]);
}

/// Sends one record as the batch with this sequence.
fn send(client: &mut RawClient, producer: (ProducerId, ProducerEpoch), number: i32) -> Result<i64> {
    let mut batch = BatchBuilder::new(Codec::None);
    batch.producer(producer.0, producer.1, Sequence::new(number));
    let value = number.to_string();
    batch.append(Timestamp::new(1_700_000_000_000), None, Some(value.as_bytes()), &[]);
    let mut request = produce_request(TOPIC, 0, -1, &[]);
    request.topic_data[0].partition_data[0].records = Some(batch.build().bytes().clone().into());
    let response = client.call(9, &request)?;
    let answer = &response.responses[0].partition_responses[0];
    anyhow::ensure!(answer.error_code == ErrorCode::None, "{:?}", answer.error_code);
    Ok(answer.base_offset)
}

fn one_record(value: &[u8]) -> Result<Vec<u8>> {
    request_frame(9, 1, &produce_request(TOPIC, 0, -1, &[value]))
}

fn read_all(client: &mut RawClient) -> Result<BTreeMap<i64, String>> {
    let mut found = BTreeMap::new();
    let end = produce(client, TOPIC, 0, -1, &[b"end"])?;
    let mut next = 0;
    while next <= end {
        let bytes = fetch(client, TOPIC, 0, next)?;
        anyhow::ensure!(!bytes.is_empty(), "nothing at {next}");
        for batch in batches(&bytes) {
            for record in batch?.records()? {
                let record = record?;
                let value = record.value.context("a value")?;
                next = record.offset.value() + 1;
                found.insert(record.offset.value(), String::from_utf8(value.to_vec())?);
            }
        }
    }
    Ok(found)
}
