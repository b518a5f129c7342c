//! Compaction: of each key, the newest record stays.
//!
//! A pass over one log has three parts. [`LogView::cleanable`] says what there is to clean and
//! whether it is worth it. [`Cleaning`] first reads the part that was never cleaned and notes the
//! newest offset of each key in a map of bounded size; then it copies all segments below that
//! part's end, group by group, without the records that a newer one replaces. Each finished group
//! is a [`Replacement`], which takes the place of its segments so that a crash between any two
//! steps leaves one of the two (`replacement.rs`).
//!
//! Nothing here blocks for long or knows a clock: a caller on a thread of its own takes one
//! [`Cleaning::step`] after another, and rests between them as long as it likes.
//!
//! **Invariant:** offsets never change, and a log still ends where it ended.
//! **Invariant:** only segments below the recovery point that is on disk are touched.
//! **Invariant:** two keys are the same only if their bytes are.
//!
//! Source: KIP-58 (minimum lag), KIP-354 (maximum lag), KIP-534 (delete horizon), KIP-98 (markers).

mod batch_reader;
mod cleanable;
mod compacted_through;
mod copying;
mod filter;
mod mapping;
mod offset_map;
mod output;
mod pass;
mod replacement;
mod transactions;

pub use self::cleanable::{Cleanable, CleaningBounds};
pub(crate) use self::compacted_through::{
    COMPACTED_THROUGH_FILE, compacted_through, read_compacted_through,
};
pub use self::filter::CleaningRules;
pub use self::offset_map::KeyHash;
pub use self::pass::{CleanError, Cleaning, CleaningSetup, CleaningSummary, Progress};
pub use self::replacement::Replacement;
pub(crate) use self::replacement::remove_staged;
