//! How much each partition of a fetch may return, and whether the whole may be answered.

/// Limits of one fetch, as the request and the broker set them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FetchPlan {
    /// Bytes of records in the whole answer; the first batch may go beyond.
    pub(crate) max_bytes: usize,
    /// Bytes that are worth an answer before the wait is over.
    pub(crate) min_bytes: usize,
}

impl FetchPlan {
    /// Takes the fields of a request; `fetch_max_bytes` is the broker's own limit. Negative sizes count as zero.
    pub(crate) fn new(max_bytes: i32, min_bytes: i32, fetch_max_bytes: usize) -> Self {
        let max_bytes = usize::try_from(max_bytes).unwrap_or(0).min(fetch_max_bytes);
        let min_bytes = usize::try_from(min_bytes).unwrap_or(0).min(max_bytes);
        Self { max_bytes, min_bytes }
    }
}

/// What is left of a fetch's bytes, partition by partition.
///
/// Source: KIP-74. Order counts: the first partition that has data returns at least one whole batch, whatever the
/// limits; after that each must fit what is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadBudget {
    left_bytes: usize,
    has_returned_data: bool,
}

/// What one partition may return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadLimit {
    pub(crate) max_bytes: usize,
    /// Whether one whole batch is returned even above `max_bytes`.
    pub(crate) at_least_one_batch: bool,
}

impl ReadBudget {
    pub(crate) fn new(plan: &FetchPlan) -> Self {
        Self { left_bytes: plan.max_bytes, has_returned_data: false }
    }

    /// What the next partition may return, itself limited to `partition_max_bytes`.
    pub(crate) fn next(&self, partition_max_bytes: i32) -> ReadLimit {
        let partition_max_bytes = usize::try_from(partition_max_bytes).unwrap_or(0);
        ReadLimit {
            max_bytes: self.left_bytes.min(partition_max_bytes),
            at_least_one_batch: !self.has_returned_data,
        }
    }

    /// Notes what a partition returned.
    pub(crate) fn took(&mut self, bytes: usize) {
        self.left_bytes = self.left_bytes.saturating_sub(bytes);
        self.has_returned_data |= bytes > 0;
    }
}

/// What is known of a fetch that was looked at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Readiness {
    pub(crate) record_bytes: usize,
    /// A partition has an error, a diverging epoch or a preferred replica: the client should know at once.
    pub(crate) has_urgent: bool,
    pub(crate) partition_count: usize,
    pub(crate) may_wait: bool,
}

impl Readiness {
    /// Whether to answer now instead of waiting for more.
    pub(crate) fn is_ready(&self, plan: &FetchPlan) -> bool {
        !self.may_wait
            || self.partition_count == 0
            || self.has_urgent
            || self.record_bytes >= plan.min_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_partition_with_data_returns_a_batch_above_every_limit() {
        let plan = FetchPlan::new(10, 1, 1000);
        let mut budget = ReadBudget::new(&plan);
        let owed = |max_bytes| ReadLimit { max_bytes, at_least_one_batch: true };
        assert_eq!(budget.next(4), owed(4));
        budget.took(0);
        assert_eq!(budget.next(40), owed(10), "the first was empty, so the second is the first");
        budget.took(700);
        assert_eq!(budget.next(40), ReadLimit { max_bytes: 0, at_least_one_batch: false });
    }

    #[test]
    fn later_partitions_fit_what_is_left() {
        let mut budget = ReadBudget::new(&FetchPlan::new(100, 1, 1000));
        budget.took(60);
        let left = |max_bytes| ReadLimit { max_bytes, at_least_one_batch: false };
        assert_eq!(budget.next(1000), left(40));
        assert_eq!(budget.next(30), left(30));
    }

    #[test]
    fn negative_and_huge_sizes_are_bounded() {
        let plan = FetchPlan::new(i32::MAX, i32::MAX, 1000);
        assert_eq!((plan.max_bytes, plan.min_bytes), (1000, 1000));
        let plan = FetchPlan::new(-1, -1, 1000);
        assert_eq!((plan.max_bytes, plan.min_bytes), (0, 0));
        assert_eq!(ReadBudget::new(&plan).next(-5).max_bytes, 0);
    }

    #[test]
    fn fetch_is_answered_for_bytes_news_nothing_to_wait_for_or_no_wait() {
        let plan = FetchPlan::new(1000, 10, 1000);
        let waiting = Readiness { partition_count: 1, may_wait: true, ..Readiness::default() };
        let table = [
            (waiting, false),
            (Readiness { record_bytes: 9, ..waiting }, false),
            (Readiness { record_bytes: 10, ..waiting }, true),
            (Readiness { has_urgent: true, ..waiting }, true),
            (Readiness { partition_count: 0, ..waiting }, true),
            (Readiness { may_wait: false, ..waiting }, true),
        ];
        for (readiness, is_ready) in table {
            assert_eq!(readiness.is_ready(&plan), is_ready, "{readiness:?}");
        }
        assert!(waiting.is_ready(&FetchPlan::new(1000, 0, 1000)), "min_bytes 0 never waits");
    }
}
