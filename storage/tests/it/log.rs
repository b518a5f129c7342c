//! What a log does when nothing goes wrong.

use std::sync::Arc;

use bytes::Bytes;
use highwater_records::{LeaderEpoch, Timestamp, batches};
use highwater_storage::{
    AppendError, FileDisk, LogConfig, OpenError, ReadError, ReadLimits, Refusal, TailCache,
    ValidatedBatch, verify,
};

use crate::fixture::*;

fn values(log: &highwater_storage::Log) -> Vec<String> {
    records(log).into_iter().map(|(_, value)| value).collect()
}

#[test]
fn real_and_simulated_disk_give_the_same_log() {
    let tempdir = tempfile::tempdir().unwrap();
    let (_, simulated) = World::simulated(small());
    let real = World::on(Arc::new(FileDisk), tempdir.path(), small());
    for world in [simulated, real] {
        let mut log = world.create();
        for n in 0..40 {
            let appended = append_values(&mut log, &[&format!("{n:050}"), "b"]);
            assert_eq!(appended.base_offset, offset(n * 2));
            assert_eq!(appended.last_offset, offset(n * 2 + 1));
        }
        assert_eq!(log.synced_end_offset(), offset(0));
        sync(&mut log).unwrap();
        assert_eq!(log.synced_end_offset(), offset(80));
        assert!(log.take_sync().is_none(), "all is synced");
        let before = records(&log);
        assert_eq!(before.len(), 80);
        let mut log = world.reopen_clean(log);
        assert_eq!(records(&log), before);
        append_values(&mut log, &["after"]);
        drop(log);
        let (log, recovery) = world.open_at(false, 80);
        assert_eq!(recovery.truncated, None);
        assert_eq!(log.log_end_offset(), offset(81));
        assert_eq!(log.synced_end_offset(), offset(81));
        let report = verify(&*world.disk, &world.root).unwrap();
        assert_eq!(report.problems, []);
        assert!(report.segment_count > 2);
    }
}

#[test]
fn turn_is_one_write_and_nothing_is_seen_before_it() {
    let (disk, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    append_values(&mut log, &["first"]);
    let writes = disk.count(highwater_storage::DiskOp::Write);
    for n in 0..10 {
        let appended = log.append(batch(&["a", "b"]), EPOCH, NOW).unwrap();
        assert_eq!(appended.base_offset, offset(1 + 2 * n));
    }
    assert_eq!(log.log_end_offset(), offset(1));
    assert_eq!(log.view().log_end_offset(), offset(1));
    log.flush_writes().unwrap();
    assert_eq!(disk.count(highwater_storage::DiskOp::Write), writes + 1);
    assert_eq!(log.log_end_offset(), offset(21));
    assert_eq!(records(&log).len(), 21);
}

#[test]
fn creating_a_log_takes_three_syncs_and_two_files() {
    let (disk, world) = World::simulated(LogConfig::default());
    use highwater_storage::DiskOp;
    let log = world.create();
    assert_eq!(disk.count(DiskOp::Sync) + disk.count(DiskOp::SyncDir) - 1, 3);
    assert_eq!(disk.count(DiskOp::Create), 2);
    for seed in 0..10 {
        let copy = disk.copy();
        copy.power_cut(seed);
        let world = World::on(Arc::new(copy), &world.root, LogConfig::default());
        let (log, _) = world.open_at(false, 0);
        assert_eq!(log.log_end_offset(), offset(0));
    }
    assert_eq!(log.size_bytes(), 0);
}

#[test]
fn checkpoint_taken_before_old_segments_go_finishes_after_them() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    for sequence in 0..40 {
        append(&mut log, produced(7, 0, sequence, &["v".repeat(80)])).unwrap();
    }
    let work = log.take_checkpoint(NOW).unwrap().unwrap();
    log.advance_log_start(offset(30));
    log.delete_old_segments().unwrap();
    let done = work.run().unwrap();
    log.on_checkpointed(&done);
    assert_eq!(log.recovery_point(), offset(40));
}

