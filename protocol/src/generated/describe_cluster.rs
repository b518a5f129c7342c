//! DescribeCluster (60): versions 0-2, flexible from 0.

use super::prelude::*;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClusterRequest {
    pub include_cluster_authorized_operations: bool,
    /// Versions 1+, default 1.
    pub endpoint_type: i8,
    /// Versions 2+.
    pub include_fenced_brokers: bool,
}

impl Default for DescribeClusterRequest {
    fn default() -> Self {
        Self {
            include_cluster_authorized_operations: Default::default(),
            endpoint_type: 1,
            include_fenced_brokers: Default::default(),
        }
    }
}

impl Message for DescribeClusterRequest {
    const LEAST_BYTES: usize = 2;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeClusterRequest", v, 0..=2)?;
        let f = true;
        let include_cluster_authorized_operations = r.bool()?;
        let endpoint_type = if v >= 1 { r.i8()? } else { 1 };
        let include_fenced_brokers = if v >= 2 { r.bool()? } else { Default::default() };
        {
            r.skip_tags()?;
        }
        Ok(Self { include_cluster_authorized_operations, endpoint_type, include_fenced_brokers })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeClusterRequest", v, 0..=2)?;
        let f = true;
        w.bool(self.include_cluster_authorized_operations);
        if v >= 1 {
            w.i8(self.endpoint_type);
        }
        if v >= 2 {
            w.bool(self.include_fenced_brokers);
        }
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClusterResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<Str>,
    /// Versions 1+, default 1.
    pub endpoint_type: i8,
    pub cluster_id: Str,
    /// Default -1.
    pub controller_id: i32,
    pub brokers: Vec<ResponseBroker>,
    /// Default i32min.
    pub cluster_authorized_operations: i32,
}

impl Default for DescribeClusterResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Default::default(),
            endpoint_type: 1,
            cluster_id: Default::default(),
            controller_id: -1,
            brokers: Default::default(),
            cluster_authorized_operations: i32::MIN,
        }
    }
}

impl Message for DescribeClusterResponse {
    const LEAST_BYTES: usize = 18;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        reader::check_version("DescribeClusterResponse", v, 0..=2)?;
        let f = true;
        let throttle_time_ms = r.i32()?;
        let error_code = r.error_code()?;
        let error_message = r.nullable_string(f)?;
        let endpoint_type = if v >= 1 { r.i8()? } else { 1 };
        let cluster_id = r.string(f)?;
        let controller_id = r.i32()?;
        let brokers = r.array(f, v)?;
        let cluster_authorized_operations = r.i32()?;
        {
            r.skip_tags()?;
        }
        Ok(Self {
            throttle_time_ms,
            error_code,
            error_message,
            endpoint_type,
            cluster_id,
            controller_id,
            brokers,
            cluster_authorized_operations,
        })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writer::check_version("DescribeClusterResponse", v, 0..=2)?;
        let f = true;
        w.i32(self.throttle_time_ms);
        w.error_code(self.error_code);
        w.nullable_string(f, &self.error_message)?;
        if v >= 1 {
            w.i8(self.endpoint_type);
        }
        w.string(f, &self.cluster_id)?;
        w.i32(self.controller_id);
        w.array(f, v, &self.brokers)?;
        w.i32(self.cluster_authorized_operations);
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseBroker {
    pub broker_id: i32,
    pub host: Str,
    pub port: i32,
    pub rack: Option<Str>,
    /// Versions 2+.
    pub is_fenced: bool,
}

impl Message for ResponseBroker {
    const LEAST_BYTES: usize = 11;

    fn decode(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let f = true;
        let broker_id = r.i32()?;
        let host = r.string(f)?;
        let port = r.i32()?;
        let rack = r.nullable_string(f)?;
        let is_fenced = if v >= 2 { r.bool()? } else { Default::default() };
        {
            r.skip_tags()?;
        }
        Ok(Self { broker_id, host, port, rack, is_fenced })
    }

    fn encode(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        let f = true;
        w.i32(self.broker_id);
        w.string(f, &self.host)?;
        w.i32(self.port);
        w.nullable_string(f, &self.rack)?;
        if v >= 2 {
            w.bool(self.is_fenced);
        }
        {
            w.uvarint(0);
        }
        Ok(())
    }
}

impl Request for DescribeClusterRequest {
    const KEY: ApiKey = ApiKey::DescribeCluster;
    type Response = DescribeClusterResponse;
}
