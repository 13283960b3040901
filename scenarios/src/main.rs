//! The `squall` command.

use std::process::ExitCode;

use clap::Parser;
use squall::command::{Command, CommandLine, list, run, serve};

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let ending = match line.command {
        None => run::run(&line.run),
        Some(Command::Run(args)) => run::run(&args),
        Some(Command::List(args)) => list::list(&args),
        Some(Command::Serve(args)) => serve::serve(&args),
    };
    ending.into()
}
