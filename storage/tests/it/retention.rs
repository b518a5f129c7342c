//! What retention lets go, and what it must not.

use highwater_records::{Offset, Timestamp};
use highwater_storage::{DiskOp, Expired, Log, LogConfig, RetentionLimits, ValidatedBatch, verify};

use crate::fixture::*;

const HOUR_MS: i64 = 3_600_000;
/// A producer that sends nanoseconds for milliseconds.
const FAR_FUTURE: i64 = NOW.value() * 1_000_000;

fn ago(hours: i64) -> Timestamp {
    Timestamp::new(NOW.value() - hours * HOUR_MS)
}

/// One segment with one record of this time, appended at that time.
fn segment(log: &mut Log, time: Timestamp, appended: Timestamp) {
    if log.size_bytes() > 0 {
        log.roll(appended).unwrap();
    }
    let batch = ValidatedBatch::from(&batch_at(time.value(), &["value"]));
    log.append(batch, EPOCH, appended).unwrap();
    log.flush_writes().unwrap();
}

fn aged(world: &World, hours: &[i64]) -> Log {
    let mut log = world.create();
    hours.iter().for_each(|hours| segment(&mut log, ago(*hours), ago(*hours)));
    log
}

fn by_time(hours: u64) -> RetentionLimits {
    RetentionLimits { retention_ms: Some(hours * 3_600_000), ..RetentionLimits::default() }
}

/// Start and end of the log once the limits have been kept.
fn kept(log: &mut Log, limits: RetentionLimits, high_watermark: i64) -> (i64, i64) {
    if let Some(expired) = log.view().expired(limits, offset(high_watermark), NOW).unwrap() {
        log.expire(expired, NOW).unwrap();
        log.delete_old_segments().unwrap();
    }
    (log.log_start_offset().value(), log.log_end_offset().value())
}

#[test]
fn oldest_segments_go_up_to_the_first_that_is_young_enough() {
    let (_, world) = World::simulated(LogConfig::default());
    let mut log = aged(&world, &[9, 8, 3, 7, 0]);
    assert_eq!(kept(&mut log, RetentionLimits::default(), 5), (0, 5));
    assert_eq!(kept(&mut log, by_time(8), 5), (1, 5));
    assert_eq!(kept(&mut log, by_time(5), 5), (2, 5), "the young one protects what follows it");
    assert_eq!(records(&log).len(), 3);
    let mut log = world.reopen_clean(log);
    assert_eq!(kept(&mut log, by_time(2), 5), (4, 5), "ages are known after a restart");
    assert_eq!(verify(&*world.disk, &world.root).unwrap().problems, []);
}

#[test]
fn size_keeps_at_least_what_it_says() {
    let (_, world) = World::simulated(LogConfig::default());
    let mut log = aged(&world, &[0, 0, 0, 0]);
    let one = log.size_bytes() / 4;
    let limits = |bytes| RetentionLimits { retention_bytes: Some(bytes), ..Default::default() };
    assert_eq!(kept(&mut log, limits(3 * one + 1), 4), (0, 4));
    assert_eq!(kept(&mut log, limits(3 * one), 4), (1, 4));
    assert_eq!(kept(&mut log, limits(one + 1), 4), (2, 4));
    assert_eq!(kept(&mut log, limits(0), 4), (4, 4));
    append_values(&mut log, &["after"]);
    assert_eq!(records(&log), [(4, "after".to_owned())]);
}

#[test]
fn nothing_at_or_above_the_high_watermark_goes() {
    let (_, world) = World::simulated(LogConfig::default());
    let mut log = aged(&world, &[9, 9, 9]);
    assert_eq!(kept(&mut log, by_time(1), 0), (0, 3));
    assert_eq!(kept(&mut log, by_time(1), 2), (2, 3));
}

#[test]
fn active_segment_expires_only_with_what_was_seen_of_it() {
    let (_, world) = World::simulated(LogConfig::default());
    let mut log = aged(&world, &[9, 9]);
    let expired = log.view().expired(by_time(1), offset(2), NOW).unwrap().unwrap();
    assert_eq!(expired, Expired { log_start_offset: offset(2), rolls_active: true });
    append_values(&mut log, &["came meanwhile"]);
    log.expire(expired, NOW).unwrap();
    assert_eq!(log.log_start_offset(), offset(1));
    assert_eq!(kept(&mut log, by_time(1), 3), (1, 3), "its newest record is young");
    let expired = Expired { log_start_offset: offset(1), rolls_active: false };
    assert_eq!(log.view().expired(by_time(1), offset(3), NOW).unwrap(), None);
    log.expire(expired, NOW).unwrap();
    assert_eq!(log.log_start_offset(), offset(1), "the log start never falls");
}

#[test]
fn one_timestamp_in_the_far_future_neither_keeps_a_segment_nor_drops_it() {
    let (disk, world) = World::simulated(LogConfig::default());
    disk.set_time(ago(9));
    let mut log = world.create();
    segment(&mut log, Timestamp::new(FAR_FUTURE), ago(9));
    segment(&mut log, ago(9), ago(9));
    disk.set_time(NOW);
    segment(&mut log, Timestamp::new(FAR_FUTURE), NOW);
    assert_eq!(log.view().expired(by_time(10), Offset::new(3), NOW).unwrap(), None);
    // How old it is survives a clean stop, and the rewriting after a kill.
    let log = world.reopen_clean(log);
    drop(log);
    let (log, recovery) = world.open_at(false, 0);
    assert!(recovery.checked_bytes > 0);
    drop(log);
    let (mut log, _) = world.open_at(false, 0);
    assert_eq!(kept(&mut log, by_time(8), 3), (2, 3));
}

#[test]
fn expired_log_makes_room_on_a_disk_too_full_for_a_new_segment() {
    const ENOSPC: i32 = 28;
    let (disk, world) = World::simulated(LogConfig::default());
    let mut log = aged(&world, &[9, 9, 9]);
    disk.fail_from(DiskOp::Create, ENOSPC, 0);
    let before = disk.used_bytes();
    assert_eq!(kept(&mut log, by_time(1), 3), (2, 3), "all but the active one");
    assert!(disk.used_bytes() <= before);
    disk.heal();
    assert_eq!(kept(&mut log, by_time(1), 3), (3, 3));
}
