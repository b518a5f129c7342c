//! Deadlines of all groups of one coordinator, in order.

use std::collections::{BTreeMap, BTreeSet};

use highwater_protocol::Str;
use highwater_records::Monotonic;

/// What ends at a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKind {
    /// Classic: the wait for joining members; of the group.
    Join,
    /// Classic: the wait for members to sync; of the group.
    Sync,
    /// Classic: a member's session or its disconnect deadline.
    Session,
    /// Classic: an id that was given and not used.
    Pending,
    /// Consumer: a member's session or its disconnect deadline.
    ConsumerSession,
    /// Consumer: a member must have revoked.
    ConsumerRebalance,
    /// Consumer: a classic member of a consumer group must have joined.
    ConsumerJoin,
    /// Consumer: a classic member of a consumer group must have synced.
    ConsumerSync,
    /// Consumer: a new target may be computed; of the group.
    ConsumerAssign,
}

/// One deadline: of a group (`member` empty) or of a member.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey {
    pub(crate) group: Str,
    pub(crate) kind: TimerKind,
    pub(crate) member: Str,
}

impl TimerKey {
    /// A deadline of the group as a whole.
    pub(crate) fn of_group(group: &Str, kind: TimerKind) -> Self {
        Self { group: group.clone(), kind, member: Str::default() }
    }

    /// A deadline of one member.
    pub(crate) fn of_member(group: &Str, kind: TimerKind, member: &Str) -> Self {
        Self { group: group.clone(), kind, member: member.clone() }
    }
}

/// All deadlines; each key has at most one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Monotonic, TimerKey)>,
    by_key: BTreeMap<TimerKey, Monotonic>,
}

impl Timers {
    /// Sets or moves a deadline.
    pub(crate) fn set(&mut self, key: TimerKey, at: Monotonic) {
        if let Some(before) = self.by_key.insert(key.clone(), at) {
            if before == at {
                return;
            }
            let old = (before, key);
            self.by_time.remove(&old);
            self.by_time.insert((at, old.1));
        } else {
            self.by_time.insert((at, key));
        }
    }

    /// Sets a deadline, unless it is set to an earlier time.
    pub(crate) fn set_earlier(&mut self, key: TimerKey, at: Monotonic) {
        if self.get(&key).is_none_or(|before| at < before) {
            self.set(key, at);
        }
    }

    /// Forgets a deadline; says whether there was one.
    pub(crate) fn cancel(&mut self, key: &TimerKey) -> bool {
        match self.by_key.remove(key) {
            Some(at) => self.by_time.remove(&(at, key.clone())),
            None => false,
        }
    }

    /// When this one ends.
    pub(crate) fn get(&self, key: &TimerKey) -> Option<Monotonic> {
        self.by_key.get(key).copied()
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Monotonic> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest deadline that has passed.
    pub(crate) fn pop_due(&mut self, now: Monotonic) -> Option<TimerKey> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }
}
