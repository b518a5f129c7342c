//! Who may commit and read offsets.

use highwater_protocol::Str;
use highwater_records::Uuid;

use super::{ConsumerGroup, Member, Refusal};

/// The first version of OffsetCommit in which a member of the new protocol can say its epoch.
const EPOCH_COMMIT_VERSION_MIN: i16 = 9;

/// What an offset commit says of its caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommitCaller<'a> {
    /// Of OffsetCommit; of TxnOffsetCommit if `is_transactional`.
    pub(crate) version: i16,
    pub(crate) is_transactional: bool,
    pub(crate) member_id: &'a Str,
    pub(crate) instance_id: Option<&'a Str>,
    /// Generation of a classic member, epoch of a new one.
    pub(crate) epoch: i32,
}

impl ConsumerGroup {
    /// Whether the caller may commit to these partitions (topic id, partition); called with the
    /// ones that exist.
    ///
    /// A member may be behind its own epoch, because a heartbeat and a commit can cross, as long
    /// as it has had the partition since then (KIP-1251).
    ///
    /// Errors: [`Refusal::UnknownMemberId`]; [`Refusal::UnsupportedVersion`];
    /// [`Refusal::StaleMemberEpoch`], for classic members [`Refusal::IllegalGeneration`].
    pub(crate) fn check_commit(
        &self,
        caller: CommitCaller<'_>,
        partitions: &[(Uuid, i32)],
    ) -> Result<(), Refusal> {
        if caller.epoch < 0 && self.is_empty() {
            return Ok(());
        }
        let is_anonymous =
            caller.epoch == -1 && caller.member_id.is_empty() && caller.instance_id.is_none();
        if caller.is_transactional && is_anonymous {
            return Ok(());
        }
        let member = self.member(caller.member_id)?;
        if !caller.is_transactional
            && !member.is_classic()
            && caller.version < EPOCH_COMMIT_VERSION_MIN
        {
            return Err(Refusal::UnsupportedVersion);
        }
        let current = &member.current;
        if caller.epoch == current.epoch {
            return Ok(());
        }
        if caller.epoch > current.epoch {
            return Err(stale(member, caller.epoch));
        }
        let is_old_enough = |&(topic_id, partition): &(Uuid, i32)| {
            let since = current.assigned.epoch_of(topic_id, partition);
            let since = since.or_else(|| current.pending_revocation.epoch_of(topic_id, partition));
            since.is_some_and(|since| caller.epoch >= since)
        };
        if partitions.iter().all(is_old_enough) { Ok(()) } else { Err(stale(member, caller.epoch)) }
    }

    /// Whether the caller may read offsets: `member_id` is given from version 9 on, by members.
    ///
    /// Errors: as of [`ConsumerGroup::check_commit`].
    pub(crate) fn check_fetch(
        &self,
        member_id: Option<&Str>,
        member_epoch: i32,
    ) -> Result<(), Refusal> {
        if member_id.is_none() && member_epoch < 0 {
            return Ok(());
        }
        let member = self.member(member_id.ok_or(Refusal::UnknownMemberId)?)?;
        if member_epoch == member.current.epoch { Ok(()) } else { Err(stale(member, member_epoch)) }
    }
}

fn stale(member: &Member, given: i32) -> Refusal {
    let current = member.current.epoch;
    if member.is_classic() {
        Refusal::IllegalGeneration { given, current }
    } else {
        Refusal::StaleMemberEpoch { given, current }
    }
}
