//! Log lines that clients can cause: few, and the rest counted.

use std::time::Duration;

use highwater_records::Monotonic;
use parking_lot::Mutex;

/// Lines at once before the rate counts.
const BURST_LINES: u32 = 50;

/// One more line after each of these.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Lets a line through now and then: 50 at once, then one in ten seconds, and says how many it kept back.
///
/// A million bad requests in an hour leave 410 lines.
pub(crate) struct Limiter {
    state: Mutex<State>,
}

struct State {
    lines_left: u32,
    refilled: Monotonic,
    kept_back: u64,
}

impl Default for Limiter {
    fn default() -> Self {
        let state = State { lines_left: BURST_LINES, refilled: Monotonic::ZERO, kept_back: 0 };
        Self { state: Mutex::new(state) }
    }
}

impl Limiter {
    /// `Some(count)` if a line may be written; it should say that `count` were kept back before it.
    pub(crate) fn pass(&self, now: Monotonic) -> Option<u64> {
        let mut state = self.state.lock();
        let since = now.since(state.refilled);
        let due = since.as_nanos() / LINE_EVERY.as_nanos();
        if due > 0 {
            state.lines_left = state
                .lines_left
                .saturating_add(u32::try_from(due).unwrap_or(u32::MAX))
                .min(BURST_LINES);
            state.refilled = now;
        }
        if state.lines_left == 0 {
            state.kept_back += 1;
            return None;
        }
        state.lines_left -= 1;
        Some(std::mem::take(&mut state.kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn million_bad_requests_leave_few_lines_that_count_the_rest() {
        let limiter = Limiter::default();
        let (mut lines, mut counted) = (0_u64, 0_u64);
        for number in 0..1_000_000_u64 {
            let now = Monotonic::new(Duration::from_micros(number * 3600));
            if let Some(kept_back) = limiter.pass(now) {
                lines += 1;
                counted += 1 + kept_back;
            }
        }
        assert!((300..1000).contains(&lines), "{lines}");
        assert!(counted > 990_000, "{counted}");
    }
}
