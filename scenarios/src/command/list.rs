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
    let years = catalogue::years();
    let scenarios = scenarios.iter().map(|scenario| Listed {
        scenario: scenario.name,
        system: scenario.system(),
        claim: scenario.claim,
    });
    let years = years.iter().map(|year| Listed {
        scenario: year.name,
        system: year.system(),
        claim: year.claim,
    });
    let listed: Vec<_> = scenarios.chain(years).collect();
    if json {
        serde_json::to_writer_pretty(&mut *out, &listed)?;
        return writeln!(out);
    }
    for one in &listed {
        writeln!(out, "{}  [{}]\n    {}", one.scenario, one.system, one.claim)?;
    }
    out.flush()
}
