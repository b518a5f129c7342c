//! Coordinators: what decides for consumer groups, as pure machines.
//!
//! For: the group coordinator of one partition of `__consumer_offsets` (classic groups, KIP-848
//! groups, committed offsets). Not for: the log, the network, the clock. A host in `broker` calls
//! [`Machine::handle`], appends the records, gives them to [`Machine::replay`] at once, and sends
//! the answers when the records are committed.
//!
//! **Invariant:** only [`Machine::replay`] changes what must survive a restart; `handle` changes
//! deadlines, waiting members and connections, which a restart may forget.
//! **Invariant:** the same records in the same order give the same durable state, on a fresh
//! machine as on one that has served.
//! **Invariant:** every request gets exactly one answer.
//! **Invariant:** bytes that clients put into a group are never trusted: what cannot be read is
//! unknown, not an error.
//!
//! Start at [`Machine`], then [`group::GroupCoordinator`]; the records are in
//! [`group::records`].
#![forbid(unsafe_code)]
#![deny(clippy::wildcard_enum_match_arm)]

pub mod group;
mod machine;

pub use machine::{ConnectionId, Machine, Outcome, RequestId};
