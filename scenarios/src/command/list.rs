//! `squall list`: what there is to run.

use std::io::{self, Write};

use serde::Serialize;

use super::{Ending, ListArgs};
use crate::registry::Registry;

/// A scenario, a year or an arena in `list --json`.
#[derive(Serialize)]
struct Listed {
    scenario: &'static str,
    /// `scenario`, `year` or `arena`: which command takes it, and how.
    kind: &'static str,
    system: &'static str,
    claim: &'static str,
}

/// Prints every scenario, year and arena, its system and its claim.
pub fn list(args: &ListArgs, registry: &Registry) -> Ending {
    match write(&mut io::stdout().lock(), args.json, registry) {
        Ok(()) => Ending::Pass,
        // `squall list | head`: the reader has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ending::Pass,
        Err(error) => {
            eprintln!("squall: cannot write: {error}");
            Ending::Usage
        }
    }
}

fn write(out: &mut impl Write, json: bool, registry: &Registry) -> io::Result<()> {
    let scenarios = (registry.scenarios)();
    let years = (registry.years)();
    let arenas = (registry.arenas)();
    let scenarios = scenarios.iter().map(|scenario| Listed {
        scenario: scenario.name,
        kind: "scenario",
        system: scenario.system(),
        claim: scenario.claim,
    });
    let years = years.iter().map(|year| Listed {
        scenario: year.name,
        kind: "year",
        system: year.system(),
        claim: year.claim,
    });
    let arenas = arenas.iter().map(|arena| Listed {
        scenario: arena.name,
        kind: "arena",
        system: arena.system.name,
        claim: arena.claim,
    });
    let listed: Vec<_> = scenarios.chain(years).chain(arenas).collect();
    if json {
        serde_json::to_writer_pretty(&mut *out, &listed)?;
        return writeln!(out);
    }
    for one in &listed {
        let of = match one.kind {
            "scenario" => one.system.to_owned(),
            "arena" => format!("{}, for `squall explore`", one.system),
            kind => format!("{}, a {kind}", one.system),
        };
        writeln!(out, "{}  [{of}]\n    {}", one.scenario, one.claim)?;
    }
    out.flush()
}
