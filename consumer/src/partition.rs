//! One assigned partition: where it is read, what has been fetched ahead, and what went wrong.

use std::collections::VecDeque;

use highwater_client::retry::{Backoff, RetryPolicy};
use highwater_client::{OffsetSpec, is_stale_metadata};
use highwater_protocol::messages::fetch::ResponseResponsePartition;
use highwater_records::{
    ErrorCode, LeaderEpoch, Offset, ProducerId, Timestamp, TopicName, TopicPartition,
};
use tokio::time::Instant;

use crate::fetched::{Fetched, Step, end_of};
use crate::{ConsumeError, ConsumerRecord, OffsetReset};

/// Answers held for a partition before the next is fetched: one is read, one is ready.
const FETCHED_AHEAD_MAX: usize = 2;

/// Where to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekTo {
    /// At the first record that is kept.
    Earliest,
    /// At the end: only records to come.
    Latest,
    /// At an offset.
    Offset(Offset),
    /// At the first record at or after a time; at the end if there is none.
    Time(Timestamp),
}

#[derive(Debug)]
pub(crate) struct AssignedPartition {
    name: TopicPartition,
    position: Position,
    /// Changes with every seek, so that answers to what was asked before are not taken for now.
    pub(crate) generation: u64,
    /// Where the next fetch begins; behind what was fetched ahead.
    fetch_offset: Offset,
    /// The epoch of the last record before `fetch_offset`; lets the leader see that our past is
    /// not its past (KIP-320).
    last_fetched_epoch: LeaderEpoch,
    fetched: VecDeque<Fetched>,
    is_fetching: bool,
    not_before: Option<Instant>,
    backoff: Backoff,
    high_watermark: Option<Offset>,
    error: Option<ConsumeError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// Must be looked up; since when, and whether somebody is at it.
    Unknown { place: OffsetSpec, since: Instant, is_asked: bool },
    /// The next record to give out.
    At(Offset),
}

/// What the consumer has to do after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterFetch {
    Nothing,
    RefreshMetadata,
}

impl AssignedPartition {
    pub(crate) fn new(
        name: TopicPartition,
        to: SeekTo,
        generation: u64,
        retry: RetryPolicy,
    ) -> Self {
        let mut partition = Self {
            name,
            position: Position::At(Offset::ZERO),
            generation,
            fetch_offset: Offset::ZERO,
            last_fetched_epoch: LeaderEpoch::NONE,
            fetched: VecDeque::new(),
            is_fetching: false,
            not_before: None,
            backoff: Backoff::new(retry),
            high_watermark: None,
            error: None,
        };
        partition.seek(to);
        partition
    }

    /// Reads on elsewhere; what was fetched ahead is forgotten.
    pub(crate) fn seek(&mut self, to: SeekTo) {
        self.generation += 1;
        self.fetched.clear();
        self.is_fetching = false;
        self.error = None;
        self.last_fetched_epoch = LeaderEpoch::NONE;
        let unknown = |place| Position::Unknown { place, since: Instant::now(), is_asked: false };
        self.position = match to {
            SeekTo::Earliest => unknown(OffsetSpec::Earliest),
            SeekTo::Latest => unknown(OffsetSpec::Latest),
            SeekTo::Time(time) => unknown(OffsetSpec::At(time)),
            SeekTo::Offset(offset) => {
                self.fetch_offset = offset;
                Position::At(offset)
            }
        };
    }

    /// The next record to be given out, once it is known.
    pub(crate) fn position(&self) -> Option<Offset> {
        match self.position {
            Position::At(offset) => Some(offset),
            Position::Unknown { .. } => None,
        }
    }

    pub(crate) fn high_watermark(&self) -> Option<Offset> {
        self.high_watermark
    }

    /// What to look up for the position, if nobody is at it yet; then it counts as asked.
    pub(crate) fn start_lookup(&mut self, now: Instant) -> Option<OffsetSpec> {
        if self.waits_until(now).is_some() {
            return None;
        }
        match &mut self.position {
            Position::Unknown { place, is_asked, .. } if !*is_asked => {
                *is_asked = true;
                Some(*place)
            }
            Position::Unknown { .. } | Position::At(_) => None,
        }
    }

    /// Takes in a position that was looked up; none means that no record is as new as asked.
    pub(crate) fn on_found(&mut self, offset: Option<Offset>) {
        self.backoff.reset();
        match offset {
            Some(offset) => {
                self.fetch_offset = offset;
                self.position = Position::At(offset);
            }
            None => self.seek(SeekTo::Latest),
        }
    }

    /// A position was not found; it is an error only after `patience`.
    pub(crate) fn on_not_found(&mut self, error: ConsumeError, may_come: bool, now: Instant) {
        let Position::Unknown { since, is_asked, .. } = &mut self.position else { return };
        *is_asked = false;
        let patience = std::time::Duration::from_secs(60);
        if !may_come || now.duration_since(*since) >= patience {
            *since = now;
            self.error = Some(error);
        }
        self.wait(now);
    }

    /// Where and after which epoch to fetch, if that is to be done now.
    pub(crate) fn wants_fetch(&self, now: Instant) -> Option<(Offset, LeaderEpoch)> {
        let is_known = matches!(self.position, Position::At(_));
        let has_room = self.fetched.len() < FETCHED_AHEAD_MAX;
        let may = is_known && has_room && !self.is_fetching && self.error.is_none();
        (may && self.waits_until(now).is_none())
            .then_some((self.fetch_offset, self.last_fetched_epoch))
    }

    pub(crate) fn on_fetch_sent(&mut self) {
        self.is_fetching = true;
    }

