//! The table of APIs: what each is called, which versions the codec has, how its headers look and
//! which permissions it asks for. The rows are generated from `definitions`.

use std::fmt;
use std::ops::RangeInclusive;

use crate::ApiKey;

/// What a principal wants to do, as Kafka's access control numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
#[expect(missing_docs, reason = "the names are Kafka's")]
pub enum Operation {
    Read = 3,
    Write = 4,
    Create = 5,
    Delete = 6,
    Alter = 7,
    Describe = 8,
    ClusterAction = 9,
    DescribeConfigs = 10,
    AlterConfigs = 11,
    IdempotentWrite = 12,
    CreateTokens = 13,
    DescribeTokens = 14,
    TwoPhaseCommit = 15,
}

impl Operation {
    /// The number on the wire; also the bit in a set of authorized operations.
    #[must_use]
    pub const fn code(self) -> i8 {
        self as i8
    }
}

/// What a principal wants to do it to, as Kafka's access control numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
#[expect(missing_docs, reason = "the names are Kafka's")]
pub enum ResourceType {
    Topic = 2,
    Group = 3,
    Cluster = 4,
    TransactionalId = 5,
    DelegationToken = 6,
    User = 7,
}

impl ResourceType {
    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> i8 {
        self as i8
    }
}

/// One permission that an API may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// To do what.
    pub operation: Operation,
    /// To which kind of thing.
    pub resource: ResourceType,
}

/// A row of the table, as the generator writes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// `None` where the codec has no messages.
    pub(crate) codec: Option<CodecRow>,
}

/// The part of a row that only defined messages have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodecRow {
    pub(crate) versions: (i16, i16),
    pub(crate) first_flexible: Option<i16>,
    pub(crate) authorization: &'static [Authorization],
}

impl Row {
    pub(crate) const fn reserved(name: &'static str) -> Self {
        Self { name, codec: None }
    }

    pub(crate) const fn defined(
        name: &'static str,
        versions: (i16, i16),
        first_flexible: Option<i16>,
        authorization: &'static [Authorization],
    ) -> Self {
        Self { name, codec: Some(CodecRow { versions, first_flexible, authorization }) }
    }
}

impl ApiKey {
    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Kafka's name for it, such as `CreateTopics`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Whether messages are defined for it. Without them [`ApiKey::versions`] is empty.
    #[must_use]
    pub const fn has_messages(self) -> bool {
        self.row().codec.is_some()
    }

    /// The versions that the codec reads and writes.
    ///
    /// Not what a broker advertises: that is fewer keys, and Produce from 0.
    #[must_use]
    pub const fn versions(self) -> RangeInclusive<i16> {
        match self.row().codec {
            Some(codec) => RangeInclusive::new(codec.versions.0, codec.versions.1),
            None => RangeInclusive::new(0, -1),
        }
    }

    /// Whether the codec has this version.
    #[inline]
    #[must_use]
    pub const fn has_version(self, version: i16) -> bool {
        match self.row().codec {
            Some(codec) => codec.versions.0 <= version && version <= codec.versions.1,
            None => false,
        }
    }

    /// The first version with compact lengths and tagged fields; `None` if there is none.
    #[must_use]
    pub const fn first_flexible(self) -> Option<i16> {
        match self.row().codec {
            Some(codec) => codec.first_flexible,
            None => None,
        }
    }

    /// Whether this version has compact lengths and tagged fields.
    #[must_use]
    pub const fn is_flexible(self, version: i16) -> bool {
        match self.first_flexible() {
            Some(first) => version >= first,
            None => false,
        }
    }

    /// The version of the header before a request: 2 with tagged fields, else 1.
    #[must_use]
    pub const fn request_header_version(self, version: i16) -> i16 {
        if self.is_flexible(version) { 2 } else { 1 }
    }

    /// The version of the header before a response: 1 with tagged fields, else 0.
    ///
    /// ApiVersions has 0 always: a client reads that answer before it knows the broker.
    #[must_use]
    pub const fn response_header_version(self, version: i16) -> i16 {
        if self.is_flexible(version) && !matches!(self, Self::ApiVersions) { 1 } else { 0 }
    }

    /// The permissions that requests of this API may ask for, the usual one first. Which of them
    /// a request needs, and for which names, its handler knows. Empty for what anyone may ask.
    #[must_use]
    pub const fn authorization(self) -> &'static [Authorization] {
        match self.row().codec {
            Some(codec) => codec.authorization,
            None => &[],
        }
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_key_of_its_code_is_itself() {
        for key in ApiKey::ALL {
            assert_eq!(ApiKey::from_code(key.code()), Some(*key));
        }
        assert_eq!(ApiKey::from_code(95), None);
        assert_eq!(ApiKey::from_code(-1), None);
        assert_eq!(ApiKey::ALL.len(), 95, "Kafka numbers 0 to 94");
    }

    #[test]
    fn authorization_is_named_for_all_but_the_handshakes() {
        for key in ApiKey::ALL.iter().filter(|key| key.has_messages()) {
            let is_open = matches!(
                key,
                ApiKey::ApiVersions | ApiKey::SaslHandshake | ApiKey::SaslAuthenticate
            );
            assert_eq!(key.authorization().is_empty(), is_open, "{key}");
        }
    }

    #[test]
    fn versions_are_those_of_kafka_4_3() {
        assert_eq!(ApiKey::ApiVersions.versions(), 0..=4);
        assert_eq!(ApiKey::Produce.versions(), 3..=13);
        assert_eq!(ApiKey::Fetch.versions(), 4..=18);
        assert_eq!(ApiKey::InitProducerId.versions(), 0..=5);
        assert_eq!(ApiKey::TxnOffsetCommit.versions(), 0..=5);
        assert_eq!(ApiKey::DeleteGroups.versions(), 0..=2);
        assert!(ApiKey::Vote.versions().is_empty());
    }

    #[test]
    fn api_versions_answer_has_the_oldest_header() {
        assert_eq!(ApiKey::ApiVersions.request_header_version(3), 2);
        assert_eq!(ApiKey::ApiVersions.response_header_version(3), 0);
        assert_eq!(ApiKey::SaslHandshake.request_header_version(1), 1);
        assert_eq!(ApiKey::Metadata.response_header_version(8), 0);
        assert_eq!(ApiKey::Metadata.response_header_version(9), 1);
    }
}
