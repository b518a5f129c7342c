//! Power cuts and kills between every two changes on disk.
//!
//! A fixed workload runs on a simulated disk that stops after its n-th change, for every n. Then
//! the power is cut with a few seeds, the log is recovered (with another cut in the middle of
//! that), and what is there must be a prefix of what was appended that holds all that was synced.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use highwater_records::{LeaderEpoch, NodeId, Offset, Uuid};
use highwater_storage::{
    CheckpointKind, Log, LogDir, MetaProperties, Opening, Recovery, SimDisk, StorageFault, verify,
};

use crate::fixture::*;

/// One step of a workload.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many batches in one turn.
    Append(usize),
    Sync,
    Checkpoint,
    Roll,
    /// Raise the log start by so many offsets.
    DeleteRecords(i64),
    /// Cut so many offsets off the end.
    Truncate(i64),
    /// Clean stop and start.
    Restart,
}

use Step::{Append, Checkpoint, DeleteRecords, Restart, Roll, Sync, Truncate};

const APPENDING: &[Step] = &[
    Append(3),
    Sync,
    Append(1),
    Append(4),
    Sync,
    Append(6),
    Checkpoint,
    Append(5),
    Sync,
    Append(2),
    Roll,
    Append(1),
    Sync,
    Checkpoint,
    Append(7),
];
const CUTTING: &[Step] = &[
    Append(6),
    Checkpoint,
    Append(5),
    Sync,
    Truncate(3),
    Append(2),
    Sync,
    Append(3),
    Checkpoint,
    Truncate(9),
    Append(4),
    Append(4),
    Sync,
    Append(2),
    Truncate(1),
    Append(1),
    Checkpoint,
    Append(3),
];
const TRIMMING: &[Step] = &[
    Append(8),
    Sync,
    DeleteRecords(5),
    Append(6),
    Checkpoint,
    DeleteRecords(7),
    Append(4),
    Sync,
    DeleteRecords(1),
    Append(2),
];
const RESTARTING: &[Step] = &[
    Append(5),
    Restart,
    Append(3),
    Sync,
    Restart,
    Append(2),
    Checkpoint,
    Append(6),
    Restart,
    Append(1),
    Sync,
];

/// Seeds for each place of a cut; thousands were run when this was written.
const SEEDS: u64 = 3;
const RANDOM_WORKLOADS: u64 = 24;

/// What a user was told, as the workload went on.
#[derive(Clone, Debug, Default)]
struct Told {
    /// Value of each offset appended and not truncated; the newest may not be written.
    values: Vec<String>,
    /// As many of them are durable.
    synced: usize,
    /// Batches by base offset: values and first sequence.
    batches: BTreeMap<i64, (Vec<String>, i32)>,
    /// Log start that is durable, and that was asked for.
    start: i64,
    start_wanted: i64,
    next_sequence: i32,
}

impl Told {
    /// The values of a new batch and its first sequence.
    fn next_batch(&mut self) -> (i64, Vec<String>, i32) {
        let base = i64::try_from(self.values.len()).unwrap();
        let unique = self.next_sequence;
        let count = 1 + unique % 3;
        let values: Vec<String> = (0..count).map(|n| format!("{base}/{unique}/{n:030}")).collect();
        self.values.extend(values.iter().cloned());
        self.batches.insert(base, (values.clone(), self.next_sequence));
        self.next_sequence += count;
        (base, values, unique)
    }

    fn truncate(&mut self, end: i64) {
        self.values.truncate(usize::try_from(end).unwrap());
        self.batches.retain(|base, _| *base < end);
        self.next_sequence = self
            .batches
            .values()
            .next_back()
            .map_or(0, |(values, first)| first + i32::try_from(values.len()).unwrap());
    }
}

/// A broker with one log.
struct Broker {
    world: World,
    dir: LogDir,
    log: Log,
}

type Outcome<T> = Result<T, String>;

