//! Up to where a reader may look.

use highwater_records::{LeaderEpoch, NodeId, Offset};

use crate::Refusal;

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A consumer (replica id -1): sees what is committed.
    Consumer,
    /// A follower (replica id >= 0): sees everything.
    Follower(NodeId),
    /// A tool (replica id -2): sees everything, from any replica.
    Tool,
}

impl Reader {
    /// Reads a replica id of the wire; ids below -2 count as consumers.
    pub fn from_wire(replica_id: i32) -> Self {
        match replica_id {
            -2 => Self::Tool,
            id if id >= 0 => Self::Follower(NodeId::new(id)),
            _ => Self::Consumer,
        }
    }
}

/// What a consumer wants to see of transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Everything below the high watermark.
    #[default]
    ReadUncommitted,
    /// Everything below the last stable offset.
    ReadCommitted,
}

impl Isolation {
    /// Reads the isolation level of the wire: 1 is `read_committed`, everything else is not.
    pub fn from_wire(level: i8) -> Self {
        if level == 1 { Self::ReadCommitted } else { Self::ReadUncommitted }
    }
}

/// What a partition's published view says of itself.
#[derive(Clone, Copy, Debug)]
pub struct BoundInputs<'a> {
    /// Whether this replica leads.
    pub is_leader: bool,
    /// The current leader epoch.
    pub epoch: LeaderEpoch,
    /// Log end when the epoch began.
    pub epoch_start: Offset,
    /// First kept offset.
    pub log_start: Offset,
    /// Log end (exclusive).
    pub log_end: Offset,
    /// First offset not yet committed.
    pub high_watermark: Offset,
    /// First offset not yet decided.
    pub last_stable_offset: Offset,
    /// The assigned replicas without the one that answers.
    pub followers: &'a [NodeId],
}

/// One partition of a fetch.
#[derive(Clone, Copy, Debug)]
pub struct ReadRequest {
    /// Who reads.
    pub reader: Reader,
    /// What it wants to see.
    pub isolation: Isolation,
    /// The epoch the reader believes in; `LeaderEpoch::NONE` asks for no check.
    pub current_leader_epoch: LeaderEpoch,
    /// First offset wanted.
    pub fetch_offset: Offset,
    /// Epoch of the last record the reader has; `LeaderEpoch::NONE` asks for no check.
    pub last_fetched_epoch: LeaderEpoch,
}

/// The largest epoch at or below a requested one that the log knows, and where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// Its end (exclusive): the start of the next one, or the log end.
    pub end_offset: Offset,
}

/// The answer: what may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBound {
    /// Records from the fetch offset up to here (exclusive); may be at or below the fetch offset: then there are none.
    Records {
        /// First offset the reader may not see.
        upper: Offset,
    },
    /// The reader's log differs from ours: it truncates to the lesser of this end and its own (KIP-595).
    Diverging(EpochEnd),
}

/// Compares a caller's leader epoch with ours; `LeaderEpoch::NONE` always passes.
///
/// Source: KIP-320.
pub fn check_epoch(theirs: LeaderEpoch, ours: LeaderEpoch) -> Result<(), Refusal> {
    if theirs == LeaderEpoch::NONE || theirs == ours {
        Ok(())
    } else if theirs < ours {
        Err(Refusal::FencedLeaderEpoch { current: ours })
    } else {
        Err(Refusal::UnknownLeaderEpoch { current: ours })
    }
}

