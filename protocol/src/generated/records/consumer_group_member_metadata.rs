//! ConsumerGroupMemberMetadata (type 5 in `__consumer_offsets`): versions 0, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupMemberMetadataKey {
    pub group_id: Str,
    pub member_id: Str,
}

impl Message for ConsumerGroupMemberMetadataKey {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupMemberMetadataKey", v, 5..=5)?;
        let f = false;
        let group_id = r.string(f)?;
        let member_id = r.string(f)?;
        Ok(Self { group_id, member_id })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupMemberMetadataKey", v, 5..=5)?;
        let f = false;
        w.string(f, &self.group_id)?;
        w.string(f, &self.member_id)?;
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerGroupMemberMetadataValue {
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    pub subscribed_topic_names: Vec<Str>,
    pub subscribed_topic_regex: Option<Str>,
    /// Default -1.
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<Str>,
    /// Tag 0.
    pub classic_member_metadata: Option<ClassicMemberMetadata>,
}

impl Default for ConsumerGroupMemberMetadataValue {
    fn default() -> Self {
        Self {
            instance_id: Default::default(),
            rack_id: Default::default(),
            client_id: Default::default(),
            client_host: Default::default(),
            subscribed_topic_names: Default::default(),
            subscribed_topic_regex: Default::default(),
            rebalance_timeout_ms: -1,
            server_assignor: Default::default(),
            classic_member_metadata: Default::default(),
        }
    }
}

impl Message for ConsumerGroupMemberMetadataValue {
    const LEAST_BYTES: usize = 12;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("ConsumerGroupMemberMetadataValue", v, 0..=0)?;
        let f = true;
        let instance_id = r.nullable_string(f)?;
        let rack_id = r.nullable_string(f)?;
        let client_id = r.string(f)?;
        let client_host = r.string(f)?;
        let subscribed_topic_names = r.primitives(f)?;
        let subscribed_topic_regex = r.nullable_string(f)?;
        let rebalance_timeout_ms = r.i32()?;
        let server_assignor = r.nullable_string(f)?;
        let mut classic_member_metadata = Default::default();
        {
            r.tags(|r, tag| {
                match tag {
                    0 => classic_member_metadata = r.nullable_struct(v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self {
            instance_id,
            rack_id,
            client_id,
            client_host,
            subscribed_topic_names,
            subscribed_topic_regex,
            rebalance_timeout_ms,
            server_assignor,
            classic_member_metadata,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("ConsumerGroupMemberMetadataValue", v, 0..=0)?;
        let f = true;
        w.nullable_string(f, &self.instance_id)?;
        w.nullable_string(f, &self.rack_id)?;
        w.string(f, &self.client_id)?;
        w.string(f, &self.client_host)?;
        w.primitives(f, &self.subscribed_topic_names)?;
        w.nullable_string(f, &self.subscribed_topic_regex)?;
        w.i32(self.rebalance_timeout_ms);
        w.nullable_string(f, &self.server_assignor)?;
        {
            let has_0 = self.classic_member_metadata.is_some();
            w.uvarint(u32::from(has_0));
            if has_0 {
                w.tagged(0, |w| {
                    w.nullable_struct(v, &self.classic_member_metadata)?;
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassicMemberMetadata {
    pub session_timeout_ms: i32,
    pub supported_protocols: Vec<ClassicProtocol>,
}

impl Message for ClassicMemberMetadata {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let session_timeout_ms = r.i32()?;
        let supported_protocols = r.array(f, v)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { session_timeout_ms, supported_protocols })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i32(self.session_timeout_ms);
        w.array(f, v, &self.supported_protocols)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

const _: () = assert!(fits_record_budget::<ClassicMemberMetadata>());

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassicProtocol {
    pub name: Str,
    pub metadata: Bytes,
}

impl Message for ClassicProtocol {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let name = r.string(f)?;
        let metadata = r.bytes(f)?;
        {
            r.skip_tags()?;
        }
        Ok(Self { name, metadata })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.string(f, &self.name)?;
        w.bytes(f, &self.metadata)?;
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

const _: () = assert!(fits_record_budget::<ClassicProtocol>());

impl CoordinatorKey for ConsumerGroupMemberMetadataKey {
    const TYPE: i16 = 5;
    type Value = ConsumerGroupMemberMetadataValue;
}

impl CoordinatorValue for ConsumerGroupMemberMetadataValue {
    const VERSIONS: RangeInclusive<i16> = 0..=0;
}
