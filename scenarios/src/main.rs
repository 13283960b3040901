//! The `squall` command.

use std::process::ExitCode;

use clap::Parser;
use squall::command::{
    Command, CommandLine, compare, explore, list, load, merge, replay, run, serve,
};

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let ending = match line.command {
        None => run::run(&line.run),
        Some(Command::Run(args)) => run::run(&args),
        Some(Command::List(args)) => list::list(&args),
        Some(Command::Explore(args)) => explore::explore(&args),
        Some(Command::Replay(args)) => replay::replay(&args),
        Some(Command::Merge(args)) => merge::merge(&args),
        Some(Command::Work(args)) => explore::work(&args),
        Some(Command::Compare(args)) => compare::compare(&args),
        Some(Command::Load(args)) => load::load(&args),
        Some(Command::Serve(args)) => serve::serve(&args),
    };
    ending.into()
}
