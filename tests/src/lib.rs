//! What black-box tests and benchmarks share: the real `highwater` process, and a client that hides nothing.
//!
//! [`Highwater`] starts the real binary and stops or kills it. [`RawClient`] sends one request and reads one answer on a blocking
//! socket, without retries, so that what a test sees is what the broker said.

pub mod groups;
pub mod honest;
pub mod hostile;
pub mod loop_fs;
pub mod power_cuts;
mod process;
mod raw_client;

pub use process::{Highwater, Process, highwater_binary};
pub use raw_client::{RawClient, frame, request_frame};
