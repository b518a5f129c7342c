//! The one map from refusals to Kafka's error codes. Machines and storage refuse in their own words; what clients see is read here.

use highwater_controller::Refusal as ControllerRefusal;
use highwater_controller::config::TopicSettings;
use highwater_coordinator::group::Refusal as GroupRefusal;
use highwater_records::{BatchError, BatchRefusal, ErrorCode};
use highwater_replication::Refusal as ReplicationRefusal;
use highwater_storage::{ReadError, Refusal as LogRefusal};

use crate::fetch::SessionRefusal;
use crate::hosts::controller::AdminFault;
use crate::hosts::groups::Unavailable;
use crate::partition::{AppendRefusal, IntakeRefusal, NotServing};
use crate::replicas::NotHosted;

// ---- partitions: produce, fetch, offsets

/// What the leader's machine refuses.
pub(crate) fn replication_code(refusal: &ReplicationRefusal) -> ErrorCode {
    match refusal {
        ReplicationRefusal::NotLeaderOrFollower => ErrorCode::NotLeaderOrFollower,
        ReplicationRefusal::FencedLeaderEpoch { .. } => ErrorCode::FencedLeaderEpoch,
        ReplicationRefusal::UnknownLeaderEpoch { .. } => ErrorCode::UnknownLeaderEpoch,
        ReplicationRefusal::NotEnoughReplicas { .. } => ErrorCode::NotEnoughReplicas,
        ReplicationRefusal::NotEnoughReplicasAfterAppend { .. } => {
            ErrorCode::NotEnoughReplicasAfterAppend
        }
        ReplicationRefusal::OffsetNotAvailable { .. } => ErrorCode::OffsetNotAvailable,
        ReplicationRefusal::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
    }
}

/// What an append ends with.
pub(crate) fn append_code(refusal: &AppendRefusal) -> ErrorCode {
    match refusal {
        AppendRefusal::Replication(refusal) => replication_code(refusal),
        AppendRefusal::Log(refusal) => log_code(refusal),
        AppendRefusal::Offline(_) => ErrorCode::KafkaStorageError,
        AppendRefusal::Gone => ErrorCode::NotLeaderOrFollower,
        // Of the coordinators alone, which read the log again.
        AppendRefusal::NotAtEnd { .. } => ErrorCode::NotLeaderOrFollower,
        // The client retries both; the first one was not appended, the second may have been.
        AppendRefusal::QueueFull | AppendRefusal::TimedOut => ErrorCode::RequestTimedOut,
    }
}

/// What the log refuses to take.
pub(crate) fn log_code(refusal: &LogRefusal) -> ErrorCode {
    match refusal {
        LogRefusal::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        LogRefusal::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        LogRefusal::RecordListTooLarge { .. } => ErrorCode::RecordListTooLarge,
        // Retriable: room may come back, and the client finds out by itself.
        LogRefusal::DiskFull { .. }
        | LogRefusal::OutOfDescriptors { .. }
        | LogRefusal::OffsetsExhausted { .. } => ErrorCode::KafkaStorageError,
    }
}

/// What is wrong with the record bytes of a produce request.
pub(crate) fn intake_code(refusal: &IntakeRefusal) -> ErrorCode {
    match refusal {
        IntakeRefusal::NotOneBatch | IntakeRefusal::UnsupportedMagic => ErrorCode::InvalidRecord,
        IntakeRefusal::Malformed(BatchError::InvalidLength { .. }) => ErrorCode::CorruptMessage,
        IntakeRefusal::Malformed(_) => ErrorCode::InvalidRecord,
        IntakeRefusal::Corrupt(_) => ErrorCode::CorruptMessage,
        IntakeRefusal::NoTransaction => ErrorCode::InvalidTxnState,
        IntakeRefusal::Batch(BatchRefusal::CorruptMessage { .. }) => ErrorCode::CorruptMessage,
        IntakeRefusal::Batch(BatchRefusal::TooLarge { .. }) => ErrorCode::MessageTooLarge,
        IntakeRefusal::Batch(BatchRefusal::InvalidRecord { .. }) => ErrorCode::InvalidRecord,
        IntakeRefusal::Batch(BatchRefusal::InvalidTimestamp { .. }) => ErrorCode::InvalidTimestamp,
        IntakeRefusal::Batch(BatchRefusal::UnsupportedCompression { .. }) => {
            ErrorCode::UnsupportedCompressionType
        }
    }
}

