//! Rounds of one row: every side in turn, forward and backward, until there are enough that nothing disturbed.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::bench::Bench;
use super::results::{Line, Stamp, append_json};
use super::table::{figures_of, verdicts};
use super::{Measured, Row, Side};

/// How often a disturbed side is run again before its round is given up.
const ATTEMPTS_MAX: u32 = 3;

/// How far the control may deviate on a machine that is steady.
pub const CONTROL_DEVIATION_MAX: f64 = 0.05;

/// When a run of a row ends, and which rounds count.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub rounds: u32,
    /// No round is begun that would probably end after this.
    pub time: Duration,
    /// How far the control may deviate, as a share; without it rounds count however busy the machine is, and are marked by nothing:
    /// for trying, not for publishing.
    pub control_deviation_max: Option<f64>,
}

/// Runs a row, tells how it goes, and appends each round to the file at `results` if there is one.
pub fn run_row(
    row: &mut Row,
    bench: &mut Bench,
    limits: Limits,
    results: Option<&Path>,
    tell: &mut dyn FnMut(String),
) -> Result<()> {
    let begun = Instant::now();
    let stamp = Stamp::now()?;
    tell(format!("{}: {} ({})", row.name, row.says, row.durability));
    let mut sides = row.workload.sides().to_vec();
    sides.retain(|side| *side != Side::Kafka || !bench.is_without_kafka);
    row.workload.prepare(bench).context("prepare")?;
    for side in &sides {
        for _ in 0..bench.effort.pick(row.workload.warm_up_runs(*side), 0) {
            row.workload.run(bench, *side).with_context(|| format!("warm up {side}"))?;
        }
    }
    tell(format!("prepared in {:.0} s", begun.elapsed().as_secs_f64()));
    let (mut lines, mut rejected, mut longest) = (Vec::new(), 0, Duration::ZERO);
    let mut round = 0;
    while round < limits.rounds && begun.elapsed() + longest < limits.time {
        let since = Instant::now();
        match run_round(row, bench, &sides, round, limits.control_deviation_max, tell)? {
            Some(measured) => {
                let line = |(side, measured): &(Side, Measured)| {
                    Line::new(row.name, round + 1, *side, measured, &stamp)
                };
                let of_round: Vec<Line> = measured.iter().map(line).collect();
                if let Some(path) = results {
                    append_json(path, &of_round)?;
                }
                lines.extend(of_round);
                round += 1;
            }
            None => rejected += 1,
        }
        longest = longest.max(since.elapsed());
    }
    tell(figures_of(&lines)?);
    if limits.control_deviation_max.is_some() {
        tell(verdicts(row, &lines)?);
    }
    let took = begun.elapsed().as_secs_f64() / 60.0;
    tell(format!("{round} rounds, {rejected} rejected, {took:.1} minutes"));
    anyhow::ensure!(round == limits.rounds, "only {round} of {} rounds", limits.rounds);
    Ok(())
}

/// Every side once; nothing if a side was disturbed each time.
fn run_round(
    row: &mut Row,
    bench: &mut Bench,
    sides: &[Side],
    round: u32,
    control_deviation_max: Option<f64>,
    tell: &mut dyn FnMut(String),
) -> Result<Option<Vec<(Side, Measured)>>> {
    let mut order = sides.to_vec();
    if round % 2 == 1 {
        order.reverse();
    }
    let mut all = Vec::new();
    for side in order {
        let mut accepted = None;
        for _ in 0..ATTEMPTS_MAX {
            let run = row.workload.run(bench, side);
            let measured = run.with_context(|| format!("{side} in round {}", round + 1))?;
            let deviation_max = control_deviation_max.unwrap_or(CONTROL_DEVIATION_MAX);
            let Some(why) = measured.conditions.disturbance(deviation_max) else {
                accepted = Some(measured);
                break;
            };
            tell(format!("round {}, {side}: disturbed, {why}", round + 1));
            if control_deviation_max.is_none() {
                accepted = Some(measured);
                break;
            }
        }
        let Some(measured) = accepted else { return Ok(None) };
        tell(format!("round {}, {side:12} {}", round + 1, brief(&measured)));
        all.push((side, measured));
    }
    Ok(Some(all))
}

/// One run on one line.
fn brief(measured: &Measured) -> String {
    let conditions = &measured.conditions;
    let mut text = String::new();
    for (name, value) in &measured.figures {
        text.push_str(&format!("{name} {}  ", number(*value)));
    }
    text.push_str(&format!(
        "| client {:.1} s, broker {:.1} s, kernel {:.1} s of {:.1} s",
        conditions.client_cpu_s,
        conditions.broker_cpu_s,
        conditions.kernel_cpu_s,
        conditions.seconds
    ));
    text
}

/// Three digits or all before the point.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        magnitude if magnitude >= 100.0 => format!("{value:.0}"),
        magnitude if magnitude >= 10.0 => format!("{value:.1}"),
        magnitude if magnitude >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
