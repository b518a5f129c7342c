//! One pass over a partition's queue, by whoever holds its lock.

use std::collections::VecDeque;
use std::sync::Arc;

use highwater_controller::config::TopicSettings;
use highwater_records::{Mutation, NodeId, Now, Offset};
use highwater_replication::{Acks, Durability, Effects, Leader, WaitFor, WaitingAppends};
use highwater_storage::{AppendError, Appended, Log, Refusal, StorageFault};
use smallvec::SmallVec;

use super::pending::{AppendDone, AppendRefusal, AppendReply, AppendResult};
use super::queue::Append;
use super::view::{LeaderView, NotServing, PartitionView};

/// What only the holder of the partition's lock touches.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) replica: Replica,
    /// Room that the queue and the turns pass to and fro.
    pub(crate) drained: VecDeque<Append>,
    /// Room for the appends of a turn that are in the log and not yet answered.
    written: Vec<Written>,
}

/// What this broker has of the partition.
#[derive(Debug)]
pub(crate) enum Replica {
    Leading(Box<Leading>),
    Offline(Arc<str>),
    Gone,
}

/// A replica that leads.
#[derive(Debug)]
pub(crate) struct Leading {
    pub(crate) log: Log,
    pub(crate) leader: Leader,
    pub(crate) settings: Arc<TopicSettings>,
    /// The other replicas.
    pub(crate) followers: Arc<[NodeId]>,
}

#[derive(Debug)]
struct Written {
    reply: AppendReply,
    acks: Acks,
    appended: Appended,
}

/// An append that is in the log and waits for the high watermark.
#[derive(Debug)]
pub(crate) struct WaitingAppend {
    pub(crate) reply: AppendReply,
    pub(crate) done: AppendDone,
}

/// What is to be done once the lock is released.
#[derive(Debug, Default)]
#[must_use = "waiters hang if it is dropped undone"]
pub(crate) struct Aftermath {
    pub(crate) answers: SmallVec<[(AppendReply, AppendResult); 4]>,
    pub(crate) wakes_readers: bool,
    pub(crate) requests_sync: bool,
    /// Bytes written in `fsync` and in `os` mode; they count towards the next move of the recovery points.
    pub(crate) fsync_bytes: u64,
    pub(crate) os_bytes: u64,
    /// The disk failed: the log directory goes offline.
    pub(crate) fault: Option<StorageFault>,
    /// The disk has no room for what was to be appended.
    pub(crate) is_disk_full: bool,
}

impl Aftermath {
    fn refuse(&mut self, appends: impl Iterator<Item = Append>, refusal: &AppendRefusal) {
        self.answers.extend(appends.map(|append| (append.reply, Err(refusal.clone()))));
    }
}

impl Writer {
    pub(crate) fn new(replica: Replica) -> Self {
        Self { replica, drained: VecDeque::new(), written: Vec::new() }
    }

    /// Appends everything that was drained, with one write, and says what follows from it.
    ///
    /// The caller publishes the view before it does the aftermath. Returns where the new records begin, if there are any.
    pub(crate) fn append_drained(
        &mut self,
        now: Now,
        waiting: &parking_lot::Mutex<WaitingAppends<WaitingAppend>>,
        aftermath: &mut Aftermath,
    ) -> Option<Offset> {
        let leading = match &mut self.replica {
            Replica::Leading(leading) => leading,
            Replica::Offline(reason) => {
                let refusal = AppendRefusal::Offline(Arc::clone(reason));
                aftermath.refuse(self.drained.drain(..), &refusal);
                return None;
            }
            Replica::Gone => {
                aftermath.refuse(self.drained.drain(..), &AppendRefusal::Gone);
                return None;
            }
        };
        let end_before = leading.log.log_end_offset();
        let written_bytes = match leading.leader.durability() {
            Durability::Fsync => &mut aftermath.fsync_bytes,
            Durability::Os => &mut aftermath.os_bytes,
        };
        for append in self.drained.drain(..) {
            let size_bytes = u64::try_from(append.batch.header.size_bytes()).unwrap_or(0);
            let Append { batch, acks, leader_epoch, at, reply } = append;
            if let Err(refusal) = leading.leader.check_append(acks, leader_epoch) {
                aftermath.answers.push((reply, Err(refusal.into())));
                continue;
            }
            let log_end = leading.log.next_append_offset();
            if let Some(expected) = at.filter(|expected| *expected != log_end) {
                let refusal = AppendRefusal::NotAtEnd { log_end, expected };
                aftermath.answers.push((reply, Err(refusal)));
                continue;
            }
            match leading.log.append(batch, leading.leader.epoch(), now.wall) {
                Ok(appended) => {
                    if !appended.duplicate {
                        *written_bytes += size_bytes;
                    }
                    self.written.push(Written { reply, acks, appended });
                }
                Err(AppendError::Refused(refusal)) => {
                    aftermath.is_disk_full |= is_disk_full(&refusal);
                    aftermath.answers.push((reply, Err(refusal.into())));
                }
                // Everything else of this turn meets the same fault in `flush_writes`.
                Err(AppendError::Fault(fault)) => {
                    aftermath.answers.push((reply, Err(offline(&fault))));
                    aftermath.fault.get_or_insert(fault);
                }
            }
        }
        let refusal = match leading.log.flush_writes() {
            Ok(()) => None,
            Err(AppendError::Refused(refusal)) => {
                aftermath.is_disk_full |= is_disk_full(&refusal);
                Some(AppendRefusal::from(refusal))
            }
            Err(AppendError::Fault(fault)) => {
                let refusal = offline(&fault);
                aftermath.fault.get_or_insert(fault);
                Some(refusal)
            }
        };
        let end = leading.log.log_end_offset();
        assert!(end >= end_before, "an append never shortens the log");
        let mut effects = leading.leader.on_appended(end);
        if leading.log.mutant().is(Mutation::AnsweredBeforeSync) {
            effects = effects.and(leading.leader.on_synced(end));
        }
        leading.settle(self.written.drain(..), end, refusal, waiting, aftermath);
        leading.act(effects, waiting, aftermath);
        aftermath.requests_sync |= leading.log.wants_flush(now.wall);
        (end > end_before).then_some(end_before)
    }
}