/// What the client reads about it: with the topic's configuration where that is what the batch breaks.
pub(crate) fn intake_message(refusal: &IntakeRefusal, settings: &TopicSettings) -> String {
    match refusal {
        IntakeRefusal::Batch(BatchRefusal::TooLarge { .. }) => {
            format!("{refusal} (max.message.bytes={})", settings.max_message_bytes)
        }
        IntakeRefusal::Batch(BatchRefusal::InvalidTimestamp { records, .. })
            if !records.is_empty() =>
        {
            format!(
                "{refusal} (message.timestamp.before.max.ms={}, message.timestamp.after.max.ms={}, counted from the broker's time)",
                settings.message_timestamp_before_max_ms, settings.message_timestamp_after_max_ms
            )
        }
        IntakeRefusal::NotOneBatch
        | IntakeRefusal::UnsupportedMagic
        | IntakeRefusal::Malformed(_)
        | IntakeRefusal::Corrupt(_)
        | IntakeRefusal::NoTransaction
        | IntakeRefusal::Batch(_) => refusal.to_string(),
    }
}

/// What a read ends with.
pub(crate) fn read_code(error: &ReadError) -> ErrorCode {
    match error {
        ReadError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        // Cut again and again while it was read: the client asks anew.
        ReadError::Stale => ErrorCode::NotLeaderOrFollower,
        ReadError::Corrupt(_) => ErrorCode::CorruptMessage,
        ReadError::Fault(_) => ErrorCode::KafkaStorageError,
    }
}

/// Why a hosted replica serves nothing.
pub(crate) fn not_serving_code(reason: &NotServing) -> ErrorCode {
    match reason {
        NotServing::Offline(_) => ErrorCode::KafkaStorageError,
        NotServing::Gone => ErrorCode::NotLeaderOrFollower,
    }
}

/// Why a partition of a known topic is not here.
pub(crate) fn not_hosted_code(reason: NotHosted) -> ErrorCode {
    match reason {
        NotHosted::UnknownPartition => ErrorCode::UnknownTopicOrPartition,
        NotHosted::NotLeader { .. } => ErrorCode::NotLeaderOrFollower,
    }
}

/// Why a fetch is refused as a whole.
pub(crate) fn session_code(refusal: SessionRefusal) -> ErrorCode {
    match refusal {
        SessionRefusal::IdNotFound => ErrorCode::FetchSessionIdNotFound,
        SessionRefusal::InvalidEpoch => ErrorCode::InvalidFetchSessionEpoch,
        SessionRefusal::TopicIdError => ErrorCode::FetchSessionTopicIdError,
    }
}

/// The code as a Fetch of this version knows it.
pub(crate) fn fetch_code_in(version: i16, code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::KafkaStorageError if version <= 5 => ErrorCode::NotLeaderOrFollower,
        code => code,
    }
}

/// The code as a ListOffsets of this version knows it.
pub(crate) fn list_offsets_code_in(version: i16, code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::OffsetNotAvailable if version < 5 => ErrorCode::LeaderNotAvailable,
        code => code,
    }
}

// ---- metadata: topics, configurations, brokers

/// What the controller refuses.
pub(crate) fn controller_code(refusal: &ControllerRefusal) -> ErrorCode {
    use ControllerRefusal as R;
    match refusal {
        R::TopicName { .. } | R::CollidingTopicName { .. } => ErrorCode::InvalidTopicException,
        R::TopicExists { .. } => ErrorCode::TopicAlreadyExists,
        R::UnknownTopic { .. } => ErrorCode::UnknownTopicOrPartition,
        R::UnknownTopicId { .. } => ErrorCode::UnknownTopicId,
        R::PartitionCount { .. } | R::PartitionsMustGrow { .. } => ErrorCode::InvalidPartitions,
        R::ReplicationFactor { .. } | R::TooFewBrokers { .. } => {
            ErrorCode::InvalidReplicationFactor
        }
        R::Assignment { .. } | R::AssignmentCount { .. } => ErrorCode::InvalidReplicaAssignment,
        R::TooManyPartitions { .. } => ErrorCode::PolicyViolation,
        R::DeletionDisabled => ErrorCode::TopicDeletionDisabled,
        R::NullConfig { .. }
        | R::ConfigTooLong { .. }
        | R::TopicConfig(_)
        | R::GroupConfig(_)
        | R::UnknownBrokerConfig { .. }
        | R::ConfigValue(_)
        | R::NotAList { .. } => ErrorCode::InvalidConfig,
        R::DuplicateTopic { .. }
        | R::DuplicateTopicId { .. }
        | R::NameAndId
        | R::NeitherNameNorId
        | R::AssignmentAndCounts
        | R::NullValue { .. }
        | R::DuplicateConfig { .. }
        | R::ReadOnlyConfigs { .. }
        | R::BrokerName { .. }
        | R::NoGroupName
        | R::DuplicateResource
        | R::ResourceType { .. }
        | R::AlterOperation { .. } => ErrorCode::InvalidRequest,
        R::OtherCluster { .. } => ErrorCode::InconsistentClusterId,
        R::FeatureLevel { .. } => ErrorCode::UnsupportedVersion,
        R::DirectoryTaken { .. } => ErrorCode::DuplicateBrokerRegistration,
        R::UnknownBroker { .. } => ErrorCode::BrokerIdNotRegistered,
        R::ProducerIdsUsedUp => ErrorCode::UnknownServerError,
    }
}

