//! DescribeClientQuotas (48): versions 0-1, flexible from 1.

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeClientQuotasRequest {
    pub components: Vec<RequestComponent>,
    pub strict: bool,
}

impl Message for DescribeClientQuotasRequest {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeClientQuotasRequest", v, 0..=1)?;
        let f = v >= 1;
        let components = r.array(f, v)?;
        let strict = r.bool()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { components, strict })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeClientQuotasRequest", v, 0..=1)?;
        let f = v >= 1;
        w.array(f, v, &self.components)?;
        w.bool(self.strict);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestComponent {
    pub entity_type: Str,
    pub match_type: i8,
    pub r#match: Option<Str>,
}

impl Message for RequestComponent {
    const LEAST_BYTES: usize = 4;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let entity_type = r.string(f)?;
        let match_type = r.i8()?;
        let r#match = r.nullable_string(f)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { entity_type, match_type, r#match })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.string(f, &self.entity_type)?;
        w.i8(self.match_type);
        w.nullable_string(f, &self.r#match)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeClientQuotasResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    pub entries: Option<Vec<ResponseEntry>>,
}

impl Message for DescribeClientQuotasResponse {
    const LEAST_BYTES: usize = 9;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeClientQuotasResponse", v, 0..=1)?;
        let f = v >= 1;
        let throttle_time_ms = r.i32()?;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let entries = r.nullable_array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { throttle_time_ms, error_code, error_message, entries })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeClientQuotasResponse", v, 0..=1)?;
        let f = v >= 1;
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        w.nullable_array(f, v, &self.entries)?;
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseEntry {
    pub entity: Vec<ResponseEntryEntity>,
    pub values: Vec<ResponseEntryValue>,
}

impl Message for ResponseEntry {
    const LEAST_BYTES: usize = 3;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let entity = r.array(f, v)?;
        let values = r.array(f, v)?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { entity, values })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.array(f, v, &self.entity)?;
        w.array(f, v, &self.values)?;
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

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseEntryValue {
    pub key: Str,
    pub value: f64,
}

impl Message for ResponseEntryValue {
    const LEAST_BYTES: usize = 10;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = v >= 1;
        let key = r.string(f)?;
        let value = r.f64()?;
        if f {
            r.skip_tags()?;
        }
        Ok(Self { key, value })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = v >= 1;
        w.string(f, &self.key)?;
        w.f64(self.value);
        if f {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for DescribeClientQuotasRequest {
    const KEY: ApiKey = ApiKey::DescribeClientQuotas;
    type Response = DescribeClientQuotasResponse;
}
