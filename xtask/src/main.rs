//! Our tools, all behind `cargo xtask`.

#![expect(clippy::print_stderr, reason = "speaks to people and pipes")]

mod bench;
mod ci;
mod codegen;
mod crash_points;
mod mutants;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask ci | bench ... | tidy [--fix-docs] | codegen [--check] \
    | crash-points | mutants [NAME...]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["bench", rest @ ..] => bench::run(rest),
        ["ci", rest @ ..] => ci::run(rest),
        ["codegen", rest @ ..] => codegen::run(rest),
        ["crash-points"] => crash_points::run(),
        ["mutants", rest @ ..] => mutants::run(rest),
        ["tidy", rest @ ..] => tidy::run(rest),
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
