//! The file that holds the log of the quorum: units, one after another, each written and synced before the next one begins.
//!
//! | offset | bytes | name | meaning |
//! |---|---|---|---|
//! | 0 | 4 | magic | `HWMJ` |
//! | 4 | 4 | length | bytes of the payload |
//! | 8 | 8 | number | 1 for the first unit of the file, then one more each |
//! | 16 | 4 | crc | CRC-32 (IEEE) of length, number and payload |
//! | 20 | length | payload | see `log_store.rs` |
//!
//! A crash can tear the last unit only: units are synced one by one. So a unit that is not whole is cut off if nothing whole follows it;
//! if a whole unit follows, what was once synced has been damaged, and the journal is refused.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use highwater_storage::{Disk, DiskFile, OpenMode, StorageFault, is_disk_full, read_file};

use super::QuorumError;

const MAGIC: [u8; 4] = *b"HWMJ";
const HEADER_BYTES: usize = 20;
/// Largest journal that is read; far above the size at which a snapshot is taken.
pub(super) const JOURNAL_BYTES_MAX: u64 = 1 << 30;
/// Room taken from the file system ahead of the writes, so that metadata can still change on a full disk.
const ALLOCATION_BYTES: u64 = 1 << 20;

/// An open journal.
pub(super) struct Journal {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// `None`: no file yet; the first unit makes it.
    file: Option<Arc<dyn DiskFile>>,
    end: u64,
    allocated: u64,
    next_number: u64,
    /// A write or sync failed: nothing is known about the end of the file, nothing may follow.
    is_failed: bool,
}

/// What a journal held when it was opened.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// Payload of every unit, with its offset in the file.
    pub(super) payloads: Vec<(u64, Bytes)>,
    /// Bytes of a torn last unit that were cut off.
    pub(super) cut_bytes: u64,
}

impl Journal {
    /// Opens the journal `path`; a missing one is made by the first write.
    ///
    /// Blocks. Errors: [`QuorumError::Damaged`] with the offset; a fault of the disk.
    pub(super) fn open(disk: Arc<dyn Disk>, path: &Path) -> Result<(Self, Opened), QuorumError> {
        let mut journal = Self {
            disk,
            path: path.to_owned(),
            file: None,
            end: 0,
            allocated: 0,
            next_number: 1,
            is_failed: false,
        };
        let content = read_file(journal.disk.as_ref(), path, JOURNAL_BYTES_MAX);
        let Some(content) = content.map_err(|source| journal.fault("read", source))? else {
            return Ok((journal, Opened::default()));
        };
        let content = Bytes::from(content);
        let units = read_units(&content).map_err(|damage| QuorumError::Damaged {
            path: path.display().to_string(),
            offset: damage.offset,
            reason: damage.reason,
        })?;
        let file = journal.disk.open(path, OpenMode::Write);
        let file = file.map_err(|source| journal.fault("open", source))?;
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        if units.end < length {
            file.set_len(units.end).map_err(|source| journal.fault("truncate", source))?;
            file.sync_data().map_err(|source| journal.fault("sync", source))?;
        }
        journal.file = Some(file);
        journal.end = units.end;
        journal.allocated = units.end;
        journal.next_number = units.next_number;
        journal.reserve_ahead()?;
        let cut_bytes = length.saturating_sub(units.end);
        Ok((journal, Opened { payloads: units.payloads, cut_bytes }))
    }

    /// Bytes of the file that count.
    pub(super) fn len_bytes(&self) -> u64 {
        self.end
    }

    /// Appends a unit and syncs it. Blocks.
    ///
    /// Errors: the journal takes nothing more; whether the unit is there is not known.
    pub(super) fn append(&mut self, payload: &[u8]) -> Result<(), StorageFault> {
        self.check_alive()?;
        let result = self.write_unit(payload);
        self.is_failed = result.is_err();
        result
    }

