//! A consumer in a group: who reads what is decided by the coordinator (KIP-848), where to go on
//! is kept by it.
//!
//! `consumer.rs` holds what a member knows and what it says in a heartbeat; `drive.rs` sends that,
//! and takes partitions in and gives them up; `commits.rs` writes and reads offsets.
//!
//! **Invariant:** a partition is given up before the coordinator is told so, and only after the
//! commit of its position has been answered, or has failed for long enough.
//! **Invariant:** what a commit says was returned by a `poll` before the one that sends it, and was
//! stored where the caller stores offsets itself.

mod commits;
mod consumer;
mod drive;
mod member;

use std::time::Duration;

pub(crate) use self::drive::{Group, GroupEvent};

/// What a group is asked for; set by the builder.
#[derive(Clone, Debug)]
pub(crate) struct GroupSettings {
    pub(crate) group_id: Option<String>,
    pub(crate) instance_id: Option<String>,
    pub(crate) assignor: Option<String>,
    /// How long this member may take to give partitions up.
    pub(crate) rebalance_timeout: Duration,
    /// How often positions are committed; none to leave that to the caller.
    pub(crate) auto_commit: Option<Duration>,
    /// Whether what was polled counts as done; if not, the caller says what does.
    pub(crate) auto_offset_store: bool,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self {
            group_id: None,
            instance_id: None,
            assignor: None,
            rebalance_timeout: Duration::from_secs(300),
            auto_commit: Some(Duration::from_secs(5)),
            auto_offset_store: true,
        }
    }
}
