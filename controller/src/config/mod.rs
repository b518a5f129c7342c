//! What every configuration key means: type, default, bounds, where it may be set, and whether
//! this broker uses it.
//!
//! Start at [`ConfigDef`]. Topic keys are in [`TOPIC_CONFIGS`], broker keys in [`BROKER_CONFIGS`],
//! group keys in [`GROUP_CONFIGS`].
//! [`ConfigSources`] finds the value in force, [`TopicSettings`] is the typed form of a topic's.
//! Source: the configuration tables of Apache Kafka 4.3.

mod broker;
mod broker_data;
mod broker_rest;
mod group;
mod sources;
mod topic;
mod topic_settings;
mod value;

pub use broker::{BROKER_CONFIGS, broker_config, is_kafka_broker_key};
pub use group::{GROUP_CONFIGS, GroupConfigRefusal, check_group_configs, group_config};
pub use sources::{ConfigMap, ConfigSource, ConfigSources, Effective, Synonym};
pub use topic::{TOPIC_CONFIGS, topic_config, topic_key_of_broker_key};
pub use topic_settings::{
    CleanupPolicy, CompressionType, Durability, TimestampType, TopicConfigRefusal, TopicSettings,
    check_topic_configs,
};
pub use value::{ConfigValueError, parse_list};

/// Type of a configuration value; the codes are those of DescribeConfigs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigType {
    Boolean,
    String,
    Int,
    Short,
    Long,
    Double,
    List,
    Class,
    Password,
}

impl ConfigType {
    /// Code of the type on the wire (DescribeConfigs v3+).
    pub const fn code(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::String => 2,
            Self::Int => 3,
            Self::Short => 4,
            Self::Long => 5,
            Self::Double => 6,
            Self::List => 7,
            Self::Class => 8,
            Self::Password => 9,
        }
    }

    /// Name of the type, as error messages say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        }
    }
}

/// Which values of the right type are allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bounds {
    Any,
    AtLeast(i64),
    Between(i64, i64),
    /// `-1`, or a number in the range.
    MinusOneOr(i64, i64),
    BetweenDoubles(f64, f64),
    OneOf(&'static [&'static str]),
    /// The same in letters of any case.
    OneOfInAnyCase(&'static [&'static str]),
    /// A list whose elements are all in the set; may be empty.
    ListOf(&'static [&'static str]),
    NonEmpty,
    /// `*`, or a list of `partition:broker`.
    ThrottledReplicas,
}

/// When a new value of a broker key counts.
///
/// Differs from Kafka: only what really applies while the broker runs can be changed then, for one broker or as the
/// default of the cluster; nobody is told that a change was made which has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// At the next start: only the file sets it.
    AtStart,
    /// At once.
    Live,
}

/// What this broker does with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// The value changes what the broker does.
    Used,
    /// Kafka's key, accepted and shown, without effect here (yet).
    NoEffect,
    /// Not shown unless it is set: switches for tests.
    Internal,
}

/// One configuration key.
#[derive(Clone, Copy, Debug)]
pub struct ConfigDef {
    pub name: &'static str,
    pub kind: ConfigType,
    /// `None`: no default, the value is null when nothing is set.
    pub default: Option<&'static str>,
    pub bounds: Bounds,
    pub usage: Usage,
    pub update: Update,
    pub documentation: &'static str,
    /// Topic keys: broker keys that set the default, the first one set wins.
    /// Broker keys: other spellings, the first one set wins.
    pub synonyms: &'static [KeySynonym],
}

/// A broker key that gives another key its value when that is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySynonym {
    pub name: &'static str,
    /// The synonym's value times this is the value (`log.retention.hours` -> ms).
    pub factor: i64,
}

impl ConfigDef {
    pub(crate) const fn new(
        name: &'static str,
        kind: ConfigType,
        default: &'static str,
        documentation: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            default: Some(default),
            bounds: Bounds::Any,
            usage: Usage::Used,
            update: Update::AtStart,
            documentation,
            synonyms: &[],
        }
    }

    pub(crate) const fn without_default(
        name: &'static str,
        kind: ConfigType,
        documentation: &'static str,
    ) -> Self {
        let mut def = Self::new(name, kind, "", documentation);
        def.default = None;
        def
    }

    pub(crate) const fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    pub(crate) const fn at_least(self, min: i64) -> Self {
        self.bounds(Bounds::AtLeast(min))
    }

    pub(crate) const fn unused(mut self) -> Self {
        self.usage = Usage::NoEffect;
        self
    }

    pub(crate) const fn internal(mut self) -> Self {
        self.usage = Usage::Internal;
        self
    }

    pub(crate) const fn live(mut self) -> Self {
        self.update = Update::Live;
        self
    }

    pub(crate) const fn synonyms(mut self, synonyms: &'static [KeySynonym]) -> Self {
        self.synonyms = synonyms;
        self
    }

    /// Whether the value must never be shown.
    pub const fn is_sensitive(&self) -> bool {
        matches!(self.kind, ConfigType::Password)
    }

    /// Checks a value against type and bounds.
    ///
    /// Errors: the message names key and value (not for passwords) and says what is allowed.
    pub fn validate(&self, value: &str) -> Result<(), ConfigValueError> {
        value::validate(self, value)
    }
}

/// A synonym in the same unit.
pub(crate) const fn same(name: &'static str) -> KeySynonym {
    KeySynonym { name, factor: 1 }
}

/// A synonym in another unit.
pub(crate) const fn times(name: &'static str, factor: i64) -> KeySynonym {
    KeySynonym { name, factor }
}

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const HOUR_MS: i64 = 3_600_000;