#[test]
fn batch_on_disk_carries_its_offset_and_leader_epoch() {
    let (_, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    append_values(&mut log, &["a", "b"]);
    append_values(&mut log, &["c"]);
    let fetched = log.view().read(offset(2), limits(1000)).unwrap();
    let second = batches(&Bytes::from(fetched.chunks.concat())).next().unwrap().unwrap();
    let header = second.header();
    assert_eq!((header.base_offset, header.partition_leader_epoch), (offset(2), EPOCH));
}

/// The bytes of a batch outside its CRC are not the only ones that can go wrong on the way.
#[test]
fn every_one_of_a_hundred_thousand_records_reads_back() {
    let (_, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    for turn in 0..101 {
        for n in 0..100 {
            let base = turn * 1000 + n * 10 - 1;
            let count = if base < 0 { 9 } else { 10 };
            let values: Vec<String> = (0..count).map(|n| (base.max(0) + n).to_string()).collect();
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            log.append(batch(&values), EPOCH, NOW).unwrap();
        }
        log.flush_writes().unwrap();
    }
    let (view, mut next) = (log.view(), 0);
    while next < log.log_end_offset().value() {
        let fetched = view.read(offset(next), limits(1 << 20)).unwrap();
        for batch in batches(&Bytes::from(fetched.chunks.concat())) {
            for record in batch.unwrap().records().unwrap() {
                assert_eq!(record.unwrap().value.unwrap(), next.to_string());
                next += 1;
            }
        }
    }
    assert_eq!(next, 100_999);
}

#[test]
fn directory_of_another_topic_is_refused() {
    let (_, world) = World::simulated(LogConfig::default());
    drop(world.create());
    let mut setup = world.setup();
    setup.topic_id = highwater_records::Uuid::from_random(9);
    let refused = highwater_storage::Log::create(setup).unwrap_err();
    assert!(matches!(refused, OpenError::OtherTopicId { .. }), "{refused}");
}

#[test]
fn read_returns_whole_batches_within_its_limits() {
    let (_, mut world) = World::simulated(LogConfig::default());
    for cache_bytes in [0, 1 << 20] {
        world.cache = TailCache::new(cache_bytes);
        world.root = world.root.join("x");
        let mut log = world.create();
        for _ in 0..5 {
            append_values(&mut log, &["aaaaaaaaaa", "bbbbbbbbbb"]);
        }
        let size = usize::try_from(log.size_bytes()).unwrap() / 5;
        let view = log.view();
        let read = |from: i64, upper: i64, bytes_max, min_one_batch| {
            let limits = ReadLimits { upper_bound: offset(upper), bytes_max, min_one_batch };
            let fetched = view.read(offset(from), limits).unwrap();
            let total: usize = fetched.chunks.iter().map(bytes::Bytes::len).sum();
            assert_eq!(total, fetched.size_bytes);
            (total / size, fetched.next_offset.value())
        };
        assert_eq!(read(0, 99, 1 << 20, false), (5, 10));
        assert_eq!(read(3, 99, 1 << 20, false), (4, 10), "the batch that holds offset 3 is whole");
        assert_eq!(read(0, 5, 1 << 20, false), (2, 4), "a batch over the bound is not returned");
        assert_eq!(read(0, 99, 2 * size + 1, false), (2, 4));
        assert_eq!(read(0, 99, 1, true), (1, 2));
        assert_eq!(read(0, 99, 1, false), (0, 0));
        assert_eq!(read(10, 99, 1 << 20, true), (0, 10), "the end is not out of range");
        for outside in [-1, 11] {
            let error = view.read(offset(outside), limits(99)).unwrap_err();
            assert!(matches!(error, ReadError::OffsetOutOfRange { .. }), "{error}");
        }
    }
}

#[test]
fn cached_read_touches_no_file() {
    let (disk, mut world) = World::simulated(LogConfig::default());
    world.cache = TailCache::new(1 << 20);
    let mut log = world.create();
    append_values(&mut log, &["a"]);
    append_values(&mut log, &["b"]);
    let reads = disk.count(highwater_storage::DiskOp::Read);
    let fetched = log.view().try_read_cached(offset(1), limits(1000)).unwrap().unwrap();
    assert_eq!(fetched.next_offset, offset(2));
    assert_eq!(disk.count(highwater_storage::DiskOp::Read), reads);
    world.cache = TailCache::new(1 << 20);
    let log = world.reopen_clean(log);
    assert!(log.view().try_read_cached(offset(1), limits(1000)).is_none());
    assert_eq!(records(&log).len(), 2);
}

#[test]
fn segments_roll_by_size_age_index_and_offset_distance() {
    let day = 24 * 3600 * 1000;
    let config = LogConfig { segment_ms: 1000, ..LogConfig::default() };
    let (_, world) = World::simulated(config);
    let mut log = world.create();
    let at = |time: i64| ValidatedBatch::from(&batch_at(time, &["x"]));
    for (time, segments) in [(day, 1), (day + 1000, 1), (day + 1001, 2), (day, 2), (3 * day, 3)] {
        append(&mut log, at(time)).unwrap();
        assert_eq!(segment_count(&world), segments, "at {time}");
    }

    let config =
        LogConfig { segment_index_bytes: 3 * 12, index_interval_bytes: 0, ..LogConfig::default() };
    let (_, world) = World::simulated(config);
    let mut log = world.create();
    for time in 0..20 {
        append(&mut log, at(day + time)).unwrap();
    }
    assert!(segment_count(&world) >= 6, "{}", segment_count(&world));

    let (_, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    let mut wide = at(day);
    wide.header.last_offset_delta = i32::MAX;
    append(&mut log, wide.clone()).unwrap();
    append(&mut log, wide).unwrap();
    assert_eq!(segment_count(&world), 2);
    assert_eq!(log.log_end_offset(), offset(1 << 32));
    assert_eq!(world.reopen_clean(log).log_end_offset(), offset(1 << 32));
}

fn segment_count(world: &World) -> usize {
    let entries = world.disk.read_dir(&world.dir()).unwrap();
    entries.iter().filter(|entry| entry.name.ends_with(".log")).count()
}

#[test]
fn batch_larger_than_a_segment_is_refused_and_the_log_goes_on() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    let refused = append(&mut log, batch(&[&"x".repeat(2000)])).unwrap_err();
    assert!(matches!(refused, AppendError::Refused(Refusal::RecordListTooLarge { .. })));
    append_values(&mut log, &["small"]);
    assert_eq!(values(&log), ["small"]);
}

#[test]
fn time_is_found_in_every_segment_whatever_the_order_of_timestamps() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    let times: Vec<i64> = (0..60).map(|n| 1000 + (n * 7919) % 600 + n * 3).collect();
    let mut model = Vec::new();
    for time in &times {
        let appended = append(&mut log, ValidatedBatch::from(&batch_at(*time, &["v1", "v2"])));
        let base = appended.unwrap().base_offset.value();
        model.extend([(base, *time), (base + 1, *time + 1)]);
    }
    assert!(segment_count(&world) >= 4);
    let check = |log: &highwater_storage::Log| {
        let view = log.view();
        for upper in [offset(120), offset(77)] {
            let seen = || model.iter().filter(|(at, _)| offset(*at) < upper);
            for target in (0..2000).step_by(13) {
                let expected = seen().find(|(_, time)| *time >= target);
                let found = view.offset_for_timestamp(Timestamp::new(target), upper).unwrap();
                let found = found.map(|hit| (hit.offset.value(), hit.timestamp.value()));
                assert_eq!(found.as_ref(), expected, "target {target} below {upper}");
            }
            // Batches over the bound are not seen at all.
            let whole = || model.chunks(2).filter(|two| offset(two[1].0) < upper).flatten();
            let greatest = whole().map(|(_, time)| *time).max().unwrap();
            let first = whole().find(|(_, time)| *time == greatest).unwrap();
            let found = view.offset_of_max_timestamp(upper).unwrap().unwrap();
            assert_eq!((found.offset.value(), found.timestamp.value()), *first);
            assert_eq!(found.leader_epoch, EPOCH);
        }
    };
    check(&log);
    let log = world.reopen_clean(log);
    check(&log);
    drop(log);
    let (log, _) = world.open_at(false, 0);
    check(&log);
}

#[test]
fn log_start_moves_and_old_segments_go() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    for n in 0..40 {
        append_values(&mut log, &[&format!("{n:060}")]);
    }
    let before = log.view();
    let count = segment_count(&world);
    log.advance_log_start(offset(25));
    log.delete_old_segments().unwrap();
    assert!(segment_count(&world) < count);
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (offset(25), offset(40)));
    assert!(matches!(
        log.view().read(offset(24), limits(1)).unwrap_err(),
        ReadError::OffsetOutOfRange { .. }
    ));
    assert_eq!(records(&log)[0].0, 25);
    assert!(matches!(before.read(offset(0), limits(1)), Err(ReadError::Stale) | Ok(_)));
    let deleted = log.take_deleted();
    assert!(deleted.iter().all(|path| path.to_string_lossy().ends_with(".deleted")));
    highwater_storage::remove_files(&*world.disk, &deleted).unwrap();
    highwater_storage::remove_files(&*world.disk, &deleted).unwrap();
    log.advance_log_start(offset(40));
    log.delete_old_segments().unwrap();
    assert_eq!(records(&log), []);
    append_values(&mut log, &["new"]);
    assert_eq!(records(&log), [(40, "new".to_owned())]);
}

