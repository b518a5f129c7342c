//! The newest batches of all logs as shared bytes.
use std::sync::Arc;

/// One budget for the newest batches of all logs.
#[derive(Debug)]
pub struct TailCache {}

impl TailCache {
    /// A cache that holds at most `budget_bytes`, by allocation.
    #[must_use]
    pub fn new(_budget_bytes: u64) -> Arc<Self> {
        Arc::new(Self {})
    }

    /// Bytes that the cache keeps allocated.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        0
    }
}
