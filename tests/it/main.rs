//! Black-box tests; each module is one kind of trouble.
#![cfg(test)]

mod bench;
mod descriptors;
mod every_version;
mod full_disk;
mod groups;
mod groups_hostile;
mod hostile;
mod kills;
mod members;
mod power_cut;
mod real_power_cuts;
