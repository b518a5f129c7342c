//! Compaction: what stays, what goes, and when.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use highwater_records::{
    BatchBuilder, Codec, EndTransactionMarker, Offset, ProducerEpoch, ProducerId, Sequence,
    Timestamp, batches,
};
use highwater_storage::{
    CleanError, CleaningBounds, CleaningRules, CleaningSetup, CleaningSummary, DiskOp, KeyHash,
    Log, LogConfig, Progress, ReadError, Replacement, TailCache, ValidatedBatch, remove_files,
    verify,
};
use proptest::prelude::*;

use crate::fixture::*;

const DAY_MS: i64 = 24 * 3_600_000;

/// One record: its key, and its value or none.
pub(crate) type Entry = (String, Option<String>);

/// How a pass is made in these tests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    pub(crate) now: Timestamp,
    pub(crate) cleaned_through: i64,
    pub(crate) map_bytes_max: usize,
    pub(crate) hash_bits: u32,
    pub(crate) others_compacted_through: Option<Offset>,
}

impl Default for Pass {
    fn default() -> Self {
        Self {
            now: NOW,
            cleaned_through: 0,
            map_bytes_max: 1 << 20,
            hash_bits: 64,
            others_compacted_through: None,
        }
    }
}

impl Pass {
    pub(crate) fn bounds(&self, log: &Log) -> CleaningBounds {
        CleaningBounds {
            cleaned_through: offset(self.cleaned_through),
            upper_bound: log.recovery_point(),
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: u64::MAX,
            now: self.now,
        }
    }

    pub(crate) fn setup(&self, log: &Log) -> Option<CleaningSetup> {
        let cleanable = log.view().cleanable(self.bounds(log)).unwrap()?;
        Some(CleaningSetup {
            cleanable,
            rules: CleaningRules {
                now: self.now,
                delete_retention_ms: DAY_MS.unsigned_abs(),
                others_compacted_through: self.others_compacted_through,
            },
            map_bytes_max: self.map_bytes_max,
            key_hash: KeyHash::seeded(1).cut_to(self.hash_bits),
        })
    }

    /// Makes a whole pass, as a broker does.
    pub(crate) fn run(&self, world: &World, log: &mut Log) -> Option<CleaningSummary> {
        let mut cleaning = log.begin_cleaning(self.setup(log)?, self.now).unwrap();
        loop {
            match cleaning.step().unwrap() {
                Progress::Worked { .. } => {}
                Progress::Replaces { replacement, .. } => replace(world, log, &replacement),
                Progress::Done(summary) => return Some(summary),
            }
        }
    }
}

fn replace(world: &World, log: &mut Log, replacement: &Replacement) {
    assert!(replacement.prepare().unwrap());
    assert!(log.replace(replacement));
    replacement.finish().unwrap();
    let deleted = replacement.take_deleted();
    assert!(!deleted.is_empty());
    remove_files(&*world.disk, &deleted).unwrap();
}

/// Appends one batch of records with keys, at this time.
pub(crate) fn append_keyed(log: &mut Log, codec: Codec, time: Timestamp, entries: &[Entry]) {
    let mut builder = BatchBuilder::new(codec);
    for (key, value) in entries {
        builder.append(time, Some(key.as_bytes()), value.as_deref().map(str::as_bytes), &[]);
    }
    append(log, ValidatedBatch::from(&builder.build())).unwrap();
}

pub(crate) fn entry(key: &str, value: &str) -> Entry {
    (key.to_owned(), (!value.is_empty()).then(|| value.to_owned()))
}

/// A new segment, and everything before it may be cleaned.
pub(crate) fn seal(log: &mut Log) {
    log.roll(NOW).unwrap();
    checkpoint(log).unwrap();
}

/// Offset, key and value of every record in the log, and the offset after its last batch.
pub(crate) fn keyed(log: &Log) -> (Vec<(i64, Entry)>, i64) {
    let (view, mut found) = (log.view(), Vec::new());
    let (mut next, mut end) = (log.log_start_offset(), log.log_start_offset());
    while next < view.log_end_offset() {
        let fetched = view.read(next, limits(700)).unwrap();
        if fetched.chunks.is_empty() {
            break;
        }
        for batch in batches(&Bytes::from(fetched.chunks.concat())) {
            let batch = batch.unwrap();
            assert!(batch.header().base_offset >= end, "batches do not overlap");
            end = batch.header().next_offset();
            for record in batch.records().unwrap() {
                let record = record.unwrap();
                let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
                let entry = (text(record.key.unwrap()), record.value.map(text));
                found.push((record.offset.value(), entry));
            }
        }
        next = fetched.next_offset;
    }
    (found, end.value())
}

