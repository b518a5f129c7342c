//! The `highwater` command: one broker, and the tools to talk to any Kafka.
//!
//! Start at `commands/mod.rs`; each verb is one file there.

use std::process::ExitCode;

use clap::Parser;

mod commands;

fn main() -> ExitCode {
    commands::run(commands::Cli::parse())
}
