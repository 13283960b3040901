//! `squall serve`: the real thing on its documented ports.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use squall_kit::stop::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Ending, ServeArgs};
use crate::{names, real::Real, registry::Registry, system::System};

/// The exit code of who was interrupted twice (a shell's 128 + SIGINT).
pub(super) const GIVEN_UP: i32 = 130;

/// Serves a system until Ctrl-C or SIGTERM. What is under way then is finished; a second signal
/// gives it up.
pub fn serve(args: &ServeArgs, registry: &Registry) -> Ending {
    match try_serve(args, registry) {
        Ok(()) => Ending::Pass,
        Err(error) => {
            eprintln!("squall: {error:#}");
            Ending::Usage
        }
    }
}

fn try_serve(args: &ServeArgs, registry: &Registry) -> Result<()> {
    let systems = registry.systems;
    let Some(system) = systems.iter().find(|system| system.name == args.system) else {
        let known: Vec<_> = systems.iter().map(|system| system.name).collect();
        anyhow::bail!("{}", names::unknown("system", &args.system, &known));
    };
    let runtime = runtime()?;
    let _entered = runtime.enter();
    // Heard from the first moment on: whoever ends a start ends it cleanly, too.
    let asked = Asked::listen().context("cannot listen for Ctrl-C")?;
    let real = Real::open(system, &args.data, args.port_offset)?;
    let end = Stop::new();
    runtime.block_on(async {
        tokio::select! {
            biased;
            served = real.serve(end.clone(), || announce(system, args.port_offset)) => served,
            () = asked.twice(&end) => std::process::exit(GIVEN_UP),
        }
    })
}

fn announce(system: &System, port_offset: u16) {
    let mut out = std::io::stdout().lock();
    // A closed stdout ends no service.
    let _ = writeln!(out, "serving {}; Ctrl-C ends it", system.name);
    for context in system.contexts {
        let port = context.port + port_offset;
        let _ = writeln!(out, "  {:<16} http://localhost:{port}", context.name);
    }
    let _ = out.flush();
}

#[expect(
    clippy::disallowed_methods,
    reason = "the real world runs on real threads"
)]
pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

/// Ctrl-C and SIGTERM, counted from the moment this is made.
pub(super) struct Asked {
    interrupt: Signal,
    terminate: Signal,
}

impl Asked {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The first signal raises `end`; the second one ends the wait.
    pub(super) async fn twice(mut self, end: &Stop) {
        self.once().await;
        end.raise();
        self.once().await;
    }

    async fn once(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
