//! A hosted replica: one writer at a time, in turns, and readers who hold a view.
//!
//! An append is put on the partition's queue. Whoever then gets the lock *takes the turn*: it drains the queue, appends
//! everything with one vectored write, runs the replication machine, publishes the new view, releases the lock and
//! answers. Without contention that is the connection's own task, inline; under contention appends batch by themselves.
//!
//! **Invariant:** the log and the machine are touched only by the holder of the writer's lock, and no guard of it lives
//! across an await.
//! **Invariant:** an append that was queued is answered: by a turn, by the fall of its replica, or at its deadline.
//! **Invariant:** nobody waits for a turn that never comes: after each release the queue is looked at again.
//! **Invariant:** what a turn did is in the published view before anyone is told of it.
//!
//! Start at [`Partition::append`].

mod append_times;
mod handover;
mod intake;
mod pending;
mod queue;
mod turn;
mod view;
mod waiting;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use highwater_controller::config::{Durability as TopicDurability, TopicSettings};
use highwater_records::{Offset, TopicPartition, Uuid};
use highwater_replication::{
    Durability, Leader, LeaderSetup, MetadataChange, Ticket, WaitingAppends,
};
use highwater_storage::{Log, PartitionKey, StorageFault, SyncWork, Synced, Times};
use parking_lot::{Mutex, MutexGuard};

use crate::replicas::HostedDir;
use crate::seams::Clock;

pub(crate) use handover::Handover;
pub(crate) use intake::{IntakeRefusal, IntakeRules, take_in};
pub(crate) use pending::{AppendRefusal, AppendResult, PendingAppends};
pub(crate) use queue::Append;
pub(crate) use turn::{Aftermath, Leading, Replica};
pub(crate) use view::{LeaderView, NotServing, PartitionView};
pub(crate) use waiting::{Wakeup, Watchers};

use append_times::AppendTimes;
use turn::{WaitingAppend, Writer};

/// Turns one caller takes in a row for others; then it hands over to a task of the broker.
const TURNS_MAX: usize = 8;

/// Pause of a sync that found no descriptor for the directory.
const DESCRIPTOR_PAUSE: Duration = Duration::from_millis(10);

/// What every partition of a broker shares.
#[derive(Clone)]
pub(crate) struct PartitionContext {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) handover: Arc<Handover>,
}

/// A replica of one partition on this broker.
pub(crate) struct Partition {
    topic_partition: TopicPartition,
    dir: Arc<HostedDir>,
    context: PartitionContext,
    queue: queue::Queue,
    writer: Mutex<Writer>,
    view: ArcSwap<PartitionView>,
    /// Locked for a few lines, also while `writer` is; never the other way round.
    waiting: Mutex<WaitingAppends<WaitingAppend>>,
    watchers: Watchers,
    topic_id: Uuid,
    append_times: AppendTimes,
    /// In the handover's list.
    is_handed_over: AtomicBool,
    /// Waits for a sync that has not begun.
    pub(crate) is_sync_requested: AtomicBool,
}

/// Holds the lock during a turn. Dropped by a panic, it takes the replica offline before anyone else gets the lock.
struct Turn<'a> {
    partition: &'a Arc<Partition>,
    writer: MutexGuard<'a, Writer>,
    is_finished: bool,
}

impl Partition {
    /// Begins to lead with an open log; `times` is what is kept of when its records came.
    pub(crate) fn lead(
        topic_partition: TopicPartition,
        dir: Arc<HostedDir>,
        context: PartitionContext,
        mut log: Log,
        setup: LeaderSetup,
        settings: Arc<TopicSettings>,
        times: Times,
    ) -> Arc<Self> {
        if log.latest_epoch() != Some(setup.epoch) {
            log.assign_leader_epoch(setup.epoch);
        }
        let node = setup.node;
        let followers = setup.replicas.iter().copied().filter(|replica| *replica != node).collect();
        let (leader, effects) = Leader::new(setup);
        let times = (log.topic_id(), AppendTimes::restore(&mut log, times, context.clock.now()));
        let leading = Leading { log, leader, settings, followers };
        let replica = Replica::Leading(Box::new(leading));
        let partition = Self::new(topic_partition, dir, context, replica, times);
        if effects.requests_sync() {
            partition.dir.sync().request(&partition);
        }
        partition
    }

    /// A replica whose log cannot be served.
    pub(crate) fn offline(
        topic_partition: TopicPartition,
        dir: Arc<HostedDir>,
        context: PartitionContext,
        reason: Arc<str>,
    ) -> Arc<Self> {
        let times = (Uuid::ZERO, AppendTimes::new());
        Self::new(topic_partition, dir, context, Replica::Offline(reason), times)
    }

