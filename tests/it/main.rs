//! Black-box tests; each module is one kind of trouble.
#![cfg(test)]

mod bench;
mod every_version;
mod groups;
mod groups_hostile;
mod hostile;
mod kills;
mod members;
mod power_cut;