    fn write_unit(&mut self, payload: &[u8]) -> Result<(), StorageFault> {
        let is_new = self.file.is_none();
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => self.create()?,
        };
        let header =
            header(payload, self.next_number).map_err(|source| self.fault("write", source))?;
        let mut slices = [IoSlice::new(&header), IoSlice::new(payload)];
        file.write_all_at(&mut slices, self.end).map_err(|source| self.fault("write", source))?;
        file.sync_data().map_err(|source| self.fault("sync", source))?;
        if is_new {
            self.sync_directories()?;
        }
        self.end = self.end.saturating_add(unit_bytes(payload));
        self.next_number = self.next_number.saturating_add(1);
        Ok(())
    }

    fn create(&mut self) -> Result<Arc<dyn DiskFile>, StorageFault> {
        let directory = parent(&self.path);
        self.disk.create_dir_all(directory).map_err(|source| self.fault("create", source))?;
        let file = self.disk.open(&self.path, OpenMode::Create);
        let file = file.map_err(|source| self.fault("create", source))?;
        self.file = Some(Arc::clone(&file));
        self.reserve_ahead()?;
        Ok(file)
    }

    /// Takes room for what is to come, as far as the disk has it.
    fn reserve_ahead(&mut self) -> Result<(), StorageFault> {
        match self.reserve(0) {
            Err(error) if !is_disk_full(&error) => Err(self.fault("reserve room for", error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The name of the file, and that of its directory, must survive as well.
    fn sync_directories(&self) -> Result<(), StorageFault> {
        let directory = parent(&self.path);
        for directory in [directory, parent(directory)] {
            self.disk.sync_dir(directory).map_err(|source| self.fault("sync", source))?;
        }
        Ok(())
    }

    /// Replaces everything by one unit, in one step. Blocks.
    ///
    /// Errors: as for [`Journal::append`]; but if the disk is full, nothing has changed and the journal is as good as before.
    pub(super) fn rewrite(&mut self, payload: &[u8]) -> Result<(), StorageFault> {
        self.check_alive()?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let temporary = self.path.with_file_name(format!("{name}.tmp"));
        if let Err(fault) = self.write_beside(&temporary, payload) {
            // Also gives back what it holds of a full disk.
            drop(self.disk.remove_file(&temporary));
            self.is_failed = !fault.is_disk_full();
            return Err(fault);
        }
        let result = self.replace(&temporary, payload);
        self.is_failed = result.is_err();
        result
    }

    /// Writes the new content into a file that has room for what follows it.
    fn write_beside(&self, temporary: &Path, payload: &[u8]) -> Result<(), StorageFault> {
        let unit = header(payload, 1).map_err(|source| self.fault("write", source))?;
        let directory = parent(&self.path);
        self.disk.create_dir_all(directory).map_err(|source| self.fault("create", source))?;
        let write = || {
            let file = self.disk.open(temporary, OpenMode::Create)?;
            file.set_len(0)?;
            file.allocate_keep_size(unit_bytes(payload).saturating_add(ALLOCATION_BYTES))?;
            file.write_all_at(&mut [IoSlice::new(&unit), IoSlice::new(payload)], 0)?;
            file.sync_data()
        };
        write().map_err(|source| self.fault("replace", source))
    }

    fn replace(&mut self, temporary: &Path, payload: &[u8]) -> Result<(), StorageFault> {
        let renamed = self.disk.rename(temporary, &self.path);
        renamed.map_err(|source| self.fault("replace", source))?;
        let synced = self.disk.sync_dir(parent(&self.path));
        synced.map_err(|source| self.fault("sync", source))?;
        let file = self.disk.open(&self.path, OpenMode::Write);
        self.file = Some(file.map_err(|source| self.fault("open", source))?);
        self.end = unit_bytes(payload);
        self.allocated = self.end.saturating_add(ALLOCATION_BYTES);
        self.next_number = 2;
        Ok(())
    }

    /// Makes sure that a unit of this payload has room. Blocks.
    ///
    /// Errors: the disk is full; nothing has changed and the journal is as good as before.
    pub(super) fn reserve(&mut self, payload_bytes: u64) -> io::Result<()> {
        let header = u64::try_from(HEADER_BYTES).unwrap_or(0);
        let needed = self.end.saturating_add(payload_bytes).saturating_add(header);
        // Topped up before it is used up, so that the room is there when the disk has none left.
        if needed.saturating_add(ALLOCATION_BYTES / 2) <= self.allocated {
            return Ok(());
        }
        let Some(file) = &self.file else { return Ok(()) };
        let mut wanted = needed.saturating_add(ALLOCATION_BYTES);
        let mut allocated = file.allocate_keep_size(wanted);
        if allocated.as_ref().is_err_and(is_disk_full) {
            if needed <= self.allocated {
                return Ok(());
            }
            // What an earlier life took ahead is still there.
            wanted = needed;
            allocated = file.allocate_keep_size(wanted);
        }
        match allocated {
            Ok(()) => self.allocated = wanted,
            // Not every file system can: then a full disk is noticed by the write.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => self.allocated = u64::MAX,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn check_alive(&self) -> Result<(), StorageFault> {
        if self.is_failed {
            return Err(self.fault("write after a failure to", io::ErrorKind::Other.into()));
        }
        Ok(())
    }

    fn fault(&self, operation: &'static str, source: io::Error) -> StorageFault {
        StorageFault::new(operation, &self.path, source)
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

fn unit_bytes(payload: &[u8]) -> u64 {
    u64::try_from(payload.len().saturating_add(HEADER_BYTES)).unwrap_or(u64::MAX)
}

fn header(payload: &[u8], number: u64) -> io::Result<[u8; HEADER_BYTES]> {
    let length = u32::try_from(payload.len()).map_err(|_big| io::ErrorKind::FileTooLarge)?;
    let crc = checksum(length, number, payload);
    let fields = [&MAGIC[..], &length.to_be_bytes(), &number.to_be_bytes(), &crc.to_be_bytes()];
    let mut header = [0; HEADER_BYTES];
    for (byte, value) in header.iter_mut().zip(fields.into_iter().flatten()) {
        *byte = *value;
    }
    Ok(header)
}

fn checksum(length: u32, number: u64, payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&length.to_be_bytes());
    crc.update(&number.to_be_bytes());
    crc.update(payload);
    crc.finalize()
}

pub(super) struct Units {
    pub(super) payloads: Vec<(u64, Bytes)>,
    /// Bytes that the whole units take.
    pub(super) end: u64,
    next_number: u64,
}

/// What is wrong with a journal, and where.
pub(super) struct Damage {
    pub(super) offset: u64,
    pub(super) reason: String,
}

/// The units of a journal; a last one that is not whole is left out.
pub(super) fn read_units(content: &Bytes) -> Result<Units, Damage> {
    let mut units = Units { payloads: Vec::new(), end: 0, next_number: 1 };
    let mut at = 0;
    while at < content.len() {
        let offset = u64::try_from(at).unwrap_or(u64::MAX);
        let Some((number, payload)) = unit_at(content, at) else {
            return match whole_unit_after(content, at) {
                Some(later) => Err(Damage {
                    offset,
                    reason: format!(
                        "the unit does not match its checksum, and a whole one follows at byte {later}"
                    ),
                }),
                None => Ok(units),
            };
        };
        if number != units.next_number {
            let expected = units.next_number;
            let reason = format!("unit number {number} where {expected} belongs");
            return Err(Damage { offset, reason });
        }
        at = at.saturating_add(HEADER_BYTES).saturating_add(payload.len());
        units.payloads.push((offset, payload));
        units.end = u64::try_from(at).unwrap_or(u64::MAX);
        units.next_number = number.saturating_add(1);
    }
    Ok(units)
}

/// The whole unit that begins at `at`, if one does.
fn unit_at(content: &Bytes, at: usize) -> Option<(u64, Bytes)> {
    let header: &[u8; HEADER_BYTES] = content.get(at..)?.first_chunk()?;
    let (magic, rest) = header.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let crc = rest.first_chunk::<4>()?;
    if *magic != MAGIC {
        return None;
    }
    let (length, number) = (u32::from_be_bytes(*length), u64::from_be_bytes(*number));
    let start = at.checked_add(HEADER_BYTES)?;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    if end > content.len() {
        return None;
    }
    let payload = content.slice(start..end);
    (checksum(length, number, &payload) == u32::from_be_bytes(*crc)).then_some((number, payload))
}

fn whole_unit_after(content: &Bytes, at: usize) -> Option<usize> {
    let from = at.saturating_add(1);
    let rest = content.get(from..)?;
    let starts = rest.windows(MAGIC.len()).enumerate().filter(|(_, window)| **window == MAGIC);
    let mut starts = starts.map(|(distance, _)| from.saturating_add(distance));
    starts.find(|start| unit_at(content, *start).is_some())
}

#[cfg(test)]
mod tests {
    use highwater_storage::{SimDisk, write_atomically};

    use super::*;

    const PATH: &str = "/data/__cluster_metadata/quorum.log";

    fn disk() -> SimDisk {
        let disk = SimDisk::new();
        disk.create_dir_all(Path::new("/data")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        disk
    }

    fn open(disk: &SimDisk) -> Result<(Journal, Opened), QuorumError> {
        Journal::open(Arc::new(disk.clone()), Path::new(PATH))
    }

    fn payloads(opened: &Opened) -> Vec<&[u8]> {
        opened.payloads.iter().map(|(_, payload)| payload.as_ref()).collect()
    }

    fn written(units: &[&[u8]]) -> SimDisk {
        let disk = disk();
        let (mut journal, opened) = open(&disk).unwrap();
        assert!(opened.payloads.is_empty());
        units.iter().for_each(|unit| journal.append(unit).unwrap());
        disk
    }

    fn content(disk: &SimDisk) -> Vec<u8> {
        read_file(disk, Path::new(PATH), 1 << 20).unwrap().unwrap()
    }

    fn with_content(content: &[u8]) -> SimDisk {
        let disk = disk();
        disk.create_dir_all(parent(Path::new(PATH))).unwrap();
        write_atomically(&disk, Path::new(PATH), content).unwrap();
        disk
    }

    #[test]
    fn appended_units_are_read_back_and_the_next_follows() {
        let disk = written(&[b"one", b"", b"three"]);
        let (mut journal, opened) = open(&disk).unwrap();
        assert_eq!(payloads(&opened), [&b"one"[..], b"", b"three"]);
        journal.append(b"four").unwrap();
        assert_eq!(payloads(&open(&disk).unwrap().1).len(), 4);
    }

    #[test]
    fn power_cut_keeps_every_unit_that_was_appended() {
        let disk = written(&[b"one", b"two"]);
        disk.power_cut(7);
        assert_eq!(payloads(&open(&disk).unwrap().1), [&b"one"[..], b"two"]);
    }

    #[test]
    fn unit_torn_at_any_byte_is_cut_off() {
        let whole = content(&written(&[b"one", b"two"]));
        let second = whole.len() / 2;
        for cut in second..whole.len() {
            let disk = with_content(&whole[..cut]);
            let (mut journal, opened) = open(&disk).unwrap();
            assert_eq!(payloads(&opened), [b"one"], "cut at {cut}");
            assert_eq!(opened.cut_bytes, (cut - second) as u64);
            journal.append(b"again").unwrap();
            assert_eq!(payloads(&open(&disk).unwrap().1), [&b"one"[..], b"again"]);
        }
    }

    #[test]
    fn any_flipped_bit_before_the_last_unit_is_refused_with_its_offset() {
        let whole = content(&written(&[b"first", b"second", b"third"]));
        let last = whole.len() - HEADER_BYTES - 5;
        for bit in 0..last * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let refused = open(&with_content(&flipped)).err().expect("a damaged journal opened");
            let QuorumError::Damaged { path, offset, .. } = refused else { panic!("{refused}") };
            assert_eq!(path, PATH);
            let expected = if bit / 8 < HEADER_BYTES + 5 { 0 } else { HEADER_BYTES + 5 };
            assert_eq!(offset, expected as u64, "bit {bit}");
        }
    }

    #[test]
    fn missing_unit_in_the_middle_is_refused() {
        let whole = content(&written(&[b"first", b"third"]));
        let second_alone = &whole[HEADER_BYTES + 5..];
        assert!(open(&with_content(second_alone)).is_err());
    }

    #[test]
    fn rewrite_leaves_one_unit_and_goes_on() {
        let disk = written(&[b"one", b"two"]);
        let (mut journal, _) = open(&disk).unwrap();
        journal.rewrite(b"both").unwrap();
        journal.append(b"three").unwrap();
        disk.power_cut(7);
        assert_eq!(payloads(&open(&disk).unwrap().1), [&b"both"[..], b"three"]);
    }

    #[test]
    fn room_taken_ahead_lasts_for_later_lives_on_a_full_disk() {
        let disk = written(&[b"one"]);
        let (mut journal, _) = open(&disk).unwrap();
        journal.reserve(3).unwrap();
        journal.append(b"two").unwrap();
        disk.set_capacity(Some(disk.used_bytes()));
        for life in 0..10 {
            let (mut journal, opened) = open(&disk).unwrap();
            assert_eq!(opened.payloads.len(), 2 + life);
            journal.reserve(1000).unwrap();
            journal.append(&[7; 1000]).unwrap();
        }
        let (mut journal, _) = open(&disk).unwrap();
        assert!(is_disk_full(&journal.reserve(2 << 20).unwrap_err()));
        journal.append(b"goes on").unwrap();
    }

    #[test]
    fn power_cut_at_any_moment_leaves_a_prefix_of_what_was_appended() {
        for fatal in 1..40 {
            let disk = disk();
            disk.stop_after(fatal);
            let mut acked = 0_u8;
            if let Ok((mut journal, _)) = open(&disk) {
                while acked < 10 && journal.append(&[acked]).is_ok() {
                    acked += 1;
                }
                assert!(
                    acked == 10 || journal.append(b"more").is_err(),
                    "a failed journal went on"
                );
            }
            disk.power_cut(fatal);
            let (_, opened) = open(&disk).unwrap();
            let found = payloads(&opened);
            assert!(found.len() >= usize::from(acked), "acked {acked}, found {found:?}");
            assert!(found.iter().zip(0_u8..).all(|(unit, number)| **unit == [number]));
        }
    }
}