    fn new(
        topic_partition: TopicPartition,
        dir: Arc<HostedDir>,
        context: PartitionContext,
        replica: Replica,
        (topic_id, append_times): (Uuid, AppendTimes),
    ) -> Arc<Self> {
        Arc::new(Self {
            topic_partition,
            dir,
            topic_id,
            append_times,
            context,
            queue: queue::Queue::default(),
            view: ArcSwap::from_pointee(replica.view()),
            writer: Mutex::new(Writer::new(replica)),
            waiting: Mutex::new(WaitingAppends::default()),
            watchers: Watchers::default(),
            is_handed_over: AtomicBool::new(false),
            is_sync_requested: AtomicBool::new(false),
        })
    }

    /// Queues an append and, if nobody else does, appends it at once.
    ///
    /// The reply of `append` is answered when what it asked for is true; often that is before this returns.
    pub(crate) fn append(self: &Arc<Self>, append: Append) {
        if let Some(refused) = self.queue.push(append) {
            refused.reply.answer(Err(AppendRefusal::QueueFull));
            return;
        }
        self.take_turns();
    }

    /// Takes turns as long as there is something to do and nobody else does it.
    ///
    /// No wake-up is lost: who pushed and did not get the lock did so while its holder had it, and the holder looks at
    /// the queue after the release.
    pub(crate) fn take_turns(self: &Arc<Self>) {
        for _ in 0..TURNS_MAX {
            let Some(writer) = self.writer.try_lock() else { return };
            let mut turn = Turn { partition: self, writer, is_finished: false };
            let mut aftermath = Aftermath::default();
            turn.append_queued(&mut aftermath);
            turn.finish();
            self.follow_up(aftermath);
            if self.queue.is_empty() {
                return;
            }
        }
        self.context.handover.give(self);
    }

