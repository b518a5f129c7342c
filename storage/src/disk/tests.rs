//! One suite for both forms of [`Disk`], and what only the simulated one can do.

use std::path::PathBuf;

use super::*;

fn write(file: &dyn DiskFile, at: u64, bytes: &[u8]) {
    file.write_all_at(&mut [IoSlice::new(bytes)], at).unwrap();
}

fn read(disk: &dyn Disk, path: &Path) -> Vec<u8> {
    read_file(disk, path, 1 << 20).unwrap().unwrap()
}

fn for_both(check: impl Fn(&dyn Disk, &Path)) {
    let real = tempfile::tempdir().unwrap();
    check(&FileDisk, real.path());
    let root = PathBuf::from("/data");
    let simulated = SimDisk::new();
    simulated.create_dir_all(&root).unwrap();
    check(&simulated, &root);
}

#[test]
fn vectored_write_lands_in_order_and_reads_stop_at_the_end() {
    for_both(|disk, root| {
        let path = root.join("a");
        let file = disk.open(&path, OpenMode::CreateNew).unwrap();
        let many: Vec<Vec<u8>> = (0..2500_u32).map(|n| n.to_be_bytes().to_vec()).collect();
        let mut slices: Vec<IoSlice<'_>> = many.iter().map(|part| IoSlice::new(part)).collect();
        slices.push(IoSlice::new(&[]));
        file.write_all_at(&mut slices, 3).unwrap();
        assert_eq!(file.len_bytes().unwrap(), 10_003);
        let mut found = vec![9; 20_000];
        assert_eq!(file.read_at(&mut found, 0).unwrap(), 10_003);
        assert_eq!(&found[..3], &[0, 0, 0]);
        assert_eq!(&found[3..10_003], many.concat());
        assert_eq!(file.read_at(&mut found, 10_003).unwrap(), 0);
        assert_eq!(file.read_at(&mut found, 99_999).unwrap(), 0);
    });
}

