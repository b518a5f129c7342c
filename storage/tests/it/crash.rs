//! Power cuts at random, where the states are too many to go through: long workloads, and sectors
//! that are torn. What `crash_points.rs` goes through one by one is not drawn here.

use std::path::Path;

use highwater_records::Offset;
use highwater_storage::{LogConfig, SimDisk, StorageFault};

use crate::fixture::{
    World, append, append_values, checkpoint, limits, produced, records_from, sync,
};
use crate::workload::Step::{
    self, Append, Checkpoint, Clean, Create, Delete, DeleteRecords, Lead, Restart, Roll, Sync,
    Truncate,
};
use crate::workload::{Broker, Outcome, Teller, Told, check_producer, run, start_and_check};

const RANDOM_WORKLOADS: u64 = 24;

fn check(disk: &SimDisk, told: &Told) -> Outcome<()> {
    check_producer(&mut start_and_check(disk, told)?, told)
}

/// Cuts the power after every `stride`-th change, from `first` on, and in the recovery after that.
fn cut_at(steps: &[Step], first: u64, stride: usize, seeds: std::ops::Range<u64>) -> u64 {
    let whole = SimDisk::new();
    let mut teller = Teller::default();
    whole.record();
    run(&whole, steps, &mut teller).unwrap();
    let mut lost_bytes = 0;
    for (stop, point) in
        (0_u64..).zip(whole.take_recorded()).skip(usize::try_from(first).unwrap()).step_by(stride)
    {
        let told = teller.told_at(stop);
        for seed in seeds.clone() {
            let disk = point.disk();
            lost_bytes += disk.power_cut(seed).lost_bytes;
            disk.stop_after((stop * 7 + seed * 3) % 23);
            let is_interrupted = Broker::start(&disk, &told).is_err();
            disk.power_cut(seed + 100);
            let outcome = check(&disk, &told);
            assert_eq!(
                outcome,
                Ok(()),
                "{steps:?} cut after change {stop}, seed {seed}, interrupted: {is_interrupted}"
            );
        }
    }
    lost_bytes
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
            Sync | Checkpoint | Roll | Lead | Clean | Restart | Delete | Create => room,
        };
        steps.push(step);
    }
    steps
}

#[test]
fn synced_records_survive_power_cuts_in_random_workloads() {
    let lost_bytes = (0..RANDOM_WORKLOADS)
        .map(|seed| cut_at(&random_steps(seed), seed % 7, 7, seed..seed + 2))
        .sum::<u64>();
    assert!(lost_bytes > 10_000, "the cuts took something: {lost_bytes}");
}

#[test]
fn unsynced_records_are_lost_by_some_power_cut() {
    let mut lost = 0;
    for seed in 0..20 {
        let disk = SimDisk::new();
        let mut teller = Teller::default();
        run(&disk, &[Append(5), Sync, Append(5)], &mut teller).unwrap();
        disk.power_cut(seed);
        let (mut broker, _) = Broker::start(&disk, &teller.told).unwrap();
        let end = broker.log().log_end_offset().value();
        lost += u64::from(end < i64::try_from(teller.told.records.len()).unwrap());
    }
    assert!(lost > 5, "the test can fail: {lost}");
}

#[test]
fn recovery_reads_nothing_below_the_recovery_point() {
    let disk = SimDisk::new();
    let mut teller = Teller::default();
    let steps = [Append(40), Checkpoint, Append(2)];
    run(&disk, &steps, &mut teller).unwrap();
    disk.crash();
    // A flipped bit down there stays unseen by recovery; a read reports it.
    disk.flip_bits(Path::new("/data/orders-0/00000000000000000000.log"), 70, 1).unwrap();
    let (mut broker, recovery) = Broker::start(&disk, &teller.told).unwrap();
    assert_eq!(recovery.truncated, None);
    assert!(recovery.checked_bytes < 500, "{recovery:?}");
    assert_eq!(
        broker.log().log_end_offset().value(),
        i64::try_from(teller.told.records.len()).unwrap()
    );
    let read = broker.log().view().read(Offset::ZERO, limits(100));
    assert!(matches!(read, Err(highwater_storage::ReadError::Corrupt(_))), "{read:?}");
}

/// A kill between the first append of a segment and its sync leaves a name that is seen and not durable.
#[test]
fn names_of_recovered_segments_are_durable_before_they_count() {
    for seed in 0..8 {
        let disk = SimDisk::new();
        let mut teller = Teller::default();
        let steps = [Append(6), Checkpoint, Append(4), Checkpoint, Roll, Append(3)];
        run(&disk, &steps, &mut teller).unwrap();
        disk.crash();
        let (mut broker, _) = Broker::start(&disk, &teller.told).unwrap();
        let synced = broker.log().synced_end_offset();
        assert_eq!(synced, broker.log().log_end_offset());
        disk.power_cut(seed);
        let (mut broker, _) = Broker::start(&disk, &teller.told).unwrap();
        assert!(broker.log().log_end_offset() >= synced, "seed {seed}");
    }
}