    /// Does something to a leading replica in a turn of its own, on a thread that may wait for the lock.
    ///
    /// Errors: the replica does not serve.
    pub(crate) fn in_turn<T>(
        self: &Arc<Self>,
        action: impl FnOnce(&mut Leading, &mut TurnContext<'_>) -> T,
    ) -> Result<T, NotServing> {
        let writer = self.writer.lock();
        let mut turn = Turn { partition: self, writer, is_finished: false };
        let mut aftermath = Aftermath::default();
        let result = turn.act(&mut aftermath, action);
        turn.finish();
        self.follow_up(aftermath);
        // Somebody may have queued in vain while the lock was ours.
        if !self.queue.is_empty() {
            self.take_turns();
        }
        result
    }

    /// Takes over committed metadata and settings.
    pub(crate) fn reconfigure(
        self: &Arc<Self>,
        change: MetadataChange,
        settings: Arc<TopicSettings>,
        log_config: highwater_storage::LogConfig,
    ) -> Result<(), NotServing> {
        self.in_turn(|leading, turn| {
            if change.epoch > leading.leader.epoch() {
                leading.log.assign_leader_epoch(change.epoch);
            }
            let node = leading.leader.node();
            let others = change.replicas.iter().copied().filter(|replica| *replica != node);
            leading.followers = others.collect();
            leading.settings = settings;
            leading.log.set_config(log_config);
            let effects = leading.leader.on_metadata_changed(change);
            turn.act(leading, effects);
        })
    }

    /// Syncs what is not synced. Called by the sync queue of the log directory, one at a time, on threads that may block.
    pub(crate) fn sync(self: &Arc<Self>) {
        if let Some(work) = self.begin_sync() {
            self.finish_sync(work.run());
        }
    }

    fn begin_sync(self: &Arc<Self>) -> Option<SyncWork> {
        // Cleared before the work is taken: who appends from here on asks for the next sync.
        self.is_sync_requested.store(false, Ordering::Release);
        self.in_turn(|leading, _| leading.log.take_sync()).ok().flatten()
    }

    fn finish_sync(self: &Arc<Self>, synced: Result<Synced, StorageFault>) {
        match synced {
            Ok(synced) => {
                let noted = self.in_turn(|leading, turn| {
                    leading.log.on_synced(synced);
                    let effects = leading.leader.on_synced(leading.log.synced_end_offset());
                    turn.act(leading, effects);
                });
                // Offline or gone meanwhile: its waiters have their answer.
                drop(noted);
            }
            // Nothing was synced in vain; whoever waits for it goes on waiting.
            Err(fault) if fault.is_out_of_descriptors() => self.sync_again_soon(),
            Err(fault) => self.dir.fail(&fault),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "on a thread for syncs, which may block")]
    fn sync_again_soon(self: &Arc<Self>) {
        std::thread::sleep(DESCRIPTOR_PAUSE);
        self.dir.sync().request(self);
    }

    /// What is due by time and not by appends: `flush.ms`, producers that were silent for too long.
    ///
    /// Waits for the lock; for worker threads.
    pub(crate) fn tick(self: &Arc<Self>, expires_producers: bool) {
        let flush_is_timed =
            self.view().leading().is_ok_and(|leading| leading.settings.flush_ms < i64::MAX);
        if !flush_is_timed && !expires_producers {
            return;
        }
        let now = self.context.clock.now().wall;
        let ticked = self.in_turn(|leading, turn| {
            if expires_producers {
                leading.log.remove_expired_producers(now);
            }
            turn.aftermath.requests_sync |= leading.log.wants_flush(now);
        });
        // Offline or gone: nothing is due.
        drop(ticked);
    }

    /// Renames the segments below the log start for deletion, once that start is durable; returns what to remove.
    ///
    /// Errors: the replica does not serve, or not any more.
    pub(crate) fn delete_old_segments(self: &Arc<Self>) -> Result<Vec<PathBuf>, NotServing> {
        let deleted = self.in_turn(|leading, turn| {
            let deleted = leading.log.delete_old_segments();
            let files = leading.log.take_deleted();
            match deleted {
                Ok(()) => Ok(files),
                // What is renamed is renamed; the next round goes on.
                Err(fault) if self.dir.survives(&fault) => Ok(files),
                Err(fault) => {
                    let reason = Arc::from(fault.to_string());
                    turn.fail(fault);
                    Err(NotServing::Offline(reason))
                }
            }
        });
        deleted?
    }

    /// Takes the replica offline; whoever waits gets a storage error.
    pub(crate) fn take_offline(self: &Arc<Self>, reason: &Arc<str>) {
        drop(self.replace(Replica::Offline(Arc::clone(reason))));
        self.watchers.wake_all();
        self.take_turns();
    }

    /// Ends the replica and gives its log away, to be closed or deleted; `None` if it has none.
    pub(crate) fn retire(self: &Arc<Self>) -> Option<Log> {
        let replica = self.replace(Replica::Gone);
        self.watchers.wake_all();
        self.take_turns();
        match replica {
            Replica::Leading(leading) => Some(leading.log),
            Replica::Offline(_) | Replica::Gone => None,
        }
    }

    /// Gives up an append that waits for the high watermark, at its deadline.
    pub(crate) fn cancel(&self, ticket: Ticket) {
        drop(self.waiting.lock().cancel(ticket));
    }

    pub(crate) fn view(&self) -> arc_swap::Guard<Arc<PartitionView>> {
        self.view.load()
    }

    pub(crate) fn view_arc(&self) -> Arc<PartitionView> {
        self.view.load_full()
    }

    /// How long ago the first record at or past `next` was appended, by our clock: within a second, or a hundredth of it.
    /// Zero where there is none yet; what retention has deleted is not waited for.
    pub(crate) fn age_of_first(&self, leading: &LeaderView, next: Offset) -> Duration {
        let next = next.max(leading.log.log_start_offset());
        let end = leading.high_watermark;
        if next >= end {
            return Duration::ZERO;
        }
        self.append_times.age_of(next, end, self.context.clock.monotonic())
    }

    pub(crate) fn append_times(&self) -> &AppendTimes {
        &self.append_times
    }

    /// Under which its log directory keeps when records came.
    pub(crate) fn times_key(&self) -> PartitionKey {
        (self.topic_id, self.topic_partition.partition)
    }

    pub(crate) fn watchers(&self) -> &Watchers {
        &self.watchers
    }

    pub(crate) fn topic_partition(&self) -> &TopicPartition {
        &self.topic_partition
    }

    pub(crate) fn dir(&self) -> &Arc<HostedDir> {
        &self.dir
    }

    /// Puts another replica in the place of the present one; waiting appends are refused. An offline one stays gone.
    fn replace(&self, replica: Replica) -> Replica {
        let mut writer = self.writer.lock();
        if matches!(writer.replica, Replica::Gone) {
            return Replica::Gone;
        }
        let refusal = match &replica {
            Replica::Offline(reason) => AppendRefusal::Offline(Arc::clone(reason)),
            Replica::Leading(_) | Replica::Gone => AppendRefusal::Gone,
        };
        let before = std::mem::replace(&mut writer.replica, replica);
        self.view.store(Arc::new(writer.replica.view()));
        let waiting = self.waiting.lock().take_all();
        drop(writer);
        for append in waiting {
            append.reply.answer(Err(refusal.clone()));
        }
        before
    }

    /// What follows from a turn, after its lock is released.
    fn follow_up(self: &Arc<Self>, aftermath: Aftermath) {
        let Aftermath {
            answers,
            wakes_readers,
            requests_sync,
            fsync_bytes,
            os_bytes,
            fault,
            is_disk_full,
        } = aftermath;
        if is_disk_full {
            self.dir.note_full();
        }
        if requests_sync {
            self.dir.sync().request(self);
        }
        for (reply, result) in answers {
            reply.answer(result);
        }
        if wakes_readers {
            self.watchers.wake_all();
        }
        let recovery_bytes = fsync_bytes.saturating_add(self.dir.window().weigh_os(os_bytes));
        if recovery_bytes > 0 {
            self.dir.note_written(recovery_bytes, &*self.context.clock);
        }
        if let Some(fault) = fault {
            self.dir.fail(&fault);
        }
    }
}

impl std::fmt::Debug for Partition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Partition({})", self.topic_partition)
    }
}

