//! One of the directories in `log.dirs`: whose it is, who uses it, what it holds.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_records::{NodeId, Offset, TopicName, TopicPartition};

use crate::checkpoint::{read_offsets, write_offsets};
use crate::disk::{Disk, DiskLock, OpenMode, Space, read_file, write_atomically, write_into_spare};
use crate::error::{AtPath, Damage, StorageFault, is_disk_full};
use crate::meta_properties::{
    META_PROPERTIES_FILE, MetaProperties, read_meta_properties, write_meta_properties,
};
use crate::segment::remove_if_there;

pub(crate) const LOCK_FILE: &str = ".lock";
pub(crate) const CLEAN_MARKER_FILE: &str = ".kafka_cleanshutdown";
/// Has room on the disk and nothing in it that counts.
const SPARE_FILE: &str = "highwater-spare";

/// Bytes of a small text file that are read; a checkpoint of 20,000 partitions takes 6 MiB.
const TEXT_FILE_BYTES_MAX: u64 = 256 << 20;

/// Why a directory cannot be a log directory.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogDirError {
    /// Another broker uses it.
    #[error("{} is in use by another broker{}", dir.display(), process(*pid))]
    InUse { dir: PathBuf, pid: Option<u32> },
    /// It has no `meta.properties` and is not empty.
    #[error("{} is not a log directory: it has no meta.properties but holds {found:?}", dir.display())]
    Foreign { dir: PathBuf, found: String },
    /// It belongs to another node or cluster.
    #[error("{} belongs to {found}, not to {expected}", dir.display())]
    OtherOwner { dir: PathBuf, found: String, expected: String },
    /// A file is not what its format says.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The disk failed.
    #[error("cannot use the log directory")]
    Fault(#[from] StorageFault),
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// What a log directory holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Partitions, by their directories' names ([`crate::topic_id_of`] says of which topic one is).
    pub partitions: Vec<TopicPartition>,
    /// Directories `..-delete`: to be removed.
    pub deleted: Vec<PathBuf>,
    /// Directories `..-future` and `..-stray`: left alone.
    pub set_aside: Vec<PathBuf>,
}

/// One of the checkpoint files of a log directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointKind {
    /// All below is synced with all that belongs to it.
    RecoveryPoint,
    /// High watermarks.
    HighWatermark,
    /// Log start offsets, where above the first segment's base.
    LogStart,
    /// How far logs have been compacted.
    Cleaner,
}

impl CheckpointKind {
    const fn file_name(self) -> &'static str {
        match self {
            Self::RecoveryPoint => "recovery-point-offset-checkpoint",
            Self::HighWatermark => "replication-offset-checkpoint",
            Self::LogStart => "log-start-offset-checkpoint",
            Self::Cleaner => "cleaner-offset-checkpoint",
        }
    }
}

/// A log directory that this process has locked; the lock goes with the value.
#[derive(Debug)]
pub struct LogDir {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    meta: Option<MetaProperties>,
    /// `None`: nothing is known of it and nothing may be done to it.
    lock: Option<Box<dyn DiskLock>>,
}

