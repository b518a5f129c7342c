//! The verbs of the command: one file each, and what they share.

mod bench;
mod completions;
mod config;
mod consume;
mod failure;
#[cfg(test)]
mod fixture;
mod format;
mod group;
mod lines;
mod log;
mod moment;
mod output;
mod produce;
mod serve;
mod topic;

use std::io;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use highwater::client::ClientOptions;
use tracing_subscriber::EnvFilter;

use self::output::{Output, OutputFormat};

/// A partitioned log that speaks the Apache Kafka protocol: one broker, and tools for any Kafka.
#[derive(Debug, Parser)]
#[command(name = "highwater", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done; 1 failed, the last line on standard error says why; \
                        2 wrong usage.")]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every verb understands.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Brokers to ask first, separated by commas
    #[arg(long, global = true, env = "HIGHWATER_BROKERS", value_name = "HOST:PORT,...")]
    #[arg(default_value = "127.0.0.1:9092")]
    brokers: String,
    /// For people or for programs
    #[arg(long, global = true, value_enum, default_value_t)]
    output: OutputFormat,
    /// What to log on standard error: error, warn, info, debug, trace, or a filter such as
    /// `highwater_client=debug` [default: RUST_LOG, else info for `serve` and warn for the rest]
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a broker
    Serve(serve::Serve),
    /// Create, list, describe, alter and delete topics
    Topic(topic::Topic),
    /// Send lines from standard input to a topic
    Produce(produce::Produce),
    /// Write records of a topic to standard output
    Consume(consume::Consume),
    /// List, describe, reset and delete consumer groups
    Group(group::Group),
    /// Show and change settings of topics and brokers
    Config(config::Config),
    /// Measure how fast a cluster takes records, gives them and answers
    Bench(bench::Bench),
    /// Look into log files on disk, without a broker
    Log(log::Log),
    /// Write a completion script for a shell
    Completions(completions::Completions),
}

/// Runs the command and says how it ended.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let mut output = Output::new(cli.global.output);
    let result = dispatch(cli, &mut output).and_then(|()| Ok(output.flush()?));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

fn dispatch(cli: Cli, output: &mut Output) -> anyhow::Result<()> {
    let global = &cli.global;
    let default_level = if matches!(cli.command, Command::Serve(_)) { "info" } else { "warn" };
    start_log(global.log.as_deref(), default_level)?;
    match cli.command {
        Command::Serve(arguments) => serve::run(&arguments, output),
        Command::Topic(arguments) => on_runtime(topic::run(global, arguments, output)),
        Command::Produce(arguments) => on_runtime(produce::run(global, arguments, output)),
        Command::Consume(arguments) => on_runtime(consume::run(global, arguments, output)),
        Command::Group(arguments) => on_runtime(group::run(global, arguments, output)),
        Command::Config(arguments) => on_runtime(config::run(global, arguments, output)),
        Command::Bench(arguments) => on_runtime(bench::run(global, arguments, output)),
        Command::Log(arguments) => log::run(&arguments, output),
        Command::Completions(arguments) => completions::run(&arguments, output),
    }
}

/// One thread for the verb and one for its connections.
fn on_runtime(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let result = runtime.block_on(work);
    // A look-up of a host name may still be under way on a thread of its own.
    runtime.shutdown_background();
    result
}

fn start_log(filter: Option<&str>, default_level: &str) -> anyhow::Result<()> {
    let environment = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = filter.map(str::to_owned).or(environment);
    let mut filter = filter.unwrap_or_else(|| default_level.to_owned());
    if !filter.contains("openraft") {
        // It tells each of its steps at `info`.
        filter.push_str(",openraft=warn");
    }
    let filter = EnvFilter::try_new(&filter)
        .map_err(|error| failure::Usage(format!("invalid value '{filter}' for --log: {error}")))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    subscriber.with_target(false).init();
    Ok(())
}

impl Global {
    fn client_options(&self) -> ClientOptions {
        ClientOptions {
            client_id: "highwater-cli".to_owned(),
            // People wait: a cluster that does not answer in this time is worth a message.
            api_timeout: std::time::Duration::from_secs(15),
            ..ClientOptions::with_servers(&self.brokers)
        }
    }

    async fn admin(&self) -> anyhow::Result<highwater::Admin> {
        let admin = highwater::Admin::new(self.client_options())?;
        reach(admin.client()).await?;
        Ok(admin)
    }
}

/// Fails at once if no broker can be reached: who types a command is told, not kept waiting for a
/// broker that may come back.
async fn reach(client: &highwater::client::Client) -> anyhow::Result<()> {
    client.any_connection().await?;
    Ok(())
}

/// A `KEY=VALUE` argument.
fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests;
