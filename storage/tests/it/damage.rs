//! Files that are not what they were.

use std::sync::Arc;

use highwater_records::Timestamp;
use highwater_storage::{Disk, Log, OpenError, OpenMode, ReadError, SimDisk, verify};

use crate::fixture::*;

fn filled() -> (SimDisk, World, Vec<(i64, String)>) {
    let (disk, world) = World::simulated(small());
    let mut log = world.create();
    for n in 0..60 {
        append_values(&mut log, &[&format!("{n:070}")]);
    }
    let expected = records(&log);
    log.close(NOW).unwrap();
    (disk, world, expected)
}

fn files_with(world: &World, suffix: &str) -> Vec<std::path::PathBuf> {
    let entries = world.disk.read_dir(&world.dir()).unwrap();
    let names =
        entries.into_iter().filter(|entry| entry.name.ends_with(suffix) && entry.len_bytes > 0);
    names.map(|entry| world.dir().join(entry.name)).collect()
}

fn write(disk: &dyn Disk, path: &std::path::Path, bytes: &[u8]) {
    let file = disk.open(path, OpenMode::Create).unwrap();
    file.set_len(0).unwrap();
    file.write_all_at(&mut [std::io::IoSlice::new(bytes)], 0).unwrap();
}

fn assert_finds_all(log: &Log, expected: &[(i64, String)]) {
    assert_eq!(records(log), expected);
    for (at, value) in expected.iter().rev() {
        let found = records_from(&log.view(), offset(*at));
        assert_eq!(found[0], (*at, value.clone()));
    }
    let hit = log.view().offset_for_timestamp(NOW, log.log_end_offset()).unwrap().unwrap();
    assert_eq!(hit.offset, offset(0));
    let late = Timestamp::new(NOW.value() + 1);
    assert_eq!(log.view().offset_for_timestamp(late, log.log_end_offset()).unwrap(), None);
}

#[test]
fn damaged_or_missing_indexes_never_give_a_wrong_answer() {
    for suffix in [".index", ".timeindex"] {
        for damage in 0..6 {
            let (disk, world, expected) = filled();
            let files = files_with(&world, suffix);
            assert!(files.len() > 3);
            for path in files {
                let len = world.disk.metadata(&path).unwrap().len_bytes;
                let len = usize::try_from(len).unwrap();
                match damage {
                    0 => world.disk.remove_file(&path).unwrap(),
                    1 => write(&disk, &path, &vec![0xff; len]),
                    2 => write(&disk, &path, &vec![0; len]),
                    3 => write(&disk, &path, &[1, 2, 3]),
                    4 => disk.flip_bits(&path, len - 1, 0x15).unwrap(),
                    _ => disk.flip_bits(&path, 3, 0x02).unwrap(),
                }
            }
            for is_clean in [true, false] {
                let copy = disk.copy();
                let world = World::on(Arc::new(copy), &world.root, small());
                let (mut log, recovery) = world.open_at(is_clean, 60);
                assert_eq!(recovery.truncated, None);
                assert_finds_all(&log, &expected);
                append_values(&mut log, &["more"]);
                assert_eq!(log.log_end_offset(), offset(61));
            }
        }
    }
}

#[test]
fn indexes_are_the_same_whether_written_or_rebuilt() {
    let (disk, world, _) = filled();
    let bytes_of = |world: &World, suffix: &str| {
        let files = files_with(world, suffix);
        files
            .into_iter()
            .map(|path| {
                (path.clone(), highwater_storage::read_file(&*world.disk, &path, 9999).unwrap())
            })
            .collect::<Vec<_>>()
    };
    let written = (bytes_of(&world, ".index"), bytes_of(&world, ".timeindex"));
    for path in files_with(&world, "index") {
        disk.remove_file(&path).unwrap();
    }
    drop(world.open_at(false, 0));
    assert_eq!((bytes_of(&world, ".index"), bytes_of(&world, ".timeindex")), written);
}

#[test]
fn torn_tail_is_cut_at_the_last_whole_batch_at_every_byte() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    for n in 0..3 {
        append_values(&mut log, &[&format!("{n:020}")]);
    }
    let size = log.size_bytes();
    let batch_bytes = size / 3;
    drop(log);
    let whole = highwater_storage::read_file(&*world.disk, &world.path(0, "log"), 9999).unwrap();
    let whole = whole.unwrap();
    for cut in 0..=whole.len() {
        write(&*world.disk, &world.path(0, "log"), &whole[..cut]);
        for is_clean in [false, true] {
            let (log, recovery) = world.open_at(is_clean, 0);
            let kept = cut as u64 / batch_bytes;
            assert_eq!(log.log_end_offset().value(), i64::try_from(kept).unwrap());
            let dropped = cut as u64 % batch_bytes;
            let truncated = recovery.truncated.map_or(0, |truncated| truncated.dropped_bytes);
            assert_eq!(truncated, if is_clean { 0 } else { dropped });
        }
    }
}

#[test]
fn bad_batch_past_the_recovery_point_ends_the_log_there() {
    let (disk, world, expected) = filled();
    let path = files_with(&world, ".log")[2].clone();
    disk.flip_bits(&path, 75, 1).unwrap();
    let (log, recovery) = world.open_at(false, 0);
    let truncation = recovery.truncated.unwrap();
    assert_eq!(truncation.path, path);
    assert_eq!(truncation.position_bytes, 0);
    let end = usize::try_from(log.log_end_offset().value()).unwrap();
    assert!(end > 10 && end < 50);
    assert_eq!(records(&log), expected[..end]);
    assert!(truncation.dropped_bytes > 1000, "later segments count");
    assert_eq!(verify(&*world.disk, &world.root).unwrap().problems, []);
}

