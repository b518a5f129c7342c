//! `highwater log`: what is in log files, without a broker.

mod dump;
mod repair;
mod verify;

use clap::{Args, Subcommand};

use super::output::Output;

/// Arguments of `log`.
#[derive(Debug, Args)]
pub(crate) struct Log {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what a file holds: the batches of a .log file or of all segments in a partition's
    /// directory, the entries of an index, a snapshot, a checkpoint or another file of a log
    #[command(after_help = "Example: highwater log dump data/orders-0 --records")]
    Dump(dump::Dump),
    /// Check a data directory, a partition's directory or a .log file: every batch and record,
    /// and that indexes, epochs, snapshots and checkpoints agree with the log. Changes nothing;
    /// reads Apache Kafka's directories too, and may run beside a broker
    #[command(after_help = "Example: highwater log verify data\n\n\
                            The exit code is 1 if anything is wrong. Notes are no errors: \
                            leftovers that the next start removes, and what a running broker \
                            was changing all the time.")]
    Verify(verify::Verify),
    /// Mend a data directory or a partition's directory that no broker uses: build indexes,
    /// snapshots and epochs anew, cut a torn tail off. Without --yes it only shows what it
    /// would do
    #[command(after_help = "Example: highwater log repair data --yes\n\n\
                            What is cut off a log stays beside it in a file that ends in .cut. \
                            The exit code is 1 if something is wrong that is left alone, or if \
                            there is something to do and --yes is missing.")]
    Repair(repair::RepairCommand),
}

pub(crate) fn run(arguments: &Log, output: &mut Output) -> anyhow::Result<()> {
    match &arguments.action {
        Action::Dump(dump) => dump.run(output),
        Action::Verify(verify) => verify.run(output),
        Action::Repair(repair) => repair.run(output),
    }
}
