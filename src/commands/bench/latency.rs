//! `highwater bench latency`: from when a record is due to its acknowledgement, and to a consumer.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use highwater::TopicPartition;
use highwater::consumer::{Consumer, OffsetSpec, SeekTo};
use serde_json::json;

use super::figures::{HEADER, Latencies};
use super::produce::Producing;
use super::rate;
use super::sending::{Load, Plan, STAMP_BYTES, Sent, due_of};
use super::topic::{TopicArguments, Used};
use crate::commands::Global;
use crate::commands::failure::Usage;
use crate::commands::moment::now;
use crate::commands::output::{Output, Progress};
use crate::commands::produce::AcksArgument;

/// How long records may take to come once all are acknowledged.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// Producer and consumer have their connections and metadata before the first record is due.
const LEAD: Duration = Duration::from_millis(500);

/// Arguments of `bench latency`.
#[derive(Debug, Args)]
#[command(mut_arg("linger", |linger| linger.default_value("0ms")))]
#[command(after_help = "\
The load is open: a record is due at its time whether or not those before it were answered, and
its latency counts from there. A run below what the cluster can take is the one to look at;
p99.9 means something from 100000 records on.

Examples:
  highwater bench latency --rate 1000 --duration 1m
  highwater bench latency --rate 10000 --acks 1 --record-bytes 100 --partitions 12
  highwater bench latency --config highwater.durability=os --output json")]
pub(crate) struct Latency {
    #[command(flatten)]
    topic: TopicArguments,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    producing: Producing,
    /// Records a second, of all connections together
    #[arg(long, value_name = "RECORDS", value_parser = rate, default_value = "1000")]
    rate: NonZeroU32,
}

struct Measured {
    sent: Sent,
    end_to_end: Latencies,
}

impl Latency {
    pub(super) async fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        self.load.check()?;
        if usize::try_from(self.load.record_bytes)? < STAMP_BYTES {
            let text = format!(
                "--record-bytes must be at least {STAMP_BYTES}: a record tells when it was due"
            );
            return Err(Usage(text).into());
        }
        if matches!(self.producing.acks, AcksArgument::None) {
            let text = "--acks 0 has no acknowledgement to wait for; use 1 or all";
            return Err(Usage(text.to_owned()).into());
        }
        let used = self.topic.open(global).await?;
        let measured = self.measure(global, &used).await;
        let name = used.name.clone();
        let Measured { sent, end_to_end } = used.close(measured).await?;
        let row =
            |what: &str, latencies: &Latencies| [vec![what.to_owned()], latencies.cells()].concat();
        let records = sent.amount.records;
        output.say(&format!("{records} records, {:.0} a second", sent.amount.records_per_s()))?;
        let rows = [row("acknowledged", &sent.latencies), row("consumed", &end_to_end)];
        output.table(&[&["until"][..], &HEADER].concat(), &rows)?;
        output.json(&json!({
            "topic": name.as_str(),
            "records": records,
            "record_bytes": self.load.record_bytes,
            "rate_per_s": self.rate,
            "seconds": sent.amount.time.as_secs_f64(),
            "records_per_s": sent.amount.records_per_s(),
            "acknowledged_ms": sent.latencies.json(),
            "consumed_ms": end_to_end.json(),
        }))?;
        Ok(())
    }

    async fn measure(&self, global: &Global, used: &Used) -> anyhow::Result<Measured> {
        let mut consumer = consumer_at_end(global, used).await?;
        let producers = self.producing.producers(global)?;
        for producer in &producers {
            let client = producer.client();
            client.topic(&used.name, false, client.api_deadline()).await?;
        }
        let stamp = now().value().unsigned_abs() << 20 | u64::from(std::process::id());
        let start = Instant::now() + LEAD;
        let plan = Plan {
            topic: used.name.clone(),
            partitions: used.partitions,
            producers,
            records: self.load.records,
            duration: self.load.duration(),
            record_bytes: usize::try_from(self.load.record_bytes)?,
            rate_per_s: Some(self.rate.get()),
            stamp: Some(stamp),
            start,
        };
        let mut progress = Progress::new("acknowledged", true);
        let mut end_to_end = Latencies::new();
        let sending = plan.run(&mut progress);
        tokio::pin!(sending);
        let mut sent: Option<Sent> = None;
        let mut drained = Instant::now() + Duration::from_secs(3600 * 24 * 365);
        loop {
            if let Some(sent) = sent.take_if(|sent| end_to_end.count() >= sent.amount.records) {
                return Ok(Measured { sent, end_to_end });
            }
            tokio::select! {
                biased;
                records = consumer.poll(Duration::from_millis(100)) => {
                    for record in records? {
                        let due = record.value.as_deref().and_then(|value| due_of(value, stamp));
                        if let Some(due) = due {
                            end_to_end.record(start.elapsed().saturating_sub(due));
                        }
                    }
                }
                done = &mut sending, if sent.is_none() => {
                    sent = Some(done?);
                    drained = Instant::now() + DRAIN_MAX;
                }
            }
            anyhow::ensure!(
                Instant::now() < drained,
                "records that were acknowledged did not come"
            );
        }
    }
}

/// A consumer that shows only what comes from now on.
async fn consumer_at_end(global: &Global, used: &Used) -> anyhow::Result<Consumer> {
    let mut consumer = Consumer::builder(&global.brokers)
        .max_poll_records(10_000)
        .client_id("highwater-bench")
        .build()?;
    let partitions = (0..used.partitions).map(|it| TopicPartition::new(used.name.clone(), it));
    let places: BTreeMap<_, _> = partitions.map(|it| (it, OffsetSpec::Latest)).collect();
    let mut ends = Vec::new();
    for (partition, listed) in consumer.offsets(places).await {
        let end = listed?.offset.context("a partition without an end")?;
        ends.push((partition, SeekTo::Offset(end)));
    }
    consumer.assign(ends);
    Ok(consumer)
}
