//! `cargo xtask bench`: paired runs, the table made from them, sweeps.
#![expect(clippy::print_stdout, reason = "speaks to people and pipes")]

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use highwater_benches::paired::{
    Bench, CONTROL_DEVIATION_MAX, Effort, Limits, Side, python, rows, run_row, table, target_text,
};
use highwater_benches::peers::repository;
use highwater_benches::sweep;

/// Highwater beside Apache Kafka and floor programs, on this machine.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the rounds of one row and append them to the results file
    Paired(Paired),
    /// Print the table of docs/benchmarks.md from the results file
    Table {
        /// The results file [default: benches/results/paired.jsonl]
        #[arg(long, value_name = "FILE")]
        results: Option<PathBuf>,
    },
    /// List the rows, what each runs and what must hold
    Rows,
    /// Let one thing grow and measure what should not grow with it
    Sweep(Sweep),
    /// Draw the newest sweeps and the newest paired runs into benches/results/*.png
    Plot,
    /// Run every row once with very little, to see that all of it works; no number means anything
    Smoke {
        /// Only these rows
        rows: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct Paired {
    /// The row; `rows` lists them
    row: String,
    #[arg(long, default_value_t = 7)]
    rounds: u32,
    /// No round is begun that would probably end later than this
    #[arg(long, default_value_t = 25)]
    minutes: u64,
    /// How far the control loop may deviate. On a machine whose speed is not steady (a virtual one with neighbours) no round would
    /// count at 5; the table says how unsteady the rounds were
    #[arg(long, value_name = "PERCENT", default_value_t = CONTROL_DEVIATION_MAX * 100.0)]
    control_deviation: f64,
    /// Count rounds that something disturbed, and write no results: for trying
    #[arg(long)]
    lenient: bool,
    /// Leave Apache Kafka out: for trying
    #[arg(long, requires = "lenient")]
    without_kafka: bool,
    /// The results file [default: benches/results/paired.jsonl]
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Sweep {
    /// What grows: partitions, connections, record-size, log-size, start
    sweep: String,
    /// Only these points
    #[arg(long, value_delimiter = ',', value_name = "N,...")]
    points: Vec<u64>,
    /// Without Apache Kafka
    #[arg(long)]
    only_highwater: bool,
    /// Very little of everything, and no results: for trying
    #[arg(long)]
    smoke: bool,
    /// The results file [default: benches/results/sweeps.jsonl]
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

fn main() -> Result<()> {
    raise_descriptor_limit()?;
    match Cli::parse().command {
        Command::Paired(arguments) => paired(&arguments),
        Command::Table { results } => {
            print!("{}", table(results.as_deref())?);
            Ok(())
        }
        Command::Rows => {
            for row in rows() {
                println!("{}\n    {} ({})", row.name, row.says, row.durability);
                for target in &row.targets {
                    println!("    - {}", target_text(target));
                }
            }
            Ok(())
        }
        Command::Sweep(arguments) => run_sweep(&arguments),
        Command::Plot => plot(),
        Command::Smoke { rows } => smoke(&rows),
    }
}

/// Thousands of connections, here and in the broker, which inherits the limit.
fn raise_descriptor_limit() -> Result<()> {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit)?;
    Ok(())
}

fn run_sweep(arguments: &Sweep) -> Result<()> {
    let sweep = sweep::SWEEPS.iter().find(|sweep| sweep.name == arguments.sweep);
    let names: Vec<&str> = sweep::SWEEPS.iter().map(|sweep| sweep.name).collect();
    let sweep = sweep.with_context(|| format!("{} is none of {names:?}", arguments.sweep))?;
    let points = match arguments.points.as_slice() {
        [] => sweep.points,
        points => points,
    };
    let is_wanted = |side: &Side| !arguments.only_highwater || *side == Side::Highwater;
    let sides: Vec<Side> = sweep.sides.iter().copied().filter(is_wanted).collect();
    let effort = if arguments.smoke { Effort::Smoke } else { Effort::Full };
    let results = arguments.results.clone();
    let results = results.or((!arguments.smoke).then(sweep::default_path));
    let mut bench = Bench::new(effort)?;
    let tell = &mut |line| println!("{line}");
    sweep::run(sweep, &mut bench, points, &sides, results.as_deref(), tell)
}

/// By matplotlib, in an environment of its own that is made on first use.
fn plot() -> Result<()> {
    let mut command = std::process::Command::new(python()?);
    let script = repository().join("benches/python/plot.py");
    let status = command.arg(script).arg(repository().join("benches/results")).status()?;
    anyhow::ensure!(status.success(), "plot.py: {status}");
    Ok(())
}

fn paired(arguments: &Paired) -> Result<()> {
    let mut rows = rows();
    let row = rows.iter_mut().find(|row| row.name == arguments.row);
    let row = row.with_context(|| format!("no row {}; `rows` lists them", arguments.row))?;
    let limits = Limits {
        rounds: arguments.rounds,
        time: Duration::from_secs(arguments.minutes * 60),
        control_deviation_max: (!arguments.lenient).then_some(arguments.control_deviation / 100.0),
    };
    let default = repository().join(highwater_benches::paired::RESULTS);
    let results = arguments.results.clone().or((!arguments.lenient).then_some(default));
    let mut bench = Bench::new(Effort::Full)?;
    bench.is_without_kafka = arguments.without_kafka;
    run_row(row, &mut bench, limits, results.as_deref(), &mut |line| println!("{line}"))
}

fn smoke(wanted: &[String]) -> Result<()> {
    let limits = Limits { rounds: 1, time: Duration::from_secs(300), control_deviation_max: None };
    let mut bench = Bench::new(Effort::Smoke)?;
    for row in &mut rows() {
        if wanted.is_empty() || wanted.iter().any(|name| name == row.name) {
            run_row(row, &mut bench, limits, None, &mut |line| println!("{line}"))?;
        }
    }
    Ok(())
}
