//! Brokers as they registered.

use highwater_records::{NodeId, Uuid};

/// Number of a registration; a newer one of the same node fences the older.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerEpoch(i64);

impl BrokerEpoch {
    pub const fn new(value: i64) -> Self {
        Self(value)
    }

    pub const fn value(self) -> i64 {
        self.0
    }

    /// The epoch of the next registration.
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("registrations stay far below 2^63"))
    }
}

/// One registered broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerImage {
    pub node: NodeId,
    pub epoch: BrokerEpoch,
    /// Id of the process that registered.
    pub incarnation: Uuid,
    /// Ids of its log directories that are online.
    pub directories: Vec<Uuid>,
    pub endpoints: Vec<BrokerEndpoint>,
    pub rack: Option<String>,
    pub features: Vec<SupportedFeature>,
    pub is_fenced: bool,
}

impl BrokerImage {
    /// The address told to clients of a listener.
    pub fn endpoint(&self, listener: &str) -> Option<&BrokerEndpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.listener == listener)
    }
}

/// An advertised address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerEndpoint {
    pub listener: String,
    pub host: String,
    pub port: u16,
    /// Kafka's code: 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL.
    pub security_protocol: i16,
}

/// Levels of a feature that a broker can run with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportedFeature {
    pub name: String,
    pub min: i16,
    pub max: i16,
}
