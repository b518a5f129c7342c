//! What is run before the power goes.

use std::sync::Arc;

use highwater_storage::{DiskOp, SimDisk};

use super::explore::{Budget, Chance, Report, Trace};
use crate::workload::Step::{
    self, Append, Checkpoint, Clean, Create, Delete, DeleteRecords, Lead, Restart, Roll, Sync,
    Truncate,
};
use crate::workload::{Broker, Teller, Told, run};

const EIO: i32 = 5;

/// One protocol of the log, as workloads that go through it.
#[derive(Clone, Copy)]
pub(crate) struct Protocol {
    pub(crate) name: &'static str,
    pub(crate) explore: fn(&Budget, &mut Report),
}

pub(crate) struct Protocols {
    pub(crate) append_and_roll: Protocol,
    pub(crate) truncate: Protocol,
    pub(crate) checkpoint: Protocol,
    pub(crate) retention: Protocol,
    pub(crate) clean: Protocol,
    pub(crate) topic: Protocol,
    pub(crate) restart: Protocol,
    pub(crate) failed_sync: Protocol,
    pub(crate) three_steps: Protocol,
    pub(crate) recovery: Protocol,
}

pub(crate) const PROTOCOLS: Protocols = Protocols {
    append_and_roll: Protocol {
        name: "append and roll",
        // The path of every record: looked at more closely than the others.
        explore: |budget, report| explore_all(APPENDING, &budget.denser(), report),
    },
    truncate: Protocol {
        name: "truncate",
        explore: |budget, report| explore_all(TRUNCATING, budget, report),
    },
    checkpoint: Protocol {
        name: "checkpoint",
        explore: |budget, report| explore_all(CHECKPOINTING, budget, report),
    },
    retention: Protocol {
        name: "retention",
        explore: |budget, report| explore_all(TRIMMING, budget, report),
    },
    clean: Protocol { name: "compaction swap", explore: clean },
    topic: Protocol {
        name: "topic create and delete",
        explore: |budget, report| explore_all(REPLACING, budget, report),
    },
    restart: Protocol {
        name: "clean stop and start",
        explore: |budget, report| explore_all(RESTARTING, budget, report),
    },
    failed_sync: Protocol { name: "failed sync", explore: failed_sync },
    three_steps: Protocol { name: "any three steps", explore: three_steps },
    recovery: Protocol { name: "recovery itself", explore: recovery },
};

const APPENDING: &[&[Step]] = &[
    &[Append(3), Sync, Append(1), Append(4), Sync, Append(2), Roll, Append(1), Lead, Append(3)],
    &[Append(9), Append(6), Sync, Append(7), Append(1)],
    &[Append(1), Append(1), Append(1), Append(1), Sync, Append(1), Append(1)],
];
const TRUNCATING: &[&[Step]] = &[
    &[Append(6), Checkpoint, Append(5), Sync, Truncate(3), Append(2), Sync, Append(3)],
    &[Append(5), Checkpoint, Truncate(9), Append(4), Lead, Append(4), Sync, Append(2), Truncate(1)],
    &[Append(9), Append(9), Truncate(30), Append(3), Checkpoint, Truncate(2), Append(1), Sync],
];
const CHECKPOINTING: &[&[Step]] = &[
    &[Append(4), Checkpoint, Append(5), Checkpoint, Append(2), Lead, Append(1), Checkpoint],
    &[Append(12), Roll, Append(2), Checkpoint, Append(8), Sync, Append(7), Checkpoint, Append(1)],
];
const TRIMMING: &[&[Step]] = &[
    &[Append(8), Sync, DeleteRecords(5), Append(6), Checkpoint, DeleteRecords(7), Append(4)],
    &[Append(8), DeleteRecords(9), Append(6), Sync, DeleteRecords(9), Append(2), Sync],
    &[Append(9), Checkpoint, Append(9), DeleteRecords(22), Checkpoint, Append(2), Truncate(4)],
];
const CLEANING: &[&[Step]] = &[
    &[Append(12), Append(8), Clean, Append(3), Sync],
    &[Append(9), Clean, Append(9), Checkpoint, Append(4), Clean, Append(2)],
    &[Append(9), Clean, DeleteRecords(5), Append(6), Checkpoint, Clean, DeleteRecords(9)],
    &[Append(9), Clean, Restart, Append(6), Checkpoint, Clean, Restart, Append(1)],
];
const REPLACING: &[&[Step]] = &[
    &[Append(4), Checkpoint, Append(3), Delete, Create, Append(2), Sync],
    &[Append(9), Checkpoint, DeleteRecords(9), Delete, Create, Delete, Create, Append(5)],
];
const RESTARTING: &[&[Step]] = &[
    &[Append(5), Restart, Append(3), Sync, Restart, Append(2), Checkpoint, Append(6), Restart],
    &[Append(9), Restart, Truncate(4), Restart, DeleteRecords(6), Append(1), Sync, Restart],
];

