//! Every state in which a crash can leave the disk, one protocol after the other.
//!
//! A workload runs once on a disk that keeps how it was before each change. For each of these
//! moments every end that its unsynced effects can take (`CrashPoint`) makes a disk, which is
//! started and checked; the start is cut short as well, and started again. Nothing is random but
//! the choice among more than `EXHAUSTIVE_MAX` states of one moment, which comes from a seed.
//!
//! The tests here take a part of the states of each protocol. All of them: `cargo xtask
//! crash-points`.

mod explore;
mod protocols;

use self::explore::{Budget, Report};
use self::protocols::{PROTOCOLS, Protocol};

/// Set by `cargo xtask crash-points`: all states, and a line for each protocol.
const FULL_VARIABLE: &str = "HIGHWATER_CRASH_POINTS_FULL";

fn check(protocol: Protocol) {
    let is_full = std::env::var_os(FULL_VARIABLE).is_some();
    let budget = if is_full { Budget::FULL } else { Budget::QUICK };
    let mut report = Report::default();
    (protocol.explore)(&budget, &mut report);
    println!("crash-points | {} | {report}", protocol.name);
    for violation in report.violations.iter().take(5) {
        println!("{violation}");
    }
    assert_eq!(report.violation_count, 0, "{}: {:?}", protocol.name, report.violations.first());
    let least = if is_full { 2_000 } else { 40 };
    assert!(report.image_count() >= least, "{}: too few disks: {report}", protocol.name);
}

macro_rules! protocols {
    ($($test:ident: $protocol:ident,)*) => {
        $(
            #[test]
            fn $test() {
                check(PROTOCOLS.$protocol);
            }
        )*
    };
}

protocols! {
    appending_and_rolling_survives_every_crash_state: append_and_roll,
    truncating_survives_every_crash_state: truncate,
    checkpointing_survives_every_crash_state: checkpoint,
    retention_survives_every_crash_state: retention,
    compaction_swap_survives_every_crash_state: clean,
    topic_creation_and_deletion_survive_every_crash_state: topic,
    clean_stop_and_start_survive_every_crash_state: restart,
    failed_sync_survives_every_crash_state: failed_sync,
    any_three_steps_survive_every_crash_state: three_steps,
    recovery_itself_survives_every_crash_state: recovery,
}
