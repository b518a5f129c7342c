//! Reading from a view: by offset and by time.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use highwater_records::{BatchHeader, Mutation, Offset, RecordBatch, Timestamp, crc32c};

use crate::batch_scanner::Scanned;
use crate::error::{AtPath, Damage, ReadError, StorageFault};
use crate::segment::Segment;
use crate::view::{Fetched, LogView, ReadLimits, TimestampOffset};

/// Where in a batch the part begins that its CRC covers.
const CRC_START: usize = 21;

impl LogView {
    /// Reads whole batches, from the one that holds `from` (or the next one, where compaction left
    /// a hole) up to the limits.
    ///
    /// May read files, whose batches are checked against their CRC before they are returned: for
    /// worker threads only.
    ///
    /// # Errors
    /// [`ReadError::OffsetOutOfRange`]; [`ReadError::Corrupt`] if the first batch is damaged (one
    /// after it ends the answer and is reported by the next read); [`ReadError::Stale`] if the log
    /// was cut meanwhile.
    pub fn read(&self, from: Offset, limits: ReadLimits) -> Result<Fetched, ReadError> {
        if let Some(answer) = self.try_read_cached(from, limits) {
            return answer;
        }
        let read = self.read_files(from, self.bounded(limits));
        self.checked(read)
    }

    /// As [`LogView::read`], but from memory only: `None` if a file would have to be read. Safe on
    /// a thread that must not block.
    #[must_use]
    pub fn try_read_cached(
        &self,
        from: Offset,
        limits: ReadLimits,
    ) -> Option<Result<Fetched, ReadError>> {
        if let Some(error) = self.out_of_range(from) {
            return Some(Err(error));
        }
        let limits = self.bounded(limits);
        if from >= limits.upper_bound {
            return Some(Ok(Fetched { next_offset: from, ..Fetched::default() }));
        }
        self.tail.read(from, limits).map(|fetched| self.checked(Ok(fetched)))
    }

    fn bounded(&self, limits: ReadLimits) -> ReadLimits {
        ReadLimits { upper_bound: limits.upper_bound.min(self.log_end_offset), ..limits }
    }

    /// Believes a result only if nothing was cut while it was made. A file that is gone was
    /// deleted by the log.
    pub(crate) fn checked<T>(&self, read: Result<T, ReadError>) -> Result<T, ReadError> {
        let is_gone = matches!(&read, Err(ReadError::Fault(StorageFault { source, .. }))
            if source.kind() == io::ErrorKind::NotFound);
        if is_gone || !self.is_current() { Err(ReadError::Stale) } else { read }
    }

