//! One partition replica's log on disk.
#![deny(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

mod config;
mod disk;
mod error;
mod log;
mod log_dir;
mod open_files;
mod sync;
mod tail_cache;
mod view;

pub use self::config::LogConfig;
pub use self::disk::{
    DirEntry, Disk, DiskFile, DiskLock, DiskOp, FileDisk, Metadata, OpenMode, PowerCut, SimDisk,
    Space, read_file, write_atomically,
};
pub use self::error::{AppendError, Damage, OpenError, ReadError, Refusal, StorageFault, is_disk_full};
pub use self::log::{Appended, Log, LogSetup, Opening, Recovery, Truncated, Truncation, ValidatedBatch};
pub use self::log_dir::{
    CheckpointKind, Contents, LogDir, LogDirError, MetaProperties, PartitionDir, remove_files,
};
pub use self::open_files::OpenFiles;
pub use self::sync::{CheckpointWork, Checkpointed, SyncWork, Synced};
pub use self::tail_cache::TailCache;
pub use self::view::{EpochEnd, Fetched, LogView, ReadLimits, TimestampOffset};