fn of(found: &[(i64, Entry)]) -> Vec<String> {
    let show = |(offset, (key, value)): &(i64, Entry)| {
        format!("{offset} {key}={}", value.as_deref().unwrap_or("-"))
    };
    found.iter().map(show).collect()
}

fn compacted(config: LogConfig) -> (World, Log) {
    let (_, world) = World::simulated(config);
    let log = world.create();
    (world, log)
}

#[test]
fn newest_record_of_each_key_stays_where_it_was() {
    for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4] {
        let (world, mut log) = compacted(LogConfig::default());
        append_keyed(&mut log, codec, NOW, &[entry("a", "1"), entry("b", "1"), entry("c", "1")]);
        append_keyed(&mut log, codec, NOW, &[entry("a", "2"), entry("a", "3")]);
        seal(&mut log);
        append_keyed(&mut log, codec, NOW, &[entry("b", "2"), entry("d", "1")]);
        seal(&mut log);
        append_keyed(&mut log, codec, NOW, &[entry("c", "active")]);
        let summary = Pass::default().run(&world, &mut log).unwrap();
        assert_eq!(summary.cleaned_through, offset(7));
        assert_eq!((summary.key_count, summary.records_read, summary.records_kept), (4, 7, 4));
        let expected = ["2 c=1", "4 a=3", "5 b=2", "6 d=1", "7 c=active"];
        assert_eq!(of(&keyed(&log).0), expected, "{codec:?}");
        assert_eq!(
            log.view().offset_for_timestamp(NOW, offset(9)).unwrap().unwrap().offset,
            offset(2)
        );
        let log = world.reopen_clean(log);
        assert_eq!(of(&keyed(&log).0), expected);
        assert_eq!(log.log_end_offset(), offset(8));
        let report = verify(&*world.disk, &world.root).unwrap();
        assert_eq!(report.problems, []);
        assert_eq!(report.segment_count, 2, "both sealed segments became one");
        assert!(Pass::default().setup(&log).is_some(), "without a checkpoint all is dirty");
        let done = Pass { cleaned_through: 7, ..Pass::default() };
        assert!(done.setup(&log).is_none());
    }
}

#[test]
fn last_batch_stays_as_a_header_when_its_records_go() {
    let (world, mut log) = compacted(LogConfig::default());
    append_keyed(&mut log, Codec::None, NOW, &[entry("a", "1"), entry("b", "1")]);
    append_keyed(&mut log, Codec::None, NOW, &[entry("a", "")]);
    seal(&mut log);
    Pass::default().run(&world, &mut log).unwrap();
    let later = Pass { now: NOW.saturating_plus_ms(DAY_MS), ..Pass::default() };
    later.run(&world, &mut log).unwrap();
    let (found, end) = keyed(&log);
    assert_eq!(of(&found), ["1 b=1"]);
    assert_eq!(end, 3, "a reader at 2 comes to the log end");
    let fetched = log.view().read(offset(2), limits(1000)).unwrap();
    assert_eq!(fetched.next_offset, offset(3));
}

#[test]
fn deletion_stays_until_its_horizon_and_until_the_other_replicas_have_compacted() {
    let (world, mut log) = compacted(LogConfig::default());
    append_keyed(&mut log, Codec::Lz4, NOW, &[entry("a", "1"), entry("b", "1")]);
    append_keyed(&mut log, Codec::Lz4, NOW, &[entry("a", ""), entry("c", "1")]);
    append_keyed(&mut log, Codec::Lz4, NOW, &[entry("d", "1")]);
    seal(&mut log);
    let kept = ["1 b=1", "2 a=-", "3 c=1", "4 d=1"];
    let at = |hours: i64, through: Option<i64>| Pass {
        now: NOW.saturating_plus_ms(hours * 3_600_000),
        others_compacted_through: through.map(offset),
        ..Pass::default()
    };
    at(0, None).run(&world, &mut log).unwrap();
    assert_eq!(of(&keyed(&log).0), kept, "the first pass only notes when it may go");
    at(23, None).run(&world, &mut log).unwrap();
    assert_eq!(of(&keyed(&log).0), kept, "a later pass does not move the horizon");
    at(24, Some(2)).run(&world, &mut log).unwrap();
    assert_eq!(of(&keyed(&log).0), kept, "a replica that has not seen it needs it");
    at(24, Some(3)).run(&world, &mut log).unwrap();
    assert_eq!(of(&keyed(&log).0), ["1 b=1", "3 c=1", "4 d=1"]);
    let view = log.view();
    let found = view.offset_for_timestamp(NOW, offset(9)).unwrap().unwrap();
    assert_eq!(
        (found.offset, found.timestamp),
        (offset(1), NOW),
        "times are kept beside a horizon"
    );
    assert_eq!(view.offset_of_max_timestamp(offset(9)).unwrap().unwrap().timestamp, NOW);
}

