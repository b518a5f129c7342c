//! Where a client finds the leader that it should have asked (KIP-951).

use std::collections::BTreeSet;

use highwater_protocol::Str;
use highwater_records::{LeaderEpoch, NodeId};

use crate::broker::Broker;
use crate::context::RequestContext;

/// Who leads a partition, as far as this broker knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CurrentLeader {
    pub(crate) node: NodeId,
    pub(crate) epoch: LeaderEpoch,
}

/// Where a node listens.
pub(crate) struct LeaderEndpoint {
    pub(crate) node: NodeId,
    pub(crate) host: Str,
    pub(crate) port: i32,
    pub(crate) rack: Option<Str>,
}

/// The endpoints of these leaders on the listener the client came in on; each once.
pub(crate) fn endpoints(
    broker: &Broker,
    context: &RequestContext,
    leaders: impl Iterator<Item = CurrentLeader>,
) -> Vec<LeaderEndpoint> {
    let nodes: BTreeSet<NodeId> = leaders.map(|leader| leader.node).collect();
    let endpoint = |node: NodeId| {
        if node != broker.config.node_id {
            return None;
        }
        let endpoint = broker.endpoint(context.listener_name())?;
        Some(LeaderEndpoint {
            node,
            host: Str::from(endpoint.host.as_str()),
            port: i32::from(endpoint.port),
            rack: broker.config.broker_rack.as_deref().map(Str::from),
        })
    };
    nodes.into_iter().filter_map(endpoint).collect()
}
