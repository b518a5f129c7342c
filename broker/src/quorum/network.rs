//! Connections to the other voters. A quorum of one has none; what a cluster needs comes in here.

use openraft::error::{InstallSnapshotError, RPCError, RaftError, Unreachable};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};

use super::openraft::{QuorumNode, Types};

/// Reaches nobody.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoNetwork;

#[derive(Debug, thiserror::Error)]
#[error("this node has no connection to other voters")]
struct Alone;

fn unreachable<E: std::error::Error>() -> RPCError<u64, QuorumNode, RaftError<u64, E>> {
    RPCError::Unreachable(Unreachable::new(&Alone))
}

impl RaftNetworkFactory<Types> for NoNetwork {
    type Network = Self;

    async fn new_client(&mut self, _target: u64, _node: &QuorumNode) -> Self {
        *self
    }
}

impl RaftNetwork<Types> for NoNetwork {
    async fn append_entries(
        &mut self,
        _rpc: AppendEntriesRequest<Types>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, RPCError<u64, QuorumNode, RaftError<u64>>> {
        Err(unreachable())
    }

    async fn install_snapshot(
        &mut self,
        _rpc: InstallSnapshotRequest<Types>,
        _option: RPCOption,
    ) -> Result<
        InstallSnapshotResponse<u64>,
        RPCError<u64, QuorumNode, RaftError<u64, InstallSnapshotError>>,
    > {
        Err(unreachable())
    }

    async fn vote(
        &mut self,
        _rpc: VoteRequest<u64>,
        _option: RPCOption,
    ) -> Result<VoteResponse<u64>, RPCError<u64, QuorumNode, RaftError<u64>>> {
        Err(unreachable())
    }
}
