//! What can be set for a log.

use highwater_records::Mutant;

/// Settings of one log; the fields are Kafka's keys, word for word.
///
/// The broker reads `server.properties` and topic configs and builds this; a change of topic
/// config replaces it by [`crate::Log::set_config`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// A segment is rolled before it would exceed this.
    pub segment_bytes: u64,
    /// A segment is rolled when a batch is this much younger than its first batch.
    pub segment_ms: u64,
    /// Random share of `segment_ms` by which this log rolls earlier, drawn by the caller from
    /// `0..=segment.jitter.ms`, so that the logs of a broker do not all roll at once.
    pub segment_jitter_ms: u64,
    /// Log bytes between two entries of the offset index.
    pub index_interval_bytes: u64,
    /// A segment is rolled when one of its indexes would exceed this.
    pub segment_index_bytes: u64,
    /// Whether the space of a new segment is reserved at once (never by a tail of zeros).
    pub preallocate: bool,
    /// Room kept reserved past the log end, so that this log can be written when the disk is full;
    /// not a key. Zero: a little is reserved as it is needed.
    pub reserved_ahead_bytes: u64,
    /// A producer that was silent this long is forgotten.
    pub producer_id_expiration_ms: u64,
    /// [`crate::Log::wants_flush`] after this many records.
    pub flush_messages: u64,
    /// [`crate::Log::wants_flush`] after this long.
    pub flush_ms: u64,
    /// A wrong variant, in builds that have them.
    pub mutant: Mutant,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3600 * 1000,
            segment_jitter_ms: 0,
            index_interval_bytes: 4096,
            segment_index_bytes: 10 << 20,
            preallocate: false,
            reserved_ahead_bytes: 0,
            producer_id_expiration_ms: 24 * 3600 * 1000,
            flush_messages: u64::MAX,
            flush_ms: u64::MAX,
            mutant: Mutant::NONE,
        }
    }
}
