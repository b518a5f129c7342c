//! Numbers for the operator: counted on the way by atomics, and gathered from the parts when somebody asks.
//!
//! **Invariant:** what a request does here is a few atomic additions; nothing is looked up by name.
//! **Invariant:** a label whose values clients choose has a bound on its values, and what is left out is counted.
//!
//! Start at [`Metrics::observe`] for what is counted, at [`scrape::text`] for what is gathered.

mod answer_errors;
mod histogram;
mod lag;
pub(crate) mod scrape;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use highwater_protocol::ApiKey;
use highwater_records::ErrorCode;

pub(crate) use answer_errors::AnswerErrors;
pub(crate) use histogram::{Histogram, Picture};

use crate::net::dispatch::{SERVED, row_of};

/// What is counted on the way of requests.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// One for each row of [`SERVED`].
    apis: Vec<ApiMetrics>,
}

/// The requests of one API.
#[derive(Debug)]
struct ApiMetrics {
    /// From the arrival of a request to its answer; its count is the number of answers.
    latency: Histogram,
    /// Answers by the first error in them; by code, from -1 on.
    by_error: Box<[AtomicU64]>,
}

/// One API at one moment.
pub(crate) struct ApiPicture {
    pub(crate) name: &'static str,
    pub(crate) latency: Picture,
    /// Errors that were seen, and "none".
    pub(crate) by_error: Vec<(&'static str, u64)>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let codes = ErrorCode::ALL.iter().map(|code| slot(*code) + 1).max().unwrap_or(1);
        let api = |_| ApiMetrics {
            latency: Histogram::default(),
            by_error: (0..codes).map(|_| AtomicU64::new(0)).collect(),
        };
        Self { apis: SERVED.iter().map(api).collect() }
    }

    /// Counts an answer.
    pub(crate) fn observe(&self, key: ApiKey, latency: Duration, error: ErrorCode) {
        let Some(api) = row_of(key).and_then(|row| self.apis.get(row)) else { return };
        api.latency.observe(latency);
        if let Some(count) = api.by_error.get(slot(error)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn picture(&self) -> Vec<ApiPicture> {
        let apis = SERVED.iter().zip(&self.apis);
        apis.map(|(served, api)| ApiPicture {
            name: served.key.name(),
            latency: api.latency.picture(),
            by_error: ErrorCode::ALL
                .iter()
                .map(|code| (*code, api.by_error[slot(*code)].load(Ordering::Relaxed)))
                .filter(|(code, count)| code.is_none() || *count > 0)
                .map(|(code, count)| (code.name(), count))
                .collect(),
        })
        .collect()
    }
}

/// Where the answers with this error are counted; a code that no release knows is none of ours.
fn slot(code: ErrorCode) -> usize {
    usize::try_from(i32::from(code.code()) + 1).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_api_and_error() {
        let metrics = Metrics::new();
        let millisecond = Duration::from_millis(1);
        metrics.observe(ApiKey::Produce, millisecond, ErrorCode::None);
        metrics.observe(ApiKey::Produce, millisecond, ErrorCode::NotLeaderOrFollower);
        metrics.observe(ApiKey::Heartbeat, millisecond, ErrorCode::UnknownServerError);
        let pictures = metrics.picture();
        let of = |name: &str| pictures.iter().find(|api| api.name == name).unwrap();
        assert_eq!(of("Produce").latency.count, 2);
        assert_eq!(of("Produce").by_error, [("NONE", 1), ("NOT_LEADER_OR_FOLLOWER", 1)]);
        assert_eq!(of("Heartbeat").by_error, [("UNKNOWN_SERVER_ERROR", 1), ("NONE", 0)]);
        assert_eq!(of("Fetch").latency.count, 0);
    }
}
