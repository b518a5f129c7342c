//! Which segments are too old, too much, or below the log start.
//!
//! It takes three steps, since the first may read files and the second must be durable before the
//! third: [`LogView::expired`] says how far the log start may rise, [`Log::expire`] raises it in
//! the partition's turn, and once the log-start checkpoint is written [`Log::delete_old_segments`]
//! lets the files go.
//!
//! Source: KIP-107 (log start), `kafka-behaviour` 2.11.

use std::sync::Arc;

use highwater_records::{Mutation, Offset, Timestamp};

use crate::error::{AppendError, ReadError};
use crate::log::Log;
use crate::segment::Segment;
use crate::view::LogView;

/// How much of a log is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionLimits {
    /// Segments whose newest record is older go; `None` keeps them for ever.
    pub retention_ms: Option<u64>,
    /// The oldest segments go as long as what is left is at least this; `None` sets no limit.
    pub retention_bytes: Option<u64>,
}

/// How far a log has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The log may start here: the base offset of a segment, or the log end.
    pub log_start_offset: Offset,
    /// Whether all of the log has expired, the active segment too, if it ends where it did then.
    pub rolls_active: bool,
}

impl LogView {
    /// What the limits say is to go: the oldest segments, up to the first that may stay, and none
    /// that reaches to `high_watermark` or past it. `None` if nothing is.
    ///
    /// A segment is as old as its newest record, by the record's own timestamp. A timestamp in the
    /// future says nothing: then it is as old as its last append.
    ///
    /// Differs from Kafka: there, one record with a timestamp far in the future keeps its segment,
    /// and every later one, until then.
    ///
    /// Reads files: for worker threads only.
    ///
    /// # Errors
    /// As [`LogView::read`], the range apart.
    pub fn expired(
        &self,
        limits: RetentionLimits,
        high_watermark: Offset,
        now: Timestamp,
    ) -> Result<Option<Expired>, ReadError> {
        let found = self.find_expired(limits, high_watermark, now);
        self.checked(found)
    }

    fn find_expired(
        &self,
        limits: RetentionLimits,
        high_watermark: Offset,
        now: Timestamp,
    ) -> Result<Option<Expired>, ReadError> {
        let mut left_bytes = self.size_bytes();
        let mut expired = None;
        for (index, segment) in self.segments.iter().enumerate() {
            let next = self.segments.get(index + 1);
            let end = next.map_or(self.log_end_offset, |next| next.base_offset());
            if end > high_watermark || (next.is_none() && segment.size_bytes() == 0) {
                break;
            }
            let size_bytes = segment.size_bytes();
            let is_too_much = limits
                .retention_bytes
                .is_some_and(|kept| left_bytes.saturating_sub(size_bytes) >= kept);
            let is_below_start = end <= self.log_start_offset;
            if !is_below_start && !is_too_much && !is_too_old(segment, limits.retention_ms, now)? {
                break;
            }
            left_bytes = left_bytes.saturating_sub(size_bytes);
            expired = Some(Expired { log_start_offset: end, rolls_active: next.is_none() });
        }
        Ok(expired)
    }
}

fn is_too_old(
    segment: &Arc<Segment>,
    retention_ms: Option<u64>,
    now: Timestamp,
) -> Result<bool, ReadError> {
    let Some(retention_ms) = retention_ms else { return Ok(false) };
    let greatest = segment.greatest_timestamp()?.map(|greatest| greatest.timestamp);
    let written = match greatest {
        Some(timestamp)
            if timestamp <= now || segment.home.mutant.is(Mutation::RetentionByAnyTimestamp) =>
        {
            timestamp
        }
        Some(_) | None => segment.last_append(),
    };
    let age_ms = u64::try_from(now.saturating_ms_since(written)).unwrap_or(0);
    Ok(age_ms > retention_ms)
}

impl Log {
    /// Raises the log start to where the log has expired, after rolling the active segment if that
    /// has expired too. Nothing is deleted yet, see [`Log::advance_log_start`].
    ///
    /// What was appended since `expired` was found stays.
    ///
    /// # Errors
    /// Any fault. Where the disk is too full for a new segment, the active one stays.
    pub fn expire(&mut self, expired: Expired, now: Timestamp) -> Result<(), AppendError> {
        let active = self.active().base_offset();
        let to = if !expired.rolls_active || expired.log_start_offset <= active {
            expired.log_start_offset
        } else if expired.log_start_offset == self.log_end_offset() {
            match self.roll(now) {
                Ok(()) => self.log_end_offset(),
                // Without room for a new segment the old ones go first; that makes some.
                Err(AppendError::Refused(_)) => active,
                Err(fault @ AppendError::Fault(_)) => return Err(fault),
            }
        } else {
            active
        };
        self.advance_log_start(to.min(self.log_end_offset()));
        Ok(())
    }
}
