//! Repair: derived files are made anew, a torn tail goes into a file beside the log, and nothing
//! that is good is given up unasked.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_storage::{
    CheckpointKind, Disk, Log, LogDir, OpenMode, Repair, RepairAction, RepairError, RepairOptions,
    SimDisk, read_file, verify,
};

use crate::fixture::*;
use crate::rich::stopped;

fn plan(disk: &SimDisk, root: &Path, cuts_at_damage: bool) -> Repair {
    Repair::plan(Arc::new(disk.clone()), root, RepairOptions { cuts_at_damage }).unwrap()
}

fn bytes(disk: &SimDisk, path: &Path) -> Vec<u8> {
    read_file(disk, path, 1 << 20).unwrap().unwrap()
}

fn files(disk: &SimDisk, world: &World, suffix: &str) -> Vec<PathBuf> {
    let entries = disk.read_dir(&world.dir()).unwrap();
    let is_wanted = |name: &str| name.ends_with(suffix);
    let wanted = entries.into_iter().filter(|entry| is_wanted(&entry.name) && entry.len_bytes > 0);
    wanted.map(|entry| world.dir().join(entry.name)).collect()
}

fn problems(disk: &SimDisk, world: &World) -> Vec<String> {
    let found = verify(disk, &world.root).unwrap().problems;
    found.iter().map(ToString::to_string).collect()
}

/// Opens the log as a broker would, by its checkpoints.
fn open(disk: &SimDisk, world: &World) -> Log {
    let dir = LogDir::open(Arc::new(disk.clone()), &world.root, 1).unwrap();
    let is_clean = dir.take_clean_marker().unwrap();
    let points = dir.read_checkpoint(CheckpointKind::RecoveryPoint).unwrap();
    let world = World::on(Arc::new(disk.clone()), &world.root, small());
    let (log, recovery) = world.open_at(is_clean, points[&place()].value());
    assert_eq!(recovery.truncated, None, "the repair left nothing to cut");
    log
}

#[test]
fn damaged_derived_files_are_made_anew_with_the_same_bytes() {
    let (clean, world) = stopped();
    for suffix in [".index", ".timeindex", ".txnindex"] {
        let disk = clean.copy();
        for path in files(&disk, &world, suffix) {
            disk.flip_bits(&path, 3, 0x10).unwrap();
        }
        assert!(!problems(&disk, &world).is_empty(), "{suffix}");
        plan(&disk, &world.root, false).run().unwrap();
        assert_eq!(problems(&disk, &world), Vec::<String>::new());
        if suffix == ".txnindex" {
            for path in files(&clean, &world, suffix) {
                assert_eq!(bytes(&disk, &path), bytes(&clean, &path), "{}", path.display());
            }
        }
        open(&disk, &world);
    }
    for name in ["leader-epoch-checkpoint", ".snapshot", ".producers"] {
        let disk = clean.copy();
        let path = files(&disk, &world, name).pop().unwrap();
        disk.flip_bits(&path, 4, 0x01).unwrap();
        assert!(!problems(&disk, &world).is_empty(), "{name}");
        plan(&disk, &world.root, false).run().unwrap();
        assert_eq!(problems(&disk, &world), Vec::<String>::new());
        if name == "leader-epoch-checkpoint" {
            assert_eq!(bytes(&disk, &path), bytes(&clean, &path));
        }
        open(&disk, &world);
    }
}

#[test]
fn plan_alone_changes_nothing_and_a_good_directory_needs_nothing() {
    let (disk, world) = stopped();
    assert_eq!(plan(&disk, &world.root, true).actions().count(), 0);
    let torn = files(&disk, &world, ".log").pop().unwrap();
    let file = disk.open(&torn, OpenMode::Write).unwrap();
    let len = file.len_bytes().unwrap();
    file.write_all_at(&mut [IoSlice::new(&[0, 0, 0, 9, 9])], len).unwrap();
    let changes = disk.change_count();
    assert!(plan(&disk, &world.root, true).actions().count() > 0);
    assert_eq!(disk.change_count(), changes);
    let after = files(&disk, &world, ".cut");
    assert_eq!(after, Vec::<PathBuf>::new());
}

#[test]
fn torn_tail_is_cut_off_and_kept() {
    let (disk, world) = stopped();
    let path = files(&disk, &world, ".log").pop().unwrap();
    let before = bytes(&disk, &path);
    let file = disk.open(&path, OpenMode::Write).unwrap();
    let half = &before[..before.len().min(70)];
    file.write_all_at(&mut [IoSlice::new(half)], before.len() as u64).unwrap();
    let repair = plan(&disk, &world.root, false);
    assert_eq!(repair.left_alone().count(), 0);
    repair.run().unwrap();
    assert_eq!(bytes(&disk, &path), before);
    let kept = files(&disk, &world, ".cut");
    assert_eq!(kept.len(), 1);
    assert_eq!(bytes(&disk, &kept[0]), half);
    assert_eq!(problems(&disk, &world), Vec::<String>::new());
    let log = open(&disk, &world);
    let end = log.log_end_offset();
    drop(log);
    assert_eq!(open(&disk, &world).log_end_offset(), end);
    assert_eq!(bytes(&disk, &kept[0]), half, "a start leaves it alone");
}

