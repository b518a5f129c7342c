//! The public face of the crate: logs on both disks, through crashes, faults and damage.
#![cfg(test)]

mod cleaning;
mod crash;
mod crash_points;
mod damage;
mod faults;
mod files;
mod fixture;
mod flips;
mod live;
mod log;
mod model;
mod producers;
mod readers;
mod repair;
mod retention;
mod rich;
mod transactions;
mod workload;