#[test]
fn truncation_cuts_log_cache_epochs_and_readers() {
    let (_, mut world) = World::simulated(small());
    world.cache = TailCache::new(1 << 20);
    let mut log = world.create();
    for epoch in 0..6 {
        log.assign_leader_epoch(LeaderEpoch::new(epoch));
        for _ in 0..6 {
            let batch = batch(&[&"old".repeat(20), "second"]);
            log.append(batch, LeaderEpoch::new(epoch), NOW).unwrap();
        }
        log.flush_writes().unwrap();
    }
    checkpoint(&mut log).unwrap();
    let old_view = log.view();
    assert_eq!(log.truncate_to(offset(29)).unwrap(), offset(28), "29 is inside a batch");
    assert_eq!(log.log_end_offset(), offset(28));
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch::new(2)));
    assert!(log.recovery_point() <= offset(28) && log.synced_end_offset() <= offset(28));
    log.append(batch(&["new"]), LeaderEpoch::new(9), NOW).unwrap();
    log.flush_writes().unwrap();
    for from in [0, 27, 28, 40] {
        let stale = old_view.read(offset(from), limits(100));
        assert!(matches!(stale, Err(ReadError::Stale)), "{stale:?}");
        let stale = old_view.try_read_cached(offset(from), limits(100));
        assert!(matches!(stale, None | Some(Err(ReadError::Stale))), "{stale:?}");
    }
    let found = log.end_offset_for_epoch(LeaderEpoch::new(5));
    assert_eq!((found.epoch.value(), found.end_offset), (2, offset(28)));
    let log = world.reopen_clean(log);
    assert_eq!(log.log_end_offset(), offset(29));
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch::new(9)));
    assert_eq!(log.view().epoch_of(offset(28)), Some(LeaderEpoch::new(9)));
}

