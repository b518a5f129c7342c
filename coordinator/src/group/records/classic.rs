//! Type 2: a classic group.
//!
//! Value, versions 0 to 3 (4 is flexible and else like 3): protocol type, generation i32, protocol
//! or null, leader or null, current state timestamp i64 (2+), members: member id, group instance id
//! or null (3+), client id, client host, rebalance timeout i32 (1+), session timeout i32,
//! subscription, assignment.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

use bytes::Bytes;
use highwater_protocol::{DecodeError, EncodeError, Message, Reader, Str, Writer};
use highwater_records::Timestamp;

use super::codec::Value;

const WRITTEN_VERSION: i16 = 3;
const NO_REBALANCE_TIMEOUT: i32 = -1;

/// A classic group at the end of a rebalance, or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassicGroupValue {
    pub protocol_type: Str,
    pub generation: i32,
    pub protocol: Option<Str>,
    pub leader: Option<Str>,
    /// Since when the group is in its state; none below version 2.
    pub current_state_timestamp: Timestamp,
    pub members: Vec<ClassicMemberValue>,
}

/// A member of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassicMemberValue {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    /// In version 0 not written: then it is the session timeout.
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    /// What the member gave for the chosen protocol.
    pub subscription: Bytes,
    pub assignment: Bytes,
}

impl Value for ClassicGroupValue {
    fn read(r: &mut Reader, version: i16) -> Result<Option<Self>, DecodeError> {
        if !(0..=4).contains(&version) {
            return Ok(None);
        }
        let flexible = version >= 4;
        let protocol_type = r.string(flexible)?;
        let generation = r.i32()?;
        let protocol = r.nullable_string(flexible)?;
        let leader = r.nullable_string(flexible)?;
        let current_state_timestamp =
            if version >= 2 { Timestamp::new(r.i64()?) } else { Timestamp::NONE };
        let members = r.array(flexible, version)?;
        if flexible {
            r.skip_tags()?;
        }
        Ok(Some(Self {
            protocol_type,
            generation,
            protocol,
            leader,
            current_state_timestamp,
            members,
        }))
    }

    fn write(&self, w: &mut Writer) -> Result<(), EncodeError> {
        w.i16(WRITTEN_VERSION);
        w.string(false, &self.protocol_type)?;
        w.i32(self.generation);
        w.nullable_string(false, &self.protocol)?;
        w.nullable_string(false, &self.leader)?;
        w.i64(self.current_state_timestamp.value());
        w.array(false, WRITTEN_VERSION, &self.members)
    }
}

impl Message for ClassicMemberValue {
    const LEAST_BYTES: usize = 8;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 4;
        let member_id = r.string(flexible)?;
        let group_instance_id = if version >= 3 { r.nullable_string(flexible)? } else { None };
        let client_id = r.string(flexible)?;
        let client_host = r.string(flexible)?;
        let rebalance_timeout_ms = if version >= 1 { r.i32()? } else { NO_REBALANCE_TIMEOUT };
        let session_timeout_ms = r.i32()?;
        let subscription = r.bytes(flexible)?;
        let assignment = r.bytes(flexible)?;
        if flexible {
            r.skip_tags()?;
        }
        let rebalance_timeout_ms = if rebalance_timeout_ms == NO_REBALANCE_TIMEOUT {
            session_timeout_ms
        } else {
            rebalance_timeout_ms
        };
        Ok(Self {
            member_id,
            group_instance_id,
            client_id,
            client_host,
            rebalance_timeout_ms,
            session_timeout_ms,
            subscription,
            assignment,
        })
    }

    fn encode(&self, w: &mut Writer, _version: i16) -> Result<(), EncodeError> {
        w.string(false, &self.member_id)?;
        w.nullable_string(false, &self.group_instance_id)?;
        w.string(false, &self.client_id)?;
        w.string(false, &self.client_host)?;
        w.i32(self.rebalance_timeout_ms);
        w.i32(self.session_timeout_ms);
        w.bytes(false, &self.subscription)?;
        w.bytes(false, &self.assignment)
    }
}
