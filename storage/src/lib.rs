//! One partition replica's log on disk, in Apache Kafka's file format, and the [`Disk`] seam.
//!
//! For: writing, reading, recovering and cutting one log; the files of a log directory beside the
//! partitions; looking at such files from outside (`verify`, `dump`). Not for: deciding what is
//! committed (that is `replication`), Kafka's error codes, threads: work that may block for long
//! is handed out as a value ([`SyncWork`], [`CheckpointWork`]) and run by the caller.
//!
//! Start at [`Log`]; the layout on disk is in `docs/storage-format.md`.
//!
//! **Invariant:** `&mut self` functions of [`Log`] run only inside the partition's turn.
//! **Invariant:** every batch below `log_end_offset` passed its CRC check before it was written.
//! **Invariant:** bytes read from a file are checked against their CRC before they are returned.
//! **Invariant:** nothing is called synced before the sync that covers it has returned, and after
//! a failed one nothing is any more.
//! **Invariant:** this crate reaches the file system only through [`Disk`].
//!
//! # A turn
//! [`Log::append`] for each batch, then one [`Log::flush_writes`], then a new [`Log::view`] for
//! readers, and [`Log::take_sync`] for the thread that syncs. Work comes back by
//! [`Log::on_synced`], [`Log::on_checkpointed`] or, if it failed, [`Log::on_fault`].
#![deny(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

mod append;
mod append_times;
mod batch_scanner;
mod buffer_pool;
mod checkpoint;
mod cleaner;
mod config;
mod disk;
mod dump;
mod error;
mod index_file;
mod index_lookup;
mod leader_epochs;
mod log;
mod log_dir;
mod meta_properties;
mod offset_index;
mod open;
mod open_files;
mod partition_metadata;
mod producer_files;
mod producer_snapshot;
mod producer_state;
mod read;
mod recovery;
mod recovery_limit;
mod repair;
mod retention;
mod room_ahead;
mod segment;
mod segment_indexes;
mod segment_transactions;
mod swap;
mod sync;
mod tail_cache;
mod text;
mod time_index;
mod transaction_index;
mod transactions;
mod truncate;
mod verify;
mod view;

pub use self::append_times::{AppendTimesFile, PartitionKey, Times};
pub use self::buffer_pool::{Buffer, BufferPool};
pub use self::checkpoint::{read_offsets, write_offsets};
pub use self::cleaner::{
    CleanError, Cleanable, Cleaning, CleaningBounds, CleaningRules, CleaningSetup, CleaningSummary,
    KeyHash, Progress, Replacement,
};
pub use self::config::LogConfig;
pub use self::disk::{
    CrashPoint, DirEntry, Disk, DiskFile, DiskLock, DiskOp, FileDisk, Metadata, OpenMode, PowerCut,
    SimDisk, Space, read_file, write_atomically,
};
pub use self::dump::{
    DumpedBatch, SegmentDump, dump_offset_index, dump_segment, dump_time_index,
    dump_transaction_index,
};
pub use self::error::{
    AppendError, Damage, OpenError, ReadError, Refusal, StorageFault, is_disk_full,
};
pub use self::leader_epochs::{EpochStart, LeaderEpochs};
pub use self::log::{Appended, Log, LogSetup, ValidatedBatch};
pub use self::log_dir::{CheckpointKind, Contents, LogDir, LogDirError};
pub use self::meta_properties::{MetaProperties, read_meta_properties, write_meta_properties};
pub use self::offset_index::OffsetEntry;
pub use self::open::Opening;
pub use self::open_files::OpenFiles;
pub use self::partition_metadata::{
    read_partition_metadata, topic_id_of, write_partition_metadata,
};
pub use self::producer_snapshot::{
    SidecarEntry, SnapshotEntry, SnapshotError, check_sidecar, dump_sidecar, read_snapshot,
    snapshot_crc,
};
pub use self::recovery::{Recovery, Truncation};
pub use self::recovery_limit::RecoveryLimit;
pub use self::repair::{Repair, RepairAction, RepairError, RepairOptions};
pub use self::retention::{Expired, RetentionLimits};
pub use self::sync::{CheckpointWork, Checkpointed, SyncWork, Synced};
pub use self::tail_cache::{SLAB_BATCH_BYTES_MAX, TailCache};
pub use self::text::FormatError;
pub use self::time_index::TimeEntry;
pub use self::transaction_index::AbortedTransaction;
pub use self::truncate::{delete_partition_dir, remove_files};
pub use self::verify::{
    RunChecks, SegmentCheck, SegmentFacts, Verified, VerifyOptions, verify, verify_with,
};
pub use self::view::{EpochEnd, Fetched, LogView, ReadLimits, TimestampOffset};
