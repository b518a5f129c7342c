//! The seam to the file system.
//!
//! Everything this crate (and the broker's own journals) does to files goes through [`Disk`].
//! There are two forms: [`FileDisk`] is the real one; [`SimDisk`] keeps files in memory, loses what
//! was not synced when its power is cut, and fails on demand. Both pass one test suite.

mod atomic;
mod file;
mod sim;
mod sim_crash;
mod sim_file;
mod sim_tree;
#[cfg(test)]
mod tests;

pub(crate) use self::atomic::write_into_spare;
pub use self::atomic::{read_file, write_atomically};
pub use self::file::FileDisk;
pub use self::sim::{DiskOp, PowerCut, SimDisk};
pub use self::sim_crash::CrashPoint;

use std::fmt;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use highwater_records::Timestamp;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing.
    Write,
    /// For reading and writing; made if it is missing.
    Create,
    /// For reading and writing; made, or an error if it exists.
    CreateNew,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The name without its directory. A name that is not UTF-8 is none of ours; it is shown with
    /// replacement characters.
    pub name: String,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Bytes of a file.
    pub len_bytes: u64,
    /// When it was last written.
    pub modified: Timestamp,
}

/// What a file system says about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Bytes of a file.
    pub len_bytes: u64,
    /// When it was last written.
    pub modified: Timestamp,
}

/// Room of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// All of it.
    pub total_bytes: u64,
    /// What we may still use.
    pub usable_bytes: u64,
}

/// A file system.
///
/// A name that was made, renamed or removed is durable once [`Disk::sync_dir`] of its directory
/// returned; the content of a file once [`DiskFile::sync_data`] did. A failed sync is final: what
/// was not durable before may be lost even if a later sync succeeds.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Opens a file.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>>;
    /// Renames a file or directory; a file of the new name is replaced in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Lets two files exchange their names in one step, so that both keep their room on the disk.
    /// Where there is no `other`, or the file system cannot, it is a rename of `one`.
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        self.rename(one, other)
    }
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Makes a directory and those above it, where they are missing.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory and all in it.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    /// What a directory holds, by name.
    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>>;
    /// As [`Disk::read_dir`], without a look at what is named: sizes and times are zero.
    fn read_dir_names(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = self.read_dir(path)?;
        for entry in &mut entries {
            (entry.len_bytes, entry.modified) = (0, Timestamp::new(0));
        }
        Ok(entries)
    }
    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes everything on the file system of `path` durable. Sound only where the kernel reports
    /// its errors (Linux 5.8 and later).
    fn sync_file_system(&self, path: &Path) -> io::Result<()>;
    /// What is known about a path.
    fn metadata(&self, path: &Path) -> io::Result<Metadata>;
    /// Takes the lock that a file stands for (`flock`), making the file if it is missing. It is
    /// released when the value is dropped or the process ends. [`io::ErrorKind::WouldBlock`] if
    /// another one, in this or another process, has it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>>;
    /// Says when a file was last written, where that is not now.
    fn set_modified(&self, path: &Path, modified: Timestamp) -> io::Result<()>;
    /// Room on the file system of `path`.
    fn space(&self, path: &Path) -> io::Result<Space>;

    /// Equal for paths that share their room.
    fn file_system_id(&self, path: &Path) -> io::Result<u64> {
        self.metadata(path).map(|_| 0)
    }

    /// Whether there is something at `path`.
    fn exists(&self, path: &Path) -> io::Result<bool> {
        match self.metadata(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// An open file. All positions are absolute; there is no cursor.
pub trait DiskFile: Send + Sync + fmt::Debug {
    /// Reads at `at` until `buffer` is full or the file ends; returns the bytes read.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
    /// Writes all slices at `at`, one after another: one vectored write as far as the system takes
    /// it. On an error any part of it may have been written. The slices are used up.
    fn write_all_at(&self, slices: &mut [IoSlice<'_>], at: u64) -> io::Result<()>;
    /// Bytes of the file.
    fn len_bytes(&self) -> io::Result<u64>;
    /// Cuts the file, or extends it with zeros.
    fn set_len(&self, len_bytes: u64) -> io::Result<()>;
    /// Makes content and length durable (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
    /// Reserves room up to `len_bytes` without changing the length of the file.
    fn allocate_keep_size(&self, len_bytes: u64) -> io::Result<()>;
}

/// A lock that is held while this value lives.
pub trait DiskLock: Send + Sync + fmt::Debug {}
