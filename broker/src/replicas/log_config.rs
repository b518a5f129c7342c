//! What a topic's configuration means to its logs.

use highwater_controller::config::TopicSettings;
use highwater_records::Mutant;
use highwater_storage::LogConfig;

use crate::seams::Random;

/// The settings of one log. The jitter is drawn for each log, so that the logs of a broker do not all roll at once.
pub(super) fn log_config(settings: &TopicSettings, random: &Random) -> LogConfig {
    // What must be compacted by then must not lie in the active segment any more.
    let segment_ms = match settings.cleanup_policy.compact {
        true => settings.segment_ms.min(settings.max_compaction_lag_ms),
        false => settings.segment_ms,
    };
    let segment_jitter_ms = unsigned(settings.segment_jitter_ms).min(unsigned(segment_ms));
    LogConfig {
        segment_bytes: unsigned(i64::from(settings.segment_bytes)),
        segment_ms: unsigned(segment_ms),
        segment_jitter_ms: random.below(segment_jitter_ms.saturating_add(1)),
        index_interval_bytes: unsigned(i64::from(settings.index_interval_bytes)),
        segment_index_bytes: unsigned(i64::from(settings.segment_index_bytes)),
        preallocate: settings.preallocate,
        producer_id_expiration_ms: unsigned(i64::from(settings.producer_id_expiration_ms)),
        reserved_ahead_bytes: 0,
        flush_messages: unsigned(settings.flush_messages),
        flush_ms: unsigned(settings.flush_ms),
        mutant: Mutant::NONE,
    }
}

/// Values have passed their definition's bounds; below zero there is nothing sensible but zero.
fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_settings_are_the_topics() {
        let settings = TopicSettings {
            segment_bytes: 1_048_576,
            segment_jitter_ms: 1000,
            preallocate: true,
            ..TopicSettings::default()
        };
        let config = log_config(&settings, &Random::new(1));
        assert_eq!(config.segment_bytes, 1_048_576);
        assert!(config.segment_jitter_ms <= 1000);
        assert!(config.preallocate);
        assert_eq!(config.producer_id_expiration_ms, 86_400_000, "Kafka's default");
        assert_eq!(config.flush_messages, u64::try_from(i64::MAX).unwrap());
    }
}
