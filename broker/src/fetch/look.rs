//! One look at all partitions of a fetch: what each may return now, within the fetch's bytes.

use std::ops::Range;
use std::sync::Arc;

use highwater_protocol::Records;
use highwater_records::{ErrorCode, LeaderEpoch, NodeId, Offset};
use highwater_replication::{
    EpochEnd, Isolation, ReadBound, ReadRequest, Reader, Refusal, read_bound,
};
use highwater_storage::{AbortedTransaction, LogView, ReadError, ReadLimits};

use super::plan::{FetchPlan, ReadBudget, ReadLimit, Readiness};
use super::session::{PartitionOutcome, WantedPartition};
use crate::error_map::{not_serving_code, read_code, replication_code};
use crate::handlers::current_leader::CurrentLeader;
use crate::partition::{LeaderView, Partition};

/// Looks at one partition again after a cut; each time the log was cut while it was read.
const STALE_LOOKS_MAX: usize = 3;

/// A partition to look at.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) wanted: WantedPartition,
    /// Where it is, or why it is not here.
    pub(crate) found: Result<Arc<Partition>, Absent>,
}

/// Why a partition cannot be looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Absent {
    pub(crate) error: ErrorCode,
    pub(crate) current_leader: Option<CurrentLeader>,
}

/// What all looks of one fetch have in common.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) targets: Vec<Target>,
    pub(crate) reader: Reader,
    pub(crate) isolation: Isolation,
    pub(crate) plan: FetchPlan,
    /// Whether there is something to wait for: a time, and no stop.
    pub(crate) may_wait: bool,
    pub(crate) node: NodeId,
}

/// Where a look may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The tail cache only: any thread.
    Cache,
    /// Files too: worker threads.
    Disk,
}

/// What a look found.
#[derive(Debug)]
pub(crate) struct Seen {
    /// One for each target, in order.
    pub(crate) answers: Vec<PartitionAnswer>,
    pub(crate) readiness: Readiness,
}

/// What one partition returns.
#[derive(Debug)]
pub(crate) struct PartitionAnswer {
    pub(crate) error: ErrorCode,
    pub(crate) high_watermark: i64,
    pub(crate) last_stable_offset: i64,
    pub(crate) log_start_offset: i64,
    pub(crate) diverging: Option<EpochEnd>,
    pub(crate) current_leader: Option<CurrentLeader>,
    pub(crate) records: Records,
    pub(crate) record_bytes: usize,
    /// Transactions that a reader of committed records must leave out.
    pub(crate) aborted: Vec<AbortedTransaction>,
    /// What the operator should read: damage or a fault of the disk.
    pub(crate) trouble: Option<String>,
}

/// A file would have to be read.
struct NeedsDisk;

impl Look {
    /// Looks at every partition; `None` if `source` is the cache and a file would have to be read.
    pub(crate) fn look(&self, source: Source) -> Option<Seen> {
        let mut budget = ReadBudget::new(&self.plan);
        let mut answers = Vec::with_capacity(self.targets.len());
        let mut readiness = Readiness {
            record_bytes: 0,
            has_urgent: false,
            partition_count: self.targets.len(),
            may_wait: self.may_wait,
        };
        for target in &self.targets {
            let answer = match &target.found {
                Ok(partition) => self.look_at(partition, &target.wanted, &budget, source).ok()?,
                Err(absent) => PartitionAnswer::refused(absent.error, absent.current_leader),
            };
            budget.took(answer.record_bytes);
            readiness.record_bytes += answer.record_bytes;
            readiness.has_urgent |= answer.error != ErrorCode::None || answer.diverging.is_some();
            answers.push(answer);
        }
        Some(Seen { answers, readiness })
    }

    /// The answer when nothing could be looked at.
    pub(crate) fn nothing(&self, error: ErrorCode) -> Seen {
        let answer = |_| PartitionAnswer::refused(error, None);
        let answers: Vec<PartitionAnswer> = self.targets.iter().map(answer).collect();
        Seen { answers, readiness: Readiness::default() }
    }

    fn look_at(
        &self,
        partition: &Partition,
        wanted: &WantedPartition,
        budget: &ReadBudget,
        source: Source,
    ) -> Result<PartitionAnswer, NeedsDisk> {
        for _ in 0..STALE_LOOKS_MAX {
            let view = partition.view();
            let leading = match view.leading() {
                Ok(leading) => leading,
                Err(reason) => {
                    return Ok(PartitionAnswer::refused(not_serving_code(&reason), None));
                }
            };
            let limit = budget.next(wanted.max_bytes);
            match self.read(leading, wanted, limit, source) {
                Ok(answer) => return Ok(answer),
                Err(LookError::NeedsDisk) => return Err(NeedsDisk),
                Err(LookError::Read(ReadError::Stale)) => {}
                Err(LookError::Read(error)) => return Ok(unreadable(partition, &error)),
            }
        }
        Ok(unreadable(partition, &ReadError::Stale))
    }

