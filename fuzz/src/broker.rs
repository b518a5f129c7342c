//! What must hold of the files that a broker reads beside its logs: the metadata, and its settings.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use highwater_broker::{Config, Properties, verify_metadata};
use highwater_controller::{MetadataImage, decode_records, encode_records, replay};
use highwater_storage::{Disk, SimDisk, write_atomically};

const DIR: &str = "/data/__cluster_metadata";
/// The first frame of a journal: version 1, no vote, nothing purged.
const HEAD: [u8; 5] = [0, 0, 1, 0, 0];

/// The metadata log or its snapshot, as they come and behind a CRC that is right: read, or the file is named.
pub fn metadata_log(data: &[u8]) {
    (0..METADATA_LOG_CASES).for_each(|case| metadata_log_case(data, case));
}

pub const METADATA_LOG_CASES: u32 = 4;

/// One of the cases of [`metadata_log`].
pub fn metadata_log_case(data: &[u8], case: u32) {
    let payload = [&HEAD[..], data].concat();
    let journal = match case {
        0 => data.to_vec(),
        1 => unit(&payload),
        _ => unit(&HEAD),
    };
    let disk = SimDisk::new();
    disk.create_dir_all(Path::new(DIR)).unwrap();
    write_atomically(&disk, &Path::new(DIR).join("quorum.log"), &journal).unwrap();
    let snapshot = match case {
        2 => Some(data.to_vec()),
        3 => {
            Some([b"HWMS", &[0, 0, 0, 1][..], &crc32fast::hash(data).to_be_bytes(), data].concat())
        }
        _ => None,
    };
    if let Some(snapshot) = &snapshot {
        write_atomically(&disk, &Path::new(DIR).join("quorum.snapshot"), snapshot).unwrap();
    }
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let problems = verify_metadata(&disk, Path::new("/data")).unwrap();
    let wrong = if snapshot.is_some() { "quorum.snapshot" } else { "quorum.log" };
    assert!(problems.iter().all(|problem| problem.path.ends_with(wrong)), "{problems:?}");
}

/// A unit of the journal, the first of its file.
fn unit(payload: &[u8]) -> Vec<u8> {
    let counted =
        [&u32::try_from(payload.len()).unwrap().to_be_bytes()[..], &1_u64.to_be_bytes()].concat();
    let mut crc = crc32fast::Hasher::new();
    crc.update(&counted);
    crc.update(payload);
    [b"HWMJ", &counted[..], &crc.finalize().to_be_bytes(), payload].concat()
}

/// A batch of metadata records: refused, or the same after it was written and read again; replayed, it gives an image
/// that its own records give too.
pub fn metadata_records(data: &[u8]) {
    let Ok(records) = decode_records(&Bytes::copy_from_slice(data)) else { return };
    let again = encode_records(&records).unwrap();
    assert_eq!(decode_records(&again).unwrap(), records);
    let mut image = MetadataImage::default();
    for record in &records {
        let before = image.clone();
        if replay(&mut image, record).is_err() {
            assert_eq!(image, before, "a record that is refused changes nothing");
        }
    }
    let mut same = MetadataImage::default();
    image.to_records().iter().for_each(|record| replay(&mut same, record).unwrap());
    assert_eq!(same, image);
}

/// `server.properties`: refused, or settings that are refused or taken.
pub fn properties(data: &[u8]) {
    let Ok(properties) = Properties::parse(data) else { return };
    assert!(properties.iter().all(|(key, _)| !key.is_empty()));
    drop(Config::from_properties(properties));
}
