//! Log ids, votes, memberships and entries as bytes.
//!
//! Our own encoding, with the primitives of Kafka's protocol, so that the files do not depend on how the library would serialise itself.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use highwater_protocol::{DecodeError, EncodeError, Reader, Str, Writer};
use openraft::{CommittedLeaderId, EntryPayload, LogId, Membership, StoredMembership, Vote};

use super::openraft::{Batch, QuorumNode, Types};

type Entry = openraft::Entry<Types>;
type Id = LogId<u64>;

/// Bytes of a metadata file that cannot be read although their checksum is right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EncodingError {
    #[error("malformed content")]
    Malformed(#[from] DecodeError),
    #[error("content cannot be written")]
    Unwritable(#[from] EncodeError),
    #[error("unknown kind of entry {kind}: written by a newer version?")]
    UnknownKind { kind: i8 },
}

type Result<T> = std::result::Result<T, EncodingError>;

const BLANK: i8 = 0;
const NORMAL: i8 = 1;
const MEMBERSHIP: i8 = 2;

/// 24 bytes: term, node of the leader, index.
pub(super) fn write_log_id(out: &mut Writer, id: &Id) {
    write_u64(out, id.leader_id.term);
    write_u64(out, id.leader_id.node_id);
    write_u64(out, id.index);
}

pub(super) fn read_log_id(bytes: &mut Reader) -> Result<Id> {
    let (term, node) = (read_u64(bytes)?, read_u64(bytes)?);
    Ok(LogId::new(CommittedLeaderId::new(term, node), read_u64(bytes)?))
}

pub(super) fn write_optional_log_id(out: &mut Writer, id: Option<&Id>) {
    out.bool(id.is_some());
    if let Some(id) = id {
        write_log_id(out, id);
    }
}

pub(super) fn read_optional_log_id(bytes: &mut Reader) -> Result<Option<Id>> {
    if bytes.bool()? { read_log_id(bytes).map(Some) } else { Ok(None) }
}

/// 17 bytes: term, node, whether a quorum granted it.
pub(super) fn write_vote(out: &mut Writer, vote: &Vote<u64>) {
    write_u64(out, vote.leader_id.term);
    write_u64(out, vote.leader_id.node_id);
    out.bool(vote.committed);
}

pub(super) fn read_vote(bytes: &mut Reader) -> Result<Vote<u64>> {
    let (term, node) = (read_u64(bytes)?, read_u64(bytes)?);
    Ok(if bytes.bool()? { Vote::new_committed(term, node) } else { Vote::new(term, node) })
}

pub(super) fn write_membership(
    out: &mut Writer,
    membership: &Membership<u64, QuorumNode>,
) -> Result<()> {
    let configs = membership.get_joint_config();
    write_count(out, configs.len())?;
    for voters in configs {
        write_count(out, voters.len())?;
        voters.iter().for_each(|node| write_u64(out, *node));
    }
    let nodes: Vec<_> = membership.nodes().collect();
    write_count(out, nodes.len())?;
    for (id, QuorumNode { address, directory }) in nodes {
        write_u64(out, *id);
        out.string(true, &Str::from(address))?;
        out.uuid(*directory);
        out.uvarint(0);
    }
    Ok(())
}

pub(super) fn read_membership(bytes: &mut Reader) -> Result<Membership<u64, QuorumNode>> {
    let mut configs = Vec::new();
    for _ in 0..bytes.uvarint()? {
        let mut voters = BTreeSet::new();
        for _ in 0..bytes.uvarint()? {
            voters.insert(read_u64(bytes)?);
        }
        configs.push(voters);
    }
    let mut nodes = BTreeMap::new();
    for _ in 0..bytes.uvarint()? {
        let id = read_u64(bytes)?;
        let address = String::from(bytes.string(true)?);
        nodes.insert(id, QuorumNode { address, directory: bytes.uuid()? });
        bytes.skip_tags()?;
    }
    Ok(Membership::new(configs, nodes))
}

pub(super) fn write_stored_membership(
    out: &mut Writer,
    membership: &StoredMembership<u64, QuorumNode>,
) -> Result<()> {
    write_optional_log_id(out, membership.log_id().as_ref());
    write_membership(out, membership.membership())
}

pub(super) fn read_stored_membership(
    bytes: &mut Reader,
) -> Result<StoredMembership<u64, QuorumNode>> {
    let log_id = read_optional_log_id(bytes)?;
    Ok(StoredMembership::new(log_id, read_membership(bytes)?))
}

pub(super) fn write_entry(out: &mut Writer, entry: &Entry) -> Result<()> {
    write_log_id(out, &entry.log_id);
    match &entry.payload {
        EntryPayload::Blank => out.i8(BLANK),
        EntryPayload::Normal(Batch(batch)) => {
            out.i8(NORMAL);
            out.bytes(false, batch)?;
        }
        EntryPayload::Membership(membership) => {
            out.i8(MEMBERSHIP);
            write_membership(out, membership)?;
        }
    }
    Ok(())
}

pub(super) fn read_entry(bytes: &mut Reader) -> Result<Entry> {
    let log_id = read_log_id(bytes)?;
    let payload = match bytes.i8()? {
        BLANK => EntryPayload::Blank,
        // A copy, so that one entry does not hold the bytes of the whole journal.
        NORMAL => EntryPayload::Normal(Batch(Bytes::copy_from_slice(&bytes.bytes(false)?))),
        MEMBERSHIP => EntryPayload::Membership(read_membership(bytes)?),
        kind => return Err(EncodingError::UnknownKind { kind }),
    };
    Ok(Entry { log_id, payload })
}

fn write_u64(out: &mut Writer, value: u64) {
    out.i64(value.cast_signed());
}

fn read_u64(bytes: &mut Reader) -> Result<u64> {
    Ok(bytes.i64()?.cast_unsigned())
}

pub(super) fn write_count(out: &mut Writer, count: usize) -> Result<()> {
    let count = u32::try_from(count).map_err(|_many| EncodeError::TooLong { length: count })?;
    out.uvarint(count);
    Ok(())
}

#[cfg(test)]
mod tests {
    use highwater_records::Uuid;

    use super::*;

    #[test]
    fn entries_of_every_kind_read_back_equal() {
        let node = QuorumNode { address: "a:1".to_owned(), directory: Uuid::from_random(5) };
        let nodes = BTreeMap::from([(1, node.clone()), (2, node.clone()), (9, node)]);
        let voters = |ids: &[u64]| ids.iter().copied().collect::<BTreeSet<u64>>();
        let payloads = [
            EntryPayload::Blank,
            EntryPayload::Normal(Batch(Bytes::from_static(b"records"))),
            EntryPayload::Membership(Membership::new(vec![voters(&[1, 2]), voters(&[2])], nodes)),
        ];
        for payload in payloads {
            let log_id = LogId::new(CommittedLeaderId::new(u64::MAX, 3), 7);
            let entry = Entry { log_id, payload };
            let mut out = Writer::new();
            write_entry(&mut out, &entry).unwrap();
            let mut bytes = Reader::new(out.into_bytes().unwrap());
            assert_eq!(read_entry(&mut bytes).unwrap(), entry);
            assert_eq!(bytes.expect_end(), Ok(()));
        }
    }
}
