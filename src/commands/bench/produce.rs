//! `highwater bench produce`: how many records the cluster takes, and how long each waits.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use clap::Args;
use highwater::producer::Producer;
use serde_json::json;

use super::figures::{AMOUNT_HEADER, HEADER};
use super::sending::{Load, Plan, Sent};
use super::topic::{TopicArguments, Used};
use super::{CONNECTIONS_MAX, rate};
use crate::commands::output::{Output, Progress};
use crate::commands::produce::{AcksArgument, CompressionArgument};
use crate::commands::{Global, moment::Span};

/// Arguments of `bench produce`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --rate records are sent as fast as they are taken, and a latency counts from when the
producer took the record: mostly its own queue. With --rate it counts from when the record was due,
so that a stall delays all that were due in it.

Examples:
  highwater bench produce --duration 30s
  highwater bench produce --records 10000000 --record-bytes 100 --acks 1 --compression lz4
  highwater bench produce --rate 50000 --config highwater.durability=os --output json")]
pub(crate) struct Produce {
    #[command(flatten)]
    topic: TopicArguments,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    producing: Producing,
    /// Records a second, of all connections together [default: as many as are taken]
    #[arg(long, value_name = "RECORDS", value_parser = rate)]
    rate: Option<NonZeroU32>,
}

/// How records are sent.
#[derive(Clone, Debug, Args)]
pub(super) struct Producing {
    /// Who must have a record before it counts as written
    #[arg(long, value_enum, default_value_t)]
    pub(super) acks: AcksArgument,
    /// How batches are compressed
    #[arg(long, value_enum, default_value_t)]
    compression: CompressionArgument,
    /// Producers, each with connections and a thread of its own
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=CONNECTIONS_MAX))]
    connections: u32,
    /// When a batch is full
    #[arg(long, value_name = "BYTES", default_value_t = 65_536)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    batch_bytes: u32,
    /// How long a batch may wait for more records
    #[arg(long, value_name = "TIME", default_value = "5ms")]
    pub(super) linger: Span,
}

impl Produce {
    pub(super) async fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        self.load.check()?;
        let used = self.topic.open(global).await?;
        let sent = self.send(global, &used).await;
        let name = used.name.clone();
        let sent = used.close(sent).await?;
        let header = [&AMOUNT_HEADER[..], &HEADER].concat();
        let cells = [sent.amount.cells(), sent.latencies.cells()].concat();
        output.table(&header, &[cells])?;
        output.json(&json!({
            "topic": name.as_str(),
            "records": sent.amount.records,
            "record_bytes": self.load.record_bytes,
            "seconds": sent.amount.time.as_secs_f64(),
            "records_per_s": sent.amount.records_per_s(),
            "mb_per_s": sent.amount.mb_per_s(),
            "latency_ms": sent.latencies.json(),
        }))?;
        Ok(())
    }

    async fn send(&self, global: &Global, used: &Used) -> anyhow::Result<Sent> {
        let plan = Plan {
            topic: used.name.clone(),
            partitions: used.partitions,
            producers: self.producing.producers(global)?,
            records: self.load.records,
            duration: self.load.duration(),
            record_bytes: usize::try_from(self.load.record_bytes)?,
            rate_per_s: self.rate.map(NonZeroU32::get),
            stamp: None,
            start: Instant::now(),
        };
        plan.run(&mut Progress::new("written", true)).await
    }
}

impl Default for Producing {
    /// What `--help` says.
    fn default() -> Self {
        Self {
            acks: AcksArgument::default(),
            compression: CompressionArgument::default(),
            connections: 1,
            batch_bytes: 65_536,
            linger: Span(Duration::from_millis(5)),
        }
    }
}

impl Producing {
    /// As many producers as connections.
    pub(super) fn producers(&self, global: &Global) -> anyhow::Result<Vec<Producer>> {
        let batch_bytes = usize::try_from(self.batch_bytes)?;
        let make = |_| {
            let options = global.client_options();
            let builder = Producer::builder(&global.brokers)
                .acks(self.acks.acks())
                .compression(self.compression.codec())
                .batch_size(batch_bytes)
                .linger(self.linger.0)
                .max_request_size((1 << 20).max(batch_bytes + 1024))
                .buffer_memory(64 * 1024 * 1024)
                .max_block(options.api_timeout)
                .delivery_timeout(Duration::from_secs(120))
                .allow_auto_create_topics(false)
                .client_id("highwater-bench");
            Ok(builder.build()?)
        };
        (0..self.connections).map(make).collect()
    }
}
