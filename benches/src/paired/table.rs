//! The table of `docs/benchmarks.md`, from the results file.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use super::results::{Line, default_path, read};
use super::rounds::number;
use super::{Row, Side, Target, rows};
use crate::statistics::Summary;

const HEADER: &str = "\
| row | durability | what | target | median (least .. greatest) | rounds | control | commit | met |\n\
|---|---|---|---|---|---|---|---|---|\n";

/// All rows as Markdown; of each row its newest run.
pub fn table(path: Option<&Path>) -> Result<String> {
    let default = default_path();
    let lines = read(path.unwrap_or(&default))?;
    let mut text = HEADER.to_owned();
    for row in rows() {
        let newest = newest_run(&lines, row.name);
        for target in &row.targets {
            text.push_str(&table_line(&row, target, &newest)?);
        }
    }
    text.push_str("\nAbsolute figures of the same rounds, medians:\n\n");
    for row in rows() {
        let newest = newest_run(&lines, row.name);
        if !newest.is_empty() {
            text.push_str(&format!("`{}`\n\n{}\n", row.name, figures_of(&newest)?));
        }
    }
    Ok(text)
}

/// The lines of the run of a row that began last.
fn newest_run(lines: &[Line], row: &str) -> Vec<Line> {
    let of_row = lines.iter().filter(|line| line.row == row);
    let Some(newest) = of_row.clone().map(|line| &line.stamp.run).max() else { return Vec::new() };
    of_row.filter(|line| line.stamp.run == *newest).cloned().collect()
}

fn table_line(row: &Row, target: &Target, lines: &[Line]) -> Result<String> {
    let values = values_of(target, lines);
    let (measured, rounds, met) = match Summary::of(&values) {
        None => ("-".to_owned(), "-".to_owned(), "-"),
        Some(summary) => {
            let text = format!(
                "{} ({} .. {})",
                number(summary.median),
                number(summary.min),
                number(summary.max)
            );
            let met = if target.bound.holds(summary.median) { "yes" } else { "**no**" };
            (text, values.len().to_string(), met)
        }
    };
    let commit = lines.last().map_or("-", |line| line.stamp.commit.as_str());
    let deviations = lines.iter().map(|line| line.conditions.control_deviation());
    let control = match deviations.reduce(f64::max) {
        Some(greatest) => format!("{:.0} %", greatest * 100.0),
        None => "-".to_owned(),
    };
    Ok(format!(
        "| `{}` | {} | {} | {} | {measured} | {rounds} | {control} | {commit} | {met} |\n",
        row.name, row.durability, target.says, target.bound
    ))
}

/// The target's number in each round: a ratio within the round, or the figure itself.
fn values_of(target: &Target, lines: &[Line]) -> Vec<f64> {
    let mut rounds: BTreeMap<u32, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        rounds.entry(line.round).or_default().push(line);
    }
    let figure = |round: &[&Line], side: Side, name: &str| {
        let line = round.iter().find(|line| line.side == side.name())?;
        line.figures.get(name).copied()
    };
    let of_round = |round: &Vec<&Line>| {
        let value = figure(round, target.side, target.figure)?;
        match target.against {
            None => Some(value),
            Some((side, name)) => Some(value / figure(round, side, name)?),
        }
    };
    rounds.values().filter_map(of_round).collect()
}

/// What a run says about its targets.
pub(super) fn verdicts(row: &Row, lines: &[Line]) -> Result<String> {
    let mut text = HEADER.to_owned();
    for target in &row.targets {
        text.push_str(&table_line(row, target, lines)?);
    }
    Ok(text)
}

/// The median of each figure, one column a side.
pub(super) fn figures_of(lines: &[Line]) -> Result<String> {
    let sides: Vec<Side> = Side::ALL
        .into_iter()
        .filter(|it| lines.iter().any(|line| line.side == it.name()))
        .collect();
    let mut values: BTreeMap<(String, Side), Vec<f64>> = BTreeMap::new();
    for line in lines {
        let side = sides.iter().find(|side| side.name() == line.side).context("a known side")?;
        let conditions = &line.conditions;
        let of_conditions = [
            ("client_cpu_s", conditions.client_cpu_s),
            ("kernel_cpu_s", conditions.kernel_cpu_s),
            ("resident_mb", conditions.resident_mb),
            ("mem_free_mb", conditions.mem_free_mb),
            ("touch_s_per_gib", conditions.touch_s_per_gib),
            ("load", conditions.load),
        ];
        let figures = line.figures.iter().map(|(name, value)| (name.clone(), *value));
        let all = figures.chain(of_conditions.map(|(name, value)| (name.to_owned(), value)));
        for (name, value) in all {
            values.entry((name, *side)).or_default().push(value);
        }
    }
    let names: std::collections::BTreeSet<&String> = values.keys().map(|(name, _)| name).collect();
    let mut text = "| figure |".to_owned();
    for side in &sides {
        text.push_str(&format!(" {side} |"));
    }
    text.push_str(&format!("\n|---|{}\n", "---|".repeat(sides.len())));
    for name in names {
        text.push_str(&format!("| {name} |"));
        for side in &sides {
            let summary = values.get(&(name.clone(), *side)).and_then(|it| Summary::of(it));
            let cell = summary.map_or("-".to_owned(), |summary| number(summary.median));
            text.push_str(&format!(" {cell} |"));
        }
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paired::{Bound, Stamp};

    fn line(run: &str, round: u32, side: Side, value: f64) -> Line {
        Line {
            row: "row".to_owned(),
            round,
            side: side.name().to_owned(),
            figures: [("rate".to_owned(), value)].into(),
            conditions: Default::default(),
            stamp: Stamp { run: run.to_owned(), ..Stamp::default() },
        }
    }

    #[test]
    fn ratio_is_taken_within_each_round_of_the_newest_run() {
        let lines = [
            line("2026-01-01", 1, Side::Kafka, 1.0),
            line("2026-01-01", 1, Side::Highwater, 9.0),
            line("2026-01-02", 1, Side::Kafka, 10.0),
            line("2026-01-02", 1, Side::Highwater, 20.0),
            line("2026-01-02", 2, Side::Highwater, 90.0),
            line("2026-01-02", 2, Side::Kafka, 30.0),
            line("2026-01-02", 3, Side::Kafka, 30.0),
        ];
        let target = Target {
            says: "rate",
            figure: "rate",
            side: Side::Highwater,
            against: Some((Side::Kafka, "rate")),
            bound: Bound::AtLeast(2.0),
        };
        assert_eq!(values_of(&target, &newest_run(&lines, "row")), [2.0, 3.0]);
        assert_eq!(newest_run(&lines, "other").len(), 0);
    }
}
