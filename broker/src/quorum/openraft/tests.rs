use std::path::Path;

use highwater_storage::{DiskOp, FileDisk, SimDisk};
use openraft::StorageError;
use openraft::testing::{StoreBuilder, Suite};
use parking_lot::Mutex;

use super::super::ReplicatedError;
use super::*;
use crate::workers::ThreadWorkers;

/// A state too simple to be wrong: every batch that was applied.
#[derive(Clone, Default)]
struct Batches(Arc<Mutex<Vec<Bytes>>>);

impl Replicated for Batches {
    fn apply(&mut self, batch: &Bytes) -> Result<(), ReplicatedError> {
        self.0.lock().push(batch.clone());
        Ok(())
    }

    fn snapshot(&self) -> Result<Bytes, ReplicatedError> {
        let batches = self.0.lock();
        let framed = batches.iter().flat_map(|batch| {
            let length = u32::try_from(batch.len()).unwrap().to_be_bytes();
            length.into_iter().chain(batch.to_vec())
        });
        Ok(framed.collect())
    }

    fn install(&mut self, snapshot: &Bytes) -> Result<(), ReplicatedError> {
        let mut batches = Vec::new();
        let mut rest = snapshot.clone();
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest.split_to(4).as_ref().try_into().unwrap());
            batches.push(rest.split_to(usize::try_from(length).unwrap()));
        }
        *self.0.lock() = batches;
        Ok(())
    }
}

fn workers() -> Arc<dyn Workers> {
    Arc::new(ThreadWorkers::new())
}

struct Builder<D> {
    disk: fn() -> (D, Arc<dyn Disk>, PathBuf),
}

impl<D: Send + Sync + 'static> StoreBuilder<Types, LogStore, StateMachine, D> for Builder<D> {
    async fn build(&self) -> Result<(D, LogStore, StateMachine), StorageError<u64>> {
        let (guard, disk, folder) = (self.disk)();
        let file = SnapshotFile { disk: Arc::clone(&disk), path: folder.join("m/quorum.snapshot") };
        let log = LogStore::open(disk, workers(), &folder.join("m/quorum.log")).unwrap();
        let machine =
            StateMachine::open(workers(), file, log.clone(), Box::new(Batches::default()));
        Ok((guard, log, machine.unwrap()))
    }
}

#[test]
fn storage_suite_of_the_library_passes_on_the_simulated_disk() {
    let disk = || {
        let disk = SimDisk::new();
        let folder = PathBuf::from("/data");
        disk.create_dir_all(&folder).unwrap();
        ((), Arc::new(disk) as Arc<dyn Disk>, folder)
    };
    Suite::test_all(Builder { disk }).unwrap();
}

#[test]
fn storage_suite_of_the_library_passes_on_real_files() {
    let disk = || {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        (folder, Arc::new(FileDisk) as Arc<dyn Disk>, path)
    };
    Suite::test_all(Builder { disk }).unwrap();
}

/// What a quorum leaves in its files that was initialised by the library's own means.
#[tokio::test]
async fn bootstrapped_log_is_the_one_that_initialising_and_electing_leave() {
    let this = QuorumNode { address: String::new(), directory: Uuid::from_random(1) };
    let open = |disk: &SimDisk| {
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        LogStore::open(disk, workers(), Path::new("/data/m/quorum.log")).unwrap()
    };
    let disk = new_disk();
    let log = open(&disk);
    let file =
        SnapshotFile { disk: Arc::new(disk.clone()), path: PathBuf::from("/data/m/snapshot") };
    let machine =
        StateMachine::open(workers(), file, log.clone(), Box::new(Batches::default())).unwrap();
    let raft = Raft::new(1, Arc::new(config().unwrap()), NoNetwork, log, machine).await.unwrap();
    raft.initialize(std::collections::BTreeMap::from([(1, this.clone())])).await.unwrap();
    raft.wait(None).state(ServerState::Leader, "lead").await.unwrap();
    raft.wait(None).applied_index(Some(1), "apply").await.unwrap();
    raft.shutdown().await.unwrap();
    let theirs = open(&disk).content();

    let disk = new_disk();
    open(&disk).bootstrap(1, this).unwrap();
    disk.power_cut(1);
    assert_eq!(open(&disk).content(), theirs);
}

struct Node {
    quorum: OpenraftQuorum,
    batches: Batches,
}

async fn open_with(disk: &SimDisk, snapshot_bytes: u64) -> Result<Node, QuorumError> {
    let batches = Batches::default();
    let setup = QuorumSetup {
        disk: Arc::new(disk.clone()),
        workers: workers(),
        node: NodeId::new(1),
        log_dirs: vec![PathBuf::from("/data")],
        directory: Uuid::from_random(1),
        snapshot_bytes,
        replicated: Box::new(batches.clone()),
    };
    let quorum = OpenraftQuorum::open(setup).await?;
    Ok(Node { quorum, batches })
}

async fn open(disk: &SimDisk) -> Node {
    open_with(disk, 1 << 20).await.unwrap()
}

