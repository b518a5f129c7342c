//! What a long log costs: appends, look-ups, starts.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use highwater_protocol::messages::list_offsets::{self, ListOffsetsRequest};
use highwater_tests::RawClient;

use super::starts::start_once;
use crate::load::{CatchUp, ClosedLoop, Content, FetchFrame, ProduceFrame, ProduceShape};
use crate::machine::{self, now_ms};
use crate::paired::{Bench, Figures, Measured, Side};
use crate::peers::{Peer, Topic, record_count};
use crate::statistics::Summary;

const TOPIC: &str = "long";
const LOOKUPS: u64 = 200;
/// The look-ups are spread over the log by this odd number.
const STRIDE: u64 = 0x9e37_79b9;

pub(super) fn measure(bench: &mut Bench, _: Side, gib: u64) -> Result<Measured> {
    let directory = tempfile::tempdir_in(bench.directory())?;
    let mut broker = Peer::highwater(directory.path(), &["highwater.durability=os"])?;
    let address = broker.address();
    // So that times differ along the log.
    let configs = &[("message.timestamp.type", "LogAppendTime")];
    Topic { name: TOPIC, partitions: 1, configs }.create(address)?;
    let begun_ms = now_ms()?;
    append(address, bench.effort.pick(gib << 30, gib << 20))?;
    machine::drain_writeback()?;
    let watch = bench.watch(Some(broker.id()), 1 << 30)?;
    let mb_per_s = append(address, bench.effort.pick(1 << 30, 16 << 20))?;
    let (by_offset, by_time) = look_up(address, begun_ms)?;
    let conditions = watch.end()?;
    broker.terminate()?;
    drop(broker);
    let ms = |took: Duration| took.as_secs_f64() * 1e3;
    let figures = [
        ("mb_per_s", mb_per_s),
        ("fetch_at_offset_us", by_offset),
        ("offset_of_time_us", by_time),
        ("after_stop_ms", ms(start_once(directory.path(), TOPIC, 0, false)?)),
        ("after_kill_ms", ms(start_once(directory.path(), TOPIC, 0, true)?)),
    ];
    let figures: Figures =
        figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(Measured { figures, conditions })
}

/// Appends about so many bytes and returns megabytes a second.
fn append(address: SocketAddr, bytes: u64) -> Result<f64> {
    let frame = ProduceFrame::new(TOPIC, ProduceShape::filled(64 << 10, 1024, 1))?;
    let load = ClosedLoop {
        connections: 1,
        in_flight: 8,
        partitions: 1,
        duration: Duration::from_secs(900),
        bytes_max: bytes,
    };
    let (done, ()) = load.run(address, &frame, || Ok(()))?;
    Ok(done.bytes as f64 / 1e6 / done.elapsed.as_secs_f64())
}

/// Median time to fetch at any offset, and to find the first offset at or after any time.
fn look_up(address: SocketAddr, begun_ms: i64) -> Result<(f64, f64)> {
    let records = record_count(address, TOPIC, 1)?;
    let span_ms = u64::try_from(now_ms()? - begun_ms)?.max(1);
    let frame = FetchFrame::new(TOPIC, 0, 1)?;
    let mut reader = CatchUp::connect(address, frame, Content::Batches)?;
    let mut client = RawClient::connect(address)?;
    let (mut by_offset, mut by_time) = (Vec::new(), Vec::new());
    for number in 0..LOOKUPS {
        let place = number.wrapping_mul(STRIDE);
        let begun = Instant::now();
        anyhow::ensure!(reader.fetch_at(place % records)? > 0, "no batch at an offset");
        by_offset.push(begun.elapsed().as_secs_f64() * 1e6);
        let request = time_request(begun_ms + i64::try_from(place % span_ms)?);
        let begun = Instant::now();
        client.call(5, &request)?;
        by_time.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    let median = |times: &[f64]| Summary::of(times).map(|it| it.median).context("no look-ups");
    Ok((median(&by_offset)?, median(&by_time)?))
}

fn time_request(timestamp: i64) -> ListOffsetsRequest {
    let asked = list_offsets::RequestTopicPartition {
        timestamp,
        current_leader_epoch: -1,
        ..Default::default()
    };
    let topic = list_offsets::RequestTopic { name: TOPIC.into(), partitions: vec![asked] };
    ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() }
}
