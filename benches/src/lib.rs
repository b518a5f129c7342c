//! Micro benchmarks, floor programs, and the comparisons between them and the broker.
//!
//! A floor program does only what nobody can leave out: receive, append, answer. A broker's number means something beside the
//! floor's of the same run, on the same machine; alone it means nothing. `README.md` says how to run each benchmark.

pub mod cpu;
pub mod statistics;