/// Decides what one partition of a fetch may read.
///
/// `end_of_epoch` looks into the log's leader epochs and is asked only when the request names a last fetched epoch.
/// Errors: a wrong epoch, not the leader, no replica of this partition, an offset outside of the log.
/// Source: KIP-320, KIP-595, `kafka-behaviour` 2.4.
pub fn read_bound(
    inputs: &BoundInputs<'_>,
    request: &ReadRequest,
    end_of_epoch: impl FnOnce(LeaderEpoch) -> Option<EpochEnd>,
) -> Result<ReadBound, Refusal> {
    check_epoch(request.current_leader_epoch, inputs.epoch)?;
    if !inputs.is_leader {
        return Err(Refusal::NotLeaderOrFollower);
    }
    check_assigned(inputs, request)?;
    if request.last_fetched_epoch != LeaderEpoch::NONE {
        let Some(end) = end_of_epoch(request.last_fetched_epoch) else {
            return Err(out_of_range(inputs, request.fetch_offset));
        };
        if request.fetch_offset < inputs.log_start {
            return Err(out_of_range(inputs, request.fetch_offset));
        }
        if end.epoch < request.last_fetched_epoch || end.end_offset < request.fetch_offset {
            return Ok(ReadBound::Diverging(end));
        }
    }
    if request.fetch_offset < inputs.log_start || request.fetch_offset > inputs.log_end {
        return Err(out_of_range(inputs, request.fetch_offset));
    }
    Ok(ReadBound::Records { upper: visible_end(inputs, request.reader, request.isolation) })
}

/// The answer to ListOffsets "latest".
///
/// Errors: [`Refusal::OffsetNotAvailable`] to a consumer while a new leader does not yet know what is committed.
/// Source: KIP-207.
pub fn latest_offset(
    inputs: &BoundInputs<'_>,
    reader: Reader,
    isolation: Isolation,
) -> Result<Offset, Refusal> {
    check_high_watermark_known(inputs, reader)?;
    Ok(visible_end(inputs, reader, isolation))
}

/// Checks what a look-up by timestamp found: it answers only what the reader may see.
///
/// Errors: [`Refusal::OffsetNotAvailable`] if the answer would have to guess.
/// Source: KIP-207.
pub fn timestamp_lookup_bound(
    inputs: &BoundInputs<'_>,
    reader: Reader,
    isolation: Isolation,
    found: Option<Offset>,
) -> Result<Option<Offset>, Refusal> {
    let visible = found.filter(|offset| *offset < visible_end(inputs, reader, isolation));
    if visible.is_none() {
        check_high_watermark_known(inputs, reader)?;
    }
    Ok(visible)
}

fn check_high_watermark_known(inputs: &BoundInputs<'_>, reader: Reader) -> Result<(), Refusal> {
    match reader {
        Reader::Consumer if inputs.high_watermark < inputs.epoch_start => {
            Err(Refusal::OffsetNotAvailable {
                high_watermark: inputs.high_watermark,
                epoch_start: inputs.epoch_start,
            })
        }
        Reader::Consumer | Reader::Follower(_) | Reader::Tool => Ok(()),
    }
}

fn check_assigned(inputs: &BoundInputs<'_>, request: &ReadRequest) -> Result<(), Refusal> {
    match request.reader {
        Reader::Consumer | Reader::Tool => Ok(()),
        Reader::Follower(node) if inputs.followers.contains(&node) => Ok(()),
        // With an epoch in the request the follower may know of an assignment that we have not seen yet.
        Reader::Follower(_) if request.current_leader_epoch != LeaderEpoch::NONE => {
            Err(Refusal::UnknownLeaderEpoch { current: inputs.epoch })
        }
        Reader::Follower(_) => Err(Refusal::NotLeaderOrFollower),
    }
}

fn visible_end(inputs: &BoundInputs<'_>, reader: Reader, isolation: Isolation) -> Offset {
    match (reader, isolation) {
        (Reader::Follower(_) | Reader::Tool, _) => inputs.log_end,
        (Reader::Consumer, Isolation::ReadUncommitted) => inputs.high_watermark,
        (Reader::Consumer, Isolation::ReadCommitted) => inputs.last_stable_offset,
    }
}

fn out_of_range(inputs: &BoundInputs<'_>, offset: Offset) -> Refusal {
    Refusal::OffsetOutOfRange { offset, log_start: inputs.log_start, log_end: inputs.log_end }
}

#[cfg(test)]
mod tests;
