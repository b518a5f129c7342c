//! Consumer groups through the machine's face: calls in, answers and records out.

mod calls;
mod commits;
mod migration;
mod random;
mod refusals;
mod rig;
mod scripts;
