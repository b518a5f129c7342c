//! Retention: old segments go, by age, by size, and below the log start.
//!
//! Every partition is looked at once in `log.retention.check.interval.ms`. The look reads files and belongs to a worker
//! thread; the log starts that rise are durable before a file goes, and the files are renamed first and removed after
//! `file.delete.delay.ms`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use highwater_controller::config::TopicSettings;
use highwater_records::Timestamp;
use highwater_storage::{AppendError, Refusal, RetentionLimits};
use tokio_util::sync::CancellationToken;

use super::{HostedDir, Removal, Replicas};
use crate::partition::{LeaderView, Partition};
use crate::seams::sleep_until;
use crate::workers::{self, Pool};

/// Partitions that one job looks at: other work of the pool comes in between.
const PARTITIONS_PER_JOB: usize = 64;

/// When retention is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetentionSchedule {
    /// After the start (`log.initial.task.delay.ms`).
    pub(crate) first_after: Duration,
    /// From then on (`log.retention.check.interval.ms`).
    pub(crate) interval: Duration,
}

impl Replicas {
    pub(super) async fn keep_retention(
        self: Arc<Self>,
        schedule: RetentionSchedule,
        ending: CancellationToken,
    ) {
        let mut wait = schedule.first_after;
        loop {
            let next = self.context.clock.now().monotonic.plus(wait);
            tokio::select! {
                biased;
                () = ending.cancelled() => return,
                () = sleep_until(&*self.context.clock, next) => {}
            }
            wait = schedule.interval;
            let dirs: Vec<Arc<HostedDir>> = self.log_dirs().cloned().collect();
            for dir in dirs {
                for partitions in dir.partitions().chunks(PARTITIONS_PER_JOB) {
                    self.retain(&dir, partitions.to_vec()).await;
                    if ending.is_cancelled() {
                        return;
                    }
                }
            }
        }
    }

    /// Lets go what these partitions of one directory need not keep.
    async fn retain(self: &Arc<Self>, dir: &Arc<HostedDir>, partitions: Vec<Arc<Partition>>) {
        let (dir, now) = (Arc::clone(dir), self.context.clock.now().wall);
        let retained =
            workers::run(&self.workers, Pool::File, move || dir.delete_expired(&partitions, now));
        // Lost only at a stop.
        for (delay_ms, files) in retained.await.unwrap_or_default() {
            self.remove_later(delay_ms, Removal::Files(files));
        }
    }
}

impl HostedDir {
    /// Raises log starts, makes them durable, renames the segments below them; returns what is to be removed, and after
    /// how many milliseconds. Blocks.
    fn delete_expired(
        &self,
        partitions: &[Arc<Partition>],
        now: Timestamp,
    ) -> Vec<(i64, Vec<PathBuf>)> {
        let risen: Vec<_> = partitions.iter().filter(|partition| partition.expire(now)).collect();
        if risen.is_empty() || !self.checkpoint_log_starts() {
            return Vec::new();
        }
        let delete = |partition: &&Arc<Partition>| {
            let files = partition.delete_old_segments().ok()?;
            let delay_ms = partition.view().leading().ok()?.settings.file_delete_delay_ms;
            (!files.is_empty()).then_some((delay_ms, files))
        };
        risen.iter().filter_map(delete).collect()
    }
}

impl Partition {
    /// Raises the log start to where the topic's limits allow; true if segments may now lie below it.
    fn expire(self: &Arc<Self>, now: Timestamp) -> bool {
        let view = self.view_arc();
        let Ok(leading) = view.leading() else { return false };
        let expired = match leading.log.expired(limits(leading), leading.high_watermark, now) {
            Ok(expired) => expired,
            // Cut meanwhile, or unreadable: readers say so, and the next round looks again.
            Err(error) => {
                let topic_partition = self.topic_partition();
                tracing::debug!(%topic_partition, %error, "retention cannot look at the log");
                return false;
            }
        };
        let Some(expired) = expired else { return false };
        let topic_partition = self.topic_partition();
        let raised = self.in_turn(|leading, turn| match leading.log.expire(expired, now) {
            Ok(()) => true,
            // A new segment needs room; without it the active one stays.
            Err(AppendError::Refused(Refusal::DiskFull { .. })) => false,
            Err(AppendError::Refused(refusal)) => {
                tracing::warn!(%topic_partition, %refusal, "the expired segment is not rolled");
                false
            }
            Err(AppendError::Fault(fault)) => {
                turn.fail(fault);
                false
            }
        });
        raised.unwrap_or(false)
    }
}