    fn read(
        &self,
        leading: &LeaderView,
        wanted: &WantedPartition,
        limit: ReadLimit,
        source: Source,
    ) -> Result<PartitionAnswer, LookError> {
        let request = ReadRequest {
            reader: self.reader,
            isolation: self.isolation,
            current_leader_epoch: wanted.current_leader_epoch,
            fetch_offset: wanted.fetch_offset,
            last_fetched_epoch: wanted.last_fetched_epoch,
        };
        let end_of_epoch = |epoch: LeaderEpoch| epoch_end(leading, epoch);
        let upper = match read_bound(&leading.bound_inputs(), &request, end_of_epoch) {
            Ok(ReadBound::Records { upper }) => upper,
            Ok(ReadBound::Diverging(end)) => {
                return Ok(PartitionAnswer {
                    diverging: Some(end),
                    ..PartitionAnswer::of(leading)
                });
            }
            Err(refusal) => return Ok(self.refuse(leading, &refusal)),
        };
        let mut answer = PartitionAnswer::of(leading);
        let may_read = limit.max_bytes > 0 || limit.at_least_one_batch;
        if wanted.fetch_offset < upper && may_read {
            let limits = ReadLimits {
                upper_bound: upper,
                bytes_max: limit.max_bytes,
                min_one_batch: limit.at_least_one_batch,
            };
            let log = &leading.log;
            let fetched = match (log.try_read_cached(wanted.fetch_offset, limits), source) {
                (Some(cached), _) => cached,
                (None, Source::Cache) => return Err(LookError::NeedsDisk),
                (None, Source::Disk) => log.read(wanted.fetch_offset, limits),
            };
            let fetched = fetched.map_err(LookError::Read)?;
            if self.isolation == Isolation::ReadCommitted {
                let range = wanted.fetch_offset..fetched.next_offset;
                answer.aborted = aborted_in(log, range, source)?;
            }
            answer.record_bytes = fetched.size_bytes;
            answer.records = fetched.chunks.into_iter().collect();
        }
        Ok(answer)
    }

    fn refuse(&self, leading: &LeaderView, refusal: &Refusal) -> PartitionAnswer {
        let current_leader = match refusal {
            Refusal::FencedLeaderEpoch { current } => {
                Some(CurrentLeader { node: self.node, epoch: *current })
            }
            Refusal::NotLeaderOrFollower
            | Refusal::UnknownLeaderEpoch { .. }
            | Refusal::NotEnoughReplicas { .. }
            | Refusal::NotEnoughReplicasAfterAppend { .. }
            | Refusal::OffsetNotAvailable { .. }
            | Refusal::OffsetOutOfRange { .. } => None,
        };
        let mut answer = PartitionAnswer::refused(replication_code(refusal), current_leader);
        if let Refusal::OffsetOutOfRange { .. } = refusal {
            // Clients that reset by themselves read where the log begins.
            answer.log_start_offset = leading.log.log_start_offset().value();
        }
        answer
    }
}

enum LookError {
    NeedsDisk,
    Read(ReadError),
}

/// What was aborted of the records in `range`.
fn aborted_in(
    log: &LogView,
    range: Range<Offset>,
    source: Source,
) -> Result<Vec<AbortedTransaction>, LookError> {
    let aborted = match (log.try_aborted_transactions(range.start, range.end), source) {
        (Some(cached), _) => cached,
        (None, Source::Cache) => return Err(LookError::NeedsDisk),
        (None, Source::Disk) => log.aborted_transactions(range.start, range.end),
    };
    aborted.map_err(LookError::Read)
}

/// The log's answer in the machine's words: nothing for an epoch before all it knows or after them.
fn epoch_end(leading: &LeaderView, epoch: LeaderEpoch) -> Option<EpochEnd> {
    let end = leading.log.end_offset_for_epoch(epoch);
    let is_known = end.epoch != LeaderEpoch::NONE && end.end_offset >= Offset::ZERO;
    is_known.then_some(EpochEnd { epoch: end.epoch, end_offset: end.end_offset })
}

fn unreadable(partition: &Partition, error: &ReadError) -> PartitionAnswer {
    let mut answer = PartitionAnswer::refused(read_code(error), None);
    if let ReadError::Fault(fault) = error {
        partition.dir().note_read_fault(fault);
    }
    answer.trouble = match error {
        ReadError::Corrupt(_) | ReadError::Fault(_) => {
            Some(format!("{}: {error}", partition.topic_partition()))
        }
        ReadError::OffsetOutOfRange { .. } | ReadError::Stale => None,
    };
    answer
}

impl PartitionAnswer {
    /// No records, all offsets as they are.
    fn of(leading: &LeaderView) -> Self {
        Self {
            error: ErrorCode::None,
            high_watermark: leading.high_watermark.value(),
            last_stable_offset: leading.last_stable_offset.value(),
            log_start_offset: leading.log.log_start_offset().value(),
            diverging: None,
            current_leader: None,
            records: Records::new(),
            record_bytes: 0,
            aborted: Vec::new(),
            trouble: None,
        }
    }

    fn refused(error: ErrorCode, current_leader: Option<CurrentLeader>) -> Self {
        Self {
            error,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging: None,
            current_leader,
            records: Records::new(),
            record_bytes: 0,
            aborted: Vec::new(),
            trouble: None,
        }
    }

    /// What the session notes of it.
    pub(crate) fn outcome(&self) -> PartitionOutcome {
        PartitionOutcome {
            record_bytes: self.record_bytes,
            high_watermark: self.high_watermark,
            log_start_offset: self.log_start_offset,
            has_error: self.error != ErrorCode::None,
            is_diverging: self.diverging.is_some(),
            has_preferred_replica: false,
        }
    }
}
