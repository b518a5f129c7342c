//! Disks that are full or fail.

use highwater_storage::{AppendError, DiskOp, Log, LogConfig, Refusal};

use crate::fixture::*;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn is_disk_full<T>(result: &Result<T, AppendError>) -> bool {
    matches!(result, Err(AppendError::Refused(Refusal::DiskFull { .. })))
}

#[test]
fn full_disk_cuts_the_half_batch_and_the_log_goes_on_when_there_is_room() {
    let (disk, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    append_values(&mut log, &["before"]);
    disk.set_capacity(Some(disk.used_bytes() + 100));
    let full = append(&mut log, batch(&[&"x".repeat(50_000)]));
    assert!(is_disk_full(&full), "{full:?}");
    assert_eq!(log.size_bytes(), disk_bytes(&world));
    assert_eq!(records(&log), [(0, "before".to_owned())], "reads go on");
    sync(&mut log).unwrap();
    disk.set_capacity(None);
    assert_eq!(append_values(&mut log, &["after"]).base_offset, offset(1));
    let log = world.reopen_clean(log);
    assert_eq!(records(&log), [(0, "before".to_owned()), (1, "after".to_owned())]);
}

fn disk_bytes(world: &World) -> u64 {
    world.disk.metadata(&world.path(0, "log")).unwrap().len_bytes
}

#[test]
fn full_disk_takes_the_whole_turn_back_with_its_producer_state() {
    let (disk, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    append(&mut log, produced(7, 0, 0, &["a".into()])).unwrap();
    disk.fail_next(DiskOp::Write, ENOSPC, 0);
    for sequence in 1..4 {
        let one = produced(7, 0, sequence, &["lost".into()]);
        assert!(!log.append(one, EPOCH, NOW).unwrap().duplicate);
    }
    assert!(is_disk_full(&log.flush_writes()));
    assert_eq!(log.log_end_offset(), offset(1));
    let again = append(&mut log, produced(7, 0, 1, &["again".into()])).unwrap();
    assert_eq!((again.base_offset, again.duplicate), (offset(1), false));
    let records = records(&log);
    assert_eq!(records, [(0, "a".to_owned()), (1, "again".to_owned())]);
}

#[test]
fn full_disk_in_a_roll_refuses_the_rest_of_the_turn_and_keeps_what_was_written() {
    for operation in [DiskOp::Create, DiskOp::Write] {
        for after in 0..6 {
            let (disk, world) = World::simulated(small());
            let mut log = world.create();
            disk.fail_next(operation, ENOSPC, after);
            let mut appended = Vec::new();
            for n in 0..40 {
                match log.append(batch(&[&format!("{n:080}")]), EPOCH, NOW) {
                    Ok(done) => appended.push(done),
                    Err(error) => assert!(is_disk_full(&Err::<(), _>(error))),
                }
            }
            let flushed = log.flush_writes();
            assert!(flushed.is_ok() || is_disk_full(&flushed), "{flushed:?}");
            let end = log.log_end_offset();
            let written = appended.iter().filter(|done| done.last_offset < end).count();
            assert_eq!(records(&log).len(), written);
            append_values(&mut log, &["goes on"]);
            let log = world.reopen_clean(log);
            assert_eq!(records(&log).len(), written + 1, "{operation:?} after {after}");
        }
    }
}

#[test]
fn failed_cut_of_a_half_batch_is_a_fault() {
    let (disk, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    append_values(&mut log, &["kept"]);
    disk.fail_next(DiskOp::Write, ENOSPC, 0);
    disk.fail_next(DiskOp::SetLen, EIO, 0);
    let fault = append(&mut log, batch(&[&"x".repeat(500)]));
    assert!(matches!(fault, Err(AppendError::Fault(_))), "{fault:?}");
    assert!(matches!(append(&mut log, batch(&["no"])), Err(AppendError::Fault(_))));
    drop(log);
    disk.crash();
    let (log, recovery) = world.open_at(false, 0);
    assert_eq!(recovery.truncated.unwrap().log_end_offset, offset(1));
    assert_eq!(records(&log), [(0, "kept".to_owned())]);
}

#[test]
fn failed_write_is_a_fault_and_readers_keep_what_was_there() {
    let (disk, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    append_values(&mut log, &["kept"]);
    disk.fail_next(DiskOp::Write, EIO, 0);
    assert!(matches!(append(&mut log, batch(&["x"])), Err(AppendError::Fault(_))));
    assert_eq!(records(&log), [(0, "kept".to_owned())]);
    assert!(log.fault().is_some());
}

fn assert_final(mut log: Log) {
    assert!(log.fault().is_some());
    assert!(matches!(append(&mut log, batch(&["no"])), Err(AppendError::Fault(_))));
    assert!(log.take_sync().is_none(), "a failed sync is not tried again");
    assert!(log.take_checkpoint(NOW).is_err());
    assert!(log.truncate_to(offset(0)).is_err());
    assert_eq!(records(&log).len(), 2, "reads go on");
    assert!(log.close(NOW).is_err());
}

#[test]
fn failed_sync_is_final() {
    let (disk, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    append_values(&mut log, &["a"]);
    sync(&mut log).unwrap();
    append_values(&mut log, &["b"]);
    disk.fail_next(DiskOp::Sync, EIO, 0);
    let fault = sync(&mut log).unwrap_err();
    assert_eq!(fault.to_string(), format!("cannot sync {}", world.path(0, "log").display()));
    assert_eq!(log.synced_end_offset(), offset(1));
    assert_final(log);
}

/// The kernel tells an error once for a file: whoever syncs it beside the one who was told hears nothing of it.
#[test]
fn failed_sync_fails_those_that_were_taken_beside_it() {
    for checkpoints in [false, true] {
        let (disk, world) = World::simulated(LogConfig::default());
        let mut log = world.create();
        append_values(&mut log, &["a"]);
        let beside = log.take_sync().unwrap();
        disk.fail_next(DiskOp::Sync, EIO, 0);
        if checkpoints {
            let work = log.take_checkpoint(NOW).unwrap().unwrap();
            beside.run().unwrap_err();
            work.run().unwrap_err();
        } else {
            log.take_sync().unwrap().run().unwrap_err();
            beside.run().unwrap_err();
        }
    }
}

#[test]
fn failed_checkpoint_is_final() {
    for (operation, after) in [
        (DiskOp::Sync, 0),
        (DiskOp::Sync, 1),
        (DiskOp::Sync, 2),
        (DiskOp::SyncDir, 1),
        (DiskOp::Rename, 0),
    ] {
        let (disk, world) = World::simulated(LogConfig::default());
        let mut log = world.create();
        append_values(&mut log, &["a"]);
        append_values(&mut log, &["b"]);
        disk.fail_next(operation, EIO, after);
        checkpoint(&mut log).unwrap_err();
        assert_eq!(log.recovery_point(), offset(0));
        assert_final(log);
    }
}

#[test]
fn preallocation_keeps_the_length_of_the_file() {
    let config = LogConfig { preallocate: true, ..small() };
    let (disk, world) = World::simulated(config);
    let mut log = world.create();
    for n in 0..20 {
        append_values(&mut log, &[&format!("{n:080}")]);
    }
    assert!(disk.count(DiskOp::Allocate) > 0);
    let sizes = world.disk.read_dir(&world.dir()).unwrap();
    let logs = sizes.iter().filter(|entry| entry.name.ends_with(".log"));
    assert_eq!(logs.map(|entry| entry.len_bytes).sum::<u64>(), log.size_bytes());
}

#[test]
fn log_with_reserved_room_is_written_when_the_disk_has_none() {
    let config = LogConfig { reserved_ahead_bytes: 64 << 10, segment_bytes: 4000, ..small() };
    let (disk, world) = World::simulated(config);
    let mut log = world.create();
    disk.set_capacity(Some(disk.used_bytes()));
    // More than a segment: it goes on in the old one, since there is no room for a new one.
    let count = 100;
    for n in 0..count {
        append_values(&mut log, &[&format!("{n:0300}")]);
        sync(&mut log).unwrap();
    }
    assert_eq!(records(&log).len(), count);
    disk.set_capacity(None);
    append_values(&mut log, &["rolls"]);
    disk.set_capacity(Some(disk.used_bytes()));
    disk.power_cut(3);
    let (log, _) = world.open_at(false, 0);
    assert!(records(&log).len() >= count);
}

#[test]
fn reserved_room_is_given_back_at_a_roll_and_at_a_clean_stop() {
    let config = LogConfig { segment_bytes: 1 << 20, ..LogConfig::default() };
    let (disk, world) = World::simulated(config);
    let mut log = world.create();
    let before = disk.used_bytes();
    for _ in 0..3 {
        append_values(&mut log, &[&"x".repeat(600_000)]);
    }
    assert!(disk.used_bytes() - before > log.size_bytes() + 16_000, "some is ahead");
    let size_bytes = log.size_bytes();
    log.close(NOW).unwrap();
    let used_bytes = disk.used_bytes() - before;
    assert!(used_bytes < size_bytes + 4096, "{used_bytes} for {size_bytes}");
}

#[test]
fn deletion_needs_no_room_for_new_names() {
    for whole in [false, true] {
        let (disk, world) = World::simulated(small());
        let mut log = world.create();
        for n in 0..40 {
            append_values(&mut log, &[&format!("{n:080}")]);
        }
        let before = disk.used_bytes();
        disk.fail_from(DiskOp::Rename, ENOSPC, 0);
        if whole {
            log.delete(highwater_records::Uuid::from_random(1)).unwrap();
            assert!(!world.disk.exists(&world.dir()).unwrap());
        } else {
            log.advance_log_start(offset(30));
            log.delete_old_segments().unwrap();
            assert!(log.take_deleted().is_empty());
            disk.heal();
            append_values(&mut log, &["goes on"]);
        }
        assert!(disk.used_bytes() < before);
    }
}
