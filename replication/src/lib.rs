//! What is committed: the machine of a partition's leader.
//!
//! It keeps the in-sync replicas, computes the high watermark, says which appends are accepted and acknowledged, and
//! up to where a reader may look. It is *not* the log (that is `storage`), does no I/O, knows no clock and no map with
//! random order: time is an argument, what should happen is returned as [`Effects`].
//!
//! Start at [`Leader`]; what a reader sees is decided by [`read_bound`]; appends that wait are kept in
//! [`WaitingAppends`].
//!
//! **Invariant:** the high watermark never goes back while a [`Leader`] lives.
//! **Invariant:** high watermark <= log end offset; in `fsync` mode also <= the synced end offset of every member of
//! the maximal ISR.
//! **Invariant:** the high watermark does not move while the ISR is smaller than the effective `min.insync.replicas`
//! (KIP-966).
//! **Invariant:** an append with `acks=all` is acknowledged at or below the high watermark, never above.

#![forbid(unsafe_code)]
#![deny(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]
#![deny(clippy::wildcard_enum_match_arm)]

mod acks;
mod effect;
mod high_watermark;
mod isr;
mod leader;
mod read_bound;
mod refusal;
mod waiting_appends;

pub use acks::{Acks, Durability, WaitFor};
pub use effect::{Effect, Effects};
pub use high_watermark::Progress;
pub use isr::Isr;
pub use leader::{Leader, LeaderSetup, MetadataChange};
pub use read_bound::{
    BoundInputs, EpochEnd, Isolation, ReadBound, ReadRequest, Reader, check_epoch, latest_offset,
    read_bound, timestamp_lookup_bound,
};
pub use refusal::Refusal;
pub use waiting_appends::{Ticket, WaitingAppends};
