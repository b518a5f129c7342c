//! Compaction: one log after another is cleaned, the dirtiest first, on a thread of its own.
//!
//! A pass is made in small steps, so that a stop never waits long for it and a limit on its speed is kept by resting
//! between them. What went wrong with one log costs that log only: it is not cleaned again in this life of the broker.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use highwater_records::{Offset, Timestamp};
use highwater_storage::{
    CheckpointKind, CleanError, Cleanable, Cleaning, CleaningBounds, CleaningRules, CleaningSetup,
    CleaningSummary, KeyHash, PartitionKey, Progress, Replacement, StorageFault,
};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{HostedDir, Removal, Replicas};
use crate::partition::Partition;
use crate::seams::sleep_until;
use crate::workers::{self, Pool, WorkLost};

/// Bytes that one job reads and writes before others of the pool, and a stop, have their turn.
const JOB_BYTES: u64 = 8 << 20;

/// How logs are cleaned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CleanerSettings {
    /// `log.cleaner.enable`.
    pub(crate) is_enabled: bool,
    /// Pause when there is nothing to do (`log.cleaner.backoff.ms`).
    pub(crate) backoff: Duration,
    /// Memory for keys (`log.cleaner.dedupe.buffer.size`).
    pub(crate) map_bytes_max: usize,
    /// Reads and writes together (`log.cleaner.io.max.bytes.per.second`).
    pub(crate) bytes_per_second: f64,
}

/// What the cleaner of a broker has done, and what it cannot do.
#[derive(Debug, Default)]
pub(crate) struct Cleaner {
    /// Finished passes.
    pub(crate) pass_count: AtomicU64,
    /// Bytes that were read and written.
    pub(crate) worked_bytes: AtomicU64,
    /// Bytes by which logs became smaller.
    pub(crate) saved_bytes: AtomicU64,
    /// Partitions that cannot be cleaned: a batch that cannot be read is in the way.
    uncleanable: Mutex<BTreeSet<PartitionKey>>,
}

/// What came of looking for something to clean.
enum Pass {
    Made,
    /// Not to its end; the log is as good as before.
    Failed(PartitionKey),
    Unneeded,
}

impl Cleaner {
    /// Partitions that cannot be cleaned.
    pub(crate) fn uncleanable_count(&self) -> usize {
        self.uncleanable.lock().len()
    }
}

impl Replicas {
    pub(super) async fn clean_logs(
        self: Arc<Self>,
        settings: CleanerSettings,
        ending: CancellationToken,
    ) {
        // Logs that could not be cleaned in this round; the others come first.
        let mut failed = BTreeSet::new();
        while settings.is_enabled && !ending.is_cancelled() {
            match self.clean_dirtiest(settings, &failed, &ending).await {
                Ok(Pass::Made) => continue,
                Ok(Pass::Failed(key)) => {
                    failed.insert(key);
                    continue;
                }
                Ok(Pass::Unneeded) => failed.clear(),
                Err(WorkLost) => return,
            }
            let next = self.context.clock.now().monotonic.plus(settings.backoff);
            tokio::select! {
                biased;
                () = ending.cancelled() => return,
                () = sleep_until(&*self.context.clock, next) => {}
            }
        }
    }

    /// Makes a pass over the dirtiest log but these.
    async fn clean_dirtiest(
        self: &Arc<Self>,
        settings: CleanerSettings,
        failed: &BTreeSet<PartitionKey>,
        ending: &CancellationToken,
    ) -> Result<Pass, WorkLost> {
        let (replicas, now, but) = (Arc::clone(self), self.context.clock.now(), failed.clone());
        let begun = workers::run(&self.workers, Pool::Clean, move || {
            let partition = replicas.dirtiest(&but, now.wall)?;
            let key_hash = KeyHash::seeded(u128::from(replicas.random.next_u64()) << 64);
            // Bytes that a restart would have to check are not touched: where they lie, the log has no holes.
            let cleanable = partition.dir().secured_cleanable(&partition, now.wall);
            let cleaning = cleanable.ok_or(CleanError::Changed).and_then(|cleanable| {
                partition.begin_cleaning(cleanable, settings, key_hash, now.wall)
            });
            Some((partition, cleaning))
        });
        let Some((partition, cleaning)) = begun.await? else { return Ok(Pass::Unneeded) };
        let is_made = match cleaning {
            Ok(cleaning) => self.make_pass(&partition, cleaning, settings, ending).await?,
            Err(error) => self.give_up(&partition, &error),
        };
        Ok(if is_made { Pass::Made } else { Pass::Failed(partition.times_key()) })
    }

