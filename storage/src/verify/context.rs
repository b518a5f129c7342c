//! What the files around a partition's segments say, read before them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use highwater_records::{Offset, TopicPartition};

use super::findings::Findings;
use crate::checkpoint::read_offsets;
use crate::disk::{Disk, read_file};
use crate::leader_epochs::LeaderEpochs;
use crate::log_dir::CLEAN_MARKER_FILE;
use crate::meta_properties::META_PROPERTIES_FILE;

/// Bytes of a text file that are read.
const TEXT_FILE_BYTES_MAX: u64 = 256 << 20;

pub(super) const RECOVERY_POINT_FILE: &str = "recovery-point-offset-checkpoint";
pub(super) const HIGH_WATERMARK_FILE: &str = "replication-offset-checkpoint";
pub(super) const LOG_START_FILE: &str = "log-start-offset-checkpoint";
pub(super) const CLEANER_FILE: &str = "cleaner-offset-checkpoint";

/// Checkpoint files of a log directory.
pub(super) const CHECKPOINT_FILES: [&str; 4] =
    [RECOVERY_POINT_FILE, HIGH_WATERMARK_FILE, LOG_START_FILE, CLEANER_FILE];

pub(super) const OFFSET_MAX: Offset = Offset::new(i64::MAX);

/// What is known about a partition before its segments are looked at.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) dir: PathBuf,
    /// `None` if the file cannot be read.
    pub(super) epochs: Option<LeaderEpochs>,
    /// Whether the log directory was stopped cleanly: derived files are then complete.
    pub(super) is_clean: bool,
    /// `None` if it is not known: the partition's directory stands alone.
    pub(super) recovery_point: Option<Offset>,
    pub(super) high_watermark: Option<Offset>,
    pub(super) log_start: Offset,
    /// A cleaner has been over all below.
    pub(super) cleaned_until: Offset,
    /// A cleaner may have left holes below.
    pub(super) compacted_through: Offset,
    /// Whether the log directory was there to be asked.
    pub(super) has_log_dir: bool,
    pub(super) decodes_records: bool,
}

impl Context {
    /// Below this a cleaner may have taken something away.
    pub(super) fn cleaned_below(&self) -> Offset {
        self.cleaned_until.max(self.compacted_through)
    }
}

impl Context {
    /// Whether derived files may not know yet what is at `offset`.
    pub(super) fn may_lag(&self, offset: Offset) -> bool {
        !self.is_clean && self.recovery_point.is_none_or(|point| offset >= point)
    }
}

/// The files of a log directory that partitions share.
#[derive(Debug, Default)]
pub(super) struct LogDirFiles {
    /// Whether there is a log directory at all.
    pub(super) exists: bool,
    pub(super) is_clean: bool,
    /// By file; one that cannot be read is missing.
    pub(super) checkpoints: BTreeMap<&'static str, BTreeMap<TopicPartition, Offset>>,
}

impl LogDirFiles {
    pub(super) fn read(disk: &dyn Disk, root: &Path, findings: &mut Findings) -> Self {
        let mut files = Self {
            exists: disk.exists(&root.join(META_PROPERTIES_FILE)).unwrap_or(false),
            ..Self::default()
        };
        if !files.exists {
            return files;
        }
        files.is_clean = disk.exists(&root.join(CLEAN_MARKER_FILE)).unwrap_or(false);
        for name in CHECKPOINT_FILES {
            let path = root.join(name);
            let Some(bytes) = text_of(disk, &path, findings) else { continue };
            match read_offsets(&bytes) {
                Ok(offsets) => drop(files.checkpoints.insert(name, offsets)),
                Err(error) => findings.problem(&path, 0, error),
            }
        }
        files
    }

    pub(super) fn offset(&self, file: &str, partition: &TopicPartition) -> Option<Offset> {
        self.checkpoints.get(file)?.get(partition).copied()
    }
}

/// The bytes of a small file; `None` if it is not there or cannot be read, which is noted.
pub(super) fn text_of(disk: &dyn Disk, path: &Path, findings: &mut Findings) -> Option<Vec<u8>> {
    match read_file(disk, path, TEXT_FILE_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) => {
            findings.problem(path, 0, format_args!("cannot be read: {error}"));
            None
        }
    }
}
