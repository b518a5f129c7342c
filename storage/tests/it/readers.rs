//! Every reader of a file gets arbitrary bytes: no panic, no memory by what a length field says,
//! and no answer that a full scan would not give. The fuzz targets call the same functions.

use std::sync::Arc;

use bytes::Bytes;
use highwater_records::{Timestamp, batches};
use highwater_storage::{
    Disk, LeaderEpochs, Log, OpenMode, RecoveryLimit, check_sidecar, dump_offset_index,
    dump_segment, dump_time_index, read_meta_properties, read_offsets, read_partition_metadata,
    read_snapshot, snapshot_crc, verify,
};
use proptest::prelude::*;

use crate::fixture::*;

fn put(disk: &dyn Disk, path: &std::path::Path, bytes: &[u8]) {
    let file = disk.open(path, OpenMode::Create).unwrap();
    file.set_len(0).unwrap();
    file.write_all_at(&mut [std::io::IoSlice::new(bytes)], 0).unwrap();
}

/// All readers that take plain bytes.
fn read_as_every_small_file(bytes: &[u8]) {
    drop(read_offsets(bytes));
    drop(read_meta_properties(bytes));
    drop(read_partition_metadata(bytes));
    drop(read_snapshot(bytes));
    drop(check_sidecar(bytes, 0));
    assert_eq!(snapshot_crc(bytes).is_some(), bytes.len() >= 6);
    drop(RecoveryLimit::read(bytes));
    if let Ok(epochs) = LeaderEpochs::read(bytes) {
        assert_eq!(LeaderEpochs::read(epochs.write().as_bytes()).unwrap(), epochs);
    }
}

/// A directory whose one segment, index or time index is `bytes`.
fn open_with(suffix: &str, bytes: &[u8], is_clean: bool) {
    let (_, world) = World::simulated(small());
    let mut log = world.create();
    for n in 0..12 {
        append_values(&mut log, &[&format!("{n:070}")]);
    }
    log.close(NOW).unwrap();
    put(&*world.disk, &world.path(0, suffix), bytes);
    drop(verify(&*world.disk, &world.root).unwrap());
    let path = world.path(0, suffix);
    match suffix {
        "log" => drop(dump_segment(&*world.disk, &path).unwrap().count()),
        "index" => drop(dump_offset_index(&*world.disk, &path)),
        _ => drop(dump_time_index(&*world.disk, &path)),
    }
    let opening = highwater_storage::Opening {
        is_clean,
        recovery_point: offset(0),
        log_start_offset: offset(0),
        keep_holes: false,
        now: NOW,
    };
    let Ok((log, _)) = Log::open(world.setup(), opening) else { return };
    if suffix == "log" {
        // Whatever it took for batches is consistent.
        let view = log.view();
        let mut next = view.log_start_offset();
        while let Ok(fetched) = view.read(next, limits(1000))
            && fetched.next_offset > next
        {
            let bytes = Bytes::from(fetched.chunks.concat());
            assert!(batches(&bytes).all(|batch| batch.is_ok()));
            next = fetched.next_offset;
        }
    } else {
        let expected: Vec<(i64, String)> = (0..12).map(|n| (n, format!("{n:070}"))).collect();
        assert_eq!(records(&log), expected);
        let hit = log.view().offset_for_timestamp(NOW, log.log_end_offset()).unwrap();
        assert_eq!(hit.unwrap().offset, offset(0));
        let none = log.view().offset_for_timestamp(Timestamp::new(i64::MAX), offset(12)).unwrap();
        assert_eq!(none, None);
    }
    let _world: Arc<dyn Disk> = world.disk;
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        // Small numbers are likelier to look like entries and counts.
        prop::collection::vec(
            prop_oneof![Just(0_u8), Just(0), Just(1), Just(2), any::<u8>()],
            0..300
        ),
        "0\n[0-9]{1,3}\n([a-z]{1,3}[ -][0-9]{1,3} ?[0-9]{0,20}\n){0,4}"
            .prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic_a_small_file_reader(bytes in bytes()) {
        read_as_every_small_file(&bytes);
    }

    #[test]
    fn arbitrary_index_bytes_never_change_an_answer(
        bytes in bytes(), is_clean in any::<bool>(), which in 0..2_usize,
    ) {
        open_with(["index", "timeindex"][which], &bytes, is_clean);
    }

    #[test]
    fn arbitrary_segment_bytes_are_cut_or_refused(bytes in bytes(), is_clean in any::<bool>()) {
        open_with("log", &bytes, is_clean);
    }
}
