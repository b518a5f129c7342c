//! Resident memory of a broker that nobody uses: empty, with partitions, with connections.

use std::time::Duration;

use anyhow::{Context, Result};
use highwater_protocol::messages::api_versions::ApiVersionsRequest;
use highwater_tests::RawClient;

use super::bench::Bench;
use super::{Figures, Measured, Side, Workload};
use crate::peers::{Peer, Topic};

/// How long a broker is left alone before it is looked at.
const IDLE: Duration = Duration::from_secs(15);

/// A process of its own for each state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) partitions: u32,
    pub(crate) connections: u32,
}

impl Workload for Memory {
    fn sides(&self) -> &[Side] {
        &[Side::Kafka, Side::Highwater]
    }

    fn prepare(&mut self, bench: &mut Bench) -> Result<()> {
        self.partitions = bench.effort.pick(self.partitions, 20);
        self.connections = bench.effort.pick(self.connections, 50);
        Ok(())
    }

    fn warm_up_runs(&self, _: Side) -> u32 {
        0
    }

    fn run(&mut self, bench: &mut Bench, side: Side) -> Result<Measured> {
        let directory = tempfile::tempdir_in(bench.directory())?;
        let start = |name: &str| match side {
            Side::Kafka => Peer::kafka(&directory.path().join(name), &[]),
            _ => Peer::highwater(&directory.path().join(name), &[]),
        };
        let idle = bench.effort.time(IDLE);
        let mut peer = start("partitions")?;
        let watch = bench.watch(Some(peer.id()), 0)?;
        std::thread::park_timeout(idle);
        let empty = peer.resident_bytes()? as f64;
        Topic { name: "many", partitions: self.partitions, configs: &[] }.create(peer.address())?;
        std::thread::park_timeout(idle);
        let with_partitions = peer.resident_bytes()? as f64;
        let conditions = watch.end()?;
        drop(peer);

        let mut peer = start("connections")?;
        std::thread::park_timeout(idle);
        let before = peer.resident_bytes()? as f64;
        let connections = (0..self.connections).map(|_| connect(&peer));
        let connections: Vec<RawClient> = connections.collect::<Result<_>>()?;
        std::thread::park_timeout(idle);
        let with_connections = peer.resident_bytes()? as f64;
        drop(connections);

        let per_partition = (with_partitions - empty) / f64::from(self.partitions);
        let per_connection = (with_connections - before) / f64::from(self.connections);
        let figures = [
            ("idle_mb", empty / 1e6),
            ("partitions_mb", with_partitions / 1e6),
            ("connections_mb", with_connections / 1e6),
            ("partition_kb", per_partition / 1e3),
            ("connection_kb", per_connection / 1e3),
        ];
        let figures: Figures =
            figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Measured { figures, conditions })
    }
}

/// A connection that has been used once.
fn connect(peer: &Peer) -> Result<RawClient> {
    let mut client = RawClient::connect(peer.address())?;
    client.call(2, &ApiVersionsRequest::default()).context("the first request")?;
    Ok(client)
}