#[test]
fn records_without_a_key_and_old_producers_go_and_live_ones_are_still_known() {
    let (world, mut log) = compacted(LogConfig::default());
    let send = |log: &mut Log, id: i64, sequence: i32, key: Option<&str>| {
        let mut builder = BatchBuilder::new(Codec::None);
        builder.producer(ProducerId::new(id), ProducerEpoch::new(0), Sequence::new(sequence));
        builder.append(NOW, key.map(str::as_bytes), Some(b"x"), &[]);
        append(log, ValidatedBatch::from(&builder.build()))
    };
    for sequence in 0..3 {
        send(&mut log, 1, sequence, Some("k")).unwrap();
    }
    send(&mut log, 2, 0, None).unwrap();
    send(&mut log, 3, 0, Some("k")).unwrap();
    seal(&mut log);
    Pass::default().run(&world, &mut log).unwrap();
    assert_eq!(of(&keyed(&log).0), ["4 k=x"]);
    // The snapshots are gone, only the log tells.
    drop(log);
    for entry in world.disk.read_dir(&world.dir()).unwrap() {
        if entry.name.ends_with(".snapshot") || entry.name.ends_with(".producers") {
            world.disk.remove_file(&world.dir().join(entry.name)).unwrap();
        }
    }
    let (mut log, _) = world.open_at(false, 5);
    let again = send(&mut log, 1, 2, Some("k")).unwrap();
    assert!(again.duplicate);
    assert_eq!(again.base_offset, offset(2));
    assert!(send(&mut log, 1, 5, Some("k")).is_err(), "a gap is still a gap");
    assert!(send(&mut log, 2, 0, None).unwrap().duplicate);
}

#[test]
fn aborted_records_go_at_once_and_markers_after_the_records() {
    let (world, mut log) = compacted(LogConfig::default());
    let data = |log: &mut Log, id: i64, sequence: i32, key: &str| {
        let mut builder = BatchBuilder::new(Codec::None);
        builder.producer(ProducerId::new(id), ProducerEpoch::new(0), Sequence::new(sequence));
        builder.transactional().append(NOW, Some(key.as_bytes()), Some(b"x"), &[]);
        append(log, ValidatedBatch::from(&builder.build())).unwrap();
    };
    let end = |log: &mut Log, id: i64, is_commit: bool| {
        let marker = EndTransactionMarker { is_commit, coordinator_epoch: 0 };
        let batch = marker.batch(ProducerId::new(id), ProducerEpoch::new(0), NOW);
        append(log, ValidatedBatch::from(&batch)).unwrap();
    };
    append_keyed(&mut log, Codec::None, NOW, &[entry("a", "before")]);
    data(&mut log, 1, 0, "a");
    data(&mut log, 2, 0, "b");
    end(&mut log, 1, false);
    end(&mut log, 2, true);
    data(&mut log, 1, 1, "c");
    end(&mut log, 1, true);
    append_keyed(&mut log, Codec::None, NOW, &[entry("b", "after"), entry("c", "after")]);
    seal(&mut log);
    let headers = |log: &Log| -> Vec<(i64, i32)> {
        let bytes = log.view().read(offset(0), limits(1 << 20)).unwrap().chunks.concat();
        let headers = batches(&Bytes::from(bytes)).map(|batch| batch.unwrap().header().clone());
        headers.map(|header| (header.base_offset.value(), header.record_count)).collect()
    };
    let at = |days: i64| Pass { now: NOW.saturating_plus_ms(days * DAY_MS), ..Pass::default() };
    let aborted = |log: &Log| log.view().aborted_transactions(offset(0), offset(9)).unwrap().len();
    assert_eq!(aborted(&log), 1);
    at(0).run(&world, &mut log).unwrap();
    // 2 and 5 are the last ones of their producers.
    assert_eq!(headers(&log), [(0, 1), (2, 0), (3, 1), (4, 1), (5, 0), (6, 1), (7, 2)]);
    assert_eq!(aborted(&log), 1, "a reader of the old copy still needs it");
    at(0).run(&world, &mut log).unwrap();
    assert_eq!(aborted(&log), 0);
    at(1).run(&world, &mut log).unwrap();
    at(2).run(&world, &mut log).unwrap();
    let last = headers(&log);
    assert_eq!(last.first(), Some(&(0, 1)), "the value before the aborted one is the newest");
    assert!(
        !last.iter().any(|(base, _)| *base == 3),
        "{last:?}: the marker went after its horizon"
    );
    let log = world.reopen_clean(log);
    assert_eq!(log.log_end_offset(), offset(9));
    assert_eq!(verify(&*world.disk, &world.root).unwrap().problems, []);
}

