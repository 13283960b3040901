//! `squall serve`: the real thing on its documented ports.

use std::io::Write as _;

use anyhow::Result;

use super::{Ending, ServeArgs};
use crate::{names, real::Real, system};

/// Serves a system until Ctrl-C or SIGTERM.
pub fn serve(args: &ServeArgs) -> Ending {
    match try_serve(args) {
        Ok(()) => Ending::Pass,
        Err(error) => {
            eprintln!("squall: {error:#}");
            Ending::Usage
        }
    }
}

fn try_serve(args: &ServeArgs) -> Result<()> {
    let systems = system::all();
    let Some(system) = systems.iter().find(|system| system.name == args.system) else {
        let known: Vec<_> = systems.iter().map(|system| system.name).collect();
        anyhow::bail!("{}", names::unknown("system", &args.system, &known));
    };
    let runtime = runtime()?;
    let _entered = runtime.enter();
    let real = Real::open(system, &args.data, args.port_offset)?;
    let offset = args.port_offset;
    runtime.block_on(real.serve(Box::pin(asked_to_end()), || {
        let mut out = std::io::stdout().lock();
        // A closed stdout ends no service.
        let _ = writeln!(out, "serving {}; Ctrl-C ends it", system.name);
        for context in system.contexts {
            let port = context.port + offset;
            let _ = writeln!(out, "  {:<16} http://localhost:{port}", context.name);
        }
        let _ = out.flush();
    }))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the real world runs on real threads"
)]
fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

/// Ready at the first Ctrl-C or SIGTERM.
async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
