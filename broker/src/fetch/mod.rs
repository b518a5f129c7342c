//! What a fetch asks for and how much it gets: sessions (KIP-227) and byte budgets, both pure, and the look at the
//! partitions.
//!
//! Start at [`FetchSessions`] and [`Look`]; `handlers/fetch.rs` drives both.

mod look;
mod plan;
mod session;
mod session_cache;

pub(crate) use look::{Absent, Look, PartitionAnswer, Seen, Source, Target};
pub(crate) use plan::FetchPlan;
pub(crate) use session::{PartitionKey, TopicKey, WantedPartition};
pub(crate) use session_cache::{FetchContext, FetchSessions, SessionRefusal, SessionRequest};
