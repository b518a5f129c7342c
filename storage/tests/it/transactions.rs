//! What a log knows of transactions, through stops, kills, cuts and damage: always what its batches
//! say.

use bytes::Bytes;
use highwater_records::{ControlRecord, Offset, batches};
use highwater_storage::{Disk, DiskOp, Log, LogView, SimDisk, read_file, read_snapshot};

use crate::fixture::*;
use crate::rich::{data, end, fill, fill_rounds};

/// Producer, first offset and marker of a transaction, and whether it was aborted.
type Ended = (i64, i64, i64, bool);

/// All transactions of a log, by reading every record: those that ended, and the first offsets of
/// those that are open.
fn by_reading(view: &LogView) -> (Vec<Ended>, Vec<(i64, i64)>) {
    let (mut ended, mut open) = (Vec::new(), Vec::<(i64, i64)>::new());
    let mut next = Offset::ZERO;
    while next < view.log_end_offset() {
        let fetched = view.read(next, limits(1)).unwrap();
        for batch in batches(&Bytes::from(fetched.chunks.concat())) {
            let batch = batch.unwrap();
            let header = batch.header();
            let (id, base) = (header.producer_id.value(), header.base_offset.value());
            if !header.is_transactional() {
                continue;
            }
            let known = open.iter().position(|(other, _)| *other == id);
            if !header.is_control() {
                if known.is_none() {
                    open.push((id, base));
                }
                continue;
            }
            let record = batch.records().unwrap().next().unwrap().unwrap();
            let ControlRecord::EndTransaction(marker) = ControlRecord::read(&record).unwrap()
            else {
                panic!("no other control record was written");
            };
            if let Some(known) = known {
                let (_, first) = open.remove(known);
                ended.push((id, first, base, !marker.is_commit));
            }
        }
        next = fetched.next_offset;
    }
    (ended, open)
}

/// A view's answer for every range, and the first unstable offset, are what the batches say.
fn assert_right(log: &Log) {
    let view = log.view();
    let (ended, open) = by_reading(&view);
    let end = log.log_end_offset().value();
    let first_open = open.iter().map(|(_, first)| offset(*first)).min();
    assert_eq!(log.first_unstable_offset(log.log_end_offset()), first_open);
    for from in 0..end {
        for upper in [from + 1, from + 3, from + 20, end] {
            let expected: Vec<(i64, i64)> = ended
                .iter()
                .filter(|(_, first, last, is_aborted)| {
                    *is_aborted && *last >= from && *first < upper
                })
                .map(|(id, first, ..)| (*id, *first))
                .collect();
            let found = view.aborted_transactions(offset(from), offset(upper)).unwrap();
            let mut found: Vec<(i64, i64)> = found
                .iter()
                .map(|aborted| (aborted.producer_id.value(), aborted.first_offset.value()))
                .collect();
            // Readers leave out what is not in their range; more than that is no harm.
            found.retain(|one| expected.contains(one));
            assert_eq!(found, expected, "{from}..{upper}");
        }
    }
}

fn filled() -> (SimDisk, World, Log) {
    let (disk, world) = World::simulated(small());
    let mut log = world.create();
    fill(&mut log);
    (disk, world, log)
}

#[test]
fn aborted_transactions_are_those_of_the_batches_in_memory_and_after_a_clean_stop() {
    let (_, world, log) = filled();
    assert_right(&log);
    let view = log.view();
    let (ended, open) = by_reading(&view);
    assert_eq!((ended.len(), open.len()), (12, 1));
    let tail = view.log_end_offset().plus(-1);
    let known = view.try_aborted_transactions(tail, log.log_end_offset());
    assert!(known.unwrap().is_ok(), "the newest are in memory");
    let log = world.reopen_clean(log);
    assert_right(&log);
    let view = log.view();
    assert!(view.try_aborted_transactions(offset(0), log.log_end_offset()).is_none());
}

#[test]
fn kill_at_any_recovery_point_rebuilds_what_was_not_durable() {
    let (disk, world) = World::simulated(small());
    let mut log = world.create();
    fill_rounds(&mut log, 0..4);
    let end = log.log_end_offset().value();
    checkpoint(&mut log).unwrap();
    fill_rounds(&mut log, 4..8);
    sync(&mut log).unwrap();
    drop(log);
    for recovery_point in [0, 1, end / 2, end] {
        let copy = disk.copy();
        copy.crash();
        let world = World::on(std::sync::Arc::new(copy), &world.root, small());
        let (log, recovery) = world.open_at(false, recovery_point);
        assert_eq!(recovery.truncated, None);
        assert_right(&log);
        drop(log);
        let (log, _) = world.open_at(true, 0);
        assert_right(&log);
    }
}

#[test]
fn truncation_opens_again_what_a_cut_marker_had_ended() {
    let (_, _, whole) = filled();
    let ends: Vec<i64> = (0..whole.log_end_offset().value()).rev().step_by(7).collect();
    drop(whole);
    let (_, world, mut log) = filled();
    for at in ends {
        log.truncate_to(offset(at)).unwrap();
        assert_right(&log);
    }
    let log = world.reopen_clean(log);
    assert_right(&log);
}

