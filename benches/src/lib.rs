//! Micro benchmarks, floor programs, and the comparisons between them, Apache Kafka and the broker.
//!
//! A floor program does only what nobody can leave out: receive, append, answer. A broker's number means something beside the
//! floor's of the same run, on the same machine; alone it means nothing. `README.md` says how to run each benchmark.
//!
//! Start at [`paired`]: what a row is, and how its rounds are run. [`load`] is the client, [`peers`] starts who is measured, and
//! [`machine`] keeps the runs comparable.

pub mod cpu;
pub mod load;
pub mod machine;
pub mod paired;
pub mod peers;
pub mod statistics;
pub mod sweep;
