//! `squall list`: what there is to run.

use std::io::{self, Write};

use serde::Serialize;

use super::{Ending, ListArgs};
use crate::catalogue;

/// A scenario in `list --json`.
#[derive(Serialize)]
struct Listed {
    scenario: &'static str,
    system: &'static str,
    claim: &'static str,
}

/// Prints every scenario, its system and its claim.
pub fn list(args: &ListArgs) -> Ending {
    match write(&mut io::stdout().lock(), args.json) {
        Ok(()) => Ending::Pass,
        // `squall list | head`: the reader has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ending::Pass,
        Err(error) => {
            eprintln!("squall: cannot write: {error}");
            Ending::Usage
        }
    }
}

fn write(out: &mut impl Write, json: bool) -> io::Result<()> {
    let scenarios = catalogue::all();
    if json {
        let listed: Vec<_> = scenarios
            .iter()
            .map(|scenario| Listed {
                scenario: scenario.name,
                system: scenario.system(),
                claim: scenario.claim,
            })
            .collect();
        serde_json::to_writer_pretty(&mut *out, &listed)?;
        return writeln!(out);
    }
    for scenario in &scenarios {
        writeln!(
            out,
            "{}  [{}]\n    {}",
            scenario.name,
            scenario.system(),
            scenario.claim
        )?;
    }
    out.flush()
}
