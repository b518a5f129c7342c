//! Sockets: who gets in, how requests arrive in order, how answers leave in order, and what it may cost.

pub(crate) mod admission;
pub(crate) mod answers;
pub(crate) mod budget;
pub(crate) mod connection;
pub(crate) mod dispatch;
pub(crate) mod gate;
pub(crate) mod input;
pub(crate) mod limits;
pub(crate) mod listener;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use highwater_storage::BufferPool;
use tokio_util::sync::CancellationToken;

use crate::config::Limits;
use highwater_records::Mutant;

use crate::net::budget::MemoryBudget;
use crate::net::limits::Limiter;
use crate::seams::Clock;

/// What every connection of a broker shares, and needs to know of the broker.
pub(crate) struct Net {
    pub(crate) limits: Limits,
    pub(crate) clock: Arc<dyn Clock>,
    /// Bytes of requests, from before they are read until they have taken effect.
    pub(crate) requests: MemoryBudget,
    /// Bytes of answers, until they are written.
    pub(crate) responses: MemoryBudget,
    /// For large requests.
    pub(crate) buffers: Arc<BufferPool>,
    pub(crate) counters: Counters,
    /// Log lines that clients can cause.
    pub(crate) limiter: Limiter,
    pub(crate) stop: Stop,
    /// Connections ever accepted: the number of the next one.
    pub(crate) connection_count: AtomicU64,
    pub(crate) mutant: Mutant,
}

impl Net {
    /// Shares the byte budget between requests and answers.
    pub(crate) fn new(limits: Limits, clock: Arc<dyn Clock>, panics: Arc<AtomicU64>) -> Self {
        let half = limits.queued_max_request_bytes / 2;
        Self {
            limits,
            clock,
            requests: MemoryBudget::new(half),
            responses: MemoryBudget::new(half),
            buffers: BufferPool::new(half),
            counters: Counters { panics, ..Counters::default() },
            limiter: Limiter::default(),
            stop: Stop::default(),
            connection_count: AtomicU64::new(0),
            mutant: Mutant::NONE,
        }
    }
}

/// Least room for one fetch answer when memory is short; whole first batches come on top.
const RESPONSE_SHARE_BYTES_MIN: usize = 64 * 1024;

/// One answer may take so much of the memory that is left: slow readers leave some to the others.
const RESPONSE_SHARE: usize = 8;

impl Net {
    /// Most record bytes that one fetch answer may hold now.
    pub(crate) fn response_share_bytes(&self) -> usize {
        RESPONSE_SHARE_BYTES_MIN.max(self.responses.free_bytes() / RESPONSE_SHARE)
    }
}

/// Numbers an operator asks for. Relaxed: none of them guards anything.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections_open: AtomicU64,
    pub(crate) connections_accepted: AtomicU64,
    /// Reset at accept, by a limit.
    pub(crate) connections_refused: AtomicU64,
    /// Closed because of what arrived on them, or did not.
    pub(crate) connections_offended: AtomicU64,
    pub(crate) requests: AtomicU64,
    /// Bytes that connections took from their sockets.
    pub(crate) bytes_in: AtomicU64,
    /// Bytes that connections handed to their sockets.
    pub(crate) bytes_out: AtomicU64,
    /// Panics in connections and tasks.
    pub(crate) panics: Arc<AtomicU64>,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds what a total of a connection's own has grown by.
    pub(crate) fn add_growth(counter: &AtomicU64, noted: &mut u64, total: u64) {
        if total > *noted {
            counter.fetch_add(total - *noted, Ordering::Relaxed);
            *noted = total;
        }
    }
}

/// The way a broker stops, seen by its connections and handlers.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    is_begun: AtomicBool,
    begun: CancellationToken,
    drained: CancellationToken,
}

impl Stop {
    /// Tells everyone: accept and read nothing more, answer what was asked.
    pub(crate) fn begin(&self) {
        self.is_begun.store(true, Ordering::Release);
        self.begun.cancel();
    }

    /// Tells the listeners that the last answer has left.
    pub(crate) fn drained(&self) {
        self.drained.cancel();
    }

    pub(crate) fn is_begun(&self) -> bool {
        self.is_begun.load(Ordering::Acquire)
    }

    /// Cancelled when the stop begins: fetches that wait for data answer with what there is.
    pub(crate) fn begun_token(&self) -> &CancellationToken {
        &self.begun
    }

    /// Cancelled when every answer has left.
    pub(crate) fn drained_token(&self) -> &CancellationToken {
        &self.drained
    }
}
