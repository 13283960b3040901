//! The `squall` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    squall::command::main(&squall::catalogue::REGISTRY)
}
