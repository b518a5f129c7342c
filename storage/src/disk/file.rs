//! The real file system.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use highwater_records::Timestamp;
use rustix::fs::{
    AtFlags, CWD, FallocateFlags, FlockOperation, OFlags, Timespec, Timestamps, UTIME_OMIT,
};

use super::{DirEntry, Disk, DiskFile, DiskLock, Metadata, OpenMode, Space};

/// Slices that one `pwritev` takes (`IOV_MAX` on Linux); more go in a second call.
const SLICES_PER_WRITE_MAX: usize = 1024;

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileDisk;

#[derive(Debug)]
struct RealFile(File);

#[derive(Debug)]
struct RealLock(#[expect(dead_code, reason = "the lock lives as long as the open file")] File);

impl DiskLock for RealLock {}

fn modified(metadata: &fs::Metadata) -> Timestamp {
    Timestamp::new(metadata.mtime() * 1000 + metadata.mtime_nsec() / 1_000_000)
}

impl Disk for FileDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        // A read that notes its time is a write.
        options.read(true).custom_flags(OFlags::NOATIME.bits().cast_signed());
        match mode {
            OpenMode::Read => {}
            OpenMode::Write => {
                options.write(true);
            }
            OpenMode::Create => {
                options.write(true).create(true).truncate(false);
            }
            OpenMode::CreateNew => {
                options.write(true).create_new(true);
            }
        }
        let file = match options.open(path) {
            // Only the owner may leave the time as it is.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::PERM.raw_os_error()) => {
                options.custom_flags(0).open(path)?
            }
            opened => opened?,
        };
        Ok(Arc::new(RealFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};

        match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
            // There is no other one yet, or the file system cannot.
            Err(
                rustix::io::Errno::NOENT
                | rustix::io::Errno::INVAL
                | rustix::io::Errno::NOSYS
                | rustix::io::Errno::OPNOTSUPP,
            ) => fs::rename(one, other),
            exchanged => Ok(exchanged?),
        }
    }

    fn file_system_id(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.dev())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                // Removed between the listing and the look.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            entries.push(DirEntry {
                name: entry.file_name().to_string_lossy().into_owned(),
                is_dir: metadata.is_dir(),
                len_bytes: metadata.len(),
                modified: modified(&metadata),
            });
        }
        entries.sort();
        Ok(entries)
    }

    fn read_dir_names(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let file_type = match entry.file_type() {
                // Some file systems must look, and it may be removed by then.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file_type => file_type?,
            };
            entries.push(DirEntry {
                name: entry.file_name().to_string_lossy().into_owned(),
                is_dir: file_type.is_dir(),
                len_bytes: 0,
                modified: Timestamp::new(0),
            });
        }
        entries.sort();
        Ok(entries)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        open_for_reading(path)?.sync_all()
    }

    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&open_for_reading(path)?)?)
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let metadata = fs::metadata(path)?;
        Ok(Metadata {
            is_dir: metadata.is_dir(),
            len_bytes: metadata.len(),
            modified: modified(&metadata),
        })
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        // Apache Kafka takes a lock of the other kind, which two brokers of one process would not
        // see of each other. Where the file system has none of that kind there is no Kafka either.
        match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            Ok(()) | Err(_) => Ok(Box::new(RealLock(file))),
        }
    }

    fn set_modified(&self, path: &Path, modified: Timestamp) -> io::Result<()> {
        let (seconds, ms) = (modified.value().div_euclid(1000), modified.value().rem_euclid(1000));
        let times = Timestamps {
            last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            last_modification: Timespec { tv_sec: seconds, tv_nsec: ms * 1_000_000 },
        };
        Ok(rustix::fs::utimensat(CWD, path, &times, AtFlags::empty())?)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let found = rustix::fs::statvfs(path)?;
        Ok(Space {
            total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
            usable_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "this file is the door to the file system")]
fn open_for_reading(path: &Path) -> io::Result<File> {
    File::open(path)
}

impl DiskFile for RealFile {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match self.0.read_at(&mut buffer[done..], at + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_all_at(&self, slices: &mut [IoSlice<'_>], at: u64) -> io::Result<()> {
        let mut rest = slices;
        let mut at = at;
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let count = rest.len().min(SLICES_PER_WRITE_MAX);
            match rustix::io::pwritev(&self.0, &rest[..count], at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    at += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn len_bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len_bytes: u64) -> io::Result<()> {
        self.0.set_len(len_bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn allocate_keep_size(&self, len_bytes: u64) -> io::Result<()> {
        loop {
            match rustix::fs::fallocate(&self.0, FallocateFlags::KEEP_SIZE, 0, len_bytes) {
                Ok(()) => return Ok(()),
                // A file system that cannot reserve only loses the early warning.
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