fn explore_all(workloads: &[&[Step]], budget: &Budget, report: &mut Report) {
    for steps in workloads {
        Trace::of(steps, Told::default()).explore(budget, report);
    }
}

fn clean(budget: &Budget, report: &mut Report) {
    for steps in CLEANING {
        Trace::of(steps, Told::compacted()).explore(budget, report);
    }
}

/// Each sync fails once; from then on nothing more is called synced (I-S5), and a crash after it
/// takes nothing that was.
fn failed_sync(budget: &Budget, report: &mut Report) {
    let steps = [
        Append(4),
        Sync,
        Append(5),
        Checkpoint,
        Append(6),
        Sync,
        Append(3),
        Roll,
        Append(2),
        Checkpoint,
        Append(4),
        Truncate(3),
        Append(1),
        Sync,
    ];
    for op in [DiskOp::Sync, DiskOp::SyncDir] {
        for after in 0.. {
            let disk = SimDisk::new();
            let mut teller = Teller::new(Told::default());
            let Ok(mut broker) = run(&disk, &[Append(2)], &mut teller) else { unreachable!() };
            let first = disk.change_count();
            disk.fail_next(op, EIO, after);
            disk.record();
            let failed = steps.iter().find(|step| broker.apply(**step, &mut teller).is_err());
            let Some(failed) = failed else { break };
            assert_silent(&mut broker, &mut teller);
            let name = format!("{steps:?}: {op:?} {after} fails in {failed:?}");
            Trace::recorded(name, &disk, first, &teller).explore(budget, report);
        }
    }
}

fn assert_silent(broker: &mut Broker, teller: &mut Teller) {
    let synced = broker.log().synced_end_offset();
    for step in [Append(1), Sync, Checkpoint, Sync] {
        let outcome = broker.apply(step, teller);
        assert!(outcome.is_err() || step == Sync, "{step:?} after a failed sync");
        assert_eq!(broker.log().synced_end_offset(), synced, "{step:?} after a failed sync");
    }
}

/// Most crash bugs need no more than three operations: all of them, in every order.
fn three_steps(budget: &Budget, report: &mut Report) {
    const STEPS: [Step; 7] =
        [Append(3), Sync, Checkpoint, Roll, Truncate(4), DeleteRecords(4), Restart];
    let count = STEPS.len();
    for number in (0..count.pow(3)).step_by(budget.workload_stride) {
        let nth = |place: u32| STEPS[number / count.pow(place) % count];
        let steps = [Append(6), Checkpoint, Append(4), nth(0), nth(1), nth(2)];
        Trace::of(&steps, Told::default()).explore(budget, report);
    }
}

/// Starts on disks that crashes left; each start is a workload of its own.
fn recovery(budget: &Budget, report: &mut Report) {
    let workloads = [APPENDING, TRUNCATING, CHECKPOINTING, TRIMMING, RESTARTING].concat();
    let traces = workloads.iter().map(|steps| Trace::of(steps, Told::default()));
    let traces = traces.chain(CLEANING.iter().map(|steps| Trace::of(steps, Told::compacted())));
    for (number, trace) in traces.enumerate().step_by(budget.workload_stride.min(4)) {
        let mut chance = Chance(number as u64);
        for _ in 0..4 {
            let at = chance.below(trace.points.len());
            let (point, told): (_, &Arc<Told>) = (&trace.points[at], &trace.told[at]);
            let ends = point.effects().iter().map(|ways| chance.below(*ways)).collect::<Vec<_>>();
            let name = format!("start on {}: after change {at}, effects {ends:?}", trace.name);
            Trace::of_start(name, &point.after_cut(&ends), told).explore(budget, report);
        }
    }
}