    /// Takes all steps of a pass; false if it does not come to its end.
    async fn make_pass(
        self: &Arc<Self>,
        partition: &Arc<Partition>,
        mut cleaning: Cleaning,
        settings: CleanerSettings,
        ending: &CancellationToken,
    ) -> Result<bool, WorkLost> {
        loop {
            if ending.is_cancelled() {
                return self.discard(partition, cleaning).await.map(|()| false);
            }
            let job = workers::run(&self.workers, Pool::Clean, move || {
                let worked = work(&mut cleaning);
                (cleaning, worked)
            });
            let (back, (bytes, worked)) = job.await?;
            cleaning = back;
            self.cleaner.worked_bytes.fetch_add(bytes, Ordering::Relaxed);
            match worked {
                Ok(None) => {}
                Ok(Some(Worked::Replaces(replacement))) => {
                    if !self.replace(partition, replacement).await? {
                        return self.discard(partition, cleaning).await.map(|()| false);
                    }
                }
                Ok(Some(Worked::Done(summary))) => {
                    return self.end_pass(partition, summary).await;
                }
                Err(error) => {
                    self.discard(partition, cleaning).await?;
                    return Ok(self.give_up(partition, &error));
                }
            }
            self.rest(bytes, settings, ending).await;
        }
    }

    /// The log with the largest share of what was never cleaned, of those that have enough of it. Blocks.
    fn dirtiest(&self, but: &BTreeSet<PartitionKey>, now: Timestamp) -> Option<Arc<Partition>> {
        let mut best: Option<((bool, f64), Arc<Partition>)> = None;
        for dir in self.log_dirs().filter(|dir| dir.fault().is_none()) {
            for partition in dir.partitions() {
                let key = partition.times_key();
                if but.contains(&key) || self.cleaner.uncleanable.lock().contains(&key) {
                    continue;
                }
                let Some(cleanable) = dir.cleanable(&partition, None, now) else { continue };
                let rank = (cleanable.is_overdue, cleanable.dirty_ratio());
                if best.as_ref().is_none_or(|(known, _)| rank > *known) {
                    best = Some((rank, partition));
                }
            }
        }
        best.map(|(_, partition)| partition)
    }

    /// Puts a cleaned segment in its place; false if the log has changed meanwhile.
    async fn replace(
        self: &Arc<Self>,
        partition: &Arc<Partition>,
        replacement: Replacement,
    ) -> Result<bool, WorkLost> {
        let (dir, theirs) = (Arc::clone(partition.dir()), Arc::clone(partition));
        let saved_bytes = u64::try_from(replacement.saved_bytes()).unwrap_or(0);
        let replaced = workers::run(&self.workers, Pool::Clean, move || {
            let replaced = theirs.swap_in(&replacement);
            if let Err(fault) = &replaced {
                dir.note_clean_fault(&theirs, fault);
            }
            (matches!(replaced, Ok(true)), replacement.take_deleted())
        });
        let (is_replaced, deleted) = replaced.await?;
        if is_replaced {
            self.cleaner.saved_bytes.fetch_add(saved_bytes, Ordering::Relaxed);
        }
        let delay_ms =
            partition.view().leading().map_or(0, |leading| leading.settings.file_delete_delay_ms);
        if !deleted.is_empty() {
            self.remove_later(delay_ms, Removal::Files(deleted));
        }
        Ok(is_replaced)
    }

    async fn end_pass(
        self: &Arc<Self>,
        partition: &Arc<Partition>,
        summary: CleaningSummary,
    ) -> Result<bool, WorkLost> {
        let topic_partition = partition.topic_partition();
        tracing::debug!(%topic_partition, ?summary, "compacted");
        self.cleaner.pass_count.fetch_add(1, Ordering::Relaxed);
        let (dir, partition) = (Arc::clone(partition.dir()), Arc::clone(partition));
        workers::run(&self.workers, Pool::Clean, move || {
            dir.note_offset(CheckpointKind::Cleaner, &partition, summary.cleaned_through)
        })
        .await
    }

    async fn discard(
        self: &Arc<Self>,
        partition: &Arc<Partition>,
        cleaning: Cleaning,
    ) -> Result<(), WorkLost> {
        let (dir, partition) = (Arc::clone(partition.dir()), Arc::clone(partition));
        workers::run(&self.workers, Pool::Clean, move || {
            if let Err(fault) = cleaning.discard() {
                dir.note_clean_fault(&partition, &fault);
            }
        })
        .await
    }