#[test]
fn recovered_log_is_served_before_its_recovery_point_moves() {
    let (disk, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    append_values(&mut log, &["before"]);
    checkpoint(&mut log).unwrap();
    append_values(&mut log, &["after"]);
    drop(log);
    disk.crash();
    let (mut log, recovery) = world.open_at(false, 1);
    assert_eq!((log.synced_end_offset(), log.recovery_point()), (Offset::new(2), Offset::new(1)));
    assert_eq!(log.bytes_past_recovery_point(), recovery.checked_bytes);
    assert!(recovery.checked_bytes > 0);
    checkpoint(&mut log).unwrap();
    assert_eq!((log.recovery_point(), log.bytes_past_recovery_point()), (Offset::new(2), 0));
}

#[test]
fn tail_is_read_once_however_large_its_batches_are() {
    for value_bytes in [100, 3_000, 70_000, 300_000, 1_500_000] {
        let (disk, world) = World::simulated(LogConfig::default());
        let mut log = world.create();
        let value = "x".repeat(value_bytes);
        let count = 4_000_000 / value_bytes;
        for sequence in 0..i32::try_from(count).unwrap() {
            append(&mut log, produced(7, 0, sequence, std::slice::from_ref(&value))).unwrap();
        }
        drop(log);
        disk.crash();
        let before = disk.read_bytes();
        let (log, recovery) = world.open_at(false, 0);
        let read = disk.read_bytes() - before;
        assert_eq!(log.log_end_offset().value(), i64::try_from(count).unwrap());
        let tail_bytes = recovery.checked_bytes;
        assert!(tail_bytes > u64::try_from(count * value_bytes).unwrap(), "{recovery:?}");
        assert!(read < tail_bytes + tail_bytes / 20, "{read} of {tail_bytes} bytes");
    }
}

#[test]
fn batch_larger_than_the_window_is_written_again_too() {
    for seed in 0..4 {
        let (disk, world) = World::simulated(LogConfig::default());
        let mut log = world.create();
        append_values(&mut log, &["before"]);
        checkpoint(&mut log).unwrap();
        let values = ["x".repeat(100), "y".repeat(5_000_000), "z".repeat(100)];
        for (sequence, value) in (0..).zip(&values) {
            append(&mut log, produced(7, 0, sequence, std::slice::from_ref(value))).unwrap();
        }
        disk.fail_next(highwater_storage::DiskOp::Sync, 5, 0);
        let _fault: StorageFault = sync(&mut log).unwrap_err();
        drop(log);
        disk.crash();
        let (log, recovery) = world.open_at(false, 1);
        assert_eq!(recovery.truncated, None);
        drop(log);
        disk.power_cut(seed);
        let (log, _) = world.open_at(false, 1);
        assert_eq!(log.log_end_offset().value(), 4, "seed {seed}");
        let expected: Vec<_> = (1..).zip(values).collect();
        assert!(records_from(&log.view(), Offset::new(1)) == expected, "seed {seed}");
    }
}

#[test]
fn recovery_of_a_long_log_reads_little_beside_its_tail() {
    let (disk, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    let value = "x".repeat(60_000);
    // All of one time: the time index has one entry, at the beginning.
    for sequence in 0..400 {
        append(&mut log, produced(7, 0, sequence, std::slice::from_ref(&value))).unwrap();
    }
    checkpoint(&mut log).unwrap();
    let recovery_point = log.recovery_point().value();
    append(&mut log, produced(7, 0, 400, std::slice::from_ref(&value))).unwrap();
    drop(log);
    disk.crash();
    let before = disk.read_bytes();
    let (log, recovery) = world.open_at(false, recovery_point);
    let read = disk.read_bytes() - before;
    assert_eq!(log.log_end_offset().value(), 401);
    assert!(recovery.checked_bytes < 61_000, "{recovery:?}");
    // Beside the tail some entries and headers, and the small files.
    assert!(read < recovery.checked_bytes + 14_000, "{read} bytes");
}

#[test]
fn tail_is_written_again_since_a_failed_sync_leaves_clean_pages() {
    for seed in 0..10 {
        let disk = SimDisk::new();
        let mut teller = Teller::default();
        run(&disk, &[Append(5), Checkpoint, Append(5)], &mut teller).unwrap();
        // The process lives on only to see its sync fail; then it is killed, the cache stays.
        let (mut broker, _) = {
            disk.crash();
            Broker::start(&disk, &teller.told).unwrap()
        };
        let base = append_values(broker.log(), &["late"]).base_offset;
        disk.fail_next(highwater_storage::DiskOp::Sync, 5, 0);
        let _fault: StorageFault = sync(broker.log()).unwrap_err();
        drop(broker);
        disk.crash();
        let (mut broker, _) = Broker::start(&disk, &teller.told).unwrap();
        assert!(broker.log().synced_end_offset() > base, "it counts as synced again");
        drop(broker);
        disk.power_cut(seed);
        let (mut broker, _) = Broker::start(&disk, &teller.told).unwrap();
        assert!(broker.log().log_end_offset() > base, "seed {seed}: so it must be on disk");
    }
}