/// What an action in a turn may ask of the partition.
pub(crate) struct TurnContext<'a> {
    waiting: &'a Mutex<WaitingAppends<WaitingAppend>>,
    aftermath: &'a mut Aftermath,
}

impl TurnContext<'_> {
    /// Does what the machine asks for.
    pub(crate) fn act(&mut self, leading: &mut Leading, effects: highwater_replication::Effects) {
        leading.act(effects, self.waiting, self.aftermath);
    }

    /// The disk failed: the log directory goes offline once the turn is over.
    pub(crate) fn fail(&mut self, fault: StorageFault) {
        self.aftermath.fault.get_or_insert(fault);
    }
}

impl Turn<'_> {
    fn append_queued(&mut self, aftermath: &mut Aftermath) {
        let partition = self.partition;
        partition.queue.drain_into(&mut self.writer.drained);
        if self.writer.drained.is_empty() {
            return;
        }
        let now = partition.context.clock.now();
        if let Some(first) = self.writer.append_drained(now, &partition.waiting, aftermath)
            && partition.append_times.note(first, now.monotonic)
        {
            partition.dir.note_append_time(partition);
        }
        self.publish(aftermath);
    }

    fn act<T>(
        &mut self,
        aftermath: &mut Aftermath,
        action: impl FnOnce(&mut Leading, &mut TurnContext<'_>) -> T,
    ) -> Result<T, NotServing> {
        let leading = self.writer.replica.leading()?;
        let waiting = &self.partition.waiting;
        let result = action(leading, &mut TurnContext { waiting, aftermath });
        self.publish(aftermath);
        Ok(result)
    }

    fn publish(&mut self, aftermath: &mut Aftermath) {
        let partition = self.partition;
        let view = self.writer.replica.view();
        aftermath.wakes_readers |= match (&view, &**partition.view.load()) {
            (PartitionView::Leading(new), PartitionView::Leading(old)) => new.is_news_after(old),
            (PartitionView::Offline(_) | PartitionView::Gone, PartitionView::Leading(_)) => true,
            (_, PartitionView::Offline(_) | PartitionView::Gone) => false,
        };
        partition.view.store(Arc::new(view));
    }

    fn finish(mut self) {
        self.is_finished = true;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        let reason: Arc<str> = Arc::from("a turn of this partition panicked");
        let topic_partition = &self.partition.topic_partition;
        tracing::error!(%topic_partition, "a turn panicked; the replica goes offline");
        self.writer.replica = Replica::Offline(Arc::clone(&reason));
        self.partition.view.store(Arc::new(PartitionView::Offline(reason)));
        // Their replies say "offline" when they are dropped; those of this turn are dropped by the unwinding.
        self.writer.drained.clear();
        drop(self.partition.waiting.lock().take_all());
        self.partition.watchers.wake_all();
        // Whoever queued meanwhile counts on us; a later turn refuses them.
        self.partition.context.handover.give(self.partition);
    }
}

/// The machine's word for a topic's durability.
pub(crate) fn durability(settings: &TopicSettings) -> Durability {
    match settings.durability {
        TopicDurability::Fsync => Durability::Fsync,
        TopicDurability::Os => Durability::Os,
    }
}

#[cfg(test)]
mod tests;
