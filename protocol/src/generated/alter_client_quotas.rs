//! AlterClientQuotas (49): versions 0-1, flexible from 1.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterClientQuotasRequest {
    pub entries: Vec<RequestEntry>,
    pub validate_only: bool,
}

impl Message for AlterClientQuotasRequest {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("AlterClientQuotasRequest", v, 0..=1)?;
        let f = v >= 1;
        let entries = r.array(f, v)?;
        let validate_only = r.bool()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { entries, validate_only })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("AlterClientQuotasRequest", v, 0..=1)?;
        let f = v >= 1;
        w.array(f, v, &self.entries)?;
        w.bool(self.validate_only);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestEntry {
    pub entity: Vec<RequestEntryEntity>,
    pub ops: Vec<RequestEntryOp>,
}

impl Message for RequestEntry {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let entity = r.array(f, v)?;
        let ops = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { entity, ops })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.array(f, v, &self.entity)?;
        w.array(f, v, &self.ops)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestEntryEntity {
    pub entity_type: Str,
    pub entity_name: Option<Str>,
}

impl Message for RequestEntryEntity {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let entity_type = r.string(f)?;
        let entity_name = r.nullable_string(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { entity_type, entity_name })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.string(f, &self.entity_type)?;
        w.nullable_string(f, &self.entity_name)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestEntryOp {
    pub key: Str,
    pub value: f64,
    pub remove: bool,
}

impl Message for RequestEntryOp {
    const LEAST_BYTES: usize = 11;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let key = r.string(f)?;
        let value = r.f64()?;
        let remove = r.bool()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { key, value, remove })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.string(f, &self.key)?;
        w.f64(self.value);
        w.bool(self.remove);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterClientQuotasResponse {
    pub throttle_time_ms: i32,
    pub entries: Vec<ResponseEntry>,
}

impl Message for AlterClientQuotasResponse {
    const LEAST_BYTES: usize = 6;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("AlterClientQuotasResponse", v, 0..=1)?;
        let f = v >= 1;
        let throttle_time_ms = r.i32()?;
        let entries = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, entries })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("AlterClientQuotasResponse", v, 0..=1)?;
        let f = v >= 1;
        w.i32(self.throttle_time_ms);
        w.array(f, v, &self.entries)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseEntry {
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub entity: Vec<ResponseEntryEntity>,
}

impl Message for ResponseEntry {
    const LEAST_BYTES: usize = 5;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let entity = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { error_code, error_message, entity })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.array(f, v, &self.entity)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseEntryEntity {
    pub entity_type: Str,
    pub entity_name: Option<Str>,
}

impl Message for ResponseEntryEntity {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let entity_type = r.string(f)?;
        let entity_name = r.nullable_string(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { entity_type, entity_name })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.string(f, &self.entity_type)?;
        w.nullable_string(f, &self.entity_name)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for AlterClientQuotasRequest {
    const KEY: ApiKey = ApiKey::AlterClientQuotas;
    type Response = AlterClientQuotasResponse;
}
