//! From one moment to all disks that a crash can leave of it.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use highwater_storage::{CrashPoint, Disk as _, SimDisk};

use crate::workload::{Broker, Outcome, Step, Teller, Told, check_producer, run, start_and_check};

/// States of one moment up to which all of them are taken.
const EXHAUSTIVE_MAX: u64 = 1 << 12;

/// Violations that are kept with their story.
const VIOLATIONS_MAX: usize = 20;

/// How much is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// States of one moment up to which all of them are taken.
    exhaustive_max: u64,
    /// States that are drawn of a moment with more.
    samples: usize,
    /// Moments that are left out between two.
    pub(crate) stride: usize,
    /// Workloads that are left out between two, where there are hundreds.
    pub(crate) workload_stride: usize,
    /// Crashes inside each recovery.
    second_crashes: usize,
}

impl Budget {
    pub(crate) const FULL: Self = Self {
        exhaustive_max: EXHAUSTIVE_MAX,
        samples: 1000,
        stride: 1,
        workload_stride: 1,
        second_crashes: 2,
    };
    pub(crate) const QUICK: Self =
        Self { exhaustive_max: 8, samples: 6, stride: 13, workload_stride: 61, second_crashes: 1 };

    /// With more moments and states, unless it has all of them.
    pub(crate) fn denser(&self) -> Self {
        Self { stride: self.stride.min(3), samples: self.samples.max(24), ..*self }
    }
}

/// What was looked at, and what was wrong.
#[derive(Debug, Default)]
pub(crate) struct Report {
    traces: u64,
    operations: u64,
    moments: u64,
    sampled_moments: u64,
    /// What was examined: a disk, and what had been told by then.
    seen: BTreeSet<(u64, u64)>,
    /// Digests of the disks that a crash of the protocol left.
    images: BTreeSet<u64>,
    /// Of those that a crash of a recovery left, beside them.
    recovery_images: BTreeSet<u64>,
    pub(crate) violation_count: u64,
    pub(crate) violations: Vec<String>,
}

impl Report {
    pub(crate) fn image_count(&self) -> usize {
        self.images.len()
    }

    fn note(&mut self, case: &dyn fmt::Display, outcome: Outcome<()>) {
        if let Err(reason) = outcome {
            self.violation_count += 1;
            if self.violations.len() < VIOLATIONS_MAX {
                self.violations.push(format!("{case}: {reason}"));
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { traces, operations, moments, sampled_moments, .. } = self;
        let (images, second) = (self.images.len(), self.recovery_images.len());
        let violations = self.violation_count;
        write!(
            f,
            "{traces} | {operations} | {moments} | {sampled_moments} | {images} | {second} | {violations}"
        )
    }
}

/// A workload that has run: what the disk was like between its changes, and what had been told.
pub(crate) struct Trace {
    pub(crate) name: String,
    pub(crate) points: Vec<CrashPoint>,
    pub(crate) told: Vec<Arc<Told>>,
}

impl Trace {
    /// Runs a workload that meets no fault.
    pub(crate) fn of(steps: &[Step], told: Told) -> Self {
        let disk = SimDisk::new();
        let mut teller = Teller::new(told);
        disk.record();
        run(&disk, steps, &mut teller).unwrap_or_else(|error| panic!("{steps:?}: {error}"));
        Self::recorded(format!("{steps:?}"), &disk, 0, &teller)
    }

    /// What a disk recorded since it had been changed `first` times.
    pub(crate) fn recorded(name: String, disk: &SimDisk, first: u64, teller: &Teller) -> Self {
        let points = disk.take_recorded();
        let told = (first..).take(points.len()).map(|changes| teller.told_at(changes)).collect();
        Self { name, points, told }
    }

    /// A start on this disk.
    pub(crate) fn of_start(name: String, disk: &SimDisk, told: &Arc<Told>) -> Self {
        disk.record();
        drop(Broker::start(disk, told));
        let points = disk.take_recorded();
        let told = vec![Arc::clone(told); points.len()];
        Self { name, points, told }
    }

    pub(crate) fn explore(&self, budget: &Budget, report: &mut Report) {
        report.traces += 1;
        report.operations += self.points.len() as u64 - 1;
        for (number, point) in self.points.iter().enumerate().step_by(budget.stride) {
            let told = &self.told[number];
            report.moments += 1;
            let effects = point.effects();
            let all = states(&effects, budget, number as u64);
            report.sampled_moments += u64::from(count(&effects) > budget.exhaustive_max);
            for ends in all {
                let disk = point.after_cut(&ends);
                let digest = disk.digest();
                if report.seen.insert((digest, told.digest())) {
                    report.images.insert(digest);
                    let case = Case { trace: self, change: number, ends: Some(&ends) };
                    examine(&case, &disk, told, budget, digest, report);
                }
            }
            // A kill loses nothing; and what recovery then calls synced must be it.
            let disk = point.disk();
            disk.crash();
            let case = Case { trace: self, change: number, ends: None };
            examine(&case, &disk, told, budget, number as u64, report);
        }
    }
}

/// Where a disk came from, for whoever has to find out what went wrong.
struct Case<'a> {
    trace: &'a Trace,
    change: usize,
    /// How the effects ended; a kill takes none of them.
    ends: Option<&'a [usize]>,
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace: Trace { name, points, .. }, change, ends } = self;
        match ends {
            Some(ends) => {
                let disk = points[*change].after_cut(ends);
                write!(f, "{name}: cut after change {change}, {ends:?}: {:?}", listing(&disk))
            }
            None => write!(f, "{name}: killed after change {change}"),
        }
    }
}

