//! What must hold of every function that reads bytes from outside, as plain functions.
//!
//! One module for each crate and in it one function for each target, taking `&[u8]` and panicking
//! if a claim breaks. A module names nothing of this crate, because the tests of the crate it is
//! about include the same file and run it over `corpus/<target>/`.
//!
//! Run a target with `cargo +nightly fuzz run <target>`. A crash that was fixed joins the corpus
//! under a name that says what it was.

pub mod broker;
pub mod coordinator;
pub mod protocol;
pub mod records;
pub mod storage;

/// Which of several cases to try, as the bytes choose: a campaign that tries one of them on each
/// input runs several times as many inputs.
pub fn chosen(data: &[u8], cases: u32) -> u32 {
    highwater_records::crc32c(data) % cases
}
