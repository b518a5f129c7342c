//! The results file: one line of JSON for each side of each round.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::conditions::Conditions;
use super::{Figures, Measured, Side};
use crate::peers::repository;

/// Where rounds are kept, from the root of the repository.
pub const RESULTS: &str = "benches/results/paired.jsonl";

/// One side of one round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) row: String,
    pub(crate) round: u32,
    pub(crate) side: String,
    pub(crate) figures: Figures,
    pub(crate) conditions: Conditions,
    #[serde(flatten)]
    pub(crate) stamp: Stamp,
}

/// What was measured, where and when.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// When the command began; tells the rounds of one run from those of another.
    pub run: String,
    pub commit: String,
    pub machine: String,
}

impl Stamp {
    pub fn now() -> Result<Self> {
        Ok(Self { run: date()?, commit: commit()?, machine: machine()? })
    }
}

impl Line {
    pub(crate) fn new(
        row: &str,
        round: u32,
        side: Side,
        measured: &Measured,
        stamp: &Stamp,
    ) -> Self {
        Self {
            row: row.to_owned(),
            round,
            side: side.name().to_owned(),
            figures: measured.shortened(),
            conditions: measured.conditions.shortened(),
            stamp: stamp.clone(),
        }
    }
}

impl Measured {
    /// The figures as they are written down.
    pub fn shortened(&self) -> Figures {
        self.figures.iter().map(|(name, value)| (name.clone(), short(*value))).collect()
    }
}

impl Conditions {
    pub(crate) fn shortened(&self) -> Self {
        Self {
            seconds: short(self.seconds),
            broker_cpu_s: short(self.broker_cpu_s),
            client_cpu_s: short(self.client_cpu_s),
            kernel_cpu_s: short(self.kernel_cpu_s),
            others_percent: short(self.others_percent),
            stolen_percent: short(self.stolen_percent),
            control: short(self.control),
            touch_s_per_gib: short(self.touch_s_per_gib),
            mem_free_mb: short(self.mem_free_mb),
            resident_mb: short(self.resident_mb),
            load: self.load,
        }
    }
}

/// Five digits; no measurement has more, and the file stays small.
fn short(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

/// Appends each as a line of JSON.
pub fn append_json(path: &Path, lines: &[impl Serialize]) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut text = String::new();
    for line in lines {
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(text.as_bytes()).with_context(|| path.display().to_string())
}

/// All lines; none if there is no file yet.
pub(crate) fn read(path: &Path) -> Result<Vec<Line>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let parse =
        |(index, line)| serde_json::from_str(line).with_context(|| format!("line {}", index + 1));
    text.lines().enumerate().map(parse).collect()
}

/// The results file, unless told otherwise.
pub(crate) fn default_path() -> PathBuf {
    repository().join(RESULTS)
}

fn commit() -> Result<String> {
    let commit = output(&["git", "rev-parse", "--short=10", "HEAD"])?;
    // Results and texts do not change what was measured.
    let changed = output(&["git", "status", "--porcelain", "--", "*.rs", "*.toml"])?;
    Ok(if changed.is_empty() { commit } else { format!("{commit}+") })
}

fn date() -> Result<String> {
    output(&["date", "--utc", "+%Y-%m-%dT%H:%M:%SZ"])
}

/// Processors and kernel.
fn machine() -> Result<String> {
    let processors = std::thread::available_parallelism()?;
    let memory = crate::machine::memory_bytes("MemTotal")? >> 30;
    Ok(format!("{processors} cpu, {memory} GiB, {}", output(&["uname", "-sr"])?))
}

fn output(words: &[&str]) -> Result<String> {
    let mut command = Command::new(words[0]);
    let output = command.args(&words[1..]).current_dir(repository()).output();
    let output = output.with_context(|| format!("run {}", words[0]))?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
