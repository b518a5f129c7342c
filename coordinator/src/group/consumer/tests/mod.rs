//! Consumer groups through the machine's face: calls in, answers and records out.

mod commits;
mod migration;
mod random;
mod refusals;
mod rig;
mod scripts;
