//! Drives librdkafka and prints one line of JSON.
//!
//! - `librdkafka-load produce SERVERS|mock TOPIC RECORDS RECORD_BYTES`: as fast as the client can, acks=1; `mock` is librdkafka's own
//!   cluster inside this process, which stores nothing on disk.
//! - `librdkafka-load tail SERVERS TOPIC RATE_PER_S SECONDS ACKS`: 1 KiB records at a fixed rate, and how long each took from when it
//!   was due until the consumer had it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use hdrhistogram::Histogram;
use rdkafka::bindings::{
    RD_KAFKA_MSG_F_COPY, rd_kafka_produce, rd_kafka_topic_destroy, rd_kafka_topic_new,
};
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::json;

const RECORD_BYTES: usize = 1024;
/// The topics of a run have one; those of the mock cluster have more.
const PARTITION: i32 = 0;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["produce", servers, topic, records, record_bytes] => {
            produce(servers, topic, records.parse()?, record_bytes.parse()?)
        }
        ["tail", servers, topic, rate, seconds, acks] => {
            tail(servers, topic, rate.parse()?, seconds.parse()?, acks)
        }
        _ => bail!(
            "usage: librdkafka-load produce SERVERS|mock TOPIC RECORDS RECORD_BYTES | tail \
                    SERVERS TOPIC RATE SECONDS ACKS"
        ),
    }
}

/// Counts what was delivered; any record that was not ends the run.
#[derive(Default)]
struct Deliveries {
    delivered: AtomicU64,
    failed: AtomicU64,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.delivered } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn config(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    if servers == "mock" {
        config.set("test.mock.num.brokers", "1");
    } else {
        config.set("bootstrap.servers", servers);
    }
    config
}

fn produce(servers: &str, topic: &str, records: u64, record_bytes: usize) -> Result<()> {
    let mut config = config(servers);
    config.set("acks", "1").set("linger.ms", "5").set("queue.buffering.max.messages", "500000");
    config.set("queue.buffering.max.kbytes", "1048576").set("batch.num.messages", "10000");
    let producer: BaseProducer<Deliveries> =
        config.create_with_context(Deliveries::default()).context("make a producer")?;
    // The topic's leader is known before the clock runs.
    producer.client().fetch_metadata(Some(topic), Duration::from_secs(30)).context("metadata")?;
    let value = vec![b'x'; record_bytes];
    let sender = Sender::new(&producer, topic)?;
    let begun = Instant::now();
    for _ in 0..records {
        while !sender.send(&value) {
            producer.poll(Duration::from_millis(1));
        }
    }
    producer.flush(Duration::from_secs(120)).context("flush")?;
    let seconds = begun.elapsed().as_secs_f64();
    let deliveries = producer.context();
    let failed = deliveries.failed.load(Ordering::Relaxed);
    ensure!(failed == 0, "{failed} records were not delivered");
    let delivered = deliveries.delivered.load(Ordering::Relaxed);
    ensure!(delivered == records, "{delivered} of {records} records were delivered");
    println!("{}", json!({ "records": records, "seconds": seconds }));
    Ok(())
}

/// The plain C call: the crate's own `send` goes through a slower one with named arguments.
struct Sender {
    topic: *mut rdkafka::bindings::rd_kafka_topic_t,
}

impl Sender {
    fn new(producer: &BaseProducer<Deliveries>, topic: &str) -> Result<Self> {
        let name = std::ffi::CString::new(topic)?;
        // SAFETY: the producer outlives the sender in `produce`, the name lives through the call.
        let topic = unsafe {
            rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), std::ptr::null_mut())
        };
        ensure!(!topic.is_null(), "no topic handle");
        Ok(Self { topic })
    }

    /// False when the queue is full.
    fn send(&self, value: &[u8]) -> bool {
        // SAFETY: the topic handle is ours, and librdkafka copies the value before it returns. No
        // opaque pointer is passed, which the crate takes for the unit type.
        let code = unsafe {
            rd_kafka_produce(
                self.topic,
                PARTITION,
                RD_KAFKA_MSG_F_COPY as i32,
                value.as_ptr().cast_mut().cast(),
                value.len(),
                std::ptr::null(),
                0,
                std::ptr::null_mut(),
            )
        };
        code == 0
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // SAFETY: made by `rd_kafka_topic_new` and destroyed once.
        unsafe { rd_kafka_topic_destroy(self.topic) };
    }
}

fn tail(servers: &str, topic: &str, rate: f64, seconds: f64, acks: &str) -> Result<()> {
    let consumer: BaseConsumer =
        config(servers).set("group.id", "tail").set("enable.auto.commit", "false").create()?;
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, PARTITION, Offset::Beginning)?;
    consumer.assign(&assignment)?;
    let mut config = config(servers);
    config.set("acks", acks).set("linger.ms", "0");
    let producer: BaseProducer<Deliveries> = config.create_with_context(Deliveries::default())?;
    producer.client().fetch_metadata(Some(topic), Duration::from_secs(30)).context("metadata")?;
    // The consumer polls and waits before the first record is due.
    let start = Instant::now() + Duration::from_secs(1);
    let count = (rate * seconds) as u64;
    let latencies = thread::scope(|scope| {
        let producing = scope.spawn(|| send_at_rate(&producer, topic, rate, count, start));
        let latencies = receive(&consumer, rate, count, start);
        producing.join().ok().context("the producer panicked")??;
        latencies
    })?;
    let quantile = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e3;
    let figures = json!({
        "tail_p50_us": quantile(0.5), "tail_p99_us": quantile(0.99),
        "tail_p999_us": quantile(0.999), "tail_max_us": latencies.max() as f64 / 1e3,
        "records": count,
    });
    println!("{figures}");
    Ok(())
}

fn send_at_rate(
    producer: &BaseProducer<Deliveries>,
    topic: &str,
    rate: f64,
    count: u64,
    start: Instant,
) -> Result<()> {
    let value = vec![b'x'; RECORD_BYTES];
    for number in 0..count {
        let due = start + Duration::from_secs_f64(number as f64 / rate);
        let now = Instant::now();
        if due > now {
            thread::sleep(due - now);
        }
        let record = BaseRecord::<(), [u8]>::to(topic).partition(PARTITION).payload(&value);
        producer.send(record).map_err(|(error, _)| error)?;
        producer.poll(Duration::ZERO);
    }
    producer.flush(Duration::from_secs(60))?;
    Ok(())
}

/// Record `n` of the new topic is the one that was due `n / rate` after the start; the first tenth does not count.
fn receive(
    consumer: &BaseConsumer,
    rate: f64,
    count: u64,
    start: Instant,
) -> Result<Histogram<u64>> {
    let mut latencies = Histogram::new_with_max(60_000_000_000, 3)?;
    let mut received = 0;
    while received < count {
        let message = consumer.poll(Duration::from_secs(30)).context("no record in 30 s")??;
        let now = Instant::now();
        let number = u64::try_from(message.offset())?;
        let due = start + Duration::from_secs_f64(number as f64 / rate);
        if number >= count / 10 {
            latencies.saturating_record(now.saturating_duration_since(due).as_nanos() as u64);
        }
        received += 1;
    }
    Ok(latencies)
}
