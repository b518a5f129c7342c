//! Idempotent producers through stops, kills and cuts.

use highwater_storage::{AppendError, Appended, Log, Refusal};

use crate::fixture::*;

fn send(log: &mut Log, n: i32) -> Result<Appended, AppendError> {
    append(log, produced(7, 0, n * 2, &[format!("{n:040}"), "second".into()]))
}

/// The last five of `count` batches are recognised with their offsets, an older one is not, a gap
/// is refused, the next one is taken.
fn assert_remembers_five(log: &mut Log, count: i32) {
    for n in count - 5..count {
        let again = send(log, n).unwrap();
        assert!(again.duplicate, "batch {n} of {count}");
        assert_eq!(again.base_offset, offset(i64::from(n) * 2));
        assert_eq!(again.last_offset, offset(i64::from(n) * 2 + 1));
    }
    for wrong in [count - 6, count + 1] {
        let refused = send(log, wrong).unwrap_err();
        let is_expected =
            matches!(refused, AppendError::Refused(Refusal::OutOfOrderSequence { .. }));
        assert!(is_expected, "batch {wrong}: {refused}");
    }
    assert_eq!(log.log_end_offset(), offset(i64::from(count) * 2));
}

#[test]
fn all_five_batches_survive_a_clean_stop() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    for n in 0..30 {
        send(&mut log, n).unwrap();
    }
    let mut log = world.reopen_clean(log);
    assert_remembers_five(&mut log, 30);
    // Nothing changed; the second stop writes nothing and loses nothing.
    let mut log = world.reopen_clean(log);
    assert_remembers_five(&mut log, 30);
    assert!(!send(&mut log, 30).unwrap().duplicate);
}

#[test]
fn all_five_batches_survive_a_kill_wherever_the_recovery_point_is() {
    for checkpoint_after in 0..14 {
        let (disk, world) = World::simulated(small());
        let mut log = world.create();
        let mut recovery_point = 0;
        for n in 0..14 {
            send(&mut log, n).unwrap();
            if n == checkpoint_after {
                checkpoint(&mut log).unwrap();
                recovery_point = log.recovery_point().value();
            }
        }
        drop(log);
        disk.crash();
        let (mut log, _) = world.open_at(false, recovery_point);
        assert_remembers_five(&mut log, 14);
    }
}

#[test]
fn producer_state_follows_a_truncation() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    for n in 0..30 {
        send(&mut log, n).unwrap();
    }
    checkpoint(&mut log).unwrap();
    log.truncate_to(offset(40)).unwrap();
    assert_remembers_five(&mut log, 20);
    let mut log = world.reopen_clean(log);
    assert_remembers_five(&mut log, 20);
}

#[test]
fn duplicate_inside_one_turn_is_recognised() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    let one = produced(7, 0, 0, &["a".into()]);
    let first = log.append(one.clone(), EPOCH, NOW).unwrap();
    let again = log.append(one, EPOCH, NOW).unwrap();
    assert!(!first.duplicate && again.duplicate);
    assert_eq!(first.base_offset, again.base_offset);
    log.flush_writes().unwrap();
    assert_eq!(records(&log).len(), 1);
}

#[test]
fn snapshot_of_apache_kafka_alone_gives_the_last_batch() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    for n in 0..8 {
        send(&mut log, n).unwrap();
    }
    log.close(NOW).unwrap();
    for entry in world.disk.read_dir(&world.dir()).unwrap() {
        if entry.name.ends_with(".producers") {
            world.disk.remove_file(&world.dir().join(entry.name)).unwrap();
        }
    }
    let (mut log, _) = world.open_at(true, 0);
    assert!(send(&mut log, 7).unwrap().duplicate);
    assert!(matches!(
        send(&mut log, 6).unwrap_err(),
        AppendError::Refused(Refusal::OutOfOrderSequence { .. })
    ));
    assert!(!send(&mut log, 8).unwrap().duplicate);
}

#[test]
fn damaged_snapshot_is_replaced_by_the_log() {
    let (disk, world) = World::simulated(small());
    let mut log = world.create();
    for n in 0..30 {
        send(&mut log, n).unwrap();
    }
    log.close(NOW).unwrap();
    for entry in world.disk.read_dir(&world.dir()).unwrap() {
        if entry.name.ends_with(".snapshot") {
            disk.flip_bits(&world.dir().join(entry.name), 12, 0x40).unwrap();
        }
    }
    let (mut log, _) = world.open_at(true, 0);
    assert_remembers_five(&mut log, 30);
}

#[test]
fn gap_is_refused_after_a_snapshot_too() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    for n in 0..8 {
        send(&mut log, n).unwrap();
    }
    let mut log = world.reopen_clean(log);
    assert!(matches!(
        send(&mut log, 9).unwrap_err(),
        AppendError::Refused(Refusal::OutOfOrderSequence { .. })
    ));
}

#[test]
fn older_epoch_is_fenced_after_a_restart() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    append(&mut log, produced(7, 0, 0, &["a".into()])).unwrap();
    append(&mut log, produced(7, 1, 0, &["b".into()])).unwrap();
    let mut log = world.reopen_clean(log);
    let refused = append(&mut log, produced(7, 0, 1, &["c".into()])).unwrap_err();
    assert!(matches!(refused, AppendError::Refused(Refusal::InvalidProducerEpoch { .. })));
}

#[test]
fn expired_producer_is_unknown() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    send(&mut log, 0).unwrap();
    let day = 24 * 3600 * 1000;
    log.remove_expired_producers(NOW.saturating_plus_ms(day - 1));
    assert!(send(&mut log, 0).unwrap().duplicate);
    log.remove_expired_producers(NOW.saturating_plus_ms(day));
    assert!(!send(&mut log, 40).unwrap().duplicate, "any sequence of an unknown producer is taken");
}