/// Why admin work was not done, or is not known to be.
pub(crate) fn admin_code(fault: &AdminFault) -> ErrorCode {
    match fault {
        // Clients refresh, find the controller there is, and try again.
        AdminFault::NotController | AdminFault::Stopped => ErrorCode::NotController,
        AdminFault::DiskFull(_) => ErrorCode::KafkaStorageError,
        AdminFault::TimedOut => ErrorCode::RequestTimedOut,
    }
}

// ---- groups

/// What a group's machine refuses.
pub(crate) fn group_code(refusal: &GroupRefusal) -> ErrorCode {
    use GroupRefusal as R;
    match refusal {
        R::InvalidGroupId => ErrorCode::InvalidGroupId,
        R::MemberIdRequired { .. } => ErrorCode::MemberIdRequired,
        R::UnknownMemberId => ErrorCode::UnknownMemberId,
        R::InvalidSessionTimeout { .. } => ErrorCode::InvalidSessionTimeout,
        R::InconsistentGroupProtocol => ErrorCode::InconsistentGroupProtocol,
        R::GroupMaxSizeReached { .. } => ErrorCode::GroupMaxSizeReached,
        // What Kafka makes of a record that its log refuses.
        R::GroupTooLarge { .. } | R::CommitTooLarge { .. } => ErrorCode::UnknownServerError,
        R::FencedInstanceId => ErrorCode::FencedInstanceId,
        R::IllegalGeneration { .. } => ErrorCode::IllegalGeneration,
        R::RebalanceInProgress => ErrorCode::RebalanceInProgress,
        R::GroupIdNotFound => ErrorCode::GroupIdNotFound,
        R::NonEmptyGroup => ErrorCode::NonEmptyGroup,
        R::GroupSubscribedToTopic => ErrorCode::GroupSubscribedToTopic,
        R::StaleMemberEpoch { .. } => ErrorCode::StaleMemberEpoch,
        R::FencedMemberEpoch { .. } => ErrorCode::FencedMemberEpoch,
        R::UnreleasedInstanceId { .. } => ErrorCode::UnreleasedInstanceId,
        R::UnsupportedAssignor { .. } => ErrorCode::UnsupportedAssignor,
        R::InvalidRegularExpression { .. } => ErrorCode::InvalidRegularExpression,
        R::InvalidRequest { .. } => ErrorCode::InvalidRequest,
        R::UnsupportedVersion => ErrorCode::UnsupportedVersion,
        R::UnknownTopicOrPartition => ErrorCode::UnknownTopicOrPartition,
        R::UnknownTopicId => ErrorCode::UnknownTopicId,
        R::OffsetMetadataTooLarge { .. } => ErrorCode::OffsetMetadataTooLarge,
        R::UnstableOffsetCommit => ErrorCode::UnstableOffsetCommit,
    }
}

/// A group that comes after an answer is full: the clients ask for it again, of the same broker.
pub(crate) const NO_ROOM_CODE: ErrorCode = ErrorCode::CoordinatorLoadInProgress;

/// Why a coordinator has no answer of its own.
pub(crate) fn unavailable_code(unavailable: &Unavailable) -> ErrorCode {
    match unavailable {
        Unavailable::NotCoordinator => ErrorCode::NotCoordinator,
        Unavailable::Loading => ErrorCode::CoordinatorLoadInProgress,
        Unavailable::TimedOut => ErrorCode::CoordinatorNotAvailable,
        Unavailable::Lost(refusal) => coordinator_append_code(append_code(refusal)),
        Unavailable::Unwritable(_) => ErrorCode::UnknownServerError,
    }
}

/// An append's error as the clients of a coordinator know it: all but the last are tried again.
fn coordinator_append_code(code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::RequestTimedOut
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        _ => ErrorCode::UnknownServerError,
    }
}
