//! Verify beside a writer: whatever a log does to its files, none of it looks wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use highwater_records::{LeaderEpoch, NodeId, Uuid};
use highwater_storage::{
    CheckpointKind, Disk, FileDisk, Log, LogConfig, LogDir, MetaProperties, remove_files, verify,
};

use crate::fixture::*;
use crate::rich::{data, end};

const ROUNDS: i32 = 400;

/// One of everything that a broker does to a log, in an order that `round` chooses.
fn act(log: &mut Log, dir: &LogDir, round: i32) {
    let epoch = LeaderEpoch::new(round / 100);
    let big = "x".repeat(usize::try_from(round % 7).unwrap() * 300);
    let mut put = |batch| {
        log.append(batch, epoch, NOW).unwrap();
    };
    put(batch(&[&big, "second"]));
    put(data(7, 0, round * 2, false));
    put(data(8, 0, round * 2, true));
    if round % 3 == 0 {
        put(end(8, 0, round % 2 == 0));
    }
    log.flush_writes().unwrap();
    match round % 10 {
        2 => log.roll(NOW).unwrap(),
        4 | 9 => {
            checkpoint(log).unwrap();
            let reached = BTreeMap::from([(place(), log.recovery_point())]);
            dir.write_checkpoint(CheckpointKind::RecoveryPoint, &reached).unwrap();
        }
        6 => {
            let start = log.log_end_offset().plus(-40).max(log.log_start_offset());
            log.advance_log_start(start);
            let starts = BTreeMap::from([(place(), start)]);
            dir.write_checkpoint(CheckpointKind::LogStart, &starts).unwrap();
            log.delete_old_segments().unwrap();
            remove_files(&FileDisk, &log.take_deleted()).unwrap();
        }
        _ => {}
    }
}

#[test]
fn verify_finds_nothing_wrong_beside_a_log_that_is_written_rolled_and_deleted() {
    let root = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(FileDisk);
    let config =
        LogConfig { segment_bytes: 9000, index_interval_bytes: 200, ..LogConfig::default() };
    let world = World::on(Arc::clone(&disk), root.path(), config);
    let mut dir = LogDir::open(disk, root.path(), 1).unwrap();
    dir.format(MetaProperties {
        cluster_id: "cluster".into(),
        node_id: NodeId::new(1),
        directory_id: Uuid::from_random(9),
        is_ours: true,
    })
    .unwrap();
    let mut log = world.create();
    let is_done = AtomicBool::new(false);
    let looks = std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut looks = 0;
            while !is_done.load(Ordering::SeqCst) {
                let found = verify(&FileDisk, root.path()).unwrap();
                assert_eq!(found.problems, [], "look {looks}");
                looks += 1;
            }
            looks
        });
        for round in 0..ROUNDS {
            act(&mut log, &dir, round);
        }
        is_done.store(true, Ordering::SeqCst);
        looking.join().unwrap()
    });
    assert!(looks > 0);
    log.close(NOW).unwrap();
    assert_eq!(verify(&FileDisk, root.path()).unwrap().problems, []);
}
