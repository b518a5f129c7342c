//! One member of a classic group.

use std::time::Duration;

use bytes::Bytes;
use highwater_protocol::Str;
use highwater_protocol::records::consumer_group_member_metadata::ClassicProtocol;
use highwater_protocol::records::group_metadata::MemberMetadata;
use highwater_records::Monotonic;

use crate::RequestId;

/// Bytes of a member in the group's record besides what the client chose.
const MEMBER_OVERHEAD_BYTES: usize = 32;

/// A member: what it said, what it was assigned, and what is known of it since the last restart.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Member {
    pub(crate) id: Str,
    pub(crate) instance_id: Option<Str>,
    pub(crate) client_id: Str,
    pub(crate) client_host: Str,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    /// In the order of preference. After a restart only the chosen one is known.
    pub(crate) protocols: Vec<ClassicProtocol>,
    pub(crate) assignment: Bytes,
    /// Soft: the JoinGroup that waits.
    pub(crate) waiting_join: Option<RequestId>,
    /// Soft: the SyncGroup that waits.
    pub(crate) waiting_sync: Option<RequestId>,
    /// Soft: waits for its first join to complete.
    pub(crate) is_new: bool,
    /// Soft: when it was last heard, or last answered after it had waited.
    pub(crate) heard: Option<Monotonic>,
    /// Soft: the longest time it took to send a heartbeat.
    pub(crate) longest_gap: Duration,
    /// Soft: its connection was closed; it is gone unless heard before this.
    pub(crate) gone_at: Option<Monotonic>,
}

impl Member {
    /// A member as a record has it; `protocol` is the one the group had chosen.
    pub(crate) fn from_value(value: &MemberMetadata, protocol: Option<&Str>) -> Self {
        let protocol = ClassicProtocol {
            name: protocol.map(Str::detached).unwrap_or_default(),
            metadata: detached(&value.subscription),
        };
        Self {
            id: value.member_id.detached(),
            instance_id: value.group_instance_id.as_ref().map(Str::detached),
            client_id: value.client_id.detached(),
            client_host: value.client_host.detached(),
            rebalance_timeout_ms: value.rebalance_timeout,
            session_timeout_ms: value.session_timeout,
            protocols: vec![protocol],
            assignment: detached(&value.assignment),
            ..Self::default()
        }
    }

    /// This member as another record has it. What the record does not say stays: what is soft, and
    /// the protocols besides the chosen one, if the member has not changed since.
    pub(crate) fn with_value(self, value: &MemberMetadata, protocol: Option<&Str>) -> Self {
        let is_same = self
            .protocols
            .iter()
            .any(|known| Some(&known.name) == protocol && known.metadata == value.subscription);
        let stored = Self::from_value(value, protocol);
        Self {
            protocols: if is_same { self.protocols } else { stored.protocols },
            waiting_join: self.waiting_join,
            waiting_sync: self.waiting_sync,
            is_new: self.is_new,
            heard: self.heard,
            longest_gap: self.longest_gap,
            gone_at: self.gone_at,
            ..stored
        }
    }

    /// The member as a record has it, with this assignment.
    pub(crate) fn to_value(&self, protocol: Option<&Str>, assignment: Bytes) -> MemberMetadata {
        MemberMetadata {
            member_id: self.id.clone(),
            group_instance_id: self.instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout: self.rebalance_timeout_ms,
            session_timeout: self.session_timeout_ms,
            subscription: self.metadata(protocol),
            assignment,
        }
    }

    /// What the member gave for a protocol; empty if it does not speak it.
    pub(crate) fn metadata(&self, protocol: Option<&Str>) -> Bytes {
        let of_protocol =
            |protocol: &Str| self.protocols.iter().find(|given| given.name == *protocol);
        protocol.and_then(of_protocol).map(|given| given.metadata.clone()).unwrap_or_default()
    }

    /// Bytes it may take in the group's record, besides its assignment.
    pub(crate) fn size_bytes(&self) -> usize {
        let texts = [&self.id, &self.client_id, &self.client_host]
            .into_iter()
            .chain(&self.instance_id)
            .map(|text| text.as_bytes().len());
        MEMBER_OVERHEAD_BYTES + texts.sum::<usize>() + protocols_bytes(&self.protocols)
    }

    /// Whether it waits for others, and need not show that it is alive.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting_join.is_some() || self.waiting_sync.is_some()
    }
}

/// Bytes of protocols, names included.
pub(crate) fn protocols_bytes(protocols: &[ClassicProtocol]) -> usize {
    protocols.iter().map(|given| given.name.as_bytes().len() + given.metadata.len()).sum()
}

/// Bytes in an allocation of their own, which keep no frame alive.
pub(crate) fn detached(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