#[test]
fn bad_batch_below_the_recovery_point_is_never_cut_off() {
    let (disk, world, expected) = filled();
    let path = files_with(&world, ".log")[2].clone();
    // The length field: no walk gets past it.
    disk.flip_bits(&path, 8, 0x40).unwrap();
    let base: i64 = path.file_stem().unwrap().to_string_lossy().parse().unwrap();
    for is_clean in [true, false] {
        let (log, recovery) = world.open_at(is_clean, 60);
        assert_eq!(recovery.truncated, None);
        let bad = log.view().read(offset(base), limits(100));
        assert!(matches!(bad, Err(ReadError::Corrupt(_))), "{bad:?}");
        let after = records_from(&log.view(), offset(40));
        assert_eq!(after, expected[40..], "the rest is served");
        drop(log);
    }
    let problems = verify(&*world.disk, &world.root).unwrap().problems;
    assert!(problems.iter().any(|damage| damage.path == path && damage.position_bytes == 0));
}

#[test]
fn recovery_point_inside_a_damaged_segment_refuses_to_open() {
    let (disk, world, _) = filled();
    let path = files_with(&world, ".log").pop().unwrap();
    disk.flip_bits(&path, 8, 0x40).unwrap();
    let opening = highwater_storage::Opening {
        is_clean: false,
        recovery_point: offset(60),
        log_start_offset: offset(0),
        is_topic_known: false,
        keep_holes: false,
        now: NOW,
    };
    for file in files_with(&world, ".index") {
        disk.remove_file(&file).unwrap();
    }
    let refused = Log::open(world.setup(), opening).unwrap_err();
    assert!(matches!(refused, OpenError::Damaged(_)), "{refused}");
}

#[test]
fn damaged_epoch_file_is_rebuilt_from_the_log() {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    for epoch in [0, 4, 5] {
        for n in 0..8 {
            let batch = batch(&[&format!("{n:070}")]);
            log.append(batch, highwater_records::LeaderEpoch::new(epoch), NOW).unwrap();
        }
    }
    log.flush_writes().unwrap();
    log.close(NOW).unwrap();
    let path = world.dir().join("leader-epoch-checkpoint");
    let read = || highwater_storage::read_file(&*world.disk, &path, 999).unwrap().unwrap();
    let before = read();
    assert_eq!(before, b"0\n3\n0 0\n4 8\n5 16\n");
    for is_clean in [true, false] {
        write(&*world.disk, &path, b"0\n2\nrubbish\n");
        let (log, _) = world.open_at(is_clean, 24);
        let found = log.end_offset_for_epoch(highwater_records::LeaderEpoch::new(4));
        assert_eq!(found.end_offset, offset(16));
        assert_eq!(read(), before, "and written again");
    }
}

#[test]
fn leftovers_of_interrupted_work_are_finished_or_removed() {
    let (disk, world, expected) = filled();
    let logs = files_with(&world, ".log");
    let (second, third) = (&logs[1], &logs[2]);
    // A complete swap of the second segment, an unfinished one of the third and last.
    let swap = second.with_extension("log.swap");
    let bytes = highwater_storage::read_file(&disk, second, 9999).unwrap().unwrap();
    write(&disk, &swap, &bytes);
    disk.remove_file(second).unwrap();
    write(&disk, &third.with_extension("log.cleaned"), b"half");
    write(&disk, &logs[3].with_extension("log.swap"), b"undone with it");
    write(&disk, &world.dir().join("00000000000000000000.log.deleted"), b"old");
    write(&disk, &world.dir().join("leader-epoch-checkpoint.tmp"), b"old");
    write(&disk, &world.path(999, "index"), b"12345678");
    write(&disk, &world.path(999, "producers"), b"orphan");
    let (log, _) = world.open_at(true, 60);
    assert_eq!(records(&log), expected);
    let names = world.disk.read_dir(&world.dir()).unwrap();
    for bad in [".swap", ".cleaned", ".deleted", ".tmp", "999.index", "999.producers"] {
        assert!(!names.iter().any(|entry| entry.name.ends_with(bad)), "{bad} is gone");
    }
}

#[test]
fn old_message_format_is_reported_as_unsupported() {
    let (_, world) = World::simulated(small());
    drop(world.create());
    let mut legacy = vec![0; 40];
    legacy[11] = 28;
    legacy[16] = 1;
    write(&*world.disk, &world.path(0, "log"), &legacy);
    let report = verify(&*world.disk, &world.root).unwrap();
    assert_eq!((report.problems.len(), report.unsupported.len()), (0, 1));
    assert!(report.unsupported[0].to_string().contains("magic 1"), "{}", report.unsupported[0]);
}

#[test]
fn verify_names_file_and_position_of_each_kind_of_damage() {
    for (suffix, at) in [
        (".log", 200),
        (".index", 6),
        (".timeindex", 7),
        (".snapshot", 9),
        (".producers", 12),
        ("leader-epoch-checkpoint", 6),
        ("partition.metadata", 9),
    ] {
        let (disk, world, _) = filled();
        let path = files_with(&world, suffix)[0].clone();
        disk.flip_bits(&path, at, 0x11).unwrap();
        let problems = verify(&*world.disk, &world.root).unwrap().problems;
        let is_named = problems.iter().any(|damage| {
            damage.path == path
                || (suffix == "leader-epoch-checkpoint" && damage.to_string().contains(suffix))
        });
        assert!(is_named, "{suffix}: {problems:?}");
    }
}
