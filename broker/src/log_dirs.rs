//! The directories of `log.dirs` at start: locked, read, made ours if they are new.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_records::{NodeId, Uuid};
use highwater_storage::{Disk, LogDir, LogDirError, MetaProperties, StorageFault};

use crate::seams::Random;

/// The directories of one node, all of one cluster.
pub(crate) struct LogDirs {
    /// In the order of `log.dirs`; the first one holds the metadata. Beside one that cannot be used stands why.
    pub(crate) dirs: Vec<(LogDir, Option<String>)>,
    pub(crate) cluster_id: String,
}

/// Why the directories cannot be used together.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogDirsError {
    #[error(transparent)]
    Dir(#[from] LogDirError),
    #[error(
        "{} is empty, and as the first of log.dirs it should hold the metadata of the cluster {cluster_id} that {} belongs to; \
         put the directory with the metadata first, or give only empty ones",
        first.display(), other.display()
    )]
    MetadataMissing { first: PathBuf, other: PathBuf, cluster_id: String },
}

/// Locks all directories and checks that they belong to this node; gives those that are new an id each. One whose disk fails is set
/// aside, unless it is the first; what is wrong but no fault of a disk is for the operator to mend.
///
/// Blocks. Errors: a [`LogDirsError`]; all locks are free again.
pub(crate) fn open(
    disk: &Arc<dyn Disk>,
    paths: &[PathBuf],
    node_id: NodeId,
    random: &Random,
) -> Result<LogDirs, LogDirsError> {
    let mut dirs = Vec::new();
    let mut failures = BTreeMap::new();
    for (index, path) in paths.iter().enumerate() {
        match LogDir::open(Arc::clone(disk), path, std::process::id()) {
            Err(LogDirError::Fault(fault)) if index > 0 => {
                dirs.push(set_aside(disk, path, &fault, index, &mut failures));
            }
            opened => dirs.push(opened?),
        }
    }
    let known =
        dirs.iter().find_map(|dir| Some((dir.path().to_owned(), dir.meta()?.cluster_id.clone())));
    if let (Some((other, cluster_id)), Some(first)) = (&known, dirs.first())
        && first.meta().is_none()
    {
        return Err(LogDirsError::MetadataMissing {
            first: first.path().to_owned(),
            other: other.clone(),
            cluster_id: cluster_id.clone(),
        });
    }
    let cluster_id = known.map_or_else(|| random.uuid().to_string(), |(_, cluster_id)| cluster_id);
    for dir in &dirs {
        dir.check_owner(&cluster_id, node_id)?;
    }
    for (index, dir) in dirs.iter_mut().enumerate() {
        if dir.meta().is_none() && dir.is_usable() {
            let directory_id = random.uuid();
            debug_assert_ne!(directory_id, Uuid::ZERO);
            let formatted = dir.format(MetaProperties {
                cluster_id: cluster_id.clone(),
                node_id,
                directory_id,
                is_ours: true,
            });
            match formatted {
                Err(LogDirError::Fault(fault)) if index > 0 => {
                    let path = dir.path().to_owned();
                    *dir = set_aside(disk, &path, &fault, index, &mut failures);
                }
                formatted => formatted?,
            }
        }
    }
    let dirs = dirs.into_iter().enumerate();
    let dirs = dirs.map(|(index, dir)| (dir, failures.remove(&index))).collect();
    Ok(LogDirs { dirs, cluster_id })
}

/// A directory whose disk fails; the broker starts without it.
fn set_aside(
    disk: &Arc<dyn Disk>,
    path: &Path,
    fault: &StorageFault,
    index: usize,
    failures: &mut BTreeMap<usize, String>,
) -> LogDir {
    let reason = format!("{fault}: {}", fault.source);
    tracing::error!(dir = %path.display(), reason, "the log directory is offline: the broker starts without it");
    failures.insert(index, reason);
    LogDir::unusable(Arc::clone(disk), path)
}
