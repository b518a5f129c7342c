//! Turns, syncs and the fall of a replica, on a simulated disk.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;

use highwater_controller::image::ConfigResource;
use highwater_controller::{MetadataDelta, MetadataImage, MetadataRecord, PartitionChange};
use highwater_records::NodeId;
use highwater_replication::Acks;
use highwater_storage::{CheckpointKind, Disk, DiskOp, SimDisk};

use super::queue::QUEUED_APPENDS_MAX;
use super::*;
use crate::replicas::fixture::{
    Fixture, NODE, TestWorkers, append, base_offset, batch, numbered_batch, values,
};
use crate::workers::{ThreadWorkers, Workers};

const EIO: i32 = 5;

fn high_watermark(partition: &Partition) -> i64 {
    partition.view().leading().unwrap().high_watermark.value()
}

fn refusal(pending: &PendingAppends) -> AppendRefusal {
    assert!(pending.is_complete(), "still waits");
    pending.take_results(|_, _| ()).remove(0).unwrap_err()
}

#[tokio::test]
async fn acks_all_is_not_answered_before_the_sync() {
    let (mut fixture, _disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    let pending = append(&partition, &batch("a"), Acks::All);
    assert!(!pending.is_complete());
    assert_eq!(high_watermark(&partition), 0);
    workers.run_syncs();
    assert_eq!(base_offset(&pending), 0);
    assert_eq!(high_watermark(&partition), 1);
}

#[tokio::test]
async fn acks_one_is_answered_at_once_and_visible_with_the_sync_it_requested() {
    let (mut fixture, _disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    assert_eq!(base_offset(&append(&partition, &batch("a"), Acks::Leader)), 0);
    assert_eq!(values(&partition, true), []);
    workers.run_syncs();
    assert_eq!(values(&partition, true), [(0, "a".to_owned())]);
}

#[tokio::test]
async fn os_durability_answers_acks_all_without_a_sync() {
    let (mut fixture, disk, workers) = Fixture::simulated().await;
    let partition = fixture.create("t", 1, &[("highwater.durability", "os")]).await.remove(0);
    let before = disk.count(DiskOp::Sync);
    assert_eq!(base_offset(&append(&partition, &batch("a"), Acks::All)), 0);
    assert_eq!(values(&partition, true).len(), 1);
    workers.run_syncs();
    assert_eq!(disk.count(DiskOp::Sync), before);
}

#[tokio::test]
async fn appends_of_many_requests_share_one_sync() {
    let (mut fixture, disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    let first = append(&partition, &batch("first"), Acks::All);
    workers.run_syncs();
    assert_eq!(base_offset(&first), 0);
    let before = disk.count(DiskOp::Sync);
    let pending: Vec<_> =
        (0..100).map(|number| append(&partition, &batch(&number.to_string()), Acks::All)).collect();
    workers.run_syncs();
    for (pending, offset) in pending.iter().zip(1..) {
        assert_eq!(base_offset(pending), offset);
    }
    let syncs = disk.count(DiskOp::Sync) - before;
    assert!(syncs <= 2, "{syncs} syncs for 100 appends");
}

#[tokio::test]
async fn duplicate_of_an_unsynced_batch_waits_for_the_sync_too() {
    let (mut fixture, _disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    let first = append(&partition, &numbered_batch("a", 0), Acks::All);
    let again = append(&partition, &numbered_batch("a", 0), Acks::All);
    assert!(!first.is_complete() && !again.is_complete());
    workers.run_syncs();
    assert_eq!((base_offset(&first), base_offset(&again)), (0, 0));
    assert_eq!(values(&partition, true).len(), 1);
}

#[tokio::test]
async fn append_that_comes_while_a_sync_runs_waits_for_the_next_one() {
    let (mut fixture, _disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    let early = append(&partition, &batch("a"), Acks::All);
    let work = partition.begin_sync().unwrap();
    let late = append(&partition, &batch("b"), Acks::All);
    partition.finish_sync(work.run());
    assert_eq!(base_offset(&early), 0);
    assert!(!late.is_complete());
    assert_eq!(high_watermark(&partition), 1);
    workers.run_syncs();
    assert_eq!(base_offset(&late), 1);
}

#[tokio::test]
async fn failed_sync_refuses_the_waiting_and_takes_the_directory_offline() {
    let (mut fixture, disk, workers) = Fixture::simulated().await;
    let mut partitions = fixture.create("t", 2, &[]).await;
    let (other, partition) = (partitions.remove(1), partitions.remove(0));
    let pending = append(&partition, &batch("a"), Acks::All);
    disk.fail_next(DiskOp::Sync, EIO, 0);
    workers.run_syncs();
    assert!(matches!(refusal(&pending), AppendRefusal::Offline(_)));
    for partition in [&partition, &other] {
        let later = append(partition, &batch("b"), Acks::Leader);
        assert!(matches!(refusal(&later), AppendRefusal::Offline(_)));
        assert!(matches!(**partition.view(), PartitionView::Offline(_)));
    }
    assert!(partition.dir().fault().is_some());
    workers.run_syncs();
    let reason = fixture.fatal.wait().await;
    assert!(reason.contains("/data"), "{reason}");
}

#[tokio::test]
async fn failed_write_refuses_even_acks_one() {
    let (mut fixture, disk, _workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    assert_eq!(base_offset(&append(&partition, &batch("a"), Acks::Leader)), 0);
    disk.fail_from(DiskOp::Write, EIO, 0);
    let pending = append(&partition, &batch("b"), Acks::Leader);
    assert!(matches!(refusal(&pending), AppendRefusal::Offline(_)));
    assert!(partition.dir().fault().is_some());
}

#[tokio::test]
async fn full_disk_refuses_appends_and_ends_when_there_is_room() {
    let (mut fixture, disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    assert_eq!(base_offset(&append(&partition, &batch("a"), Acks::Leader)), 0);
    disk.set_capacity(Some(disk.used_bytes() + 100));
    let refused = append(&partition, &batch(&"x".repeat(50_000)), Acks::Leader);
    let refused = refusal(&refused);
    assert!(refused.to_string().contains("disk full"), "{refused}");
    disk.set_capacity(None);
    assert_eq!(base_offset(&append(&partition, &batch("b"), Acks::Leader)), 1);
    workers.run_syncs();
    let expected = [(0, "a".to_owned()), (1, "b".to_owned())];
    assert_eq!(values(&partition, true), expected);
}

#[tokio::test]
async fn panic_in_a_turn_takes_the_replica_offline_and_answers_who_waits() {
    let (mut fixture, _disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    let waiting = append(&partition, &batch("a"), Acks::All);
    let panicking = Arc::clone(&partition);
    let turn = std::thread::spawn(move || {
        panicking.in_turn(|_, _| panic!("on purpose")).map_err(|_: NotServing| ())
    });
    assert!(turn.join().is_err());
    assert!(matches!(refusal(&waiting), AppendRefusal::Offline(_)));
    let later = append(&partition, &batch("b"), Acks::Leader);
    assert!(matches!(refusal(&later), AppendRefusal::Offline(_)));
    workers.run_syncs();
    assert!(partition.dir().fault().is_none(), "the directory is well");
}

#[tokio::test]
async fn append_given_up_at_its_deadline_leaves_nothing_behind() {
    let (mut fixture, _disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    let pending = append(&partition, &batch("a"), Acks::All);
    let results = pending.take_results(|_, ticket| partition.cancel(ticket));
    assert!(matches!(results[..], [Err(AppendRefusal::TimedOut)]));
    assert!(partition.waiting.lock().is_empty());
    workers.run_syncs();
    assert_eq!(values(&partition, true).len(), 1, "it is in the log all the same");
}

#[tokio::test]
async fn reader_who_watches_is_woken_by_the_sync_and_not_by_the_append() {
    let (mut fixture, _disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    let wakeup = Arc::new(Wakeup::default());
    partition.watchers().add(&wakeup);
    let is_woken = || {
        let poll = std::future::poll_fn(|context| {
            std::task::Poll::Ready(wakeup.poll_woken(context).is_ready())
        });
        futures_util::FutureExt::now_or_never(poll).unwrap()
    };
    assert_eq!(base_offset(&append(&partition, &batch("a"), Acks::Leader)), 0);
    assert!(!is_woken());
    workers.run_syncs();
    assert!(is_woken());
    partition.take_offline(&Arc::from("test"));
    assert!(is_woken());
}

#[tokio::test]
async fn idempotent_producer_is_known_after_a_clean_stop_and_after_a_kill() {
    for is_clean in [true, false] {
        let (mut fixture, disk, workers) = Fixture::simulated().await;
        let partition = fixture.create_one().await;
        for sequence in 0..7 {
            append(&partition, &numbered_batch("x", sequence), Acks::Leader);
        }
        workers.run_syncs();
        let image = fixture.image();
        if is_clean {
            // Closing syncs on the threads that sync.
            let closing = fixture.replicas.close_all(1);
            let run = async { workers.run_syncs() };
            assert!(tokio::join!(biased; closing, run).0);
        }
        fixture.ending.cancel();
        drop((fixture, partition));
        disk.crash();
        let workers = TestWorkers::new();
        let fixture = Fixture::start(Arc::new(disk), workers.clone(), image).await;
        let partition = fixture.partitions("t").remove(0);
        for sequence in 2..7 {
            let again = append(&partition, &numbered_batch("x", sequence), Acks::All);
            assert_eq!(base_offset(&again), i64::from(sequence), "clean: {is_clean}");
        }
        let gap = append(&partition, &numbered_batch("x", 9), Acks::Leader);
        assert!(matches!(refusal(&gap), AppendRefusal::Log(_)));
        assert_eq!(values(&partition, true).len(), 7);
    }
}

/// Appends with pseudo-random acks and syncs, cuts the power and returns how many acknowledged values are missing.
async fn lost_at_power_cut(seed: u64, durability: &str) -> usize {
    let (mut fixture, disk, workers) = Fixture::simulated().await;
    let partition = fixture.create("t", 1, &[("highwater.durability", durability)]).await.remove(0);
    let random = crate::seams::Random::new(seed);
    let mut pending = Vec::new();
    for number in 0..50 {
        let value = format!("{number}-{}", "x".repeat(usize::try_from(random.below(900)).unwrap()));
        pending.push((value.clone(), append(&partition, &batch(&value), Acks::All)));
        if random.below(10) == 0 {
            workers.run_syncs();
        }
    }
    let acked: Vec<String> = pending
        .into_iter()
        .filter(|(_, pending)| pending.is_complete())
        .map(|(value, _)| value)
        .collect();
    let image = fixture.image();
    fixture.ending.cancel();
    drop((fixture, partition));
    disk.power_cut(seed);
    let fixture = Fixture::start(Arc::new(disk), TestWorkers::new(), image).await;
    let partition = fixture.partitions("t").remove(0);
    let kept = values(&partition, true);
    assert!(kept.iter().map(|(offset, _)| *offset).eq(0..i64::try_from(kept.len()).unwrap()));
    let kept: BTreeSet<String> = kept.into_iter().map(|(_, value)| value).collect();
    acked.iter().filter(|value| !kept.contains(*value)).count()
}

#[tokio::test]
async fn power_cut_loses_nothing_that_was_acknowledged_in_fsync_mode() {
    for seed in 0..30 {
        assert_eq!(lost_at_power_cut(seed, "fsync").await, 0, "seed {seed}");
    }
}

#[tokio::test]
async fn power_cut_does_lose_something_in_os_mode() {
    let mut lost = 0;
    for seed in 0..10 {
        lost += lost_at_power_cut(seed, "os").await;
    }
    assert!(lost > 0, "the cut did not bite, so the other test shows nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_that_append_to_one_partition_are_all_answered_with_dense_offsets() {
    const THREADS: usize = 6;
    const APPENDS: usize = 300;
    let workers: Arc<dyn Workers> = Arc::new(ThreadWorkers::new());
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new());
    let mut fixture = Fixture::start(disk, workers, MetadataImage::default()).await;
    let partition = fixture.create_one().await;
    let answered = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for thread in 0..THREADS {
        let (partition, answered) = (Arc::clone(&partition), Arc::clone(&answered));
        tasks.spawn(async move {
            let mut offsets = Vec::new();
            for number in 0..APPENDS {
                let acks = if number % 3 == 0 { Acks::All } else { Acks::Leader };
                let pending = append(&partition, &batch(&format!("{thread}-{number}")), acks);
                std::future::poll_fn(|context| pending.poll_complete(context)).await;
                answered.fetch_add(1, Ordering::Relaxed);
                offsets.push(base_offset(&pending));
            }
            assert!(offsets.is_sorted(), "one producer's batches stay in order");
            offsets
        });
    }
    let mut all = BTreeSet::new();
    while let Some(offsets) = tasks.join_next().await {
        all.extend(offsets.unwrap());
    }
    let count = i64::try_from(THREADS * APPENDS).unwrap();
    assert!(all.into_iter().eq(0..count));
    fixture.ending.cancel();
}

#[tokio::test]
async fn recovery_point_moves_long_before_64_mib_lie_past_it() {
    let (mut fixture, _disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    let large = batch(&"x".repeat(1 << 20));
    for _ in 0..36 {
        append(&partition, &large, Acks::Leader);
        let behind = partition.in_turn(|leading, _| leading.log.bytes_past_recovery_point());
        assert!(behind.unwrap() <= 33 << 20);
        assert!(!partition.dir().is_behind());
    }
    workers.run_syncs();
    let written = partition.dir().log_dir().read_checkpoint(CheckpointKind::RecoveryPoint).unwrap();
    let recovery_point = written[partition.topic_partition()].value();
    assert!((30..=33).contains(&recovery_point), "{recovery_point}");
}

#[tokio::test]
async fn appends_made_while_the_lock_is_held_are_done_by_its_holder_and_the_queue_has_an_end() {
    let (mut fixture, _disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    let one = batch("a");
    let queued = partition.in_turn(|_, _| {
        let append = |_| append(&partition, &one, Acks::Leader);
        let mut queued: Vec<_> = (0..QUEUED_APPENDS_MAX + 1).map(append).collect();
        let refused = queued.pop().unwrap();
        assert!(matches!(refusal(&refused), AppendRefusal::QueueFull));
        assert!(queued.iter().all(|pending| !pending.is_complete()));
        queued
    });
    for (pending, offset) in queued.unwrap().iter().zip(0..) {
        assert_eq!(base_offset(pending), offset);
    }
    workers.run_syncs();
}

#[tokio::test]
async fn waiting_append_is_refused_when_its_topic_is_deleted() {
    let (mut fixture, _disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    let waiting = append(&partition, &batch("a"), Acks::All);
    let id = fixture.image().topics().get("t").unwrap().id;
    fixture.commit(&[MetadataRecord::RemoveTopic { id }]).await;
    assert!(matches!(refusal(&waiting), AppendRefusal::Gone));
    let later = append(&partition, &batch("b"), Acks::Leader);
    assert!(matches!(refusal(&later), AppendRefusal::Gone));
    assert!(fixture.replicas.topic(id).is_none());
    workers.run_syncs();
    // A topic of the same name begins anew.
    let partition = fixture.create_one().await;
    assert_eq!(base_offset(&append(&partition, &batch("c"), Acks::Leader)), 0);
}

#[tokio::test]
async fn change_of_durability_takes_effect_without_going_back() {
    let (mut fixture, _disk, workers) = Fixture::simulated().await;
    let partition = fixture.create("t", 1, &[("highwater.durability", "os")]).await.remove(0);
    assert_eq!(base_offset(&append(&partition, &batch("a"), Acks::All)), 0);
    let resource = ConfigResource::Topic(partition.topic_partition().topic.clone());
    let key = "highwater.durability".to_owned();
    let value = Some("fsync".to_owned());
    fixture.commit(&[MetadataRecord::Config { resource, key, value }]).await;
    assert_eq!(high_watermark(&partition), 1, "what was visible stays visible");
    let pending = append(&partition, &batch("b"), Acks::All);
    assert!(!pending.is_complete());
    workers.run_syncs();
    assert_eq!(base_offset(&pending), 1);
}

#[tokio::test]
async fn replica_that_leads_again_finds_its_log() {
    let (mut fixture, _disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    append(&partition, &numbered_batch("a", 0), Acks::Leader);
    workers.run_syncs();
    let topic_id = fixture.image().topics().get("t").unwrap().id;
    let lead = |leader| {
        let change = PartitionChange { leader: Some(leader), ..PartitionChange::default() };
        MetadataRecord::PartitionChange { topic_id, partition: 0, change }
    };
    fixture.commit(&[lead(NodeId::NONE)]).await;
    assert!(matches!(refusal(&append(&partition, &batch("b"), Acks::Leader)), AppendRefusal::Gone));
    assert!(fixture.partitions("t").is_empty());
    fixture.commit(&[lead(NODE)]).await;
    let partition = fixture.partitions("t").remove(0);
    assert_eq!(values(&partition, true), [(0, "a".to_owned())]);
    assert_eq!(base_offset(&append(&partition, &numbered_batch("a", 0), Acks::Leader)), 0);
    assert_eq!(base_offset(&append(&partition, &numbered_batch("b", 1), Acks::Leader)), 1);
}

#[tokio::test]
async fn directory_of_another_topic_of_the_same_name_is_set_aside() {
    let (mut fixture, disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    append(&partition, &batch("theirs"), Acks::Leader);
    workers.run_syncs();
    fixture.ending.cancel();
    drop((fixture, partition));
    disk.crash();
    let workers = TestWorkers::new();
    let mut fixture =
        Fixture::start(Arc::new(disk.clone()), workers, MetadataImage::default()).await;
    fixture.create("another", 1, &[]).await;
    let partition = fixture.create_one().await;
    assert_eq!(values(&partition, false), []);
    let names = disk.read_dir(std::path::Path::new("/data")).unwrap();
    assert!(names.iter().any(|entry| entry.name.ends_with("-stray")), "{names:?}");
}

#[tokio::test]
async fn directory_of_a_topic_deleted_just_before_a_crash_goes_at_the_next_start() {
    let (mut fixture, disk, workers) = Fixture::simulated().await;
    let partition = fixture.create_one().await;
    append(&partition, &batch("a"), Acks::Leader);
    workers.run_syncs();
    // The deletion is committed, and the broker gone before it has done its part.
    let (mut image, mut delta) = (fixture.image(), MetadataDelta::default());
    let id = image.topics().get("t").unwrap().id;
    delta.replay(&mut image, &MetadataRecord::RemoveTopic { id }).unwrap();
    fixture.ending.cancel();
    drop((fixture, partition));
    disk.crash();
    let disk_of_next = Arc::new(disk.clone());
    let fixture = Fixture::start(disk_of_next, TestWorkers::new(), MetadataImage::default()).await;
    fixture.replicas.apply(&image, &delta).await;
    let names = disk.read_dir(std::path::Path::new("/data")).unwrap();
    assert!(!names.iter().any(|entry| entry.name == "t-0"), "{names:?}");
}

#[tokio::test]
async fn flush_messages_asks_for_a_sync_in_os_mode() {
    let (mut fixture, disk, workers) = Fixture::simulated().await;
    let configs = [("highwater.durability", "os"), ("flush.messages", "3")];
    let partition = fixture.create("t", 1, &configs).await.remove(0);
    workers.run_syncs();
    let before = disk.count(DiskOp::Sync);
    for (value, syncs) in [("a", 0), ("b", 0), ("c", 1), ("d", 1)] {
        append(&partition, &batch(value), Acks::Leader);
        workers.run_syncs();
        assert_eq!(disk.count(DiskOp::Sync) - before, syncs, "after {value}");
    }
}
