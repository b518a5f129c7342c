//! How long to wait before the next attempt, and when to stop trying.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use crate::ClientError;

/// The waits between attempts: doubling from `initial` up to `max`, each spread by a fifth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The wait after the first failed attempt (`retry.backoff.ms`).
    pub initial: Duration,
    /// The longest wait (`retry.backoff.max.ms`).
    pub max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { initial: Duration::from_millis(100), max: Duration::from_secs(1) }
    }
}

/// Counts failed attempts and says how long to wait after each.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: RetryPolicy,
    attempts: u32,
    random: u64,
}

impl Backoff {
    /// Starts before the first attempt.
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        Self { policy, attempts: 0, random: RandomState::new().hash_one(0_u8) | 1 }
    }

    /// Notes one more failed attempt and returns the wait before the next.
    pub fn next_wait(&mut self) -> Duration {
        let doubled = self.policy.initial.saturating_mul(1 << self.attempts.min(16));
        self.attempts = self.attempts.saturating_add(1);
        self.spread(doubled.min(self.policy.max))
    }

    /// Failed attempts so far.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Forgets the failures: something worked.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }

    /// Many clients lose a broker at the same moment; the spread keeps them from coming back so.
    fn spread(&mut self, wait: Duration) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let percent = 80 + u32::try_from(self.random % 41).expect("below 41");
        wait * percent / 100
    }
}

/// Something that is asked for once at a time, as an event: wanted, asked, got or failed.
#[derive(Clone, Debug)]
pub struct Need {
    is_wanted: bool,
    is_asked: bool,
    not_before: Option<Instant>,
    backoff: Backoff,
    failure_count: u32,
}

impl Need {
    /// Nothing is wanted yet.
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        let backoff = Backoff::new(policy);
        Self { is_wanted: false, is_asked: false, not_before: None, backoff, failure_count: 0 }
    }

    /// Wants it, as soon as it may be asked for.
    pub fn want(&mut self) {
        self.is_wanted = true;
    }

    /// Whether to ask now; then it counts as asked until it is got or has failed.
    #[must_use]
    pub fn start(&mut self, now: Instant) -> bool {
        if !self.is_wanted || self.is_asked || self.waits_until(now).is_some() {
            return false;
        }
        self.is_wanted = false;
        self.is_asked = true;
        true
    }

    /// Notes that it came. It is not asked for again at once: it may not have changed anything.
    pub fn on_got(&mut self) {
        self.is_asked = false;
        self.failure_count = 0;
        self.backoff.reset();
        self.not_before = Some(Instant::now() + self.backoff.next_wait());
    }

    /// Notes that it did not come.
    pub fn on_failed(&mut self) {
        self.is_asked = false;
        self.failure_count = self.failure_count.saturating_add(1);
        self.not_before = Some(Instant::now() + self.backoff.next_wait());
    }

    /// How often it did not come since it last did.
    #[must_use]
    pub fn failure_count(&self) -> u32 {
        self.failure_count
    }

    /// When it may be asked for, if it is wanted and that is later than `now`.
    #[must_use]
    pub fn waits_until(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|not_before| self.is_wanted && *not_before > now)
    }
}

/// What a failed attempt means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Another attempt may succeed.
    Retry,
    /// Another attempt may succeed with fresh metadata.
    RefreshAndRetry,
    /// No attempt will.
    Final,
}

/// The verdict on `error`, from Kafka's own table of retriable codes.
pub(crate) fn verdict(error: &ClientError) -> Verdict {
    match error {
        ClientError::Connection(_) | ClientError::NoBroker { .. } => Verdict::RefreshAndRetry,
        ClientError::Refused { code, .. } if crate::metadata::is_stale_metadata(*code) => {
            Verdict::RefreshAndRetry
        }
        ClientError::Refused { code, .. } if code.is_retriable() => Verdict::Retry,
        _ => Verdict::Final,
    }
}

/// Sleeps for the next wait, or says that `deadline` comes first.
pub(crate) async fn wait_before(deadline: Instant, backoff: &mut Backoff) -> bool {
    let until = Instant::now() + backoff.next_wait();
    if until >= deadline {
        return false;
    }
    tokio::time::sleep_until(until).await;
    true
}

/// The time from `started` to `deadline`, in milliseconds: what is said to people.
pub(crate) fn time_given(started: Instant, deadline: Instant) -> Duration {
    let given = deadline.saturating_duration_since(started) + Duration::from_micros(500);
    Duration::from_millis(u64::try_from(given.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_to_its_maximum_within_the_spread() {
        let mut backoff = Backoff::new(RetryPolicy::default());
        let expected = [100, 200, 400, 800, 1000, 1000, 1000];
        for middle in expected {
            let wait = backoff.next_wait();
            assert!(wait >= Duration::from_millis(middle * 4 / 5), "{wait:?} for {middle}");
            assert!(wait <= Duration::from_millis(middle * 6 / 5), "{wait:?} for {middle}");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_millis(120));
    }

    #[test]
    fn backoff_after_very_many_attempts_does_not_overflow() {
        let mut backoff = Backoff::new(RetryPolicy::default());
        for _ in 0..100 {
            assert!(backoff.next_wait() <= Duration::from_millis(1200));
        }
    }
}