#[test]
fn open_modes_differ_in_what_must_exist() {
    for_both(|disk, root| {
        let path = root.join("a");
        for mode in [OpenMode::Read, OpenMode::Write] {
            let error = disk.open(&path, mode).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
        write(&*disk.open(&path, OpenMode::Create).unwrap(), 0, b"one");
        assert_eq!(
            disk.open(&path, OpenMode::CreateNew).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        write(&*disk.open(&path, OpenMode::Create).unwrap(), 3, b"two");
        assert_eq!(read(disk, &path), b"onetwo");
        let reader = disk.open(&path, OpenMode::Read).unwrap();
        assert!(reader.write_all_at(&mut [IoSlice::new(b"x")], 0).is_err());
    });
}

#[test]
fn set_len_cuts_and_extends_with_zeros_and_allocate_keeps_the_length() {
    for_both(|disk, root| {
        let path = root.join("a");
        let file = disk.open(&path, OpenMode::Create).unwrap();
        write(&*file, 0, b"abcdef");
        file.set_len(2).unwrap();
        file.set_len(4).unwrap();
        assert_eq!(read(disk, &path), b"ab\0\0");
        file.allocate_keep_size(1 << 16).unwrap();
        assert_eq!(file.len_bytes().unwrap(), 4);
        file.sync_data().unwrap();
    });
}

#[test]
fn rename_replaces_and_directories_list_by_name() {
    for_both(|disk, root| {
        let dir = root.join("d/e");
        disk.create_dir_all(&dir).unwrap();
        disk.create_dir_all(&dir).unwrap();
        write(&*disk.open(&dir.join("b"), OpenMode::Create).unwrap(), 0, b"old");
        write(&*disk.open(&dir.join("a"), OpenMode::Create).unwrap(), 0, b"longer");
        disk.rename(&dir.join("a"), &dir.join("b")).unwrap();
        disk.create_dir_all(&dir.join("c")).unwrap();
        let listed = disk.read_dir(&dir).unwrap();
        let named: Vec<_> =
            listed.iter().map(|entry| (entry.name.as_str(), entry.is_dir)).collect();
        assert_eq!(named, [("b", false), ("c", true)]);
        assert_eq!(listed[0].len_bytes, 6);
        disk.rename(&root.join("d"), &root.join("moved")).unwrap();
        assert_eq!(read(disk, &root.join("moved/e/b")), b"longer");
        disk.sync_dir(root).unwrap();
        disk.remove_dir_all(&root.join("moved")).unwrap();
        assert!(!disk.exists(&root.join("moved")).unwrap());
        assert!(disk.remove_file(&root.join("moved")).is_err());
        assert!(disk.space(root).unwrap().usable_bytes > 0);
        disk.sync_file_system(root).unwrap();
    });
}

#[test]
fn lock_is_held_once_and_free_after_drop() {
    for_both(|disk, root| {
        let path = root.join(".lock");
        let first = disk.lock(&path).unwrap();
        assert_eq!(disk.lock(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(first);
        drop(disk.lock(&path).unwrap());
    });
}

#[test]
fn open_file_outlives_its_name() {
    for_both(|disk, root| {
        let path = root.join("a");
        let file = disk.open(&path, OpenMode::Create).unwrap();
        write(&*file, 0, b"kept");
        disk.remove_file(&path).unwrap();
        let mut found = [0; 4];
        assert_eq!(file.read_at(&mut found, 0).unwrap(), 4);
        assert_eq!(&found, b"kept");
    });
}

#[test]
fn write_atomically_replaces_the_whole_file() {
    for_both(|disk, root| {
        let path = root.join("checkpoint");
        write_atomically(disk, &path, b"a longer text").unwrap();
        write_atomically(disk, &path, b"short").unwrap();
        assert_eq!(read(disk, &path), b"short");
        assert_eq!(disk.read_dir(root).unwrap().len(), 1);
        assert_eq!(read_file(disk, &root.join("none"), 9).unwrap(), None);
        let error = read_file(disk, &path, 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    });
}

fn simulated() -> (SimDisk, PathBuf) {
    let disk = SimDisk::new();
    let root = PathBuf::from("/data");
    disk.create_dir_all(&root).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    (disk, root)
}

#[test]
fn synced_bytes_and_names_survive_every_power_cut() {
    for seed in 0..200 {
        let (disk, root) = simulated();
        let path = root.join("a");
        let file = disk.open(&path, OpenMode::Create).unwrap();
        write(&*file, 0, &[7; 3000]);
        file.sync_data().unwrap();
        disk.sync_dir(&root).unwrap();
        write(&*file, 2900, &[8; 3000]);
        disk.power_cut(seed);
        let found = read(&disk, &path);
        assert!(found.len() >= 3000, "seed {seed}");
        assert!(found[..2900].iter().all(|byte| *byte == 7), "seed {seed}");
        assert!(found[2900..3000].iter().all(|byte| [7, 8].contains(byte)), "seed {seed}");
    }
}

#[test]
fn unsynced_bytes_and_names_are_lost_by_some_power_cuts_and_kept_by_others() {
    let (mut without_name, mut whole, mut torn) = (0, 0, 0);
    for seed in 0..200 {
        let (disk, root) = simulated();
        let path = root.join("a");
        write(&*disk.open(&path, OpenMode::Create).unwrap(), 0, &[7; 1500]);
        let cut = disk.power_cut(seed);
        match read_file(&disk, &path, 1 << 20).unwrap() {
            None => {
                without_name += 1;
                assert_eq!((cut.lost_bytes, cut.lost_names), (1500, 1));
            }
            Some(found) if found == [7; 1500] => {
                whole += 1;
                assert_eq!(cut.lost_bytes, 0);
            }
            Some(_) => {
                torn += 1;
                assert!(cut.lost_bytes > 0);
            }
        }
    }
    assert!(without_name > 50 && whole > 0 && torn > 20, "{without_name} {whole} {torn}");
}

#[test]
fn failed_sync_leaves_clean_pages_that_only_rewriting_makes_durable() {
    let (disk, root) = simulated();
    let path = root.join("a");
    let file = disk.open(&path, OpenMode::Create).unwrap();
    disk.sync_dir(&root).unwrap();
    write(&*file, 0, b"precious");
    disk.fail_next(DiskOp::Sync, Errno::IO, 0);
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    let believed = disk.copy();
    believed.power_cut(1);
    assert_ne!(read(&believed, &path), b"precious");
    write(&*file, 0, b"precious");
    file.sync_data().unwrap();
    disk.power_cut(1);
    assert_eq!(read(&disk, &path), b"precious");
}

struct Errno;

impl Errno {
    const IO: i32 = 5;
}

#[test]
fn cut_then_grown_file_never_shows_old_bytes_after_sync() {
    let (disk, root) = simulated();
    let path = root.join("a");
    let file = disk.open(&path, OpenMode::Create).unwrap();
    disk.sync_dir(&root).unwrap();
    write(&*file, 0, &[1; 2000]);
    file.sync_data().unwrap();
    file.set_len(100).unwrap();
    write(&*file, 1800, &[2; 10]);
    file.sync_data().unwrap();
    disk.power_cut(3);
    let found = read(&disk, &path);
    assert_eq!(found.len(), 1810);
    assert!(found[100..1800].iter().all(|byte| *byte == 0));
}

#[test]
fn full_disk_takes_part_of_a_write_and_recovers_when_room_returns() {
    let (disk, root) = simulated();
    let file = disk.open(&root.join("a"), OpenMode::Create).unwrap();
    disk.set_capacity(Some(1000));
    let error = file.write_all_at(&mut [IoSlice::new(&[1; 1500])], 0).unwrap_err();
    assert!(crate::error::is_disk_full(&error));
    assert_eq!(file.len_bytes().unwrap(), 1000);
    assert!(disk.open(&root.join("b"), OpenMode::Create).is_err());
    file.set_len(0).unwrap();
    write(&*file, 0, &[1; 900]);
    assert_eq!(disk.space(&root).unwrap().usable_bytes, 100);
}

#[test]
fn stop_after_lets_nothing_through_until_the_power_is_cut() {
    let (disk, root) = simulated();
    disk.stop_after(2);
    let file = disk.open(&root.join("a"), OpenMode::Create).unwrap();
    write(&*file, 0, b"x");
    assert!(file.write_all_at(&mut [IoSlice::new(b"y")], 1).is_err());
    assert!(file.sync_data().is_err());
    assert!(disk.read_dir(&root).is_err());
    disk.crash();
    assert!(file.len_bytes().is_err(), "a handle of the dead process");
    assert_eq!(read(&disk, &root.join("a")), b"x");
}

#[test]
fn lock_of_a_dead_process_is_free_and_its_drop_releases_nothing() {
    let (disk, root) = simulated();
    let path = root.join(".lock");
    let dead = disk.lock(&path).unwrap();
    disk.crash();
    let held = disk.lock(&path).unwrap();
    drop(dead);
    assert_eq!(disk.lock(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    drop(held);
}

#[test]
fn equal_seeds_lose_equal_things() {
    let (disk, root) = simulated();
    for name in ["a", "b", "c"] {
        write(&*disk.open(&root.join(name), OpenMode::Create).unwrap(), 0, &[3; 5000]);
    }
    let (one, two) = (disk.copy(), disk.copy());
    assert_eq!(one.power_cut(11), two.power_cut(11));
    assert_eq!(one.read_dir(&root).unwrap(), two.read_dir(&root).unwrap());
}