fn meta() -> MetaProperties {
    MetaProperties {
        cluster_id: "c".into(),
        node_id: NodeId::new(1),
        directory_id: Uuid::from_random(1),
        is_ours: true,
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Broker {
    fn start(disk: &SimDisk) -> Outcome<(Self, Recovery)> {
        let world = World::on(Arc::new(disk.clone()), Path::new("/data"), small());
        let mut dir = LogDir::open(Arc::clone(&world.disk), &world.root, 1).map_err(text)?;
        if dir.meta().is_none() {
            dir.format(meta()).map_err(text)?;
        }
        let is_clean = dir.take_clean_marker().map_err(text)?;
        let offsets = |kind| dir.read_checkpoint(kind).map_err(text);
        let of = |offsets: &BTreeMap<_, Offset>| offsets.get(&place()).copied().unwrap_or_default();
        let opening = Opening {
            is_clean,
            recovery_point: of(&offsets(CheckpointKind::RecoveryPoint)?),
            log_start_offset: of(&offsets(CheckpointKind::LogStart)?),
            keep_holes: false,
            now: NOW,
        };
        let (log, recovery) = if world.disk.exists(&world.dir()).map_err(text)? {
            Log::open(world.setup(), opening).map_err(|error| format!("{error:?}"))?
        } else {
            (Log::create(world.setup()).map_err(text)?, Recovery::default())
        };
        Ok((Self { world, dir, log }, recovery))
    }

    fn apply(mut self, step: Step, told: &mut Told) -> Outcome<Self> {
        let log = &mut self.log;
        match step {
            Append(count) => {
                let epoch = LeaderEpoch::new(3);
                for _ in 0..count {
                    let (base, values, sequence) = told.next_batch();
                    let batch = produced(7, 0, sequence, &values);
                    let appended = log.append(batch, epoch, NOW).map_err(text)?;
                    assert_eq!(appended.base_offset, offset(base));
                }
                log.flush_writes().map_err(text)?;
            }
            Sync => sync(log).map_err(text)?,
            Checkpoint => {
                checkpoint(log).map_err(text)?;
                write_recovery_point(&self.dir, log)?;
            }
            Roll => log.roll(NOW).map_err(text)?,
            DeleteRecords(count) => {
                told.start_wanted += count;
                log.advance_log_start(offset(told.start_wanted));
                let offsets = BTreeMap::from([(place(), offset(told.start_wanted))]);
                let written = self.dir.write_checkpoint(CheckpointKind::LogStart, &offsets);
                written.map_err(text)?;
                told.start = told.start_wanted;
                log.delete_old_segments().map_err(text)?;
                let deleted = log.take_deleted();
                highwater_storage::remove_files(&*self.world.disk, &deleted).map_err(text)?;
            }
            Truncate(count) => {
                let end = log.log_end_offset().value() - count;
                let bound = told.batches.range(..=end).next_back().map_or(0, |(base, _)| *base);
                told.synced = told.synced.min(usize::try_from(bound).unwrap());
                let end = log.truncate_to(offset(end)).map_err(text)?.value();
                assert_eq!(end, bound);
                told.truncate(end);
            }
            Restart => return self.restart(told),
        }
        told.synced = usize::try_from(self.log.synced_end_offset().value()).unwrap();
        Ok(self)
    }

    fn restart(self, told: &mut Told) -> Outcome<Self> {
        let Self { world, dir, log } = self;
        let before = log.log_end_offset();
        let end = log.close(NOW).map_err(text)?;
        told.synced = told.values.len();
        assert_eq!(end, before);
        let offsets = BTreeMap::from([(place(), end)]);
        dir.write_checkpoint(CheckpointKind::RecoveryPoint, &offsets).map_err(text)?;
        dir.write_clean_marker(1).map_err(text)?;
        drop(dir);
        let disk = world.disk;
        let dir = LogDir::open(Arc::clone(&disk), Path::new("/data"), 1).map_err(text)?;
        assert!(dir.take_clean_marker().map_err(text)?);
        let world = World::on(disk, Path::new("/data"), small());
        let log_start = dir.read_checkpoint(CheckpointKind::LogStart).map_err(text)?;
        let opening = Opening {
            is_clean: true,
            recovery_point: end,
            log_start_offset: log_start.get(&place()).copied().unwrap_or_default(),
            keep_holes: false,
            now: NOW,
        };
        let (log, recovery) = Log::open(world.setup(), opening).map_err(text)?;
        assert!(recovery.was_clean);
        Ok(Self { world, dir, log })
    }
}

/// Runs the workload until it ends or the disk stops.
fn run(disk: &SimDisk, steps: &[Step], told: &mut Told) -> Outcome<()> {
    let (mut broker, _) = Broker::start(disk)?;
    for step in steps {
        broker = broker.apply(*step, told)?;
    }
    Ok(())
}

/// What is in the recovered log is a prefix of what was appended and holds all that was synced;
/// the producer's last five batches are known; files agree with each other.
fn check(disk: &SimDisk, told: &Told, case: &str) {
    let (mut broker, recovery) =
        Broker::start(disk).unwrap_or_else(|error| panic!("{case}: {error}"));
    let log = &mut broker.log;
    let (start, end) = (log.log_start_offset().value(), log.log_end_offset().value());
    assert!(start >= told.start && start <= told.start_wanted.max(0), "{case}: start {start}");
    let end_index = usize::try_from(end).unwrap();
    assert!(end_index >= told.synced, "{case}: {end} of {} synced: {recovery:?}", told.synced);
    assert_eq!(log.synced_end_offset().value(), end, "{case}");
    let expected: Vec<(i64, String)> =
        (0..).zip(told.values[..end_index].iter().cloned()).collect();
    let expected = &expected[usize::try_from(start).unwrap().min(end_index)..];
    assert_eq!(records(log), expected, "{case}");
    let report = verify(&*broker.world.disk, &broker.world.root).unwrap();
    assert_eq!(report.problems, [], "{case}");
    if end > start {
        check_producer(log, told, case);
    }
}

/// The last five batches are recognised, and the one after them is taken. (A log that lost all up
/// to its start begins anew there; what it then knows of producers depends on what was lost.)
fn check_producer(log: &mut Log, told: &Told, case: &str) {
    let (start, end) = (log.log_start_offset().value(), log.log_end_offset().value());
    let known: Vec<_> = told.batches.range(start..end).collect();
    for (base, (values, sequence)) in known.iter().rev().take(5) {
        let again = append(log, produced(7, 0, *sequence, values));
        let again = again.unwrap_or_else(|error| panic!("{case}: batch at {base}: {error:?}"));
        assert!(again.duplicate, "{case}: batch at {base}");
        assert_eq!(again.base_offset, offset(**base), "{case}");
    }
    let last = told.batches.range(..end).next_back();
    let next = last.map_or(told.next_sequence, |(_, (values, first))| {
        first + i32::try_from(values.len()).unwrap()
    });
    let appended = append(log, produced(7, 0, next, &["next".into()]));
    let appended = appended.unwrap_or_else(|error| panic!("{case}: next: {error:?}"));
    assert_eq!((appended.base_offset.value(), appended.duplicate), (end, false), "{case}");
}

/// Stops after every `stride`-th change, from `first` on.
fn crash_at(steps: &[Step], first: u64, stride: usize, seeds: std::ops::Range<u64>) -> u64 {
    let whole = SimDisk::new();
    run(&whole, steps, &mut Told::default()).unwrap();
    let mut lost_bytes = 0;
    for stop in (first..=whole.change_count()).step_by(stride) {
        let disk = SimDisk::new();
        let mut told = Told::default();
        disk.stop_after(stop);
        drop(run(&disk, steps, &mut told));
        let killed = disk.copy();
        killed.crash();
        check(&killed, &told, &format!("{steps:?} killed after change {stop}"));
        for seed in seeds.clone() {
            let disk = disk.copy();
            lost_bytes += disk.power_cut(seed).lost_bytes;
            // Recovery is cut too, at a place that moves along.
            disk.stop_after((stop * 7 + seed * 3) % 23);
            let is_interrupted = Broker::start(&disk).is_err();
            disk.power_cut(seed + 100);
            let case = format!("{steps:?} stopped after change {stop}, seed {seed}");
            check(&disk, &told, &format!("{case}, recovery interrupted: {is_interrupted}"));
        }
    }
    lost_bytes
}

fn crash_everywhere(steps: &[Step]) {
    let lost_bytes = crash_at(steps, 0, 1, 0..SEEDS);
    assert!(lost_bytes > 10_000, "the cuts took something: {lost_bytes}");
}

/// A workload from a seed.
fn random_steps(seed: u64) -> Vec<Step> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    let mut steps = vec![Append(4)];
    // What is left to cut: never more than is there.
    let mut room = 4_i64;
    for _ in 0..14 {
        let count = 1 + i64::try_from(next(3)).unwrap();
        let step = match next(12) {
            0 | 1 => Sync,
            2 | 3 => Checkpoint,
            4 => Roll,
            5 => Restart,
            6 if room > count => DeleteRecords(count),
            7 | 8 if room > count => Truncate(count),
            _ => Append(1 + usize::try_from(next(7)).unwrap()),
        };
        room = match step {
            Append(batches) => room + i64::try_from(batches).unwrap(),
            // A cut takes the whole batch, of up to three records.
            DeleteRecords(count) | Truncate(count) => room - count - 2,
            Sync | Checkpoint | Roll | Restart => room,
        };
        steps.push(step);
    }
    steps
}

#[test]
fn synced_records_survive_power_cuts_in_random_workloads() {
    for seed in 0..RANDOM_WORKLOADS {
        let steps = random_steps(seed);
        crash_at(&steps, seed % 7, 7, seed..seed + 2);
    }
}

#[test]
fn synced_records_survive_a_power_cut_after_every_change_of_appending() {
    crash_everywhere(APPENDING);
}

#[test]
fn synced_records_survive_a_power_cut_after_every_change_of_cutting() {
    crash_everywhere(CUTTING);
}

#[test]
fn synced_records_survive_a_power_cut_after_every_change_of_trimming() {
    crash_everywhere(TRIMMING);
}

#[test]
fn synced_records_survive_a_power_cut_after_every_change_of_restarting() {
    crash_everywhere(RESTARTING);
}

#[test]
fn unsynced_records_are_lost_by_some_power_cut() {
    let mut lost = 0;
    for seed in 0..20 {
        let disk = SimDisk::new();
        let mut told = Told::default();
        run(&disk, &[Append(5), Sync, Append(5)], &mut told).unwrap();
        disk.power_cut(seed);
        let (broker, _) = Broker::start(&disk).unwrap();
        let end = broker.log.log_end_offset().value();
        lost += u64::from(end < i64::try_from(told.values.len()).unwrap());
    }
    assert!(lost > 5, "the test can fail: {lost}");
}

#[test]
fn recovery_reads_nothing_below_the_recovery_point() {
    let disk = SimDisk::new();
    let mut told = Told::default();
    let steps = [Append(40), Checkpoint, Append(2)];
    run(&disk, &steps, &mut told).unwrap();
    disk.crash();
    // A flipped bit down there stays unseen by recovery; a read reports it.
    disk.flip_bits(Path::new("/data/orders-0/00000000000000000000.log"), 70, 1).unwrap();
    let (broker, recovery) = Broker::start(&disk).unwrap();
    assert_eq!(recovery.truncated, None);
    assert!(recovery.checked_bytes < 500, "{recovery:?}");
    assert_eq!(broker.log.log_end_offset().value(), i64::try_from(told.values.len()).unwrap());
    let read = broker.log.view().read(Offset::ZERO, limits(100));
    assert!(matches!(read, Err(highwater_storage::ReadError::Corrupt(_))), "{read:?}");
}

#[test]
fn tail_is_written_again_since_a_failed_sync_leaves_clean_pages() {
    for seed in 0..10 {
        let disk = SimDisk::new();
        let mut told = Told::default();
        run(&disk, &[Append(5), Checkpoint, Append(5)], &mut told).unwrap();
        // The process lives on only to see its sync fail; then it is killed, the cache stays.
        let (mut broker, _) = {
            disk.crash();
            Broker::start(&disk).unwrap()
        };
        let base = append_values(&mut broker.log, &["late"]).base_offset;
        disk.fail_next(highwater_storage::DiskOp::Sync, 5, 0);
        let _fault: StorageFault = sync(&mut broker.log).unwrap_err();
        drop(broker);
        disk.crash();
        let (broker, _) = Broker::start(&disk).unwrap();
        assert!(broker.log.synced_end_offset() > base, "it counts as synced again");
        drop(broker);
        disk.power_cut(seed);
        let (broker, _) = Broker::start(&disk).unwrap();
        assert!(broker.log.log_end_offset() > base, "seed {seed}: so it must be on disk");
    }
}
