//! GroupMetadata (type 2 in `__consumer_offsets`): versions 0-4, flexible from 4.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupMetadataKey {
    pub group: Str,
}

impl Message for GroupMetadataKey {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("GroupMetadataKey", v, 2..=2)?;
        let f = false;
        let group = r.string(f)?;
        Ok(Self { group })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("GroupMetadataKey", v, 2..=2)?;
        let f = false;
        w.string(f, &self.group)?;
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct GroupMetadataValue {
    pub protocol_type: Str,
    pub generation: i32,
    pub protocol: Option<Str>,
    pub leader: Option<Str>,
    /// Versions 2+, default -1.
    pub current_state_timestamp: i64,
    pub members: Vec<MemberMetadata>,
}

impl Default for GroupMetadataValue {
    fn default() -> Self {
        Self {
            protocol_type: Default::default(),
            generation: Default::default(),
            protocol: Default::default(),
            leader: Default::default(),
            current_state_timestamp: -1,
            members: Default::default(),
        }
    }
}

impl Message for GroupMetadataValue {
    const LEAST_BYTES: usize = 14;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("GroupMetadataValue", v, 0..=4)?;
        let f = v >= 4;
        let protocol_type = r.string(f)?;
        let generation = r.i32()?;
        let protocol = r.nullable_string(f)?;
        let leader = r.nullable_string(f)?;
        let current_state_timestamp = if v >= 2 { r.i64()? } else { -1 };
        let members = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { protocol_type, generation, protocol, leader, current_state_timestamp, members })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("GroupMetadataValue", v, 0..=4)?;
        let f = v >= 4;
        w.string(f, &self.protocol_type)?;
        w.i32(self.generation);
        w.nullable_string(f, &self.protocol)?;
        w.nullable_string(f, &self.leader)?;
        if v >= 2 {
            w.i64(self.current_state_timestamp);
        }
        w.array(f, v, &self.members)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MemberMetadata {
    pub member_id: Str,
    /// Versions 3+.
    pub group_instance_id: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    /// Versions 1+, default -1.
    pub rebalance_timeout: i32,
    pub session_timeout: i32,
    pub subscription: Bytes,
    pub assignment: Bytes,
}

impl Default for MemberMetadata {
    fn default() -> Self {
        Self {
            member_id: Default::default(),
            group_instance_id: Default::default(),
            client_id: Default::default(),
            client_host: Default::default(),
            rebalance_timeout: -1,
            session_timeout: Default::default(),
            subscription: Default::default(),
            assignment: Default::default(),
        }
    }
}

impl Message for MemberMetadata {
    const LEAST_BYTES: usize = 15;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 4;
        let member_id = r.string(f)?;
        let group_instance_id = if v >= 3 { r.nullable_string(f)? } else { Default::default() };
        let client_id = r.string(f)?;
        let client_host = r.string(f)?;
        let rebalance_timeout = if v >= 1 { r.i32()? } else { -1 };
        let session_timeout = r.i32()?;
        let subscription = r.bytes(f)?;
        let assignment = r.bytes(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self {
            member_id,
            group_instance_id,
            client_id,
            client_host,
            rebalance_timeout,
            session_timeout,
            subscription,
            assignment,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 4;
        w.string(f, &self.member_id)?;
        if v >= 3 {
            w.nullable_string(f, &self.group_instance_id)?;
        }
        w.string(f, &self.client_id)?;
        w.string(f, &self.client_host)?;
        if v >= 1 {
            w.i32(self.rebalance_timeout);
        }
        w.i32(self.session_timeout);
        w.bytes(f, &self.subscription)?;
        w.bytes(f, &self.assignment)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

const _: () = assert!(fits_record_budget::<MemberMetadata>());

impl CoordinatorKey for GroupMetadataKey {
    const TYPE: i16 = 2;
    type Value = GroupMetadataValue;
}

impl CoordinatorValue for GroupMetadataValue {
    const VERSIONS: RangeInclusive<i16> = 0..=4;
}