#[test]
fn damaged_transaction_index_is_built_anew_when_the_log_is_opened() {
    for (at, mask) in [(1, 1), (10, 0x80), (18, 0x80)] {
        for is_clean in [true, false] {
            let (disk, world, log) = filled();
            let end = log.close(NOW).unwrap().value();
            let mut damaged = 0;
            for entry in disk.read_dir(&world.dir()).unwrap() {
                if entry.name.ends_with(".txnindex") && entry.len_bytes > 0 {
                    disk.flip_bits(&world.dir().join(entry.name), at, mask).unwrap();
                    damaged += 1;
                }
            }
            assert!(damaged > 1);
            let (log, _) = world.open_at(is_clean, end);
            assert_right(&log);
        }
    }
}

#[test]
fn index_that_is_damaged_while_open_never_answers_wrongly() {
    let (disk, world, log) = filled();
    let log = world.reopen_clean(log);
    for entry in disk.read_dir(&world.dir()).unwrap() {
        if entry.name.ends_with(".txnindex") && entry.len_bytes > 0 {
            disk.flip_bits(&world.dir().join(entry.name), 1, 1).unwrap();
        }
    }
    assert_right(&log);
}

#[test]
fn transactions_go_with_the_segments_that_hold_their_markers() {
    let (_, world, mut log) = filled();
    let start = log.log_end_offset().plus(-12);
    log.advance_log_start(start);
    log.delete_old_segments().unwrap();
    let gone = log.take_deleted();
    assert!(gone.iter().any(|path| path.to_string_lossy().ends_with(".txnindex.deleted")));
    let found = log.view().aborted_transactions(start, log.log_end_offset()).unwrap();
    assert!(found.iter().all(|aborted| aborted.last_offset >= start));
    drop(world);
}

#[test]
fn marker_that_is_not_committed_yet_holds_readers_back() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    append(&mut log, data(8, 0, 0, true)).unwrap();
    let marker = append(&mut log, end(8, 0, true)).unwrap();
    assert_eq!(log.first_unstable_offset(marker.last_offset), Some(offset(0)));
    log.on_high_watermark(marker.last_offset);
    assert_eq!(log.first_unstable_offset(marker.last_offset), Some(offset(0)));
    log.on_high_watermark(log.log_end_offset());
    assert_eq!(log.first_unstable_offset(log.log_end_offset()), None);
}

#[test]
fn snapshot_holds_what_kafkas_would_of_markers_and_open_transactions() {
    let (disk, world, log) = filled();
    let (_, open) = by_reading(&log.view());
    let end = log.close(NOW).unwrap();
    let snapshot = read_file(&disk, &world.path(end.value(), "snapshot"), 9999).unwrap().unwrap();
    let entries = read_snapshot(&snapshot).unwrap();
    let found: Vec<(i64, i16, i32, i64)> = entries
        .iter()
        .map(|entry| {
            let (id, epoch) = (entry.producer_id.value(), entry.producer_epoch.value());
            (id, epoch, entry.coordinator_epoch, entry.current_txn_first_offset)
        })
        .collect();
    let first = open[0].1;
    assert_eq!(found, [(7, 0, -1, -1), (8, 1, 4, -1), (9, 0, 4, -1), (10, 0, -1, first)]);
    // The same from the batches alone.
    for entry in disk.read_dir(&world.dir()).unwrap() {
        if entry.name.ends_with(".snapshot") || entry.name.ends_with(".producers") {
            disk.remove_file(&world.dir().join(entry.name)).unwrap();
        }
    }
    let (log, _) = world.open_at(false, 0);
    assert_right(&log);
    log.close(NOW).unwrap();
    let again = read_file(&disk, &world.path(end.value(), "snapshot"), 9999).unwrap().unwrap();
    assert_eq!(again, snapshot);
}

#[test]
fn open_transaction_keeps_its_producer_from_expiring_through_a_restart() {
    let (_, world, log) = filled();
    let (_, open) = by_reading(&log.view());
    log.close(NOW).unwrap();
    let opening = highwater_storage::Opening {
        is_clean: true,
        recovery_point: Offset::ZERO,
        log_start_offset: Offset::ZERO,
        is_topic_known: false,
        keep_holes: false,
        now: NOW.saturating_plus_ms(40 * 24 * 3600 * 1000),
    };
    let (mut log, _) = Log::open(world.setup(), opening).unwrap();
    log.remove_expired_producers(opening.now);
    assert_eq!(log.first_unstable_offset(log.log_end_offset()), Some(offset(open[0].1)));
    append(&mut log, end(10, 0, false)).unwrap();
    assert_right(&log);
}

#[test]
fn failed_write_leaves_no_trace_of_a_transaction() {
    let (disk, world) = World::simulated(small());
    let mut log = world.create();
    append(&mut log, data(8, 0, 0, true)).unwrap();
    disk.fail_next(DiskOp::Write, 28, 0); // ENOSPC
    append(&mut log, end(8, 0, false)).unwrap_err();
    assert_eq!(log.first_unstable_offset(log.log_end_offset()), Some(offset(0)));
    append(&mut log, end(8, 0, false)).unwrap();
    assert_right(&log);
    log.close(NOW).unwrap();
    let index = read_file(&disk, &world.path(0, "txnindex"), 999).unwrap().unwrap();
    assert_eq!(index.len(), 34, "one entry");
}