#[test]
fn damage_in_the_middle_is_cut_only_if_asked_for() {
    let (disk, world) = stopped();
    let logs = files(&disk, &world, ".log");
    let (path, later) = (&logs[1], &logs[2..]);
    disk.flip_bits(path, 70, 0x01).unwrap();
    let (whole, lost) = (bytes(&disk, path), bytes(&disk, &later[0]));
    let repair = plan(&disk, &world.root, false);
    assert_eq!(repair.actions().collect::<Vec<_>>(), Vec::<&RepairAction>::new());
    let left: Vec<_> = repair.left_alone().collect();
    assert_eq!((left.len(), &left[0].path, left[0].position_bytes), (1, path, 0));
    drop(repair);
    plan(&disk, &world.root, true).run().unwrap();
    assert_eq!(problems(&disk, &world), Vec::<String>::new());
    let kept = path.with_extension("log.0.cut");
    assert_eq!(bytes(&disk, &kept), whole);
    assert_eq!(bytes(&disk, &later[0].with_extension("log.cut")), lost);
    let log = open(&disk, &world);
    let base: i64 = path.file_stem().unwrap().to_string_lossy().parse().unwrap();
    assert_eq!(log.log_end_offset(), offset(base));
}

#[test]
fn durable_batches_at_the_end_are_given_up_only_if_asked_for() {
    let (disk, world) = stopped();
    let path = files(&disk, &world, ".log").pop().unwrap();
    let last = bytes(&disk, &path).len() - 1;
    disk.flip_bits(&path, last, 0x01).unwrap();
    assert_eq!(plan(&disk, &world.root, false).actions().count(), 0);
    plan(&disk, &world.root, true).run().unwrap();
    assert_eq!(problems(&disk, &world), Vec::<String>::new());
    open(&disk, &world);
}

#[test]
fn checkpoint_past_the_log_end_is_lowered() {
    let (disk, world) = stopped();
    let path = world.root.join("recovery-point-offset-checkpoint");
    let before = bytes(&disk, &path);
    let dir = LogDir::open(Arc::new(disk.clone()), &world.root, 1).unwrap();
    let offsets = std::collections::BTreeMap::from([(place(), offset(9999))]);
    dir.write_checkpoint(CheckpointKind::RecoveryPoint, &offsets).unwrap();
    drop(dir);
    assert_eq!(problems(&disk, &world).len(), 1);
    plan(&disk, &world.root, false).run().unwrap();
    assert_eq!(bytes(&disk, &path), before);
}

#[test]
fn directory_in_use_is_refused() {
    let (disk, world) = stopped();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let _broker = LogDir::open(Arc::clone(&shared), &world.root, 1).unwrap();
    for path in [world.root.clone(), world.dir()] {
        let refused = Repair::plan(Arc::clone(&shared), &path, RepairOptions::default());
        assert!(matches!(refused, Err(RepairError::InUse { .. })), "{}", path.display());
    }
}

#[test]
fn crash_at_any_step_of_a_repair_leaves_what_a_second_repair_mends() {
    let (clean, world) = stopped();
    let logs = files(&clean, &world, ".log");
    clean.flip_bits(&logs[2], 70, 0x01).unwrap();
    for suffix in [".index", ".txnindex"] {
        clean.flip_bits(&files(&clean, &world, suffix)[0], 3, 0x10).unwrap();
    }
    let tried = clean.copy();
    let before = tried.change_count();
    plan(&tried, &world.root, true).run().unwrap();
    let changes = tried.change_count() - before;
    assert!(changes > 20);
    let base: i64 = logs[2].file_stem().unwrap().to_string_lossy().parse().unwrap();
    for stop in 0..changes {
        let disk = clean.copy();
        disk.stop_after(stop);
        let stopped = plan(&disk, &world.root, true).run();
        assert!(stopped.is_err(), "{stop} of {changes}");
        disk.heal();
        disk.crash();
        plan(&disk, &world.root, true).run().unwrap();
        assert_eq!(problems(&disk, &world), Vec::<String>::new(), "{stop} of {changes}");
        assert_eq!(open(&disk, &world).log_end_offset(), offset(base), "{stop} of {changes}");
    }
}
