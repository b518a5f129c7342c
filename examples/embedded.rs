//! The real broker inside a program, as a service's own tests use it: on a free port, in a directory
//! that is gone afterwards.
//!
//! `cargo run --example embedded`

#![expect(clippy::print_stdout, reason = "speaks to people and pipes")]

use std::time::Duration;

use highwater::consumer::{Consumer, SeekTo};
use highwater::producer::{Producer, ProducerRecord};
use highwater::{Broker, TopicName, TopicPartition};

/// What a service would do: write an order, read it back.
async fn take_an_order(servers: &str) -> Result<String, Box<dyn std::error::Error>> {
    let topic: TopicName = "orders".parse()?;
    let producer = Producer::builder(servers).build()?;
    let order = ProducerRecord::new(topic.clone()).key("42").value("two apples");
    producer.send(order).await?.await?;

    let mut consumer = Consumer::builder(servers).build()?;
    consumer.assign([(TopicPartition::new(topic, 0), SeekTo::Earliest)]);
    let records = consumer.poll(Duration::from_secs(10)).await?;
    let value = records.first().and_then(|record| record.value.clone()).unwrap_or_default();
    Ok(String::from_utf8_lossy(&value).into_owned())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Keys are those of server.properties. The broker runs on threads of its own, so that a test which blocks does not
    // starve it; it is stopped when it is dropped.
    let broker = Broker::builder().property("num.partitions", "1").start()?;
    println!("a broker listens at {}", broker.bootstrap_servers());
    println!("read back: {}", take_an_order(&broker.bootstrap_servers()).await?);

    // With a directory of its own it keeps its records, and acknowledges them only once they are synced.
    let directory = broker.data_dir().with_extension("kept");
    for start in 1..=2 {
        let broker = Broker::builder().data_dir(&directory).start()?;
        println!(
            "start {start} in a named directory: {}",
            take_an_order(&broker.bootstrap_servers()).await?
        );
    }
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}
