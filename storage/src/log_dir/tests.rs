use highwater_records::Uuid;

use super::*;
use crate::disk::{DiskOp, SimDisk};

fn meta() -> MetaProperties {
    MetaProperties {
        cluster_id: "cluster-a".into(),
        node_id: NodeId::new(1),
        directory_id: Uuid::from_random(5),
        is_ours: true,
    }
}

fn open(disk: &SimDisk) -> Result<LogDir, LogDirError> {
    LogDir::open(Arc::new(disk.clone()), Path::new("/var/data"), 4711)
}

fn place(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(TopicName::parse(topic).unwrap(), partition)
}

#[test]
fn second_broker_is_refused_with_the_pid_of_the_first() {
    let disk = SimDisk::new();
    let first = open(&disk).unwrap();
    let refused = open(&disk).unwrap_err();
    assert_eq!(refused.to_string(), "/var/data is in use by another broker (process 4711)");
    drop(first);
    open(&disk).unwrap();
}

#[test]
fn directory_with_other_things_in_it_is_foreign_and_stays_untouched() {
    let disk = SimDisk::new();
    let dir = Path::new("/var/data");
    disk.create_dir_all(&dir.join("photos")).unwrap();
    let refused = open(&disk).unwrap_err();
    assert!(matches!(&refused, LogDirError::Foreign { found, .. } if found == "photos"));
    assert_eq!(disk.read_dir(dir).unwrap().len(), 1);
}

#[test]
fn formatted_directory_knows_its_owner_after_a_power_cut() {
    for seed in 0..20 {
        let disk = SimDisk::new();
        let mut dir = open(&disk).unwrap();
        assert_eq!(dir.meta(), None);
        dir.check_owner("anything", NodeId::new(9)).unwrap();
        dir.format(meta()).unwrap();
        disk.power_cut(seed);
        let dir = open(&disk).unwrap();
        assert_eq!(dir.meta(), Some(&meta()));
        dir.check_owner("cluster-a", NodeId::new(1)).unwrap();
        let refused = dir.check_owner("cluster-b", NodeId::new(1)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "/var/data belongs to node 1 of cluster cluster-a, not to node 1 of cluster cluster-b"
        );
    }
}

#[test]
fn crash_during_the_first_format_leaves_a_directory_that_can_be_formatted() {
    for stop in 0..10 {
        let disk = SimDisk::new();
        disk.stop_after(stop);
        let formatted = open(&disk).and_then(|mut dir| dir.format(meta()));
        disk.power_cut(stop);
        let mut dir = open(&disk).unwrap();
        if formatted.is_ok() && disk.exists(Path::new("/var/data/meta.properties")).unwrap() {
            assert_eq!(dir.meta(), Some(&meta()));
        } else {
            dir.format(meta()).unwrap();
        }
    }
}

#[test]
fn clean_marker_is_taken_once_even_if_the_power_goes() {
    let disk = SimDisk::new();
    let dir = open(&disk).unwrap();
    assert!(!dir.take_clean_marker().unwrap());
    dir.write_clean_marker(7).unwrap();
    let text = read_file(&disk, Path::new("/var/data/.kafka_cleanshutdown"), 100).unwrap();
    assert_eq!(text.unwrap(), b"{\"version\":0,\"brokerEpoch\":7}");
    assert!(dir.take_clean_marker().unwrap());
    disk.power_cut(0);
    let taken = LogDir::open(Arc::new(disk), Path::new("/var/data"), 1);
    assert!(
        matches!(&taken, Err(LogDirError::Foreign { .. }))
            || !taken.unwrap().take_clean_marker().unwrap()
    );
}

#[test]
fn checkpoints_are_replaced_as_a_whole() {
    let disk = SimDisk::new();
    let dir = open(&disk).unwrap();
    let offsets =
        BTreeMap::from([(place("a", 0), Offset::new(5)), (place("a-b", 3), Offset::ZERO)]);
    for kind in
        [CheckpointKind::RecoveryPoint, CheckpointKind::HighWatermark, CheckpointKind::LogStart]
    {
        assert_eq!(dir.read_checkpoint(kind).unwrap(), BTreeMap::new());
        dir.write_checkpoint(kind, &offsets).unwrap();
        assert_eq!(dir.read_checkpoint(kind).unwrap(), offsets);
    }
    disk.fail_next(DiskOp::Rename, 5, 0);
    assert!(dir.write_checkpoint(CheckpointKind::LogStart, &BTreeMap::new()).is_err());
    assert_eq!(dir.read_checkpoint(CheckpointKind::LogStart).unwrap(), offsets);
}

#[test]
fn contents_are_sorted_by_what_their_names_say() {
    let disk = SimDisk::new();
    let dir = open(&disk).unwrap();
    let hex = "00112233445566778899aabbccddeeff";
    for name in [
        "a-0".to_owned(),
        "a-b-12".to_owned(),
        format!("a-0.{hex}-delete"),
        format!("a-0.{hex}-future"),
        format!("a-0.{hex}-stray"),
        "no-partition".to_owned(),
        "-1".to_owned(),
    ] {
        disk.create_dir_all(&dir.path().join(name)).unwrap();
    }
    let contents = dir.contents().unwrap();
    assert_eq!(contents.partitions, [place("a", 0), place("a-b", 12)]);
    assert_eq!((contents.deleted.len(), contents.set_aside.len()), (1, 2));
    assert_eq!(dir.partition_path(&place("a-b", 12)), Path::new("/var/data/a-b-12"));
}
