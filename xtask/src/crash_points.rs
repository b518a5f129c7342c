//! `cargo xtask crash-points`: every state in which a crash can leave the disk, and a table of them.

#![expect(clippy::print_stdout, reason = "speaks to people and pipes")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

/// Tells the tests to take all states; each then prints a line that begins with `MARK`.
const FULL_VARIABLE: &str = "HIGHWATER_CRASH_POINTS_FULL";
const MARK: &str = "crash-points | ";

/// Distinct disks that a run must come to, each protocol and all together.
const PROTOCOL_IMAGES_MIN: u64 = 2_000;
const IMAGES_MIN: u64 = 100_000;

const COLUMNS: [&str; 8] = [
    "protocol",
    "workloads",
    "operations",
    "moments",
    "sampled",
    "disks",
    "in recovery",
    "violations",
];

/// Runs the enumeration in a release build; an error if anything is violated, or too little seen.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["test", "--release", "-p", "highwater-storage", "--test", "it"]);
    command.args(["crash_points::", "--", "--nocapture"]);
    command.env(FULL_VARIABLE, "1").current_dir(root).stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot run cargo")?;
    let output = child.stdout.take().context("no output")?;
    let mut rows = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line?;
        // The harness writes the name of a test before what the test prints.
        match line.split_once(MARK) {
            Some((_, row)) => rows.push(row.split(" | ").map(str::to_owned).collect::<Vec<_>>()),
            None => println!("{line}"),
        }
    }
    let status = child.wait()?;
    let (images, violations) = print_table(&rows)?;
    if !status.success() || violations > 0 {
        bail!("{violations} violations; the first of each protocol are above");
    }
    ensure!(images >= IMAGES_MIN, "{images} distinct disks are fewer than {IMAGES_MIN}");
    Ok(())
}

/// Prints the rows and their sums; returns the distinct disks and the violations of all.
fn print_table(rows: &[Vec<String>]) -> anyhow::Result<(u64, u64)> {
    println!("\n| {} |\n|{}", COLUMNS.join(" | "), " --- |".repeat(COLUMNS.len()));
    let mut sums = [0_u64; COLUMNS.len() - 1];
    for row in rows {
        ensure!(row.len() == COLUMNS.len(), "not a row: {row:?}");
        println!("| {} |", row.join(" | "));
        for (sum, number) in sums.iter_mut().zip(&row[1..]) {
            *sum += number.parse::<u64>().with_context(|| format!("not a number in {row:?}"))?;
        }
        let images: u64 = row[5].parse()?;
        ensure!(images >= PROTOCOL_IMAGES_MIN, "{}: only {images} distinct disks", row[0]);
    }
    let sums_text = sums.map(|sum| sum.to_string()).join(" | ");
    println!("| all | {sums_text} |");
    Ok((sums[4], sums[6]))
}
