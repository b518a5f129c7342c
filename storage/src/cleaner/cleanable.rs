//! What there is to clean in a log, and whether it is worth a pass.

use std::sync::Arc;

use highwater_records::{Offset, Timestamp};

use crate::error::ReadError;
use crate::segment::Segment;
use crate::view::LogView;

/// Between what a pass may work.
#[derive(Clone, Copy, Debug)]
pub struct CleaningBounds {
    /// How far earlier passes came, by the cleaner-offset checkpoint; zero if there was none.
    pub cleaned_through: Offset,
    /// Nothing at or above this: the least of the last stable offset and the recovery point that
    /// is on disk.
    pub upper_bound: Offset,
    /// Segments with a record younger than this wait.
    pub min_compaction_lag_ms: u64,
    /// What has waited longer than this is cleaned, however little it is.
    pub max_compaction_lag_ms: u64,
    /// Wall clock.
    pub now: Timestamp,
}

/// What could be cleaned now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cleanable {
    /// Where the part begins that was never cleaned.
    pub first_dirty_offset: Offset,
    /// Where the first segment begins that must not be touched yet.
    pub end_offset: Offset,
    /// Bytes of the segments that end at or before `first_dirty_offset`.
    pub clean_bytes: u64,
    /// Bytes of the others, up to `end_offset`.
    pub dirty_bytes: u64,
    /// Whether something has waited longer than the maximum lag.
    pub is_overdue: bool,
}

impl Cleanable {
    /// Share of the bytes that were never cleaned.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share to choose by")]
    pub fn dirty_ratio(&self) -> f64 {
        let all = self.clean_bytes.saturating_add(self.dirty_bytes);
        if all == 0 { 0.0 } else { self.dirty_bytes as f64 / all as f64 }
    }
}

impl LogView {
    /// What a pass could clean; `None` if that is nothing.
    ///
    /// Reads files: for worker threads only.
    ///
    /// # Errors
    /// As [`LogView::read`], the range apart.
    pub fn cleanable(&self, bounds: CleaningBounds) -> Result<Option<Cleanable>, ReadError> {
        let found = self.find_cleanable(bounds);
        self.checked(found)
    }

    fn find_cleanable(&self, bounds: CleaningBounds) -> Result<Option<Cleanable>, ReadError> {
        // A checkpoint that is not about this log says nothing.
        let is_known = bounds.cleaned_through <= self.log_end_offset;
        let cleaned = if is_known { bounds.cleaned_through } else { Offset::ZERO };
        let first_dirty_offset = cleaned.max(self.log_start_offset);
        let mut cleanable = Cleanable {
            first_dirty_offset,
            end_offset: first_dirty_offset,
            clean_bytes: 0,
            dirty_bytes: 0,
            is_overdue: false,
        };
        for (index, segment) in self.segments.iter().enumerate() {
            // The last segment is the active one.
            let Some(next) = self.segments.get(index + 1) else { break };
            let end = next.base_offset();
            if end <= first_dirty_offset {
                cleanable.clean_bytes += segment.size_bytes();
                continue;
            }
            if end > bounds.upper_bound || is_too_young(segment, bounds)? {
                break;
            }
            // Also one that an earlier pass came to the middle of: it must be worth another.
            cleanable.dirty_bytes += segment.size_bytes();
            cleanable.is_overdue |= is_overdue(segment, bounds)?;
            cleanable.end_offset = end;
        }
        let has_more = cleanable.end_offset > first_dirty_offset;
        Ok(has_more.then_some(cleanable))
    }
}

fn is_too_young(segment: &Arc<Segment>, bounds: CleaningBounds) -> Result<bool, ReadError> {
    if bounds.min_compaction_lag_ms == 0 {
        return Ok(false);
    }
    let greatest = segment.greatest_timestamp()?.map(|greatest| greatest.timestamp);
    let newest = match greatest {
        Some(timestamp) if timestamp <= bounds.now => timestamp,
        // As in retention: a time in the future says nothing.
        Some(_) | None => segment.last_append(),
    };
    let age_ms = u64::try_from(bounds.now.saturating_ms_since(newest)).unwrap_or(0);
    Ok(age_ms < bounds.min_compaction_lag_ms)
}

fn is_overdue(segment: &Arc<Segment>, bounds: CleaningBounds) -> Result<bool, ReadError> {
    if bounds.max_compaction_lag_ms >= i64::MAX.unsigned_abs() {
        return Ok(false);
    }
    let Some(first) = segment.first_timestamp()? else { return Ok(false) };
    let waited_ms = u64::try_from(bounds.now.saturating_ms_since(first)).unwrap_or(0);
    Ok(waited_ms > bounds.max_compaction_lag_ms)
}
