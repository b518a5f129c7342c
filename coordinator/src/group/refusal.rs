//! Why a group coordinator says no.

use highwater_protocol::Str;

/// A correct answer that the caller will not like.
///
/// The names are those of Kafka's errors where it has one for the case; the numbers are given in
/// one place of the broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No group may have this name.
    #[error("the group id is empty")]
    InvalidGroupId,
    /// A member joins with this id from now on (KIP-394).
    #[error("joins again as {member_id:?}")]
    MemberIdRequired { member_id: Str },
    /// The group does not have this member, or there is no such group.
    #[error("unknown member")]
    UnknownMemberId,
    /// Outside the limits of the broker.
    #[error("session timeout of {session_timeout_ms} ms is not in {min_ms}..={max_ms}")]
    InvalidSessionTimeout { session_timeout_ms: i32, min_ms: i32, max_ms: i32 },
    /// No protocol that all members speak, another protocol type, or another kind of group.
    #[error("protocols do not fit those of the group")]
    InconsistentGroupProtocol,
    /// No room for another member.
    #[error("the group has its {max} members")]
    GroupMaxSizeReached { max: usize },
    /// What members put into the group does not fit into one record.
    #[error("the group would take {bytes} bytes, limit is {max_bytes}")]
    GroupTooLarge { bytes: usize, max_bytes: usize },
    /// What is committed at once does not fit into one batch.
    #[error("the commit would take {bytes} bytes, limit is {max_bytes}")]
    CommitTooLarge { bytes: usize, max_bytes: usize },
    /// Another member has this instance id now.
    #[error("the instance id belongs to another member")]
    FencedInstanceId,
    /// Not the generation of the group.
    #[error("generation {given}, the group has {current}")]
    IllegalGeneration { given: i32, current: i32 },
    /// The member must join again.
    #[error("the group rebalances")]
    RebalanceInProgress,
    /// No such group, or of another kind than the call is for.
    #[error("no such group")]
    GroupIdNotFound,
    /// Only an empty group may be changed like this.
    #[error("the group has members")]
    NonEmptyGroup,
    /// A member reads this topic.
    #[error("the group reads this topic")]
    GroupSubscribedToTopic,
    /// The caller's epoch is not the member's.
    #[error("epoch {given}, the member has {current}")]
    StaleMemberEpoch { given: i32, current: i32 },
    /// The member must give up everything and join again.
    #[error("epoch {given}, the member has {current}: fenced")]
    FencedMemberEpoch { given: i32, current: i32 },
    /// A member with this instance id has not left.
    #[error("the instance id is in use by {member_id:?}")]
    UnreleasedInstanceId { member_id: Str },
    /// No such assignor here.
    #[error("unknown assignor {assignor:?}")]
    UnsupportedAssignor { assignor: Str },
    /// The expression cannot be read.
    #[error("invalid regular expression: {reason}")]
    InvalidRegularExpression { reason: String },
    /// The request contradicts itself.
    #[error("{reason}")]
    InvalidRequest { reason: &'static str },
    /// The version of the call cannot say what this group needs.
    #[error("the group needs a newer version of the call")]
    UnsupportedVersion,
    /// No such topic or partition.
    #[error("unknown topic or partition")]
    UnknownTopicOrPartition,
    /// No topic has this id.
    #[error("unknown topic id")]
    UnknownTopicId,
    /// More text than a commit may carry.
    #[error("metadata of {bytes} bytes, limit is {max_bytes}")]
    OffsetMetadataTooLarge { bytes: usize, max_bytes: usize },
    /// A transaction that commits this offset is still open.
    #[error("an open transaction commits this offset")]
    UnstableOffsetCommit,
}
