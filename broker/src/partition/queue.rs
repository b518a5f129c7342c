//! Appends that wait for the next turn.

use std::collections::VecDeque;

use highwater_records::{LeaderEpoch, Offset};
use highwater_replication::Acks;
use highwater_storage::ValidatedBatch;
use parking_lot::Mutex;

use super::pending::AppendReply;

/// Appends one partition's queue may hold; beyond it an append is refused and the client retries.
///
/// Only a turn that is stuck in the disk lets it grow so far: every turn takes all there is.
pub(super) const QUEUED_APPENDS_MAX: usize = 4096;

/// One batch on its way into the log.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) batch: ValidatedBatch,
    pub(crate) acks: Acks,
    /// The leader epoch the caller believes in, if it has one.
    pub(crate) leader_epoch: Option<LeaderEpoch>,
    /// Where the batch has to begin, for a caller that is the only writer: refused anywhere else. So what it
    /// queued behind an append that was refused is refused as well.
    pub(crate) at: Option<Offset>,
    pub(crate) reply: AppendReply,
}

/// A bounded queue with a short lock.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    appends: Mutex<VecDeque<Append>>,
}

impl Queue {
    /// Puts an append at the end; gives it back if the queue is full.
    pub(crate) fn push(&self, append: Append) -> Option<Append> {
        let mut appends = self.appends.lock();
        if appends.len() >= QUEUED_APPENDS_MAX {
            return Some(append);
        }
        appends.push_back(append);
        None
    }

    /// Moves everything into `into`, which is empty and whose room goes to the queue.
    pub(crate) fn drain_into(&self, into: &mut VecDeque<Append>) {
        assert!(into.is_empty(), "a turn takes out what it drained");
        std::mem::swap(&mut *self.appends.lock(), into);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.appends.lock().is_empty()
    }
}
