//! One partition of `__consumer_offsets` that this broker leads: its machine, its log, and the answers that wait for commits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use highwater_coordinator::group::{Answer, GroupCoordinator, GroupOutcome, Input};
use highwater_coordinator::{Machine, RequestId};
use highwater_protocol::Str;
use highwater_records::{LeaderEpoch, Monotonic, Now, Offset, RecordBatch, Uuid};
use highwater_replication::Acks;
use highwater_storage::ValidatedBatch;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Shared, batch, load};
use crate::partition::{Append, AppendRefusal, Partition, PendingAppends};
use crate::seams::sleep_until;

/// Why a coordinator has no answer of its own.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Unavailable {
    /// Another broker has the group, or nobody.
    #[error("this broker does not coordinate the group")]
    NotCoordinator,
    /// The log is still being read.
    #[error("the coordinator of the group is loading")]
    Loading,
    /// What the answer depends on was not written.
    #[error("the group's records were not written: {0}")]
    Lost(AppendRefusal),
    /// What the answer depends on is not known to be committed; it may be later.
    #[error("the group's records were not committed in time")]
    TimedOut,
    /// What it leads to does not fit into the records of `__consumer_offsets`, or not into a batch.
    #[error("the group's records cannot be written: {0}")]
    Unwritable(batch::Unwritable),
}

/// Events whose time has come that are worked on behind one input; the timers come back for the rest.
const TICKS_MAX: usize = 16;

/// What a client gets.
pub(super) type Reply = Result<Answer, Unavailable>;
type Sender = oneshot::Sender<Reply>;

/// The coordinator of one partition.
///
/// **Invariant:** while it is active, nobody else writes to the partition, and the machine has replayed exactly what is in the
/// log up to `next_offset`, or an append in `appends` is about to fail.
/// **Invariant:** no guard of `state` lives across an await.
pub(super) struct Shard {
    pub(super) number: i32,
    pub(super) partition: Arc<Partition>,
    pub(super) epoch: LeaderEpoch,
    pub(super) shared: Arc<Shared>,
    /// Cancelled when this broker leads the partition no more, or not in this epoch.
    pub(super) resigned: CancellationToken,
    state: Mutex<State>,
    /// There is an append to wait for.
    appended: Notify,
}

enum State {
    Loading,
    Active(Box<Active>),
    /// It answers nothing any more: resigned, or its log cannot be read.
    Ended,
}

struct Active {
    machine: GroupCoordinator,
    /// Where the next record goes.
    next_offset: Offset,
    /// Not committed, in order.
    appends: VecDeque<Appending>,
    /// Requests that the machine has not answered.
    waiting: BTreeMap<RequestId, Sender>,
    /// When the timers will tell us of the time.
    told_at: Option<Monotonic>,
}

struct Appending {
    pending: Arc<PendingAppends>,
    /// When those who wait for it have waited enough; `None` if nobody does.
    deadline: Option<Monotonic>,
    answers: Vec<(Sender, Answer)>,
}

/// A request that a shard has taken.
pub(super) struct Asked {
    shard: Arc<Shard>,
    request: RequestId,
    receiver: oneshot::Receiver<Reply>,
}

impl Asked {
    /// Waits for the answer; dropping it gives the answer up.
    pub(super) async fn answer(mut self) -> Reply {
        (&mut self.receiver).await.unwrap_or(Err(Unavailable::NotCoordinator))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // Answered or given up by the shard: nothing is left of it.
        if self.receiver.is_terminated() {
            return;
        }
        if let State::Active(active) = &mut *self.shard.state.lock() {
            active.waiting.remove(&self.request);
        }
    }
}

impl Shard {
    /// Begins to load; the shard is active once the whole log is read.
    pub(super) fn start(
        number: i32,
        partition: Arc<Partition>,
        epoch: LeaderEpoch,
        shared: &Arc<Shared>,
    ) -> Arc<Self> {
        let shard = Arc::new(Self {
            number,
            partition,
            epoch,
            shared: Arc::clone(shared),
            resigned: shared.ending.child_token(),
            state: Mutex::new(State::Loading),
            appended: Notify::new(),
        });
        shared.tasks.spawn("group-load", load::run(Arc::clone(&shard)));
        shared.tasks.spawn("group-commit", Arc::clone(&shard).commit());
        shard
    }