    fn read_files(&self, from: Offset, limits: ReadLimits) -> Result<Fetched, ReadError> {
        let mut fetched = Fetched { next_offset: from, ..Fetched::default() };
        let segments = self.segments.get(self.segment_index_of(from)..).unwrap_or_default();
        for segment in segments {
            if segment.base_offset() >= limits.upper_bound {
                break;
            }
            match read_segment(segment, &mut fetched, limits) {
                Ok(true) => {}
                Ok(false) => break,
                // What was read before it is good; the next read begins at the bad batch.
                Err(_) if !fetched.chunks.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(fetched)
    }

    /// The first record below `upper_bound` whose time is not below `timestamp`.
    ///
    /// Reads files: for worker threads only.
    ///
    /// # Errors
    /// As [`LogView::read`], the range apart.
    pub fn offset_for_timestamp(
        &self,
        timestamp: Timestamp,
        upper_bound: Offset,
    ) -> Result<Option<TimestampOffset>, ReadError> {
        let found = self.find_by_time(timestamp, upper_bound.min(self.log_end_offset));
        self.checked(found)
    }

    fn find_by_time(
        &self,
        timestamp: Timestamp,
        upper_bound: Offset,
    ) -> Result<Option<TimestampOffset>, ReadError> {
        for segment in self.segments.iter() {
            if segment.base_offset() >= upper_bound {
                break;
            }
            let greatest = segment.greatest_timestamp()?;
            if greatest.is_none_or(|greatest| greatest.timestamp < timestamp) {
                continue;
            }
            let mut position_bytes = segment.position_before_time(timestamp)?;
            loop {
                let is_young = |header: &BatchHeader| {
                    header.max_timestamp >= timestamp || header.base_offset >= upper_bound
                };
                let Some(batch) = segment.find_batch(position_bytes, is_young)? else { break };
                if batch.header.base_offset >= upper_bound {
                    return Ok(None);
                }
                position_bytes = batch.position_bytes + batch.header.size_bytes() as u64;
                if batch.header.last_offset() < self.log_start_offset {
                    continue;
                }
                let is_late = segment.home.mutant.is(Mutation::TimeIndexOffByOne);
                let at_least =
                    |time: Timestamp| time >= timestamp && !(is_late && time == timestamp);
                if let Some(found) = self.first_record(segment, &batch, at_least)? {
                    return Ok((found.offset < upper_bound).then_some(found));
                }
            }
        }
        Ok(None)
    }

    /// The first record with the greatest time of all below `upper_bound`.
    ///
    /// Reads files: for worker threads only.
    ///
    /// # Errors
    /// As [`LogView::read`], the range apart.
    pub fn offset_of_max_timestamp(
        &self,
        upper_bound: Offset,
    ) -> Result<Option<TimestampOffset>, ReadError> {
        let found = self.find_max_time(upper_bound.min(self.log_end_offset));
        self.checked(found)
    }

    fn find_max_time(&self, upper_bound: Offset) -> Result<Option<TimestampOffset>, ReadError> {
        let mut best: Option<(Timestamp, Offset, &Arc<Segment>)> = None;
        for segment in self.segments.iter() {
            if segment.base_offset() >= upper_bound {
                break;
            }
            let found = self.max_time_in(segment, upper_bound)?;
            if let Some((timestamp, offset)) = found
                && best.is_none_or(|(known, ..)| timestamp > known)
            {
                best = Some((timestamp, offset, segment));
            }
        }
        let Some((timestamp, offset, segment)) = best else { return Ok(None) };
        let position_bytes = segment.position_before(offset)?;
        let holds = |header: &BatchHeader| header.last_offset() >= offset;
        match segment.find_batch(position_bytes, holds)? {
            Some(batch) => self.first_record(segment, &batch, |time| time >= timestamp),
            None => Ok(None),
        }
    }

    /// Greatest timestamp of the batches of a segment below `upper_bound` and not below the log
    /// start, and the last offset of the batch that brought it.
    fn max_time_in(
        &self,
        segment: &Arc<Segment>,
        upper_bound: Offset,
    ) -> Result<Option<(Timestamp, Offset)>, ReadError> {
        if let Some(greatest) = segment.greatest_timestamp()? {
            let offset = greatest.batch_last_offset;
            if offset < upper_bound && offset >= self.log_start_offset {
                return Ok(Some((greatest.timestamp, offset)));
            }
        }
        let mut best: Option<(Timestamp, Offset)> = None;
        let mut position_bytes = 0;
        while let Some(batch) = segment.find_batch(position_bytes, |_| true)? {
            position_bytes = batch.position_bytes + batch.header.size_bytes() as u64;
            let (time, offset) = (batch.header.max_timestamp, batch.header.last_offset());
            if offset >= upper_bound {
                break;
            }
            let is_seen = offset >= self.log_start_offset && time.value() >= 0;
            if is_seen && best.is_none_or(|(known, _)| time > known) {
                best = Some((time, offset));
            }
        }
        Ok(best)
    }

    /// The first record of a batch at or after the log start whose time is `wanted`.
    fn first_record(
        &self,
        segment: &Arc<Segment>,
        batch: &Scanned,
        wanted: impl Fn(Timestamp) -> bool,
    ) -> Result<Option<TimestampOffset>, ReadError> {
        let path = segment.log_path();
        let damage = |reason: &dyn std::fmt::Display| {
            ReadError::Corrupt(Damage::new(&path, batch.position_bytes, reason))
        };
        let mut bytes = vec![0; batch.header.size_bytes()];
        let read = segment.file()?.read_at(&mut bytes, batch.position_bytes);
        read.at_path("read", &path)?;
        let parsed = RecordBatch::parse(Bytes::from(bytes)).map_err(|error| damage(&error))?;
        for record in parsed.records().map_err(|error| damage(&error))? {
            let record = record.map_err(|error| damage(&error))?;
            if record.offset >= self.log_start_offset && wanted(record.timestamp) {
                return Ok(Some(TimestampOffset {
                    timestamp: record.timestamp,
                    offset: record.offset,
                    leader_epoch: parsed.header().partition_leader_epoch,
                }));
            }
        }
        Ok(None)
    }
}

/// Adds batches of one segment; true if the next segment may go on.
fn read_segment(
    segment: &Arc<Segment>,
    fetched: &mut Fetched,
    limits: ReadLimits,
) -> Result<bool, ReadError> {
    let from = fetched.next_offset;
    let start = segment.position_before(from)?;
    let Some(first) = segment.find_batch(start, |header| header.last_offset() >= from)? else {
        return Ok(true);
    };
    if first.header.last_offset() >= limits.upper_bound {
        return Ok(false);
    }
    let first_bytes = first.header.size_bytes();
    let left = limits.bytes_max.saturating_sub(fetched.size_bytes);
    let is_first = fetched.chunks.is_empty();
    if first_bytes > left && !(is_first && limits.min_one_batch) {
        return Ok(false);
    }
    let path = segment.log_path();
    let available = segment.size_bytes().saturating_sub(first.position_bytes);
    let wanted = usize::try_from(available).unwrap_or(usize::MAX).min(left.max(first_bytes));
    let mut buffer = segment.home.buffers.take(wanted);
    let room = buffer.unfilled().get_mut(..wanted).unwrap_or_default();
    let read = segment.file()?.read_at(room, first.position_bytes).at_path("read", &path)?;
    buffer.advance(read);
    let (good_bytes, next_offset, problem) =
        check_batches(buffer.filled(), from, limits.upper_bound);
    if good_bytes == 0 {
        let reason = problem.unwrap_or_else(|| "the file ends inside a batch".to_owned());
        return Err(Damage::new(&path, first.position_bytes, reason).into());
    }
    fetched.chunks.push(buffer.freeze().slice(..good_bytes));
    fetched.size_bytes += good_bytes;
    fetched.next_offset = next_offset;
    let end_bytes = first.position_bytes + good_bytes as u64;
    Ok(problem.is_none() && end_bytes == segment.size_bytes())
}

/// Checks the CRC of each whole batch below `upper_bound`; returns how many bytes they take, the
/// offset after them, and what is wrong with the batch that follows, if anything.
fn check_batches(
    buffer: &[u8],
    from: Offset,
    upper_bound: Offset,
) -> (usize, Offset, Option<String>) {
    let (mut good_bytes, mut next_offset) = (0_usize, from);
    while let Some(rest) = buffer.get(good_bytes..) {
        let Ok(header) = BatchHeader::read(rest) else { break };
        let size_bytes = header.size_bytes();
        let Some(covered) = rest.get(CRC_START..size_bytes) else { break };
        if header.next_offset() > upper_bound {
            break;
        }
        let found = crc32c(covered);
        if found != header.crc {
            let reason = format!("batch CRC is {found:08x}, header says {:08x}", header.crc);
            return (good_bytes, next_offset, Some(reason));
        }
        if header.last_offset() < next_offset {
            let reason = format!("offset {} after {next_offset}", header.base_offset);
            return (good_bytes, next_offset, Some(reason));
        }
        good_bytes += size_bytes;
        next_offset = header.next_offset();
    }
    (good_bytes, next_offset, None)
}