    /// Says why a pass has failed, and does what follows from it; false for the caller's "not cleaned".
    fn give_up(&self, partition: &Arc<Partition>, error: &CleanError) -> bool {
        let topic_partition = partition.topic_partition();
        match error {
            CleanError::Changed => {
                tracing::debug!(%topic_partition, "the log changed while it was compacted");
            }
            CleanError::Damaged(damage) => {
                tracing::error!(%topic_partition, %damage, "the log is not compacted any more");
                self.cleaner.uncleanable.lock().insert(partition.times_key());
            }
            CleanError::Fault(fault) => partition.dir().note_clean_fault(partition, fault),
        }
        false
    }

    /// Waits as long as so many bytes take at the allowed speed.
    async fn rest(&self, bytes: u64, settings: CleanerSettings, ending: &CancellationToken) {
        #[expect(clippy::cast_precision_loss, reason = "a duration")]
        let seconds = bytes as f64 / settings.bytes_per_second.max(1.0);
        let Ok(pause) = Duration::try_from_secs_f64(seconds) else { return };
        if pause < Duration::from_millis(1) {
            return;
        }
        let clock = &*self.context.clock;
        let until = clock.now().monotonic.plus(pause);
        tokio::select! {
            biased;
            () = ending.cancelled() => {}
            () = sleep_until(clock, until) => {}
        }
    }
}

/// What came of a job.
enum Worked {
    Replaces(Replacement),
    Done(CleaningSummary),
}

/// Takes steps until something is finished or enough bytes are read and written.
fn work(cleaning: &mut Cleaning) -> (u64, Result<Option<Worked>, CleanError>) {
    let mut worked_bytes = 0;
    while worked_bytes < JOB_BYTES {
        match cleaning.step() {
            Ok(Progress::Worked { bytes }) => worked_bytes += bytes,
            Ok(Progress::Replaces { replacement, bytes }) => {
                return (worked_bytes + bytes, Ok(Some(Worked::Replaces(replacement))));
            }
            Ok(Progress::Done(summary)) => return (worked_bytes, Ok(Some(Worked::Done(summary)))),
            Err(error) => return (worked_bytes, Err(error)),
        }
    }
    (worked_bytes, Ok(None))
}

impl HostedDir {
    /// What of a partition is worth a pass, once its recovery point on disk allows it. Blocks.
    fn secured_cleanable(
        self: &Arc<Self>,
        partition: &Arc<Partition>,
        now: Timestamp,
    ) -> Option<Cleanable> {
        let wanted = self.cleanable(partition, None, now)?;
        let recovery_point = self.secure_recovery_point(partition, wanted.end_offset, now)?;
        self.cleanable(partition, Some(recovery_point), now)
    }

    /// What of a partition is worth a pass, of what is committed and lies below this. Blocks.
    fn cleanable(
        &self,
        partition: &Arc<Partition>,
        below: Option<Offset>,
        now: Timestamp,
    ) -> Option<Cleanable> {
        let view = partition.view_arc();
        let leading = view.leading().ok().filter(|view| view.settings.cleanup_policy.compact)?;
        let decided = leading.high_watermark.min(leading.last_stable_offset);
        let upper_bound = below.map_or(decided, |below| below.min(decided));
        let settings = &leading.settings;
        let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
        let bounds = CleaningBounds {
            cleaned_through: self.noted(CheckpointKind::Cleaner, partition.topic_partition()),
            upper_bound,
            min_compaction_lag_ms: unsigned(settings.min_compaction_lag_ms),
            max_compaction_lag_ms: unsigned(settings.max_compaction_lag_ms),
            now,
        };
        let cleanable = match leading.log.cleanable(bounds) {
            Ok(cleanable) => cleanable?,
            // Cut meanwhile, or unreadable: readers say so, and the next round looks again.
            Err(error) => {
                let topic_partition = partition.topic_partition();
                tracing::debug!(%topic_partition, %error, "compaction cannot look at the log");
                return None;
            }
        };
        let is_worth_it = cleanable.dirty_ratio() > settings.min_cleanable_dirty_ratio;
        (is_worth_it || cleanable.is_overdue).then_some(cleanable)
    }

    /// The disk failed in a pass. A full one is no fault: the pass is made again.
    fn note_clean_fault(&self, partition: &Partition, fault: &StorageFault) {
        if self.survives(fault) {
            let topic_partition = partition.topic_partition();
            tracing::warn!(%topic_partition, %fault, "not compacted: disk full");
        } else {
            self.fail(fault);
        }
    }
}