#[test]
fn view_of_before_is_stale_and_the_log_reads_on_between_all_steps() {
    let (world, mut log) = compacted(LogConfig::default());
    for n in 0..20 {
        append_keyed(&mut log, Codec::None, NOW, &[entry("k", &format!("{n}"))]);
        if n % 5 == 4 {
            seal(&mut log);
        }
    }
    let before = log.view();
    let setup = Pass::default().setup(&log).unwrap();
    let mut cleaning = log.begin_cleaning(setup, NOW).unwrap();
    let replacement = loop {
        match cleaning.step().unwrap() {
            Progress::Replaces { replacement, .. } => break replacement,
            Progress::Worked { .. } => {}
            Progress::Done(_) => panic!("nothing was replaced"),
        }
    };
    assert_eq!(keyed(&log).0.len(), 20);
    assert!(!log.replace(&replacement), "not complete on disk");
    assert!(replacement.prepare().unwrap());
    assert!(before.read(offset(0), limits(100)).is_ok());
    assert!(log.replace(&replacement));
    assert!(matches!(before.read(offset(0), limits(100)), Err(ReadError::Stale)));
    assert_eq!(of(&keyed(&log).0), ["19 k=19"], "under its name of between");
    replacement.finish().unwrap();
    assert_eq!(of(&keyed(&log).0), ["19 k=19"]);
    replacement.finish().unwrap();
    assert_eq!(remove_files(&*world.disk, &replacement.take_deleted()).ok(), Some(()));
    assert_eq!(of(&keyed(&world.reopen_clean(log)).0), ["19 k=19"]);
}

#[test]
fn what_was_cleaned_is_not_served_from_memory_any_more() {
    let (_, mut world) = World::simulated(LogConfig::default());
    world.cache = TailCache::new(1 << 20);
    let mut log = world.create();
    for n in 0..6 {
        append_keyed(&mut log, Codec::None, NOW, &[entry("k", &format!("{n}"))]);
        if n == 3 {
            seal(&mut log);
        }
    }
    Pass::default().run(&world, &mut log).unwrap();
    assert_eq!(of(&keyed(&log).0), ["3 k=3", "4 k=4", "5 k=5"]);
    assert!(
        log.view().try_read_cached(offset(4), limits(1000)).is_some(),
        "the rest is still there"
    );
}

#[test]
fn pass_that_a_deletion_overtakes_changes_nothing() {
    let (world, mut log) = compacted(LogConfig::default());
    for n in 0..4 {
        append_keyed(&mut log, Codec::None, NOW, &[entry("k", &format!("{n}"))]);
        seal(&mut log);
    }
    append_keyed(&mut log, Codec::None, NOW, &[entry("k", "4")]);
    let setup = Pass::default().setup(&log).unwrap();
    let mut cleaning = log.begin_cleaning(setup, NOW).unwrap();
    let replacement = loop {
        if let Progress::Replaces { replacement, .. } = cleaning.step().unwrap() {
            break replacement;
        }
    };
    assert!(replacement.prepare().unwrap());
    log.advance_log_start(offset(2));
    log.delete_old_segments().unwrap();
    assert!(!log.replace(&replacement));
    replacement.discard().unwrap();
    cleaning.discard().unwrap();
    assert_eq!(of(&keyed(&log).0), ["2 k=2", "3 k=3", "4 k=4"]);
    let mut cleaning = log.begin_cleaning(setup, NOW).unwrap();
    log.truncate_to(offset(3)).unwrap();
    assert!(cleaning.step().is_err());
    cleaning.discard().unwrap();
    assert_eq!(of(&keyed(&world.reopen_clean(log)).0), ["2 k=2"]);
    let leftovers = world.disk.read_dir(&world.dir()).unwrap();
    assert!(leftovers.iter().all(|entry| !entry.name.ends_with(".swap")), "{leftovers:?}");
}

