//! `highwater bench`: how fast a cluster takes records, gives them, and answers. For any Kafka.

mod consume;
mod figures;
mod latency;
mod produce;
mod sending;
mod topic;

use std::num::NonZeroU32;

use clap::{Args, Subcommand};

use super::Global;
use super::output::Output;

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --topic each makes a topic of its own, and deletes it at the end, also after Ctrl-C.
The load shares the machine with whatever else runs there: on the broker's own machine the two
compete for processors.

Examples:
  highwater bench produce --duration 30s --acks 1 --connections 2
  highwater bench consume --records 5000000 --record-bytes 100
  highwater bench latency --rate 1000 --duration 1m --output json")]
pub(crate) struct Bench {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write records, as many as the cluster takes or at a fixed rate
    Produce(produce::Produce),
    /// Read records as fast as the cluster gives them
    Consume(consume::Consume),
    /// Write at a fixed rate and read back: time to the acknowledgement and to the consumer
    Latency(latency::Latency),
}

pub(crate) async fn run(
    global: &Global,
    arguments: Bench,
    output: &mut Output,
) -> anyhow::Result<()> {
    match arguments.action {
        Action::Produce(produce) => produce.run(global, output).await,
        Action::Consume(consume) => consume.run(global, output).await,
        Action::Latency(latency) => latency.run(global, output).await,
    }
}

/// Rates above this are no rates but mistakes.
const RATE_MAX: u32 = 10_000_000;
/// Connections of one run; each has a thread of its own.
const CONNECTIONS_MAX: i64 = 1_000;

/// A rate in records a second.
fn rate(text: &str) -> Result<NonZeroU32, String> {
    match text.parse::<NonZeroU32>() {
        Ok(rate) if rate.get() <= RATE_MAX => Ok(rate),
        _ => Err(format!("expected records a second, 1 to {RATE_MAX}")),
    }
}