fn new_disk() -> SimDisk {
    let disk = SimDisk::new();
    disk.create_dir_all(Path::new("/data")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

fn batch(number: usize) -> Bytes {
    Bytes::from(format!("batch {number}").into_bytes())
}

impl Node {
    async fn propose(&self, number: usize) -> Result<(), ProposeError> {
        self.quorum.propose(batch(number)).await
    }

    /// How many batches, which must be 0, 1, 2 and so on.
    fn count(&self) -> usize {
        let batches = self.batches.0.lock();
        assert!(
            batches.iter().enumerate().all(|(number, found)| *found == batch(number)),
            "{batches:?}"
        );
        batches.len()
    }
}

#[tokio::test]
async fn committed_batches_are_there_again_after_a_power_cut() {
    let disk = new_disk();
    let mut committed = 0;
    for cut in 0..5 {
        let node = open(&disk).await;
        assert_eq!(node.count(), committed);
        assert!(node.quorum.may_decide());
        assert_eq!(node.quorum.leader(), Some(NodeId::new(1)));
        for _ in 0..3 {
            node.propose(committed).await.unwrap();
            committed += 1;
            assert_eq!(node.count(), committed);
        }
        disk.power_cut(cut);
        node.quorum.stop().await;
    }
}

#[tokio::test]
async fn power_cut_after_any_write_keeps_what_was_committed() {
    for changes in 1..60 {
        let disk = new_disk();
        disk.stop_after(changes);
        let mut committed = 0;
        if let Ok(node) = open_with(&disk, 200).await {
            while committed < 12 && node.propose(committed).await.is_ok() {
                committed += 1;
            }
            node.quorum.stop().await;
        }
        disk.power_cut(changes);
        let node = open_with(&disk, 200).await.unwrap();
        let found = node.count();
        assert!(found >= committed, "{committed} committed, {found} found after {changes} changes");
        node.propose(found).await.unwrap();
        node.quorum.stop().await;
    }
}

#[tokio::test]
async fn large_journal_is_cut_by_a_snapshot_and_nothing_is_lost() {
    let disk = new_disk();
    let node = open_with(&disk, 4000).await.unwrap();
    for number in 0..400 {
        node.propose(number).await.unwrap();
    }
    node.quorum.stop().await;
    let journal =
        disk.metadata(Path::new("/data/__cluster_metadata/quorum.log")).unwrap().len_bytes;
    assert!(journal < 20_000, "the journal has {journal} bytes");
    disk.power_cut(3);
    let node = open(&disk).await;
    assert_eq!(node.count(), 400);
    node.propose(400).await.unwrap();
    node.quorum.stop().await;
}

#[tokio::test]
async fn missing_snapshot_below_a_cut_log_refuses_the_start() {
    let disk = new_disk();
    let node = open_with(&disk, 1000).await.unwrap();
    for number in 0..200 {
        node.propose(number).await.unwrap();
    }
    node.quorum.stop().await;
    drop(node);
    let snapshot = Path::new("/data/__cluster_metadata/quorum.snapshot");
    disk.remove_file(snapshot).unwrap();
    let refused =
        open_with(&disk, 1000).await.err().expect("opened without its snapshot").to_string();
    assert!(refused.contains("quorum.snapshot") && refused.contains("missing"), "{refused}");
}

#[tokio::test]
async fn damaged_log_refuses_the_start_with_file_and_offset() {
    let disk = new_disk();
    let node = open(&disk).await;
    for number in 0..5 {
        node.propose(number).await.unwrap();
    }
    node.quorum.stop().await;
    drop(node);
    disk.flip_bits(Path::new("/data/__cluster_metadata/quorum.log"), 30, 4).unwrap();
    let refused = open_with(&disk, 1000).await.err().expect("opened a damaged log").to_string();
    assert!(refused.contains("quorum.log is damaged at byte 0"), "{refused}");
}

#[tokio::test]
async fn failed_sync_stops_the_quorum_for_good() {
    let disk = new_disk();
    let node = open(&disk).await;
    node.propose(0).await.unwrap();
    disk.fail_next(DiskOp::Sync, 5, 0);
    assert!(matches!(node.propose(1).await, Err(ProposeError::Stopped { .. })));
    assert!(matches!(node.propose(2).await, Err(ProposeError::Stopped { .. })));
    let fault = node.quorum.wait_fault().await;
    assert!(fault.contains("quorum.log"), "{fault}");
    node.quorum.stop().await;
    disk.power_cut(1);
    let node = open(&disk).await;
    assert!((1..=2).contains(&node.count()));
}

#[tokio::test]
async fn full_disk_refuses_batches_until_there_is_room() {
    let disk = new_disk();
    let node = open(&disk).await;
    node.propose(0).await.unwrap();
    disk.set_capacity(Some(disk.used_bytes()));
    let large = Bytes::from(vec![7; 4 << 20]);
    let refused = node.quorum.propose(large).await.unwrap_err();
    assert!(matches!(refused, ProposeError::DiskFull { .. }), "{refused}");
    disk.set_capacity(None);
    node.propose(1).await.unwrap();
    assert_eq!(node.count(), 2);
    node.quorum.stop().await;
}

#[tokio::test]
async fn data_without_its_metadata_log_refuses_the_start() {
    let disk = new_disk();
    disk.create_dir_all(Path::new("/data/orders-0")).unwrap();
    let refused =
        open_with(&disk, 1000).await.err().expect("began a new log beside old data").to_string();
    assert!(refused.contains("orders-0") && refused.contains("quorum.log is missing"), "{refused}");
}