impl LogDir {
    /// Makes (if it is missing) and locks a directory, and reads whose it is. `pid` is written
    /// into the lock file, for the message that a second broker shows.
    ///
    /// # Errors
    /// [`LogDirError::InUse`], [`LogDirError::Foreign`], a damaged `meta.properties`, any fault.
    pub fn open(disk: Arc<dyn Disk>, path: &Path, pid: u32) -> Result<Self, LogDirError> {
        make_durably(&*disk, path)?;
        let lock_path = path.join(LOCK_FILE);
        let meta_path = path.join(META_PROPERTIES_FILE);
        let has_meta = disk.exists(&meta_path).at_path("look at", &meta_path)?;
        if !has_meta {
            check_not_foreign(&*disk, path)?;
        }
        let lock = match disk.lock(&lock_path) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let pid = read_pid(&*disk, &lock_path);
                return Err(LogDirError::InUse { dir: path.to_path_buf(), pid });
            }
            Err(error) => return Err(StorageFault::new("lock", &lock_path, error).into()),
        };
        write_pid(&*disk, &lock_path, pid)?;
        let mut dir = Self { disk, path: path.to_path_buf(), meta: None, lock: Some(lock) };
        if let Some(bytes) = dir.read_text(&meta_path)? {
            let meta = read_meta_properties(&bytes);
            dir.meta = Some(meta.map_err(|error| Damage::new(&meta_path, 0, error))?);
        }
        Ok(dir)
    }

    /// A directory that cannot be used: a name, for those who ask what became of it.
    pub fn unusable(disk: Arc<dyn Disk>, path: &Path) -> Self {
        Self { disk, path: path.to_path_buf(), meta: None, lock: None }
    }

    /// Whether this process has it locked: it may be read and written.
    #[must_use]
    pub const fn is_usable(&self) -> bool {
        self.lock.is_some()
    }

    /// Writes whose it is, durably.
    ///
    /// # Errors
    /// Any fault.
    pub fn format(&mut self, meta: MetaProperties) -> Result<(), LogDirError> {
        self.write_text(META_PROPERTIES_FILE, &write_meta_properties(&meta))?;
        self.meta = Some(meta);
        Ok(())
    }

    /// Whose it is; `None` if it is new.
    #[must_use]
    pub const fn meta(&self) -> Option<&MetaProperties> {
        self.meta.as_ref()
    }

    /// Refuses a directory of another node or cluster. A new one belongs to anybody.
    ///
    /// # Errors
    /// [`LogDirError::OtherOwner`].
    pub fn check_owner(&self, cluster_id: &str, node_id: NodeId) -> Result<(), LogDirError> {
        let Some(meta) = &self.meta else { return Ok(()) };
        if meta.cluster_id == cluster_id && meta.node_id == node_id {
            return Ok(());
        }
        Err(LogDirError::OtherOwner {
            dir: self.path.clone(),
            found: format!("node {} of cluster {}", meta.node_id, meta.cluster_id),
            expected: format!("node {node_id} of cluster {cluster_id}"),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The disk it is on.
    #[must_use]
    pub const fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Where a partition's directory is, or would be.
    #[must_use]
    pub fn partition_path(&self, topic_partition: &TopicPartition) -> PathBuf {
        let TopicPartition { topic, partition } = topic_partition;
        self.path.join(format!("{topic}-{partition}"))
    }

    /// Lists it. Directories that are no partition's are not ours and not named.
    ///
    /// # Errors
    /// Any fault.
    pub fn contents(&self) -> Result<Contents, LogDirError> {
        let mut contents = Contents::default();
        for entry in self.disk.read_dir_names(&self.path).at_path("list", &self.path)? {
            let path = self.path.join(&entry.name);
            if !entry.is_dir {
                continue;
            }
            if entry.name.ends_with("-delete") {
                contents.deleted.push(path);
            } else if entry.name.ends_with("-future") || entry.name.ends_with("-stray") {
                contents.set_aside.push(path);
            } else if let Some(topic_partition) = parse_partition_dir(&entry.name) {
                contents.partitions.push(topic_partition);
            }
        }
        Ok(contents)
    }

    /// Whether the last stop was clean. Removes the marker, durably: once per start, before
    /// anything is written. Afterwards all names in the directory are durable, also those of
    /// partitions whose making a kill interrupted.
    ///
    /// # Errors
    /// Any fault.
    pub fn take_clean_marker(&self) -> Result<bool, LogDirError> {
        let path = self.path.join(CLEAN_MARKER_FILE);
        let is_clean = self.disk.exists(&path).at_path("look at", &path)?;
        if is_clean {
            remove_if_there(&*self.disk, &path)?;
        }
        self.disk.sync_dir(&self.path).at_path("sync", &self.path)?;
        Ok(is_clean)
    }

    /// The last act of a clean stop: after every log is closed and the checkpoints are written.
    ///
    /// # Errors
    /// Any fault.
    pub fn write_clean_marker(&self, broker_epoch: i64) -> Result<(), LogDirError> {
        let text = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
        self.write_text(CLEAN_MARKER_FILE, &text)
    }

    /// Reads a checkpoint file; empty if it is missing.
    ///
    /// # Errors
    /// [`LogDirError::Damaged`] if it is not what its format says. The caller goes on with an
    /// empty one where that is safe: recovery then reads everything.
    pub fn read_checkpoint(
        &self,
        kind: CheckpointKind,
    ) -> Result<BTreeMap<TopicPartition, Offset>, LogDirError> {
        let path = self.path.join(kind.file_name());
        let bytes = self.read_text(&path)?.unwrap_or_default();
        Ok(read_offsets(&bytes).map_err(|error| Damage::new(&path, 0, error))?)
    }

    /// Whether a checkpoint file is there.
    ///
    /// # Errors
    /// Any fault.
    pub fn has_checkpoint(&self, kind: CheckpointKind) -> Result<bool, LogDirError> {
        let path = self.path.join(kind.file_name());
        Ok(self.disk.exists(&path).at_path("look at", &path)?)
    }

    /// Replaces a checkpoint file, durably.
    ///
    /// # Errors
    /// Any fault.
    pub fn write_checkpoint(
        &self,
        kind: CheckpointKind,
        offsets: &BTreeMap<TopicPartition, Offset>,
    ) -> Result<(), LogDirError> {
        self.write_text(kind.file_name(), &write_offsets(offsets))
    }

    /// Keeps room for the small files above, so that they can be replaced when the disk is full.
    ///
    /// # Errors
    /// Any fault; on a full disk what is there stays.
    pub fn keep_spare_room(&self, bytes: u64) -> Result<(), LogDirError> {
        let path = self.path.join(SPARE_FILE);
        let file = self.disk.open(&path, OpenMode::Create).at_path("create", &path)?;
        Ok(file.allocate_keep_size(bytes).at_path("reserve room for", &path)?)
    }

    /// Room on its file system.
    ///
    /// # Errors
    /// Any fault.
    pub fn space(&self) -> Result<Space, LogDirError> {
        Ok(self.disk.space(&self.path).at_path("look at", &self.path)?)
    }

    fn read_text(&self, path: &Path) -> Result<Option<Vec<u8>>, LogDirError> {
        Ok(read_file(&*self.disk, path, TEXT_FILE_BYTES_MAX).at_path("read", path)?)
    }

    fn write_text(&self, name: &str, text: &str) -> Result<(), LogDirError> {
        let path = self.path.join(name);
        let written = match write_atomically(&*self.disk, &path, text.as_bytes()) {
            Err(full) if is_disk_full(&full) => {
                let spare = self.path.join(SPARE_FILE);
                let written = write_into_spare(&*self.disk, &spare, &path, text.as_bytes());
                // That there is no spare room is no news.
                written.map_err(
                    |error| if error.kind() == io::ErrorKind::NotFound { full } else { error },
                )
            }
            written => written,
        };
        Ok(written.at_path("write", &path)?)
    }
}

/// Makes a directory and those above it where they are missing, and their names durable.
fn make_durably(disk: &dyn Disk, path: &Path) -> Result<(), StorageFault> {
    let mut missing = Vec::new();
    for dir in path.ancestors().filter(|dir| !dir.as_os_str().is_empty()) {
        if disk.exists(dir).at_path("look at", dir)? {
            break;
        }
        missing.push(dir);
    }
    disk.create_dir_all(path).at_path("create", path)?;
    for dir in missing.iter().rev() {
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        disk.sync_dir(parent).at_path("sync", parent)?;
    }
    Ok(())
}

/// A directory without `meta.properties` must be as good as empty. What a crash during the first
/// start leaves, and what a fresh file system holds, does not count.
fn check_not_foreign(disk: &dyn Disk, path: &Path) -> Result<(), LogDirError> {
    let is_harmless = |name: &str| {
        name == LOCK_FILE || name == "lost+found" || name == format!("{META_PROPERTIES_FILE}.tmp")
    };
    let entries = disk.read_dir(path).at_path("list", path)?;
    match entries.into_iter().find(|entry| !is_harmless(&entry.name)) {
        Some(entry) => Err(LogDirError::Foreign { dir: path.to_path_buf(), found: entry.name }),
        None => Ok(()),
    }
}

fn read_pid(disk: &dyn Disk, path: &Path) -> Option<u32> {
    let bytes = read_file(disk, path, 64).ok()??;
    std::str::from_utf8(&bytes).ok()?.trim().parse().ok()
}

fn write_pid(disk: &dyn Disk, path: &Path, pid: u32) -> Result<(), StorageFault> {
    let file = disk.open(path, OpenMode::Write).at_path("open", path)?;
    file.set_len(0).at_path("cut", path)?;
    let text = format!("{pid}\n");
    match file.write_all_at(&mut [io::IoSlice::new(text.as_bytes())], 0) {
        // The lock holds without it; it only makes a message better.
        Err(error) if is_disk_full(&error) => Ok(()),
        written => written.at_path("write", path),
    }
}

/// Topic and partition of `<topic>-<partition>`.
pub(crate) fn parse_partition_dir(name: &str) -> Option<TopicPartition> {
    let (topic, partition) = name.rsplit_once('-')?;
    let is_number = !partition.is_empty() && partition.bytes().all(|digit| digit.is_ascii_digit());
    let partition = is_number.then(|| partition.parse().ok()).flatten()?;
    Some(TopicPartition::new(TopicName::parse(topic).ok()?, partition))
}

#[cfg(test)]
mod tests;
