//! Consumer groups: what members cost, how fast a group settles, what a commit costs, how fast a coordinator loads.
//!
//! `cargo bench -p highwater-benches --bench groups [-- PART ...]`, PART = heartbeats, settling, commits or loading; all of them
//! if none is named. Each row prints its target beside its number.
#![expect(clippy::print_stdout, reason = "speaks to people and pipes")]

mod board;
mod commits;
mod heartbeats;
mod loading;
mod members;
mod reader;
mod settling;
mod wire;

use std::fmt::Display;

use anyhow::{Context, Result};
use highwater_benches::statistics::Summary;
use highwater_tests::highwater_binary;

type Part = (&'static str, fn() -> Result<()>);

const PARTS: [Part; 4] = [
    ("heartbeats", heartbeats::run),
    ("settling", settling::run),
    ("commits", commits::run),
    ("loading", loading::run),
];

fn main() -> Result<()> {
    // Cargo adds `--bench`.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let unknown = wanted.iter().find(|name| PARTS.iter().all(|(part, _)| part != name));
    anyhow::ensure!(unknown.is_none(), "no such part: {unknown:?}");
    highwater_binary().context("build the broker before the clock runs")?;
    println!("load average {}", std::fs::read_to_string("/proc/loadavg")?.trim_end());
    println!("{:<66} {:>28}   target", "", "median (least .. greatest)");
    for (name, run) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|other| other == name) {
            run().with_context(|| name)?;
        }
    }
    Ok(())
}

/// Prints a row with a target, or what it is to be read beside.
fn row(what: &str, values: &[f64], target: impl Display) -> Result<()> {
    let summary = Summary::of(values).context("nothing was measured")?.to_string();
    println!("{what:<66} {summary:>28}   {target}");
    Ok(())
}
