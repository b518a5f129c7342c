//! The end of a broker's replicas: everything synced, snapshots and checkpoints written, and only then the marker.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use highwater_records::{Offset, Timestamp, TopicPartition};
use highwater_storage::CheckpointKind;

use super::Replicas;
use super::hosted_dir::HostedDir;
use crate::partition::{Partition, PartitionView};
use crate::workers::{self, Pool};

/// Jobs into which the logs of a directory are divided.
const JOBS_MAX: usize = 8;

/// What a log was when it was closed.
struct Closed {
    topic_partition: TopicPartition,
    log_start: Offset,
    log_end: Offset,
    high_watermark: Offset,
}

impl Replicas {
    /// Closes every log and marks each log directory as cleanly stopped, if all of it was.
    ///
    /// Called once, after the last answer has left; afterwards every partition says that it is gone. Returns whether all
    /// of it was closed cleanly, so that the next start reads no log.
    pub(crate) async fn close_all(self: &Arc<Self>, broker_epoch: i64) -> bool {
        let closed = join_all(self.log_dirs().map(|dir| self.close_dir(dir, broker_epoch))).await;
        closed.into_iter().all(|is_clean| is_clean)
    }

    async fn close_dir(&self, dir: &Arc<HostedDir>, broker_epoch: i64) -> bool {
        let partitions = dir.partitions();
        let job_count = partitions.len().clamp(1, JOBS_MAX);
        let mut jobs: Vec<Vec<Arc<Partition>>> = (0..job_count).map(|_| Vec::new()).collect();
        for (index, partition) in partitions.into_iter().enumerate() {
            jobs[index % job_count].push(partition);
        }
        let run = |partitions: Vec<Arc<Partition>>| {
            let now = self.context.clock.now().wall;
            let close = move |partition| close_log(&partition, now);
            let close = move || partitions.into_iter().map(close).collect::<Vec<_>>();
            workers::run(&self.workers, Pool::Sync, close)
        };
        let mut closed = Vec::new();
        let mut is_clean = true;
        for job in join_all(jobs.into_iter().map(run)).await {
            match job {
                Ok(logs) => {
                    is_clean &= logs.iter().all(Option::is_some);
                    closed.extend(logs.into_iter().flatten());
                }
                Err(_) => is_clean = false,
            }
        }
        let (theirs, now) = (Arc::clone(dir), self.context.clock.now());
        let written = workers::run(&self.workers, Pool::File, move || {
            theirs.save_noted_times(now);
            theirs.write_last_checkpoints(closed, is_clean.then_some(broker_epoch))
        });
        let is_clean = is_clean && written.await.unwrap_or(false);
        if !is_clean {
            tracing::error!(dir = %dir.path().display(), "the log directory was not closed cleanly");
        }
        is_clean
    }
}

impl HostedDir {
    fn write_last_checkpoints(&self, closed: Vec<Closed>, clean_epoch: Option<i64>) -> bool {
        let mut checkpoints = self.checkpoints.lock();
        for log in closed {
            let key = log.topic_partition;
            checkpoints.recovery_points.insert(key.clone(), log.log_end);
            checkpoints.high_watermarks.insert(key.clone(), log.high_watermark);
            if log.log_start > Offset::ZERO {
                checkpoints.log_starts.insert(key, log.log_start);
            }
        }
        if self.fault().is_some() {
            return false;
        }
        let write = |kind, offsets: &BTreeMap<TopicPartition, Offset>| {
            self.dir.write_checkpoint(kind, offsets)
        };
        let written = write(CheckpointKind::RecoveryPoint, &checkpoints.recovery_points)
            .and_then(|()| write(CheckpointKind::HighWatermark, &checkpoints.high_watermarks))
            .and_then(|()| write(CheckpointKind::LogStart, &checkpoints.log_starts))
            .and_then(|()| match clean_epoch {
                Some(broker_epoch) => self.dir.write_clean_marker(broker_epoch),
                None => Ok(()),
            });
        if let Err(error) = &written {
            let dir = self.path().display();
            tracing::error!(%dir, %error, "cannot write the last checkpoints");
        }
        written.is_ok()
    }
}

/// Closes one log; `None` if it could not be closed cleanly.
fn close_log(partition: &Arc<Partition>, now: Timestamp) -> Option<Closed> {
    let view = partition.view_arc();
    let PartitionView::Leading(before) = &*view else { return None };
    let high_watermark = before.high_watermark;
    let log = partition.retire()?;
    let log_start = log.log_start_offset();
    match log.close(now) {
        Ok(log_end) => Some(Closed {
            topic_partition: partition.topic_partition().clone(),
            log_start,
            log_end,
            high_watermark,
        }),
        Err(fault) if partition.dir().survives(&fault) => {
            let topic_partition = partition.topic_partition();
            tracing::warn!(%topic_partition, %fault, cause = %fault.source, "not closed cleanly");
            None
        }
        Err(fault) => {
            partition.dir().fail(&fault);
            None
        }
    }
}
