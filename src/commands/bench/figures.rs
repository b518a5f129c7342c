//! What a run says at its end.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Longer ones count as this long.
const LATENCY_MAX: Duration = Duration::from_secs(120);

/// Latencies to three digits.
#[derive(Clone, Debug)]
pub(super) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(super) fn new() -> Self {
        let max = u64::try_from(LATENCY_MAX.as_nanos()).expect("two minutes in nanoseconds");
        Self(Histogram::new_with_max(max, 3).expect("constant bounds"))
    }

    pub(super) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("the same bounds");
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// For programs, in milliseconds; null where nothing was measured.
    pub(super) fn json(&self) -> Value {
        if self.0.is_empty() {
            return Value::Null;
        }
        let mut all = serde_json::Map::new();
        for (name, value) in self.named() {
            all.insert(name.to_owned(), json!(value));
        }
        Value::Object(all)
    }

    /// For people.
    pub(super) fn cells(&self) -> Vec<String> {
        if self.0.is_empty() {
            return vec!["-".to_owned(); HEADER.len()];
        }
        self.named().iter().map(|(_, ms)| milliseconds(*ms)).collect()
    }

    fn named(&self) -> [(&'static str, f64); 5] {
        let ms = |nanoseconds: u64| Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3;
        let quantile = |quantile| ms(self.0.value_at_quantile(quantile));
        [
            ("p50", quantile(0.5)),
            ("p90", quantile(0.9)),
            ("p99", quantile(0.99)),
            ("p99.9", quantile(0.999)),
            ("max", ms(self.0.max())),
        ]
    }
}

/// The columns of [`Latencies::cells`].
pub(super) const HEADER: [&str; 5] = ["p50", "p90", "p99", "p99.9", "max"];

/// How much, and in what time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amount {
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) time: Duration,
}

impl Amount {
    pub(super) fn records_per_s(&self) -> f64 {
        per_second(self.records, self.time)
    }

    /// Keys and values, uncompressed.
    pub(super) fn mb_per_s(&self) -> f64 {
        per_second(self.bytes, self.time) / 1e6
    }

    pub(super) fn cells(&self) -> Vec<String> {
        vec![
            self.records.to_string(),
            format!("{:.1}", self.time.as_secs_f64()),
            format!("{:.0}", self.records_per_s()),
            format!("{:.1}", self.mb_per_s()),
        ]
    }
}

/// The columns of [`Amount::cells`].
pub(super) const AMOUNT_HEADER: [&str; 4] = ["records", "seconds", "records/s", "MB/s"];

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-9)
}

/// As many digits as were measured.
fn milliseconds(ms: f64) -> String {
    match ms {
        ms if ms >= 100.0 => format!("{ms:.0} ms"),
        ms if ms >= 10.0 => format!("{ms:.1} ms"),
        ms if ms >= 1.0 => format!("{ms:.2} ms"),
        ms => format!("{:.0} us", ms * 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_told_in_the_unit_that_fits() {
        for (ms, expected) in
            [(0.0421, "42 us"), (1.236, "1.24 ms"), (25.04, "25.0 ms"), (1234.4, "1234 ms")]
        {
            assert_eq!(milliseconds(ms), expected);
        }
    }

    #[test]
    fn latencies_of_nothing_are_no_zeros() {
        assert_eq!(Latencies::new().json(), Value::Null);
        assert_eq!(Latencies::new().cells(), ["-"; 5]);
        let mut one = Latencies::new();
        one.record(Duration::from_millis(5));
        assert!((one.json()["p99.9"].as_f64().unwrap() - 5.0).abs() < 0.01);
    }
}