    /// Hands a client's request to the machine.
    ///
    /// Errors: it cannot be answered here and now.
    pub(super) fn ask(
        self: &Arc<Self>,
        input: impl FnOnce(RequestId) -> Input,
    ) -> Result<Asked, Unavailable> {
        let (sender, receiver) = oneshot::channel();
        let request = self.shared.next_request();
        let mut state = self.state.lock();
        let active = match &mut *state {
            State::Loading => return Err(Unavailable::Loading),
            State::Ended => return Err(Unavailable::NotCoordinator),
            State::Active(active) => active,
        };
        active.waiting.insert(request, sender);
        let now = self.shared.clock.now();
        self.handle(active, now, input(request));
        if self.shared.is_stopping() {
            active.give_up_waiting();
        }
        self.check_lost(&mut state);
        drop(state);
        Ok(Asked { shard: Arc::clone(self), request, receiver })
    }

    /// Tells the machine of something that nobody waits for; a shard that is not active needs to know of nothing.
    pub(super) fn tell(self: &Arc<Self>, input: Input) {
        self.with_active(|active| {
            let now = self.shared.clock.now();
            if matches!(input, Input::Tick) {
                active.told_at = None;
            }
            self.handle(active, now, input);
        });
    }

    /// Does something to the machine that appends nothing.
    pub(super) fn set(self: &Arc<Self>, set: impl FnOnce(&mut GroupCoordinator)) {
        self.with_active(|active| set(&mut active.machine));
    }

    /// Looks at the machine, if the shard is active; loading and ended ones say which they are.
    pub(super) fn look<T>(
        &self,
        look: impl FnOnce(&GroupCoordinator) -> T,
    ) -> Result<T, Unavailable> {
        match &*self.state.lock() {
            State::Loading => Err(Unavailable::Loading),
            State::Ended => Err(Unavailable::NotCoordinator),
            State::Active(active) => Ok(look(&active.machine)),
        }
    }

    fn with_active(self: &Arc<Self>, action: impl FnOnce(&mut Active)) {
        let mut state = self.state.lock();
        if let State::Active(active) = &mut *state {
            action(active);
            self.check_lost(&mut state);
        }
    }

    /// Answers every request that waits for other clients or for time: the broker stops.
    pub(super) fn give_up_waiting(self: &Arc<Self>) {
        self.with_active(Active::give_up_waiting);
    }

    /// Ends for good: another broker leads, or this one in a new epoch.
    pub(super) fn resign(&self) {
        self.resigned.cancel();
        self.end();
    }

    /// Answers nothing any more.
    pub(super) fn end(&self) {
        // What waited is answered by its sender's drop.
        drop(std::mem::replace(&mut *self.state.lock(), State::Ended));
    }

    /// Serves with a machine that has replayed the log up to `next_offset`.
    pub(super) fn activate(self: &Arc<Self>, mut machine: GroupCoordinator, next_offset: Offset) {
        let mut state = self.state.lock();
        if !matches!(*state, State::Loading) {
            return;
        }
        let now = self.shared.clock.now();
        // Under the lock: whoever changes them tells the active shards after the change.
        machine.set_topics(self.shared.topics.load_full());
        machine.set_group_configs(self.shared.overrides.load_full());
        let gone = self.gone_topics(&machine);
        let mut active = Box::new(Active {
            machine,
            next_offset,
            appends: VecDeque::new(),
            waiting: BTreeMap::new(),
            told_at: None,
        });
        let outcome = active.machine.on_loaded(now);
        self.settle(&mut active, now, outcome);
        if !gone.is_empty() {
            self.handle(&mut active, now, Input::TopicsDeleted { topics: gone });
        }
        self.set_timer(&mut active);
        *state = State::Active(active);
        self.check_lost(&mut state);
    }

    /// Topics with offsets that are no more: deleted while nobody coordinated the groups.
    fn gone_topics(&self, machine: &GroupCoordinator) -> Vec<(Str, Uuid)> {
        let topics = self.shared.topics.load();
        let mut gone: Vec<(Str, Uuid)> = machine
            .lag_sources()
            .filter(|source| topics.by_name(source.topic).is_none())
            .map(|source| (source.topic.clone(), source.topic_id))
            .collect();
        gone.sort_unstable();
        gone.dedup();
        gone
    }