/// The newest record of each key that a log shows.
fn newest(log: &Log) -> BTreeMap<String, (i64, Option<String>)> {
    keyed(log).0.into_iter().map(|(at, (key, value))| (key, (at, value))).collect()
}

#[test]
fn swap_that_fails_in_the_middle_is_finished_by_whoever_comes_next() {
    const EMFILE: i32 = 24;
    const ENOSPC: i32 = 28;
    let mut failed_finishes = 0;
    let cases = [DiskOp::SyncDir, DiskOp::Rename]
        .into_iter()
        .flat_map(|op| [EMFILE, ENOSPC].map(|errno| (op, errno)))
        .flat_map(|(op, errno)| (0..12).map(move |after| (op, errno, after)));
    for (op, errno, after) in cases {
        let case = format!("{op:?} {errno} after {after}");
        let (disk, world) = World::simulated(LogConfig::default());
        let mut log = world.create();
        for n in 0..6 {
            append_keyed(
                &mut log,
                Codec::None,
                NOW,
                &[entry(&format!("k{}", n % 2), &n.to_string())],
            );
            if n < 4 {
                seal(&mut log);
            }
        }
        let expected = newest(&log);
        let setup = Pass::default().setup(&log).unwrap();
        let mut cleaning = log.begin_cleaning(setup, NOW).unwrap();
        let replacement = loop {
            if let Progress::Replaces { replacement, .. } = cleaning.step().unwrap() {
                break replacement;
            }
        };
        disk.fail_from(op, errno, after);
        if matches!(replacement.prepare(), Ok(true)) && log.replace(&replacement) {
            failed_finishes += usize::from(replacement.finish().is_err());
        } else {
            drop(replacement.discard());
        }
        drop(cleaning.discard());
        assert_eq!(newest(&log), expected, "{case}");
        let crashed = disk.copy();
        disk.heal();
        let after_a_kill = World::on(Arc::new(crashed), &world.root, world.config.clone());
        assert_eq!(newest(&after_a_kill.open_at(false, 4).0), expected, "{case}, killed");
        // The next pass, in which the segment at hand is one of the old ones.
        seal(&mut log);
        Pass::default().run(&world, &mut log).unwrap();
        assert_eq!(newest(&log), expected, "{case}, cleaned again");
        assert_eq!(keyed(&log).0.len(), 2, "{case}");
        drop(log);
        assert_eq!(newest(&world.open_at(false, 6).0), expected, "{case}, and opened again");
    }
    assert!(failed_finishes > 10, "{failed_finishes}");
}