    pub(crate) fn on_fetch_failed(&mut self, now: Instant) {
        self.is_fetching = false;
        self.wait(now);
    }

    pub(crate) fn waits_until(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|not_before| *not_before > now)
    }

    /// Lets the partition be asked for at once: the new leader is known.
    pub(crate) fn stop_waiting(&mut self) {
        self.not_before = None;
    }

    /// Takes in an answer of the current generation.
    pub(crate) fn on_fetched(
        &mut self,
        answer: ResponseResponsePartition,
        reset: OffsetReset,
        now: Instant,
    ) -> AfterFetch {
        self.is_fetching = false;
        match answer.error_code {
            ErrorCode::None => {
                if answer.diverging_epoch.end_offset >= 0 {
                    self.on_truncated(Offset::new(answer.diverging_epoch.end_offset), reset);
                } else {
                    self.on_records(answer);
                }
                AfterFetch::Nothing
            }
            ErrorCode::OffsetOutOfRange => {
                self.on_out_of_range(reset, now);
                AfterFetch::Nothing
            }
            code if is_stale_metadata(code) => {
                self.wait(now);
                AfterFetch::RefreshMetadata
            }
            code if code.is_retriable() && code != ErrorCode::CorruptMessage => {
                self.wait(now);
                AfterFetch::Nothing
            }
            code => {
                self.wait(now);
                self.error = Some(ConsumeError::Refused { partition: self.name.clone(), code });
                AfterFetch::Nothing
            }
        }
    }

    /// Moves fetched records into `records` until there are `max`; notes what is wrong with them.
    pub(crate) fn take_records(&mut self, records: &mut Vec<ConsumerRecord>, max: usize) {
        let Position::At(mut position) = self.position else { return };
        while records.len() < max {
            let Some(fetched) = self.fetched.front_mut() else { break };
            match fetched.step(position) {
                Some(Ok(Step::Record { record, timestamp_type, leader_epoch })) => {
                    position = record.offset.next();
                    let TopicPartition { topic, partition } = self.name.clone();
                    records.push(ConsumerRecord {
                        topic,
                        partition,
                        offset: record.offset,
                        timestamp: record.timestamp,
                        timestamp_type,
                        leader_epoch,
                        key: record.key,
                        value: record.value,
                        headers: record.headers,
                    });
                }
                Some(Ok(Step::BatchEnd { next_offset })) => {
                    position = position.max(next_offset);
                }
                None => {
                    self.fetched.pop_front();
                }
                Some(Err(source)) => {
                    // What was fetched behind it is forgotten too: the next attempt begins here.
                    self.fetched.clear();
                    self.generation += 1;
                    self.is_fetching = false;
                    self.fetch_offset = position;
                    self.last_fetched_epoch = LeaderEpoch::NONE;
                    let partition = self.name.clone();
                    let offset = position;
                    self.error = Some(ConsumeError::InvalidBatch { partition, offset, source });
                    break;
                }
            }
        }
        self.position = Position::At(position);
    }

    /// What went wrong, told once.
    pub(crate) fn take_error(&mut self) -> Option<ConsumeError> {
        self.error.take()
    }

    pub(crate) fn topic(&self) -> &TopicName {
        &self.name.topic
    }

    fn on_records(&mut self, answer: ResponseResponsePartition) {
        self.backoff.reset();
        self.not_before = None;
        self.high_watermark =
            (answer.high_watermark >= 0).then(|| Offset::new(answer.high_watermark));
        let Some(records) = answer.records.filter(|records| !records.is_empty()) else { return };
        let bytes = records.to_bytes();
        if let Some((end, epoch)) = end_of(&bytes) {
            self.fetch_offset = self.fetch_offset.max(end);
            self.last_fetched_epoch = epoch;
        }
        let aborted = answer.aborted_transactions.map(|aborted| {
            let pair = |aborted: &highwater_protocol::messages::fetch::ResponseResponsePartitionAbortedTransaction| {
                (Offset::new(aborted.first_offset), ProducerId::new(aborted.producer_id))
            };
            aborted.iter().map(pair).collect()
        });
        self.fetched.push_back(Fetched::new(&bytes, aborted));
    }

    fn on_out_of_range(&mut self, reset: OffsetReset, now: Instant) {
        let offset = self.fetch_offset;
        if !self.fetched.is_empty() {
            // What was fetched ahead is given out first; then it is asked for once more.
            self.wait(now);
            return;
        }
        let to = match reset {
            OffsetReset::Earliest => SeekTo::Earliest,
            OffsetReset::Latest => SeekTo::Latest,
            OffsetReset::None => {
                let partition = self.name.clone();
                self.error = Some(ConsumeError::OffsetOutOfRange { partition, offset });
                return;
            }
        };
        tracing::info!(partition = %self.name, offset = offset.value(), "out of range, resetting");
        self.seek(to);
    }

    fn on_truncated(&mut self, diverges_at: Offset, reset: OffsetReset) {
        let Some(offset) = self.position() else { return };
        tracing::warn!(
            partition = %self.name, diverges_at = diverges_at.value(), offset = offset.value(),
            "the log was truncated"
        );
        if reset == OffsetReset::None && diverges_at < offset {
            let partition = self.name.clone();
            self.error = Some(ConsumeError::LogTruncated { partition, offset, diverges_at });
            self.last_fetched_epoch = LeaderEpoch::NONE;
        } else {
            self.seek(SeekTo::Offset(diverges_at.min(offset)));
        }
    }

    fn wait(&mut self, now: Instant) {
        self.not_before = Some(now + self.backoff.next_wait());
    }
}

#[cfg(test)]
mod tests;
