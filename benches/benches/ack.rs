//! One connection, one 1 KiB record a request, acks=1, durability os: the broker beside the floor, in pairs A B B A.
//!
//! Target: the broker's median is at most 1.5 times the floor's.
#![expect(clippy::print_stdout, reason = "speaks to people and pipes")]

use std::net::SocketAddr;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use highwater_benches::statistics::Summary;
use highwater_tests::honest::{create_topic, produce_request};
use highwater_tests::{Highwater, Process, RawClient, request_frame};

const ROUNDS: usize = 8;
const REQUESTS: usize = 10_000;
const RECORD_BYTES: usize = 1024;
const PRODUCE_VERSION: i16 = 9;

fn main() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_floor"));
    let floor = Process::start(command.arg("produce").arg(directory.path()))?;
    let broker = Highwater::serve(&directory.path().join("data"), &["highwater.durability=os"])?;
    create_topic(&mut RawClient::connect(broker.address())?, "ack", 1, &[])?;

    let value = vec![b'x'; RECORD_BYTES];
    let request = request_frame(PRODUCE_VERSION, 1, &produce_request("ack", 0, 1, &[&value]))?;
    let mut ratios = Vec::new();
    let (mut floors, mut brokers) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (of_floor, of_broker) = if round % 2 == 0 {
            let floor = median_us(floor.address(), &request)?;
            (floor, median_us(broker.address(), &request)?)
        } else {
            let broker = median_us(broker.address(), &request)?;
            (median_us(floor.address(), &request)?, broker)
        };
        floors.push(of_floor);
        brokers.push(of_broker);
        ratios.push(of_broker / of_floor);
    }
    println!("median answer, microseconds: median (least .. greatest) of {ROUNDS} rounds");
    println!("floor   {}", Summary::of(&floors).context("no rounds")?);
    println!("broker  {}", Summary::of(&brokers).context("no rounds")?);
    println!("ratio   {}   target at most 1.50", Summary::of(&ratios).context("no rounds")?);
    Ok(())
}

/// Median time of one request and its answer, one after another on one connection.
fn median_us(address: SocketAddr, request: &[u8]) -> Result<f64> {
    let mut client = RawClient::connect(address)?;
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let sent = Instant::now();
        client.send(request)?;
        client.receive()?;
        times.push(sent.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    times.get(REQUESTS / 2).copied().context("no requests")
}
