//! Appends whose answer waits for the high watermark.

use std::collections::BTreeMap;

use highwater_records::Offset;

/// Names one waiting append, to cancel it at its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    end: Offset,
    number: u64,
}

/// The `acks=all` appends of one partition that are not yet committed, ordered by the offset they wait for.
///
/// Duplicates of a batch that is not yet committed wait too, so the order of arrival is not the order of offsets.
/// Its size is bounded by the requests in flight: each of them is in here once per partition, and leaves at its
/// deadline.
#[derive(Debug)]
pub struct WaitingAppends<W> {
    waiting: BTreeMap<Ticket, W>,
    next_number: u64,
}

impl<W> Default for WaitingAppends<W> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), next_number: 0 }
    }
}

impl<W> WaitingAppends<W> {
    /// Names an append that is committed once the high watermark is at or above `end` (exclusive end of the batch).
    pub fn next_ticket(&mut self, end: Offset) -> Ticket {
        let ticket = Ticket { end, number: self.next_number };
        self.next_number += 1;
        ticket
    }

    /// Adds the append that `ticket` names.
    pub fn wait(&mut self, ticket: Ticket, waiter: W) {
        let replaced = self.waiting.insert(ticket, waiter);
        assert!(replaced.is_none(), "a ticket names one append");
    }

    /// Takes out an append that no longer waits; `None` if it was completed meanwhile.
    pub fn cancel(&mut self, ticket: Ticket) -> Option<W> {
        self.waiting.remove(&ticket)
    }

    /// Takes out all appends that end at or below the high watermark, in the order of their offsets.
    pub fn complete_through(&mut self, high_watermark: Offset) -> Vec<W> {
        let mut done = Vec::new();
        while let Some(first) = self.waiting.first_entry() {
            if first.key().end > high_watermark {
                break;
            }
            done.push(first.remove());
        }
        done
    }

    /// Takes out everything: the replica went offline, lost leadership or is being deleted.
    pub fn take_all(&mut self) -> Vec<W> {
        std::mem::take(&mut self.waiting).into_values().collect()
    }

    /// Number of appends that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn append_above_the_high_watermark_keeps_waiting() {
        let mut waiting = WaitingAppends::default();
        for (end, name) in [(3, "b"), (2, "duplicate of a"), (4, "c")] {
            let ticket = waiting.next_ticket(Offset::new(end));
            waiting.wait(ticket, name);
        }
        assert_eq!(waiting.complete_through(Offset::new(3)), ["duplicate of a", "b"]);
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting.complete_through(Offset::new(3)), Vec::<&str>::new());
    }

    #[test]
    fn cancelled_append_is_completed_once_only() {
        let mut waiting = WaitingAppends::default();
        let ticket = waiting.next_ticket(Offset::new(1));
        waiting.wait(ticket, "a");
        let other = waiting.next_ticket(Offset::new(1));
        waiting.wait(other, "b");
        assert_eq!(waiting.cancel(ticket), Some("a"));
        assert_eq!(waiting.cancel(ticket), None);
        assert_eq!(waiting.take_all(), ["b"]);
        assert!(waiting.is_empty());
    }
}
