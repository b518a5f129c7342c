//! Deadlines of all groups of one coordinator, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

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
///
/// One that is moved back, as each heartbeat does it, stays in the queue at its old time: when that comes it is put where it
/// belongs, and nothing is due.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    queue: BTreeSet<(Monotonic, TimerKey)>,
    deadlines: BTreeMap<TimerKey, Deadline>,
}

#[derive(Clone, Copy, Debug)]
struct Deadline {
    at: Monotonic,
    /// Where it is in the queue; never later than `at`.
    queued_at: Monotonic,
}

/// When one deadline in the queue has turned out to be later, those of the time that follows are looked at too: sessions of many
/// members, moved back by their heartbeats, wake the host once and not one by one.
const LOOK_AHEAD: Duration = Duration::from_secs(10);

impl Timers {
    /// Sets or moves a deadline.
    pub(crate) fn set(&mut self, key: TimerKey, at: Monotonic) {
        if let Some(deadline) = self.deadlines.get_mut(&key) {
            deadline.at = at;
            if at >= deadline.queued_at {
                return;
            }
            let queued_at = std::mem::replace(&mut deadline.queued_at, at);
            let old = (queued_at, key);
            self.queue.remove(&old);
            self.queue.insert((at, old.1));
        } else {
            self.queue.insert((at, key.clone()));
            self.deadlines.insert(key, Deadline { at, queued_at: at });
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
        match self.deadlines.remove(key) {
            Some(deadline) => self.queue.remove(&(deadline.queued_at, key.clone())),
            None => false,
        }
    }

    /// When this one ends.
    pub(crate) fn get(&self, key: &TimerKey) -> Option<Monotonic> {
        self.deadlines.get(key).map(|deadline| deadline.at)
    }

    /// A time at or before the earliest deadline: when to ask what is due.
    pub(crate) fn next(&self) -> Option<Monotonic> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest deadline that has passed.
    pub(crate) fn pop_due(&mut self, now: Monotonic) -> Option<TimerKey> {
        while self.next()? <= now {
            let (_, key) = self.queue.first()?;
            if self.deadlines.get(key).is_some_and(|deadline| deadline.at > now) {
                self.queue_again(now.plus(LOOK_AHEAD));
                continue;
            }
            let (_, key) = self.queue.pop_first()?;
            self.deadlines.remove(&key);
            return Some(key);
        }
        None
    }

    /// Puts what is queued up to `until` where it belongs.
    fn queue_again(&mut self, until: Monotonic) {
        let is_moved = |queued_at: Monotonic, key: &TimerKey| {
            self.deadlines.get(key).is_some_and(|deadline| deadline.at > queued_at)
        };
        let looked_at = self.queue.iter().take_while(|(queued_at, _)| *queued_at <= until);
        let moved = looked_at.filter(|(queued_at, key)| is_moved(*queued_at, key));
        for entry in moved.cloned().collect::<Vec<_>>() {
            self.queue.remove(&entry);
            let (_, key) = entry;
            let Some(deadline) = self.deadlines.get_mut(&key) else { continue };
            deadline.queued_at = deadline.at;
            self.queue.insert((deadline.at, key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::new(Duration::from_secs(seconds))
    }

    fn key(member: &str) -> TimerKey {
        TimerKey::of_member(&Str::from("g"), TimerKind::Session, &Str::from(member))
    }

    #[test]
    fn deadline_that_is_moved_is_due_at_its_new_time_only() {
        let mut timers = Timers::default();
        for (member, seconds) in [("a", 10), ("b", 11), ("c", 12), ("a", 50), ("b", 60), ("c", 5)] {
            timers.set(key(member), at(seconds));
        }
        assert_eq!((timers.next(), timers.pop_due(at(4))), (Some(at(5)), None));
        assert_eq!(timers.pop_due(at(5)), Some(key("c")));
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.pop_due(at(10)), None);
        assert_eq!(timers.next(), Some(at(50)), "both are looked at once");
        timers.set_earlier(key("b"), at(70));
        timers.set_earlier(key("b"), at(40));
        assert_eq!(timers.pop_due(at(60)), Some(key("b")));
        assert_eq!(timers.pop_due(at(60)), Some(key("a")));
        assert_eq!((timers.next(), timers.pop_due(at(999))), (None, None));
    }

    #[test]
    fn deadline_that_was_moved_and_cancelled_leaves_nothing() {
        let mut timers = Timers::default();
        timers.set(key("a"), at(10));
        timers.set(key("a"), at(20));
        assert!(timers.cancel(&key("a")));
        assert!(!timers.cancel(&key("a")));
        assert_eq!((timers.get(&key("a")), timers.next()), (None, None));
    }
}