impl Leading {
    /// Does what the machine asks for; the view is published after it.
    pub(crate) fn act(
        &mut self,
        effects: Effects,
        waiting: &parking_lot::Mutex<WaitingAppends<WaitingAppend>>,
        aftermath: &mut Aftermath,
    ) {
        aftermath.requests_sync |= effects.requests_sync();
        let Some(high_watermark) = effects.high_watermark() else { return };
        self.log.on_high_watermark(high_watermark);
        let completed = waiting.lock().complete_through(high_watermark);
        let allowed = self.leader.check_acknowledge();
        for WaitingAppend { reply, done } in completed {
            let result = allowed.map(|()| done).map_err(AppendRefusal::from);
            aftermath.answers.push((reply, result));
        }
    }

    /// Answers what the write completed; the rest begins to wait for the high watermark.
    fn settle(
        &self,
        written: impl Iterator<Item = Written>,
        end: Offset,
        refusal: Option<AppendRefusal>,
        waiting: &parking_lot::Mutex<WaitingAppends<WaitingAppend>>,
        aftermath: &mut Aftermath,
    ) {
        let log_start_offset = self.log.log_start_offset();
        for Written { reply, acks, appended } in written {
            if appended.last_offset >= end {
                let refusal =
                    refusal.clone().expect("a write that succeeded ends above its batches");
                aftermath.answers.push((reply, Err(refusal)));
                continue;
            }
            let done = AppendDone {
                base_offset: appended.base_offset,
                end_offset: appended.last_offset.next(),
                log_append_time: appended.log_append_time,
                log_start_offset,
            };
            let hurries =
                appended.duplicate && self.log.mutant().is(Mutation::DuplicateAnsweredAtOnce);
            match acks.wait_for(done.end_offset) {
                WaitFor::LocalAppend => aftermath.answers.push((reply, Ok(done))),
                WaitFor::HighWatermark { at_least }
                    if hurries || at_least <= self.leader.high_watermark() =>
                {
                    let allowed = self.leader.check_acknowledge();
                    let result = allowed.map(|()| done).map_err(AppendRefusal::from);
                    aftermath.answers.push((reply, result));
                }
                // A duplicate of a batch that is not yet committed waits like the first one did.
                WaitFor::HighWatermark { at_least } => {
                    let mut waiting = waiting.lock();
                    let ticket = waiting.next_ticket(at_least);
                    reply.note_appended(ticket);
                    waiting.wait(ticket, WaitingAppend { reply, done });
                }
            }
        }
    }

    /// What readers may see from now on.
    pub(crate) fn view(&self) -> LeaderView {
        let high_watermark = self.leader.high_watermark();
        let first_unstable = self.log.first_unstable_offset(high_watermark);
        LeaderView {
            epoch: self.leader.epoch(),
            epoch_start: self.leader.epoch_start(),
            high_watermark,
            last_stable_offset: self.leader.last_stable_offset(first_unstable),
            followers: Arc::clone(&self.followers),
            settings: Arc::clone(&self.settings),
            log: self.log.view(),
        }
    }
}

impl Replica {
    pub(crate) fn view(&self) -> PartitionView {
        match self {
            Self::Leading(leading) => PartitionView::Leading(leading.view()),
            Self::Offline(reason) => PartitionView::Offline(Arc::clone(reason)),
            Self::Gone => PartitionView::Gone,
        }
    }

    pub(crate) fn leading(&mut self) -> Result<&mut Leading, NotServing> {
        match self {
            Self::Leading(leading) => Ok(leading),
            Self::Offline(reason) => Err(NotServing::Offline(Arc::clone(reason))),
            Self::Gone => Err(NotServing::Gone),
        }
    }
}

fn is_disk_full(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::DiskFull { .. })
}

fn offline(fault: &StorageFault) -> AppendRefusal {
    AppendRefusal::Offline(Arc::from(fault.to_string()))
}
