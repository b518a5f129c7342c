//! `highwater completions SHELL`: what the shell needs to complete our words.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::output::Output;

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "Example: highwater completions bash > \
                        ~/.local/share/bash-completion/completions/highwater")]
pub(crate) struct Completions {
    /// The shell to write the script for
    shell: Shell,
}

pub(crate) fn run(arguments: &Completions, output: &mut Output) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Cli::command(), "highwater", &mut script);
    output.writer().write_all(&script)?;
    Ok(())
}