#[test]
fn deleted_log_leaves_a_directory_to_remove() {
    let (_, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    append_values(&mut log, &["gone"]);
    let view = log.view();
    let path = log.delete(topic_id()).unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("orders-0.") && name.ends_with("-delete"), "{name}");
    assert!(matches!(view.read(offset(0), limits(9)), Err(ReadError::Stale)));
    assert_eq!(records(&world.create()), []);
    world.disk.remove_dir_all(&path).unwrap();
}

#[test]
fn sync_counts_for_what_was_written_when_it_was_taken() {
    let (_, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    append_values(&mut log, &["a"]);
    let work = log.take_sync().unwrap();
    append_values(&mut log, &["b"]);
    let synced = work.run().unwrap();
    log.on_synced(synced);
    assert_eq!(log.synced_end_offset(), offset(1));
    drop(log.take_sync().expect("the second append is not synced"));
    sync(&mut log).unwrap();
    assert_eq!(log.synced_end_offset(), offset(2), "work that was dropped is taken again");
}

#[test]
fn sync_taken_before_a_truncation_counts_for_nothing_after_it() {
    let (_, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    append_values(&mut log, &["a"]);
    append_values(&mut log, &["b"]);
    let (work, checkpoint) = (log.take_sync().unwrap(), log.take_checkpoint(NOW).unwrap().unwrap());
    let synced = work.run().unwrap();
    log.truncate_to(offset(1)).unwrap();
    append_values(&mut log, &["c"]);
    log.on_synced(synced);
    let done = checkpoint.run().unwrap();
    log.on_checkpointed(&done);
    assert_eq!((log.synced_end_offset(), log.recovery_point()), (offset(0), offset(0)));
    assert!(!world.disk.exists(&world.path(2, "snapshot")).unwrap());
    sync(&mut log).unwrap();
    assert_eq!(log.synced_end_offset(), offset(2));
}

#[test]
fn flush_is_wanted_after_so_many_records_or_so_long() {
    let config = LogConfig { flush_messages: 3, flush_ms: 1000, ..LogConfig::default() };
    let (_, world) = World::simulated(config);
    let mut log = world.create();
    append_values(&mut log, &["a", "b"]);
    assert!(!log.wants_flush(NOW));
    assert!(log.wants_flush(NOW.saturating_plus_ms(1000)));
    append_values(&mut log, &["c"]);
    assert!(log.wants_flush(NOW));
    sync(&mut log).unwrap();
    assert!(!log.wants_flush(NOW.saturating_plus_ms(5000)));
}

#[test]
fn idle_log_opened_cleanly_reads_no_index_and_keeps_no_file_open() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    for n in 0..30 {
        append_values(&mut log, &[&format!("{n:080}")]);
    }
    checkpoint(&mut log).unwrap();
    log.close(NOW).unwrap();
    let (_, fresh) = World::simulated(small());
    let world = World { files: fresh.files, ..world };
    let logs: Vec<_> = (0..1).map(|_| world.open_at(true, 30).0).collect();
    assert!(world.files.count() <= 1);
    assert_eq!(logs[0].bytes_past_recovery_point(), 0);
    assert!(!logs[0].wants_checkpoint());
}

#[test]
fn first_append_after_a_restart_reads_little_whatever_the_timestamps() {
    let (disk, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    let value = "v".repeat(1000);
    // One record from the future, then nothing that is younger.
    append(&mut log, ValidatedBatch::from(&batch_at(NOW.value() + 1_000_000, &["future"])))
        .unwrap();
    for _ in 0..2000 {
        log.append(batch(&[&value]), EPOCH, NOW).unwrap();
    }
    log.flush_writes().unwrap();
    let mut log = world.reopen_clean(log);
    let reads = disk.count(highwater_storage::DiskOp::Read);
    append_values(&mut log, &["next"]);
    assert!(disk.count(highwater_storage::DiskOp::Read) - reads < 12);
    let late = Timestamp::new(NOW.value() + 1);
    let found = log.view().offset_for_timestamp(late, log.log_end_offset()).unwrap().unwrap();
    assert_eq!(found.offset, offset(0));
}
