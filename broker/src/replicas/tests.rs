//! What is hosted on a disk that is full, and when there is room again.

use std::sync::Arc;

use highwater_controller::MetadataRecord;
use highwater_records::Offset;
use highwater_replication::Acks;
use highwater_storage::{DiskOp, SimDisk};

use super::fixture::{Fixture, TestWorkers, append, base_offset, batch, values};
use super::*;
use crate::partition::NotServing;

const ENOSPC: i32 = 28;

fn offline_reason(partition: &Partition) -> String {
    match partition.view().leading() {
        Err(NotServing::Offline(reason)) => reason.to_string(),
        other => panic!("{}: {:?}", partition.topic_partition(), other.map(|_| "leads")),
    }
}

fn written(partition: &Arc<Partition>, workers: &TestWorkers, value: &str) -> i64 {
    let pending = append(partition, &batch(value), Acks::All);
    workers.run_syncs();
    base_offset(&pending)
}

async fn restart(disk: &SimDisk, fixture: &Fixture) -> (Fixture, Arc<TestWorkers>) {
    fixture.ending.cancel();
    disk.crash();
    let workers = TestWorkers::new();
    let theirs = Arc::clone(&workers) as Arc<dyn Workers>;
    (Fixture::start(Arc::new(disk.clone()), theirs, fixture.image()).await, workers)
}

/// Whatever step of making a partition finds the disk full: the partition is offline, its neighbour serves, and it comes back once there is
/// room, in this life or in the next one.
#[tokio::test]
async fn topic_made_on_a_full_disk_is_offline_until_there_is_room() {
    for operation in [DiskOp::CreateDir, DiskOp::Create, DiskOp::Write] {
        for after in 0..3 {
            for restarts in [false, true] {
                let (mut fixture, disk, mut workers) = Fixture::simulated().await;
                let neighbour = fixture.create("old", 1, &[]).await.remove(0);
                assert_eq!(written(&neighbour, &workers, "before"), 0);
                disk.fail_from(operation, ENOSPC, after);
                let new = fixture.create("new", 1, &[]).await.remove(0);
                let case = format!("{operation:?} after {after}, restarts {restarts}");
                if new.view().leading().is_ok() {
                    continue; // it does not take so many
                }
                assert!(offline_reason(&new).contains("disk full"), "{case}");
                assert!(offline_reason(&new).contains("/data"), "{case}");
                fixture.replicas.open_unopened().await;
                assert!(new.dir().fault().is_none(), "{case}");
                let neighbour = fixture.partitions("old").remove(0);
                assert_eq!(values(&neighbour, true).len(), 1, "{case}");
                disk.heal();
                if restarts {
                    (fixture, workers) = restart(&disk, &fixture).await;
                } else {
                    fixture.replicas.open_unopened().await;
                }
                for topic in ["old", "new"] {
                    let partition = fixture.partitions(topic).remove(0);
                    let offset = i64::from(topic == "old");
                    assert_eq!(written(&partition, &workers, "after"), offset, "{case}");
                }
                disk.power_cut(1);
                let (fixture, _workers) = restart(&disk, &fixture).await;
                assert_eq!(values(&fixture.partitions("old")[0], false).len(), 2, "{case}");
                assert_eq!(values(&fixture.partitions("new")[0], false).len(), 1, "{case}");
            }
        }
    }
}

#[tokio::test]
async fn log_that_a_full_disk_keeps_closed_is_opened_whole_later() {
    let (mut fixture, disk, workers) = Fixture::simulated().await;
    let partition = fixture.create("t", 1, &[]).await.remove(0);
    for value in ["a", "b", "c"] {
        written(&partition, &workers, value);
    }
    fixture.ending.cancel();
    disk.crash();
    disk.fail_from(DiskOp::Write, ENOSPC, 1); // the first one is the lock file's
    let workers = TestWorkers::new();
    let theirs = Arc::clone(&workers) as Arc<dyn Workers>;
    let fixture = Fixture::start(Arc::new(disk.clone()), theirs, fixture.image()).await;
    assert!(offline_reason(&fixture.partitions("t")[0]).contains("disk full"));
    disk.heal();
    fixture.replicas.open_unopened().await;
    let partition = fixture.partitions("t").remove(0);
    assert_eq!(values(&partition, false).len(), 3);
    assert_eq!(written(&partition, &workers, "d"), 3);
}

#[tokio::test]
async fn topic_deleted_on_a_full_disk_goes_and_does_not_come_back() {
    let (mut fixture, disk, _workers) = Fixture::simulated().await;
    disk.fail_from(DiskOp::Write, ENOSPC, 0);
    fixture.create("t", 1, &[]).await;
    let id = fixture.replicas.topic_by_name("t").unwrap().id;
    fixture.commit(&[MetadataRecord::RemoveTopic { id }]).await;
    disk.heal();
    fixture.replicas.open_unopened().await;
    assert!(fixture.replicas.topic(id).is_none());
    let again = fixture.create("t", 1, &[]).await.remove(0);
    assert!(again.view().leading().is_ok());
}

#[tokio::test]
async fn failed_sync_of_a_new_partition_is_no_full_disk() {
    let (mut fixture, disk, _workers) = Fixture::simulated().await;
    disk.fail_next(DiskOp::SyncDir, ENOSPC, 0);
    let partition = fixture.create("t", 1, &[]).await.remove(0);
    assert!(partition.dir().fault().is_some());
    assert!(partition.view().leading().is_err());
}

/// A second kill must not read the same tail again.
#[tokio::test]
async fn recovery_points_move_once_recovered_logs_are_served() {
    let (mut fixture, disk, workers) = Fixture::simulated().await;
    let partitions = fixture.create("t", 3, &[]).await;
    for partition in &partitions {
        assert_eq!(written(partition, &workers, "before"), 0);
    }
    let (fixture, _workers) = restart(&disk, &fixture).await;
    for partition in fixture.partitions("t") {
        let noted =
            partition.dir().noted(CheckpointKind::RecoveryPoint, partition.topic_partition());
        assert_eq!(noted, Offset::new(1));
        let reached = partition.in_turn(|leading, _| leading.log.recovery_point()).unwrap();
        assert_eq!(reached, Offset::new(1));
    }
}

/// A queue that keeps partitions keeps their directory, and its lock, from the next broker.
#[tokio::test]
async fn syncs_that_never_start_keep_nothing() {
    let (mut fixture, _disk, workers) = Fixture::simulated().await;
    let partitions = fixture.create("t", 2, &[]).await;
    for partition in &partitions {
        drop(append(partition, &batch("waits"), Acks::All));
    }
    let held_count = |partition: &Arc<Partition>| Arc::strong_count(partition);
    let queued: Vec<_> = partitions.iter().map(held_count).collect();
    workers.shut_down();
    let left: Vec<_> = partitions.iter().map(|partition| held_count(partition) + 1).collect();
    assert_eq!(left, queued);
}