/// Names and sizes of the partition's files.
fn listing(disk: &SimDisk) -> Vec<(String, u64)> {
    let entries = disk.read_dir(Path::new("/data/orders-0")).unwrap_or_default();
    entries.into_iter().map(|entry| (entry.name, entry.len_bytes)).collect()
}

/// How many states a moment has.
fn count(effects: &[usize]) -> u64 {
    effects.iter().fold(1, |count: u64, ways| count.saturating_mul(*ways as u64))
}

/// All states of a moment, or some: everything lost, everything kept, each effect alone the other
/// way, and what a seed draws.
fn states(effects: &[usize], budget: &Budget, seed: u64) -> Vec<Vec<usize>> {
    let count = count(effects);
    let nth = |mut number: u64| -> Vec<usize> {
        let digit = |ways: &usize| {
            let end = usize::try_from(number % *ways as u64).unwrap();
            number /= *ways as u64;
            end
        };
        effects.iter().map(digit).collect()
    };
    if count <= budget.exhaustive_max {
        return (0..count).map(nth).collect();
    }
    let lost = vec![0; effects.len()];
    let kept: Vec<usize> = effects.iter().map(|ways| ways - 1).collect();
    let mut states = vec![lost.clone(), kept.clone()];
    for at in 0..effects.len() {
        for (all, other) in [(&lost, &kept), (&kept, &lost)] {
            let mut state = all.clone();
            state[at] = other[at];
            states.push(state);
        }
    }
    let mut chance = Chance(seed);
    if states.len() > budget.samples {
        let kept = 2 + chance.below(states.len() - 2);
        states.rotate_left(kept);
        states.truncate(budget.samples);
    }
    while states.len() < budget.samples {
        states.push(effects.iter().map(|ways| chance.below(*ways)).collect());
    }
    states
}

/// Starts on a disk, and again where the power was cut in the middle of that.
fn examine(
    case: &Case<'_>,
    disk: &SimDisk,
    told: &Arc<Told>,
    budget: &Budget,
    seed: u64,
    report: &mut Report,
) {
    disk.record();
    let first = guarded(|| start_and_check(disk, told));
    let points = disk.take_recorded();
    let mut found = match first {
        Ok(found) => found,
        Err(reason) => return report.note(case, Err(reason)),
    };
    let end = found.end;
    let producer = guarded(|| check_producer(&mut found, told));
    report.note(case, producer);
    // What recovery found counts as synced: a cut right after it takes nothing.
    let last = points.last().expect("one more than changes");
    let lost = last.after_cut(&vec![0; last.effects().len()]);
    let again = guarded(|| start_and_check(&lost, told)).and_then(|found| match found.end {
        again if again >= end => Ok(()),
        again => Err(format!("{end} records were recovered, {again} of them outlived a cut")),
    });
    report.note(&format_args!("{case}, cut after recovery"), again);
    let mut chance = Chance(seed);
    for _ in 0..budget.second_crashes {
        let number = chance.below(points.len());
        let effects = points[number].effects();
        let ends: Vec<usize> = effects.iter().map(|ways| chance.below(*ways)).collect();
        let disk = points[number].after_cut(&ends);
        if !report.recovery_images.insert(disk.digest()) {
            continue;
        }
        let case = format_args!(
            "{case}, cut after change {number} of recovery, effects {ends:?} {:?}",
            listing(&disk)
        );
        let outcome = guarded(|| check_producer(&mut start_and_check(&disk, told)?, told));
        report.note(&case, outcome);
    }
}

/// A panic is an outcome too.
fn guarded<T>(run: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(outcome) => outcome,
        Err(payload) => {
            let text = payload.downcast_ref::<String>().cloned();
            let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).into()));
            Err(format!("panic: {}", text.unwrap_or_default()))
        }
    }
}

/// Numbers from a seed (SplitMix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}
