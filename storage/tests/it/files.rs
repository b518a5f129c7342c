//! The bytes that others read: names and formats on disk.

use highwater_records::Timestamp;
use highwater_storage::{
    DiskOp, LogConfig, ValidatedBatch, dump_offset_index, dump_segment, dump_time_index, read_file,
    read_snapshot,
};

use crate::fixture::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn directory_after_a_clean_stop_holds_kafkas_files_and_ours() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    for n in 0..14 {
        append(&mut log, produced(7, 0, n, &[format!("{n:0120}")])).unwrap();
    }
    log.close(NOW).unwrap();
    let entries = world.disk.read_dir(&world.dir()).unwrap();
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "00000000000000000000.index",
            "00000000000000000000.log",
            "00000000000000000000.timeindex",
            "00000000000000000007.index",
            "00000000000000000007.log",
            "00000000000000000007.producers",
            "00000000000000000007.snapshot",
            "00000000000000000007.timeindex",
            "00000000000000000014.producers",
            "00000000000000000014.snapshot",
            "leader-epoch-checkpoint",
            "partition.metadata",
        ]
    );
    let snapshot = read_file(&*world.disk, &world.path(14, "snapshot"), 999).unwrap().unwrap();
    let entries = read_snapshot(&snapshot).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].last_sequence.value(), entries[0].last_offset), (13, 13));
}

#[test]
fn batches_and_index_entries_are_kafkas_bytes() {
    let config = LogConfig { index_interval_bytes: 100, ..LogConfig::default() };
    let (_, world) = World::simulated(config);
    let mut log = world.create();
    // Two records of 72 bytes a batch; an entry after every second batch.
    let times = [1000, 3000, 2000, 2500, 9000];
    for time in times {
        append(&mut log, ValidatedBatch::from(&batch_at(time, &["a", "b"]))).unwrap();
    }
    log.close(NOW).unwrap();
    let bytes =
        |suffix: &str| read_file(&*world.disk, &world.path(0, suffix), 9999).unwrap().unwrap();
    let log_bytes = bytes("log");
    assert_eq!(log_bytes.len(), 5 * 77);
    assert_eq!(
        hex(&log_bytes[77..77 + 30]),
        // base offset 2, length 65, epoch 3, magic 2, CRC (checked by the reader), attributes, ..
        format!(
            "{}{}{}02{}{}{}",
            "0000000000000002",
            "00000041",
            "00000003",
            hex(&log_bytes[94..98]),
            "0000",
            "00000001"
        ) + &hex(&log_bytes[104..107])
    );
    // Batches start at 0, 77, 154, ..; more than 100 bytes since the last entry at 154 and 308.
    assert_eq!(hex(&bytes("index")), "000000050000009a0000000900000134");
    assert_eq!(
        hex(&bytes("timeindex")),
        "0000000000000bb900000003".to_owned() + "000000000000232900000009"
    );
    let path = |suffix: &str| world.path(0, suffix);
    let entries = dump_offset_index(&*world.disk, &path("index")).unwrap();
    assert_eq!(entries, [(offset(5), 154), (offset(9), 308)]);
    let entries = dump_time_index(&*world.disk, &path("timeindex")).unwrap();
    assert_eq!(entries, [(Timestamp::new(3001), offset(3)), (Timestamp::new(9001), offset(9))]);
}

#[test]
fn dump_shows_good_batches_bad_ones_and_where_the_file_ends() {
    let (disk, world) = World::simulated(LogConfig::default());
    let mut log = world.create();
    for _ in 0..3 {
        append_values(&mut log, &["a", "b"]);
    }
    drop(log);
    let path = world.path(0, "log");
    disk.flip_bits(&path, 77 + 70, 1).unwrap();
    let file = disk_file(&world);
    file.set_len(3 * 77 - 1).unwrap();
    let mut dump = dump_segment(&*world.disk, &path).unwrap();
    let first = dump.next().unwrap().unwrap();
    assert!(first.crc_is_right);
    assert_eq!(dump.read_batch(&first).unwrap().records().unwrap().count(), 2);
    let second = dump.next().unwrap().unwrap();
    assert_eq!((second.position_bytes, second.crc_is_right), (77, false));
    assert!(dump.read_batch(&second).is_err());
    let end = dump.next().unwrap().unwrap_err();
    assert!(end.to_string().contains("damaged at byte 154"), "{end}");
    assert!(dump.next().is_none());
}

fn disk_file(world: &World) -> std::sync::Arc<dyn highwater_storage::DiskFile> {
    use highwater_storage::{Disk, OpenMode};
    let disk: &dyn Disk = &*world.disk;
    disk.open(&world.path(0, "log"), OpenMode::Write).unwrap()
}

#[test]
fn index_that_apache_kafka_preallocated_ends_at_its_last_entry() {
    let (disk, world) = World::simulated(small());
    let mut log = world.create();
    for n in 0..10 {
        append_values(&mut log, &[&format!("{n:070}")]);
    }
    log.close(NOW).unwrap();
    use highwater_storage::Disk;
    for suffix in ["index", "timeindex"] {
        let file = disk.open(&world.path(0, suffix), highwater_storage::OpenMode::Write).unwrap();
        file.set_len(1200).unwrap();
    }
    let report = highwater_storage::verify(&*world.disk, &world.root).unwrap();
    assert_eq!(report.problems, []);
    let (log, _) = world.open_at(false, 5);
    assert_eq!(records(&log).len(), 10);
    assert!(disk.count(DiskOp::Read) > 0);
}