impl Partition {
    fn begin_cleaning(
        self: &Arc<Self>,
        cleanable: Cleanable,
        settings: CleanerSettings,
        key_hash: KeyHash,
        now: Timestamp,
    ) -> Result<Cleaning, CleanError> {
        let begun = self.in_turn(|leading, _| {
            let delete_retention_ms = leading.settings.delete_retention_ms;
            let setup = CleaningSetup {
                cleanable,
                rules: CleaningRules {
                    now,
                    delete_retention_ms: u64::try_from(delete_retention_ms).unwrap_or(0),
                    // This broker has the only replicas.
                    others_compacted_through: None,
                },
                map_bytes_max: settings.map_bytes_max,
                key_hash,
            };
            leading.log.begin_cleaning(setup, now)
        });
        begun.unwrap_or(Err(CleanError::Changed))
    }

    /// Puts a cleaned segment in its place; false if the log has changed meanwhile. Blocks.
    fn swap_in(self: &Arc<Self>, replacement: &Replacement) -> Result<bool, StorageFault> {
        let prepared = replacement.prepare();
        if matches!(prepared, Ok(true)) {
            let replaced = self.in_turn(|leading, _| leading.log.replace(replacement));
            if matches!(replaced, Ok(true)) {
                return replacement.finish().map(|()| true);
            }
        }
        // Also where it could not be prepared: nobody else knows its files.
        let discarded = replacement.clone().discard();
        prepared.and(discarded).map(|()| false)
    }
}

#[cfg(test)]
mod tests {
    use highwater_controller::MetadataRecord;
    use highwater_controller::image::ConfigResource;
    use highwater_records::{BatchBuilder, Codec, TopicName};
    use highwater_replication::Acks;

    use super::super::fixture::{Fixture, TestWorkers, append, base_offset, values};
    use super::*;

    const SMALL_SEGMENTS: (&str, &str) = ("internal.segment.bytes", "200");

    fn put(partition: &Arc<Partition>, workers: &TestWorkers, key: &str, value: &str) {
        let time = Timestamp::new(1_700_000_000_000);
        let mut builder = BatchBuilder::new(Codec::None);
        let batch = builder.append(time, Some(key.as_bytes()), Some(value.as_bytes()), &[]).build();
        let pending = append(partition, &batch, Acks::All);
        workers.run_syncs();
        base_offset(&pending);
    }

    async fn minutes(count: u64) {
        tokio::time::sleep(Duration::from_secs(60 * count + 1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn compacted_topic_is_cleaned_once_it_is_dirty_enough_and_not_again() {
        let (mut fixture, _, workers) = Fixture::simulated().await;
        let configs = [SMALL_SEGMENTS, ("cleanup.policy", "compact")];
        let partition = fixture.create("t", 1, &configs).await.remove(0);
        let kept = fixture.create("kept", 1, &[SMALL_SEGMENTS]).await.remove(0);
        for n in 0..20 {
            put(&partition, &workers, "k", &n.to_string());
            put(&kept, &workers, "k", &n.to_string());
        }
        minutes(1).await;
        let found = values(&partition, true);
        assert_eq!(found.last(), Some(&(19, "19".to_owned())));
        assert!(found.len() < 5, "{found:?}");
        assert_eq!(values(&kept, true).len(), 20, "only where the policy says so");
        let passes = || fixture.replicas.cleaner.pass_count.load(Ordering::Relaxed);
        let before = passes();
        assert!(before > 0);
        minutes(10).await;
        assert_eq!(passes(), before, "nothing new, nothing to do");
        let noted = partition.dir().noted(CheckpointKind::Cleaner, partition.topic_partition());
        assert!(noted > Offset::new(15), "{noted}");
    }

    #[tokio::test(start_paused = true)]
    async fn policy_may_change_at_any_time_and_both_policies_work_together() {
        let (mut fixture, _, workers) = Fixture::simulated().await;
        let partition = fixture.create("t", 1, &[SMALL_SEGMENTS]).await.remove(0);
        for n in 0..9 {
            put(&partition, &workers, "k", &n.to_string());
        }
        minutes(6).await;
        assert_eq!(values(&partition, true).len(), 9);
        let set = |key: &str, value: &str| MetadataRecord::Config {
            resource: ConfigResource::Topic(TopicName::parse("t").unwrap()),
            key: key.to_owned(),
            value: Some(value.to_owned()),
        };
        let both = [set("cleanup.policy", "compact,delete"), set("retention.bytes", "0")];
        fixture.commit(&both[..1]).await;
        minutes(1).await;
        assert!(values(&partition, true).len() < 5);
        fixture.commit(&both[1..]).await;
        minutes(5).await;
        assert_eq!(values(&partition, true), []);
        put(&partition, &workers, "k", "new");
        assert_eq!(values(&partition, true), [(9, "new".to_owned())]);
    }
}