    // ---- appends

    /// Asks the machine, and gives it the ticks that are due behind the input.
    fn handle(&self, active: &mut Active, now: Now, input: Input) {
        let outcome = active.machine.handle(now, input);
        self.settle(active, now, outcome);
        for _ in 0..TICKS_MAX {
            if active.machine.next_deadline().is_none_or(|at| at > now.monotonic) {
                break;
            }
            let outcome = active.machine.handle(now, Input::Tick);
            self.settle(active, now, outcome);
        }
        self.set_timer(active);
    }

    /// Has the timers tell this shard of the time when the machine wants it.
    fn set_timer(&self, active: &mut Active) {
        if let Some(at) = active.machine.next_deadline()
            && active.told_at.is_none_or(|told_at| at < told_at)
        {
            active.told_at = Some(at);
            self.shared.timers.set(self.number, at);
        }
    }

    /// Appends what the machine proposes, replays it, and sees to its answers.
    fn settle(&self, active: &mut Active, now: Now, outcome: GroupOutcome) {
        let GroupOutcome { records, answers } = outcome;
        let mut answers = active.take_senders(answers);
        let deadline = now.monotonic.plus(self.shared.commit_timeout);
        if records.is_empty() {
            active.hold(std::mem::take(&mut answers), deadline);
            if !active.appends.is_empty() {
                self.appended.notify_one();
            }
        }
        let mut rest = &records[..];
        while !rest.is_empty() {
            match batch::encode(rest, self.shared.codec, now.wall, self.batch_bytes_max()) {
                Ok((batch, count)) => {
                    let (written, later) = rest.split_at(count);
                    rest = later;
                    let is_last = rest.is_empty();
                    let answers = if is_last { std::mem::take(&mut answers) } else { Vec::new() };
                    self.append(active, &batch, answers, deadline);
                    for (record, offset) in written.iter().zip(active.next_offset.value()..) {
                        active.machine.replay(Offset::new(offset), record);
                    }
                    let count = i64::from(batch.header().record_count);
                    active.next_offset = active.next_offset.plus(count);
                }
                // They were not replayed, so nothing is remembered of the request either.
                Err(error) => {
                    tracing::warn!(partition = self.number, %error, "group records cannot be written");
                    for (sender, _) in std::mem::take(&mut answers) {
                        give(sender, Err(Unavailable::Unwritable(error.clone())));
                    }
                    break;
                }
            }
        }
        active.answer_committed();
    }

    fn batch_bytes_max(&self) -> usize {
        let view = self.partition.view();
        batch::bytes_max(view.leading().map_or(i32::MAX, |leading| leading.settings.segment_bytes))
    }

    fn append(
        &self,
        active: &mut Active,
        batch: &RecordBatch,
        answers: Vec<(Sender, Answer)>,
        deadline: Monotonic,
    ) {
        let pending = PendingAppends::new();
        self.partition.append(Append {
            batch: ValidatedBatch::from(batch),
            acks: Acks::All,
            leader_epoch: Some(self.epoch),
            at: Some(active.next_offset),
            reply: pending.add(),
        });
        active.appends.push_back(Appending {
            pending,
            deadline: (!answers.is_empty()).then_some(deadline),
            answers,
        });
        self.appended.notify_one();
    }

    /// Drops a machine whose append failed, answers what waits, and reads the log again.
    fn check_lost(self: &Arc<Self>, state: &mut State) {
        let State::Active(active) = state else { return };
        let Some(refusal) = active.first_refusal() else { return };
        tracing::warn!(
            partition = self.number,
            %refusal,
            "group records were not written; the log is read again"
        );
        let is_gone = matches!(refusal, AppendRefusal::Offline(_) | AppendRefusal::Gone);
        for append in std::mem::take(&mut active.appends) {
            for (sender, _) in append.answers {
                give(sender, Err(Unavailable::Lost(refusal.clone())));
            }
        }
        active.give_up_waiting();
        if is_gone {
            *state = State::Ended;
        } else {
            *state = State::Loading;
            self.shared.tasks.spawn("group-load", load::again(Arc::clone(self)));
        }
    }

