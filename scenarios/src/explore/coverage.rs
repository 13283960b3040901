//! What a run reached: places that the code names, and shapes of its history. Two runs that reach
//! the same taught the same.

use std::collections::{BTreeMap, BTreeSet};

use squall_chaos::plan::Plan;
use squall_reports::history::{History, SidecarAct, What};

/// Hints are listed as `hint <name>`.
pub const HINT: &str = "hint ";

/// Everything that a run reached, each with its kind first: `hint …`, `answer …`, `story …`.
pub fn of(plan: &Plan, struck: &[bool], history: &History) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    for (fault, _) in plan
        .faults
        .iter()
        .zip(struck)
        .filter(|(_, struck)| **struck)
    {
        reached.insert(format!("fault {}", fault.kind.name()));
    }
    let mut stories: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut routes = BTreeMap::new();
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for entry in &history.entries {
        match &entry.what {
            What::Requested {
                request,
                method,
                route,
                ..
            } => {
                routes.insert(*request, (method, route));
            }
            What::Answered {
                request,
                status,
                problem,
                ..
            } => {
                if let Some((method, route)) = routes.get(request) {
                    let how = how(*status, problem.as_deref());
                    reached.insert(format!("answer {method} {route} {how}"));
                }
            }
            What::Published { kind, key, .. } => stories.entry(key).or_default().push(kind),
            What::Committed { replayed: true, .. } => {
                *counts.entry("commit replayed".to_owned()).or_default() += 1;
            }
            What::Hint { name } => *counts.entry(format!("{HINT}{name}")).or_default() += 1,
            what => reached.extend(shape(&entry.host, what)),
        }
    }
    // What happened to an order, from the first event to the last.
    reached.extend(
        stories
            .values()
            .map(|kinds| format!("story {}", kinds.join(" "))),
    );
    for (what, count) in counts {
        // Twice, four times, eight times: more of the same is news only when it is much more.
        if count > 1 {
            reached.insert(format!("{what} ×{}", 1_u32 << count.ilog2()));
        }
        reached.insert(what);
    }
    reached
}

fn how(status: Option<u16>, problem: Option<&str>) -> String {
    let status = status.map_or("none".to_owned(), |status| status.to_string());
    match problem {
        Some(problem) => format!("{status} {problem}"),
        None => status,
    }
}

fn shape(host: &str, what: &What) -> Option<String> {
    let deployment = host.trim_end_matches(|c: char| c.is_ascii_digit());
    let deployment = deployment.trim_end_matches('-');
    Some(match what {
        What::Breaker { breaker, from, to } => format!("breaker {breaker} {from:?} {to:?}"),
        What::BreakerCall {
            breaker, outcome, ..
        } => format!("breaker call {breaker} {outcome:?}"),
        What::Consumed {
            consumer,
            kind,
            outcome,
            ..
        } => format!("consumed {consumer} {kind} {outcome:?}"),
        What::Rebalanced {
            consumer,
            partitions,
        } => format!("rebalanced {consumer} to {}", partitions.len()),
        What::CallEnded {
            target,
            method,
            status,
            problem,
            error,
            ..
        } => {
            let how = how(*status, problem.as_deref());
            let error = error.as_deref().map_or("", |error| cause(error));
            format!("call {deployment} {target} {method} {how} {error}")
        }
        What::Pod {
            deployment, phase, ..
        } => format!("pod {deployment} {phase:?}"),
        What::Rollout {
            deployment, state, ..
        } => format!("rollout {deployment} {state:?}"),
        What::Sidecar { upstream, did } => format!("sidecar {upstream} {}", act(did)),
        _ => return None,
    })
}

/// The first words of an error: what follows names addresses and times.
fn cause(error: &str) -> &str {
    error.split([':', '(', ',']).next().unwrap_or(error)
}

fn act(did: &SidecarAct) -> String {
    match did {
        SidecarAct::Answered { flag, .. } => format!("answered {flag}"),
        SidecarAct::Delayed { .. } => "delayed".to_owned(),
        SidecarAct::Retried { reason } => format!("retried {reason}"),
        SidecarAct::NotRetried { flag } => format!("not retried {flag}"),
        SidecarAct::Ejected { .. } => "ejected".to_owned(),
        SidecarAct::EjectionOverflow { .. } => "ejection overflow".to_owned(),
        SidecarAct::Readmitted { .. } => "readmitted".to_owned(),
    }
}
