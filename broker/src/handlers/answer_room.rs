//! What one answer about several groups may take, and which groups it is about.
//!
//! Differs from Kafka: once the groups of a DescribeGroups, ConsumerGroupDescribe or OffsetFetch take 16 MiB of the answer, those that
//! follow are refused as COORDINATOR_LOAD_IN_PROGRESS, so that clients ask for them again; Kafka answers in any size.
//!
//! Differs from Kafka: DescribeGroups and ConsumerGroupDescribe answer once for a group that is named several times, as both do for
//! DeleteGroups; Kafka answers each time.

use std::collections::BTreeSet;

use highwater_protocol::Str;

/// Bytes of groups after which an answer has room for no other. One group is answered whatever it takes, so whoever asks again for
/// those that were refused comes to an end.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// What is left of an answer.
pub(super) struct AnswerRoom {
    left_bytes: usize,
}

impl AnswerRoom {
    pub(super) fn new() -> Self {
        Self { left_bytes: ANSWER_BYTES_MAX }
    }

    /// Whether no other group may be added.
    pub(super) fn is_used_up(&self) -> bool {
        self.left_bytes == 0
    }

    /// A group of about so many bytes was added.
    pub(super) fn take(&mut self, bytes: usize) {
        self.left_bytes = self.left_bytes.saturating_sub(bytes);
    }
}

/// Each group once, in the order in which they were first named.
pub(super) fn once_each(group_ids: Vec<Str>) -> impl Iterator<Item = Str> {
    let mut seen = BTreeSet::new();
    group_ids.into_iter().filter(move |group_id| seen.insert(group_id.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_that_fills_an_answer_is_the_last() {
        let mut room = AnswerRoom::new();
        room.take(ANSWER_BYTES_MAX - 1);
        assert!(!room.is_used_up());
        room.take(usize::MAX);
        assert!(room.is_used_up());
    }

    #[test]
    fn a_group_is_asked_for_once_where_it_was_first_named() {
        let named = ["b", "a", "b", "", "c", "a", ""].map(Str::from_static).to_vec();
        let asked: Vec<Str> = once_each(named).collect();
        assert_eq!(asked, ["b", "a", "", "c"].map(Str::from_static));
    }
}
