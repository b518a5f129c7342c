//! A hundred brokers in one process: each has its own port, threads and directory, and none changes
//! the process it lives in. Says how long a start takes and what a broker costs.
//!
//! `cargo run --release --example hundred_brokers`

#![expect(clippy::print_stdout, reason = "speaks to people and pipes")]

use std::time::{Duration, Instant};

use highwater::Broker;
use highwater::producer::{Producer, ProducerRecord};

const BROKERS: usize = 100;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (memory_before, files_before) = (resident_kib()?, open_files()?);
    let mut starts = Vec::with_capacity(BROKERS);
    let mut brokers = Vec::with_capacity(BROKERS);
    for _ in 0..BROKERS {
        let began = Instant::now();
        brokers.push(Broker::builder().start()?);
        starts.push(began.elapsed());
    }
    starts.sort_unstable();
    println!(
        "{BROKERS} brokers; a start took {:?}, the longest {:?}",
        starts[BROKERS / 2],
        starts[BROKERS - 1]
    );
    for (number, broker) in brokers.iter().enumerate() {
        let producer = Producer::builder(&broker.bootstrap_servers()).build()?;
        let record = ProducerRecord::new("t".parse()?).value(format!("of broker {number}"));
        let written = producer.send(record).await?.await?;
        assert_eq!(written.offset.map(|it| it.value()), Some(0), "brokers keep apart");
    }
    let (memory, files) = (resident_kib()? - memory_before, open_files()? - files_before);
    println!("each takes {} KiB and {} descriptors", memory / BROKERS, files / BROKERS);
    let began = Instant::now();
    drop(brokers);
    println!("all stopped in {:?}", began.elapsed().min(Duration::from_secs(3600)));
    Ok(())
}

fn resident_kib() -> Result<usize, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}

fn open_files() -> Result<usize, Box<dyn std::error::Error>> {
    Ok(std::fs::read_dir("/proc/self/fd")?.count())
}
