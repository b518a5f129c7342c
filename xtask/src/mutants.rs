//! `cargo xtask mutants`: builds the known wrong variants and demands that a named test catches each.

#![expect(clippy::print_stdout, reason = "speaks to people and pipes")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

/// Says to a test which variant it gets; only fixtures of tests look at it.
const VARIABLE: &str = "HIGHWATER_MUTANT";
const FEATURE: &str = "highwater-records/mutants";

/// A variant, and the test that must fail with it and pass without.
struct Mutant {
    number: &'static str,
    what: &'static str,
    package: &'static str,
    /// `--lib` or `--test it`.
    target: &'static [&'static str],
    test: &'static str,
}

const IT: &[&str] = &["--test", "it"];
const LIB: &[&str] = &["--lib"];

const fn storage(number: &'static str, what: &'static str, test: &'static str) -> Mutant {
    Mutant { number, what, package: "highwater-storage", target: IT, test }
}

const fn broker(number: &'static str, what: &'static str, test: &'static str) -> Mutant {
    Mutant { number, what, package: "highwater-broker", target: LIB, test }
}

const MUTANTS: [Mutant; 17] = [
    broker(
        "M-11",
        "answered before the leader's sync",
        "partition::tests::acks_all_is_not_answered_before_the_sync",
    ),
    storage("M-12", "sync error ignored", "faults::failed_sync_is_final"),
    storage(
        "M-13",
        "no directory sync after creating a segment",
        "crash_points::appending_and_rolling_survives_every_crash_state",
    ),
    storage(
        "M-14",
        "recovery skips CRCs",
        "damage::bad_batch_past_the_recovery_point_ends_the_log_there",
    ),
    storage(
        "M-15",
        "recovery cuts at a middle bad batch",
        "damage::recovery_point_inside_a_damaged_segment_refuses_to_open",
    ),
    Mutant {
        number: "M-16",
        what: "high watermark trusted beyond the log end",
        package: "highwater-replication",
        target: LIB,
        test: "leader::tests::checkpointed_high_watermark_above_the_log_end_is_cut",
    },
    storage(
        "M-28",
        "producer state not rebuilt",
        "producers::all_five_batches_survive_a_kill_wherever_the_recovery_point_is",
    ),
    storage(
        "M-29",
        "gap accepted after a snapshot",
        "producers::gap_is_refused_after_a_snapshot_too",
    ),
    storage(
        "M-38",
        "tombstones dropped by time only",
        "cleaning::deletion_stays_until_its_horizon_and_until_the_other_replicas_have_compacted",
    ),
    storage(
        "M-39",
        "compaction swap without sync",
        "crash_points::compaction_swap_survives_every_crash_state",
    ),
    storage(
        "M-40",
        "last value lost on a key-hash collision",
        "cleaning::passes_keep_the_newest_of_every_key_whatever_map_and_hash_they_have",
    ),
    storage(
        "M-41",
        "retention by maximum timestamp, unbounded",
        "retention::one_timestamp_in_the_far_future_neither_keeps_a_segment_nor_drops_it",
    ),
    storage(
        "M-42",
        "time index off by one",
        "log::time_is_found_in_every_segment_whatever_the_order_of_timestamps",
    ),
    Mutant {
        number: "M-43",
        what: "answers of pipelined requests swapped",
        package: "highwater-broker",
        target: IT,
        test: "pipelining::thousand_requests_are_answered_in_order_however_they_are_cut",
    },
    storage(
        "M-44",
        "offset stamped, leader epoch not",
        "log::batch_on_disk_carries_its_offset_and_leader_epoch",
    ),
    storage(
        "M-45",
        "one buffer in 100,000 reused in flight",
        "log::every_one_of_a_hundred_thousand_records_reads_back",
    ),
    broker(
        "M-53",
        "duplicate of an unsynced batch answered at once",
        "partition::tests::duplicate_of_an_unsynced_batch_waits_for_the_sync_too",
    ),
];

/// Runs all, or those of these numbers.
pub(crate) fn run(numbers: &[&str]) -> anyhow::Result<()> {
    for number in numbers {
        let is_known = MUTANTS.iter().any(|mutant| mutant.number == *number);
        ensure!(is_known, "usage: cargo xtask mutants [M-11...]; there is no {number}");
    }
    let is_wanted = |mutant: &&Mutant| numbers.is_empty() || numbers.contains(&mutant.number);
    let mut survivors = 0;
    println!("| mutant | what is wrong | test | |\n| --- | --- | --- | --- |");
    for mutant in MUTANTS.iter().filter(is_wanted) {
        let verdict = match (passes(mutant, None)?, passes(mutant, Some(mutant.number))?) {
            (true, false) => "caught",
            (true, true) => "SURVIVES",
            (false, _) => "FAILS WITHOUT IT",
        };
        survivors += usize::from(verdict != "caught");
        let Mutant { number, what, test, .. } = mutant;
        println!("| {number} | {what} | `{test}` | {verdict} |");
    }
    if survivors > 0 {
        bail!("{survivors} mutants are not caught");
    }
    Ok(())
}

/// Whether the test of a mutant passes in a build that has it; `number` turns it on.
fn passes(mutant: &Mutant, number: Option<&str>) -> anyhow::Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let cargo_test = || {
        let mut command = Command::new(&cargo);
        // A directory of its own: nothing built here may be taken for a release.
        command.env("CARGO_TARGET_DIR", target.join("mutants")).current_dir(root);
        command.args(["test", "--quiet", "--package", mutant.package, "--features", FEATURE]);
        command.args(mutant.target).env_remove(VARIABLE);
        command
    };
    let built = cargo_test().arg("--no-run").status().context("cannot run cargo")?;
    ensure!(built.success(), "the build with mutants failed");
    let mut test = cargo_test();
    test.args(["--", "--exact", mutant.test]);
    test.envs(number.map(|number| (VARIABLE, number)));
    let output = test.stderr(Stdio::null()).output().context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(said.contains("running 1 test"), "there is no test {}", mutant.test);
    Ok(output.status.success())
}