#[test]
fn pass_gives_up_when_segments_it_has_not_opened_yet_are_deleted() {
    let (_, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    for n in 0..6 {
        append_keyed(&mut log, Codec::None, NOW, &[entry("k", &n.to_string())]);
        seal(&mut log);
    }
    let mut log = world.reopen_clean(log);
    let half = Pass { cleaned_through: 4, ..Pass::default() };
    let setup = half.setup(&log).unwrap();
    let mut cleaning = log.begin_cleaning(setup, NOW).unwrap();
    log.advance_log_start(offset(3));
    log.delete_old_segments().unwrap();
    let ended = loop {
        match cleaning.step() {
            Ok(Progress::Worked { .. }) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert!(matches!(ended, CleanError::Changed), "{ended:?}");
    cleaning.discard().unwrap();
    assert_eq!(of(&keyed(&log).0), ["3 k=3", "4 k=4", "5 k=5"]);
}

#[test]
fn what_is_too_young_waits_and_what_is_overdue_does_not() {
    let (_, mut log) = compacted(LogConfig::default());
    for hours in [5, 3, 1] {
        let time = NOW.saturating_plus_ms(-hours * 3_600_000);
        append_keyed(&mut log, Codec::None, time, &[entry("k", "x")]);
        seal(&mut log);
    }
    let hour = |hours: u64| hours * 3_600_000;
    let bounds = Pass::default().bounds(&log);
    let end = |min_hours: u64| {
        let bounds = CleaningBounds { min_compaction_lag_ms: hour(min_hours), ..bounds };
        log.view().cleanable(bounds).unwrap().map(|cleanable| cleanable.end_offset.value())
    };
    assert_eq!([end(0), end(2), end(4), end(6)], [Some(3), Some(2), Some(1), None]);
    let overdue = |cleaned: i64, max_hours: u64| {
        let max_compaction_lag_ms = hour(max_hours);
        let bounds =
            CleaningBounds { cleaned_through: offset(cleaned), max_compaction_lag_ms, ..bounds };
        log.view().cleanable(bounds).unwrap().unwrap().is_overdue
    };
    assert!(overdue(0, 4) && !overdue(0, 6) && !overdue(1, 4) && overdue(1, 2));
    let half = CleaningBounds { cleaned_through: offset(2), ..bounds };
    let ratio = log.view().cleanable(half).unwrap().unwrap().dirty_ratio();
    assert!((ratio - 1.0 / 3.0).abs() < 0.01, "{ratio}");
    let uncommitted = CleaningBounds { upper_bound: offset(1), ..bounds };
    assert_eq!(log.view().cleanable(uncommitted).unwrap().unwrap().end_offset, offset(1));
}

/// Batches of a few records over few keys, some of them deletions.
fn workload() -> impl Strategy<Value = Vec<(u8, Vec<(u8, bool)>)>> {
    let record = (0_u8..12, prop::bool::weighted(0.2));
    let batch = (0_u8..8, prop::collection::vec(record, 1..6));
    prop::collection::vec(batch, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn passes_keep_the_newest_of_every_key_whatever_map_and_hash_they_have(
        batches in workload(),
        map_bytes_max in prop::sample::select(vec![1, 60, 200, 1 << 20]),
        hash_bits in prop::sample::select(vec![0, 8, 64]),
    ) {
        let (world, mut log) = compacted(small());
        let (mut newest, mut newest_sealed) = (BTreeMap::new(), BTreeMap::new());
        let (mut next, mut sealed) = (0_i64, 0);
        for (kind, records) in &batches {
            let entries: Vec<Entry> = records
                .iter()
                .zip(next..)
                .map(|((key, deletes), at)| {
                    (format!("key {key}"), (!deletes).then(|| format!("{at:010}")))
                })
                .collect();
            for (key, value) in &entries {
                newest.insert(key.clone(), (next, value.clone()));
                next += 1;
            }
            let codec = if kind % 2 == 0 { Codec::None } else { Codec::Lz4 };
            append_keyed(&mut log, codec, NOW, &entries);
            if *kind == 7 {
                seal(&mut log);
                sealed = next;
                newest_sealed.clone_from(&newest);
            }
        }
        let (mut pass, mut passes) = (Pass { map_bytes_max, hash_bits, ..Pass::default() }, 0);
        while let Some(summary) = pass.run(&world, &mut log) {
            let more = Pass { cleaned_through: summary.cleaned_through.value(), ..pass };
            if let Some(more) = more.setup(&log) {
                prop_assert!(more.cleanable.dirty_ratio() > 0.0, "a broker goes on");
            }
            let reached = summary.cleaned_through.value();
            prop_assert!(reached > pass.cleaned_through, "each pass comes further");
            pass.cleaned_through = reached;
            passes += 1;
        }
        prop_assert_eq!(pass.cleaned_through, sealed, "{} passes", passes);
        let later = Pass { now: NOW.saturating_plus_ms(DAY_MS), ..Pass::default() };
        for is_later in [false, true] {
            if is_later {
                later.run(&world, &mut log);
            }
            let (found, _) = keyed(&log);
            for (key, (at, value)) in &newest {
                let is_there = found.contains(&(*at, (key.clone(), value.clone())));
                let may_be_gone = is_later && value.is_none() && *at < pass.cleaned_through;
                prop_assert!(is_there || may_be_gone, "{key} of {at}: {:?}", of(&found));
            }
            for (at, (key, value)) in &found {
                if *at >= sealed {
                    continue;
                }
                prop_assert_eq!(&newest_sealed[key], &(*at, value.clone()), "{} is old", key);
                prop_assert!(!is_later || value.is_some(), "{key} at {at} is past its horizon");
            }
        }
        prop_assert_eq!(verify(&*world.disk, &world.root).unwrap().problems, []);
        let end = log.log_end_offset();
        drop(log);
        let (log, _) = world.open_at(false, pass.cleaned_through);
        prop_assert_eq!(log.log_end_offset(), end, "a kill loses nothing of it");
    }
}
