//! Keeps when records came over a restart: what the partitions of a log directory note, in one file of it.
//!
//! It is written behind the appends, a moment after each note, and not synced: a kill costs what was noted in that moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use highwater_records::{Now, Uuid};
use highwater_storage::{AppendTimesFile, PartitionKey, Times};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::hosted_dir::HostedDir;
use crate::partition::Partition;
use crate::seams::{Clock, sleep_until};
use crate::workers::{self, Pool};

/// How long notes are gathered before they are written.
const GATHERING: Duration = Duration::from_millis(100);

/// The file of a log directory and what is on its way there.
pub(super) struct SavedTimes {
    file: Mutex<AppendTimesFile>,
    /// Of partitions that nobody has opened since the start.
    unclaimed: Mutex<BTreeMap<PartitionKey, Times>>,
    noted: Mutex<Vec<Arc<Partition>>>,
    has_noted: Notify,
}

impl SavedTimes {
    pub(super) fn new(file: AppendTimesFile, saved: BTreeMap<PartitionKey, Times>) -> Self {
        Self {
            file: Mutex::new(file),
            unclaimed: Mutex::new(saved),
            noted: Mutex::new(Vec::new()),
            has_noted: Notify::new(),
        }
    }

    /// What was kept of a partition that is opened now.
    pub(super) fn claim(&self, key: PartitionKey) -> Times {
        self.unclaimed.lock().remove(&key).unwrap_or_default()
    }

    /// Keeps for the next one what a partition that is closed knows.
    pub(super) fn give_back(&self, partition: &Partition, now: Now) {
        let times = partition.append_times().all(now);
        self.unclaimed.lock().insert(partition.times_key(), times);
    }

    /// Forgets a topic that is deleted.
    pub(super) fn forget(&self, topic_id: Uuid) {
        self.unclaimed.lock().retain(|(id, _), _| *id != topic_id);
    }

    fn note(&self, partition: &Arc<Partition>) {
        self.noted.lock().push(Arc::clone(partition));
        self.has_noted.notify_one();
    }
}

impl HostedDir {
    /// A partition has noted when records came.
    pub(crate) fn note_append_time(&self, partition: &Arc<Partition>) {
        self.saved_times.note(partition);
    }

    /// Writes what is noted, until the end.
    pub(super) async fn save_times(
        self: Arc<Self>,
        clock: Arc<dyn Clock>,
        ending: CancellationToken,
    ) {
        loop {
            tokio::select! {
                biased;
                () = ending.cancelled() => return,
                () = self.saved_times.has_noted.notified() => {}
            }
            sleep_until(&*clock, clock.monotonic().plus(GATHERING)).await;
            let (dir, now) = (Arc::clone(&self), clock.now());
            if workers::run(&self.workers, Pool::File, move || dir.save_noted_times(now))
                .await
                .is_err()
            {
                return;
            }
        }
    }

    /// Writes what is noted. Blocks.
    pub(super) fn save_noted_times(&self, now: Now) {
        let mut file = self.saved_times.file.lock();
        let noted = std::mem::take(&mut *self.saved_times.noted.lock());
        if noted.is_empty() || self.fault().is_some() {
            return;
        }
        let unsaved = noted.iter().map(|it| (it.times_key(), it.append_times().take_unsaved(now)));
        let unsaved: Vec<(PartitionKey, Times)> = unsaved.collect();
        let written = if file.is_to_be_replaced() {
            let mut all = self.saved_times.unclaimed.lock().clone();
            for partition in self.partitions() {
                all.insert(partition.times_key(), partition.append_times().all(now));
            }
            all.retain(|_, times| !times.is_empty());
            file.replace(all.iter().map(|(key, times)| (*key, &**times)))
        } else {
            file.append(unsaved.iter().map(|(key, times)| (*key, &**times)))
        };
        match written {
            Ok(()) => {}
            // The next time the file is replaced, with what is missing now.
            Err(fault) if self.survives(&fault) => {
                tracing::debug!(dir = %self.path().display(), %fault, "times of appends not kept");
            }
            Err(fault) => self.fail(&fault),
        }
    }
}
