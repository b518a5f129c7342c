//! `highwater bench consume`: how many records the cluster gives.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use highwater::TopicPartition;
use highwater::consumer::{Consumer, OffsetSpec, SeekTo};
use serde_json::json;
use tokio::task::JoinSet;

use super::CONNECTIONS_MAX;
use super::figures::{AMOUNT_HEADER, Amount};
use super::produce::Producing;
use super::sending::Plan;
use super::topic::{TopicArguments, Used};
use crate::commands::Global;
use crate::commands::output::{Output, Progress};

/// Records that are written to a new topic, unless told otherwise.
const RECORDS: u64 = 1_000_000;
const POLL: Duration = Duration::from_millis(100);
/// Without any record for this long the run has failed.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Arguments of `bench consume`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --topic a new one is filled first with --records records [default: 1000000]; the time for
that does not count. With --topic everything that is there now is read, or the first --records.
What was written a moment ago comes from memory; a topic that was not read for long, from the disk.

Examples:
  highwater bench consume --records 5000000 --record-bytes 100
  highwater bench consume --topic orders --connections 2 --output json")]
pub(crate) struct Consume {
    #[command(flatten)]
    topic: TopicArguments,
    /// Records to read
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    records: Option<u64>,
    /// Bytes of a value in a new topic
    #[arg(long, value_name = "BYTES", default_value_t = 1024, conflicts_with = "topic")]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=16_777_216))]
    record_bytes: u32,
    /// Consumers, which share the partitions
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=CONNECTIONS_MAX))]
    connections: u32,
}

impl Consume {
    pub(super) async fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let used = self.topic.open(global).await?;
        let read = self.fill_and_read(global, &used).await;
        let name = used.name.clone();
        let amount = used.close(read).await?;
        output.table(&AMOUNT_HEADER, &[amount.cells()])?;
        output.json(&json!({
            "topic": name.as_str(),
            "records": amount.records,
            "bytes": amount.bytes,
            "seconds": amount.time.as_secs_f64(),
            "records_per_s": amount.records_per_s(),
            "mb_per_s": amount.mb_per_s(),
        }))?;
        Ok(())
    }

    async fn fill_and_read(&self, global: &Global, used: &Used) -> anyhow::Result<Amount> {
        if self.topic.topic.is_none() {
            self.fill(global, used).await?;
        }
        let (starts, count) = what_is_there(global, used).await?;
        anyhow::ensure!(count > 0, "topic {} is empty", used.name);
        let wanted = self.records.map_or(count, |records| count.min(records));
        self.read(global, starts, wanted).await
    }

    async fn fill(&self, global: &Global, used: &Used) -> anyhow::Result<()> {
        let plan = Plan {
            topic: used.name.clone(),
            partitions: used.partitions,
            producers: Producing::default().producers(global)?,
            records: Some(self.records.unwrap_or(RECORDS)),
            duration: None,
            record_bytes: usize::try_from(self.record_bytes)?,
            rate_per_s: None,
            stamp: None,
            start: Instant::now(),
        };
        plan.run(&mut Progress::new("written", true)).await?;
        Ok(())
    }

    /// Reads `wanted` records, wherever they are.
    async fn read(
        &self,
        global: &Global,
        starts: Vec<(TopicPartition, SeekTo)>,
        wanted: u64,
    ) -> anyhow::Result<Amount> {
        let mut progress = Progress::new("read", true);
        let share = starts.len().div_ceil(usize::try_from(self.connections)?).max(1);
        let (told, mut telling) = tokio::sync::mpsc::channel(64);
        let mut readers = JoinSet::new();
        let begun = Instant::now();
        for partitions in starts.chunks(share) {
            let mut consumer = Consumer::builder(&global.brokers)
                .max_poll_records(10_000)
                .client_id("highwater-bench")
                .build()?;
            consumer.assign(partitions.to_vec());
            readers.spawn(tell(consumer, told.clone()));
        }
        drop(told);
        let (mut records, mut bytes) = (0, 0);
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        while records < wanted {
            tokio::select! {
                biased;
                interrupted = &mut interrupted => {
                    interrupted.context("cannot wait for Ctrl-C")?;
                    break;
                }
                read = tokio::time::timeout(SILENCE_MAX, telling.recv()) => {
                    let read = read.context("no record in 30 seconds")?;
                    let (more_records, more_bytes) = read.context("the consumers ended")??;
                    records += more_records;
                    bytes += more_bytes;
                    progress.add(more_records, more_bytes);
                }
            }
        }
        let time = begun.elapsed();
        readers.shutdown().await;
        Ok(Amount { records, bytes, time })
    }
}

type Read = anyhow::Result<(u64, u64)>;

/// Polls on and tells how many records came, and how many bytes of keys and values.
async fn tell(mut consumer: Consumer, told: tokio::sync::mpsc::Sender<Read>) {
    loop {
        let read = match consumer.poll(POLL).await {
            Ok(records) if records.is_empty() => continue,
            Ok(records) => {
                let of_record =
                    |bytes: &Option<bytes::Bytes>| bytes.as_ref().map_or(0, |it| it.len());
                let bytes = records.iter().map(|it| of_record(&it.key) + of_record(&it.value));
                Ok((records.len() as u64, bytes.sum::<usize>() as u64))
            }
            Err(error) => Err(error.into()),
        };
        if told.send(read).await.is_err() {
            return;
        }
    }
}

/// Where each partition that is not empty begins, and how many records all have.
async fn what_is_there(
    global: &Global,
    used: &Used,
) -> anyhow::Result<(Vec<(TopicPartition, SeekTo)>, u64)> {
    let consumer = Consumer::builder(&global.brokers).client_id("highwater-bench").build()?;
    let partitions = (0..used.partitions).map(|it| TopicPartition::new(used.name.clone(), it));
    let partitions: Vec<_> = partitions.collect();
    let places = |spec| partitions.iter().cloned().map(|it| (it, spec)).collect::<BTreeMap<_, _>>();
    let starts = consumer.offsets(places(OffsetSpec::Earliest)).await;
    let mut ends = consumer.offsets(places(OffsetSpec::Latest)).await;
    let (mut seeks, mut count) = (Vec::new(), 0);
    for (partition, start) in starts {
        let start = start?.offset.context("a partition without a beginning")?;
        let end = ends.remove(&partition).context("no answer for a partition")??.offset;
        let end = end.context("a partition without an end")?;
        let length = u64::try_from(end.value() - start.value()).unwrap_or(0);
        if length > 0 {
            seeks.push((partition, SeekTo::Offset(start)));
            count += length;
        }
    }
    Ok((seeks, count))
}