fn limits(leading: &LeaderView) -> RetentionLimits {
    let TopicSettings { cleanup_policy, retention_ms, retention_bytes, .. } = *leading.settings;
    let limit = |value: i64| u64::try_from(value).ok().filter(|_| cleanup_policy.delete);
    RetentionLimits { retention_ms: limit(retention_ms), retention_bytes: limit(retention_bytes) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use highwater_controller::MetadataRecord;
    use highwater_controller::image::ConfigResource;
    use highwater_records::{Offset, TopicName};
    use highwater_replication::Acks;
    use highwater_storage::{Disk, SimDisk};

    use super::super::fixture::{Fixture, TestWorkers, append, base_offset, batch, values};
    use super::*;

    const SMALL_SEGMENTS: (&str, &str) = ("internal.segment.bytes", "100");

    fn fill(partition: &Arc<Partition>, workers: &TestWorkers, values: &[&str]) {
        for value in values {
            let pending = append(partition, &batch(value), Acks::All);
            workers.run_syncs();
            base_offset(&pending);
        }
    }

    fn log_start(partition: &Partition) -> i64 {
        partition.view().leading().unwrap().log.log_start_offset().value()
    }

    fn files(disk: &SimDisk, suffix: &str) -> usize {
        let entries = disk.read_dir(Path::new("/data/t-0")).unwrap();
        entries.iter().filter(|entry| entry.name.ends_with(suffix)).count()
    }

    async fn minutes(count: u64) {
        tokio::time::sleep(Duration::from_secs(60 * count + 1)).await;
    }

    async fn set(fixture: &mut Fixture, key: &str, value: &str) {
        let resource = ConfigResource::Topic(TopicName::parse("t").unwrap());
        let (key, value) = (key.to_owned(), Some(value.to_owned()));
        fixture.commit(&[MetadataRecord::Config { resource, key, value }]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn old_segments_go_with_the_next_look_and_their_files_a_minute_later() {
        let (mut fixture, disk, workers) = Fixture::simulated().await;
        let partition = fixture.create("t", 1, &[SMALL_SEGMENTS]).await.remove(0);
        fill(&partition, &workers, &["a", "b", "c", "d"]);
        minutes(1).await;
        assert_eq!(log_start(&partition), 0, "a week has not passed");
        set(&mut fixture, "retention.bytes", "150").await;
        minutes(5).await;
        assert_eq!(log_start(&partition), 1);
        assert_eq!(values(&partition, true).len(), 3);
        assert_eq!(files(&disk, ".log"), 3);
        assert_eq!(files(&disk, ".log.deleted"), 1);
        let checkpoint = partition.dir().checkpoints.lock().log_starts.clone();
        assert_eq!(checkpoint.values().next(), Some(&Offset::new(1)));
        minutes(1).await;
        assert_eq!(files(&disk, ".deleted"), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn empty_policy_keeps_everything_and_the_active_segment_goes_too() {
        let (mut fixture, _, workers) = Fixture::simulated().await;
        let configs = [SMALL_SEGMENTS, ("retention.bytes", "0"), ("cleanup.policy", "")];
        let partition = fixture.create("t", 1, &configs).await.remove(0);
        fill(&partition, &workers, &["a", "b"]);
        minutes(6).await;
        assert_eq!(log_start(&partition), 0);
        set(&mut fixture, "cleanup.policy", "delete").await;
        minutes(5).await;
        assert_eq!(log_start(&partition), 2);
        fill(&partition, &workers, &["c"]);
        assert_eq!(values(&partition, true), [(2, "c".to_owned())]);
    }
}
