//! Looks at the metadata files of a log directory from outside: part of `highwater log verify`.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use highwater_storage::{Damage, Disk, StorageFault, read_file};

use super::journal::{JOURNAL_BYTES_MAX, read_units};
use super::log_store::check_entries;
use super::snapshot::SnapshotFile;
use super::{JOURNAL_FILE, METADATA_DIRECTORY, QuorumError, SNAPSHOT_FILE};

/// What is wrong with the metadata in a log directory; nothing if it holds none. Changes nothing.
///
/// Beside a running broker the last entry may be in the middle of a write; after a crash a part of one may be left,
/// which the next start cuts off. Both are told.
///
/// # Errors
/// If a file cannot be read at all.
pub fn verify_metadata(disk: &Arc<dyn Disk>, log_dir: &Path) -> Result<Vec<Damage>, StorageFault> {
    let folder = log_dir.join(METADATA_DIRECTORY);
    let fault = |path: &Path, source| StorageFault::new("look at", path, source);
    let mut problems = Vec::new();
    if !disk.exists(&folder).map_err(|source| fault(&folder, source))? {
        return Ok(problems);
    }
    let mut note = |path: &Path, position_bytes: u64, reason: String| {
        problems.push(Damage { path: path.to_owned(), position_bytes, reason });
    };
    let path = folder.join(JOURNAL_FILE);
    let content = read_file(disk.as_ref(), &path, JOURNAL_BYTES_MAX);
    match content.map_err(|source| StorageFault::new("read", &path, source))?.map(Bytes::from) {
        None => note(&path, 0, "the file is missing".to_owned()),
        Some(content) => match read_units(&content) {
            Err(damage) => note(&path, damage.offset, damage.reason),
            Ok(units) if units.payloads.is_empty() => {
                note(&path, 0, "it holds no whole entry".to_owned());
            }
            Ok(units) => {
                if units.end < content.len() as u64 {
                    note(&path, units.end, "the last entry is not whole".to_owned());
                }
                if let Err(damage) = check_entries(units.payloads) {
                    note(&path, damage.offset, damage.reason);
                }
            }
        },
    }
    let snapshot = SnapshotFile { disk: Arc::clone(disk), path: folder.join(SNAPSHOT_FILE) };
    match snapshot.read() {
        Ok(_) => {}
        Err(QuorumError::Fault { fault }) => return Err(fault),
        Err(QuorumError::Damaged { offset, reason, .. }) => note(&snapshot.path, offset, reason),
        Err(other) => note(&snapshot.path, 0, other.to_string()),
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use highwater_storage::{SimDisk, write_atomically};

    use super::super::journal::Journal;
    use super::*;

    const DIR: &str = "/data";
    /// Version 1, no vote, nothing purged; then a vote.
    const HEAD: [u8; 5] = [0, 0, 1, 0, 0];
    const VOTE: [u8; 18] = [1; 18];

    fn path() -> std::path::PathBuf {
        Path::new(DIR).join(METADATA_DIRECTORY).join(JOURNAL_FILE)
    }

    fn problems(disk: &SimDisk) -> Vec<Damage> {
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        verify_metadata(&disk, Path::new(DIR)).unwrap()
    }

    /// A journal of two entries, and where the second one begins.
    fn written() -> (SimDisk, Vec<u8>, usize) {
        let disk = SimDisk::new();
        disk.create_dir_all(Path::new(DIR)).unwrap();
        let (mut journal, _) = Journal::open(Arc::new(disk.clone()), &path()).unwrap();
        journal.append(&HEAD).unwrap();
        let second = usize::try_from(journal.len_bytes()).unwrap();
        journal.append(&VOTE).unwrap();
        let content = read_file(&disk, &path(), 1 << 20).unwrap().unwrap();
        (disk, content, second)
    }

    #[test]
    fn directory_without_metadata_and_whole_metadata_have_no_problem() {
        assert_eq!(problems(&SimDisk::new()), []);
        assert_eq!(problems(&written().0), []);
    }

    #[test]
    fn every_changed_byte_of_the_journal_is_found_where_its_entry_begins() {
        let (disk, content, second) = written();
        for at in 0..content.len() {
            let mut changed = content.clone();
            changed[at] ^= 1;
            write_atomically(&disk, &path(), &changed).unwrap();
            let found: Vec<u64> = problems(&disk).iter().map(|it| it.position_bytes).collect();
            let begin = if at < second { 0 } else { second };
            assert_eq!(found, [begin as u64], "byte {at}");
        }
    }

    #[test]
    fn entry_that_does_not_follow_is_found_behind_a_right_crc() {
        let (disk, content, _) = written();
        let (mut journal, _) = Journal::open(Arc::new(disk.clone()), &path()).unwrap();
        journal.append(&[7]).unwrap();
        let found = problems(&disk);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].position_bytes, content.len() as u64, "{}", found[0]);
    }

    #[test]
    fn every_cut_inside_an_entry_is_found() {
        let (disk, content, second) = written();
        for len in (0..content.len()).filter(|len| *len != second) {
            write_atomically(&disk, &path(), &content[..len]).unwrap();
            assert_eq!(problems(&disk).len(), 1, "{len} bytes");
        }
    }
}
