//! One partition replica's log on disk.
#![deny(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

mod config;
mod disk;
mod error;

pub use self::config::LogConfig;
pub use self::disk::{
    DirEntry, Disk, DiskFile, DiskLock, DiskOp, FileDisk, Metadata, OpenMode, PowerCut, SimDisk,
    Space, read_file, write_atomically,
};
pub use self::error::{AppendError, Damage, OpenError, ReadError, Refusal, StorageFault, is_disk_full};
