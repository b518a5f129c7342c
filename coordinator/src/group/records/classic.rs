//! Type 2: a classic group.

use bytes::Bytes;
use highwater_protocol::Str;
use highwater_records::Timestamp;

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