    /// Sends answers as their appends are committed, until the shard resigns.
    async fn commit(self: Arc<Self>) {
        loop {
            let first = self.first_append();
            let work = async {
                match first {
                    None => self.appended.notified().await,
                    Some((pending, deadline)) => self.wait_for(&pending, deadline).await,
                }
            };
            tokio::select! {
                biased;
                () = self.resigned.cancelled() => return,
                () = work => {}
            }
            self.with_active(|active| {
                active.answer_committed();
                active.time_out(self.shared.clock.monotonic());
            });
        }
    }

    /// The oldest append that is not committed, and when those who wait for it, or for one behind it, have waited enough.
    fn first_append(&self) -> Option<(Arc<PendingAppends>, Option<Monotonic>)> {
        let state = self.state.lock();
        let State::Active(active) = &*state else { return None };
        let deadline = active.appends.iter().filter_map(|append| append.deadline).min();
        active.appends.front().map(|append| (Arc::clone(&append.pending), deadline))
    }

    async fn wait_for(&self, pending: &PendingAppends, deadline: Option<Monotonic>) {
        let complete = std::future::poll_fn(|context| pending.poll_complete(context));
        match deadline {
            // Somebody may come to wait for it, or for one behind it.
            None => {
                tokio::select! {
                    biased;
                    () = complete => {}
                    () = self.appended.notified() => {}
                }
            }
            Some(deadline) => {
                tokio::select! {
                    biased;
                    () = complete => {}
                    () = sleep_until(&*self.shared.clock, deadline) => {}
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_active(&self) -> bool {
        matches!(*self.state.lock(), State::Active(_))
    }

    #[cfg(test)]
    pub(super) fn waiting_count(&self) -> usize {
        match &*self.state.lock() {
            State::Active(active) => active.waiting.len(),
            State::Loading | State::Ended => 0,
        }
    }
}

impl Active {
    /// The senders of those who are answered; those who gave up are left out.
    fn take_senders(&mut self, answers: Vec<(RequestId, Answer)>) -> Vec<(Sender, Answer)> {
        let sender =
            |(request, answer)| self.waiting.remove(&request).map(|sender| (sender, answer));
        answers.into_iter().filter_map(sender).collect()
    }

    /// Keeps answers until everything they may have seen is committed.
    fn hold(&mut self, answers: Vec<(Sender, Answer)>, deadline: Monotonic) {
        match self.appends.back_mut() {
            Some(last) if !answers.is_empty() => {
                last.deadline.get_or_insert(deadline);
                last.answers.extend(answers);
            }
            Some(_) => {}
            None => answers.into_iter().for_each(|(sender, answer)| give(sender, Ok(answer))),
        }
    }

    /// Sends the answers of what is committed; stops at what is not, or was refused.
    fn answer_committed(&mut self) {
        while let Some(first) = self.appends.front() {
            if !first.pending.is_complete() || first.pending.refusal().is_some() {
                return;
            }
            let Some(done) = self.appends.pop_front() else { return };
            done.answers.into_iter().for_each(|(sender, answer)| give(sender, Ok(answer)));
        }
    }

    /// Answers those who have waited enough; their appends may still be committed.
    fn time_out(&mut self, now: Monotonic) {
        let is_due = |append: &&mut Appending| append.deadline.is_some_and(|at| at <= now);
        for append in self.appends.iter_mut().filter(is_due) {
            append.deadline = None;
            for (sender, _) in std::mem::take(&mut append.answers) {
                give(sender, Err(Unavailable::TimedOut));
            }
        }
    }

    /// The refusal of the oldest append that failed.
    fn first_refusal(&self) -> Option<AppendRefusal> {
        let refusal = |append: &Appending| append.pending.refusal();
        self.appends.iter().find_map(refusal)
    }

    fn give_up_waiting(&mut self) {
        for sender in std::mem::take(&mut self.waiting).into_values() {
            give(sender, Err(Unavailable::NotCoordinator));
        }
    }
}

/// Whoever asked may have gone.
fn give(sender: Sender, reply: Reply) {
    drop(sender.send(reply));
}
