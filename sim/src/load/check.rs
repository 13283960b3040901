//! What the types of a load cannot say, checked before the run.

use std::collections::BTreeSet;

use super::{Arrival, Extent, Journey, Load, Request, Step, siege::MOST_USERS, template};
use crate::cluster::spec::SpecError;

/// Checks all loads of a run.
///
/// # Errors
/// The first thing that cannot be: no load, two of one name, an empty mix, a variable that nothing
/// sets, a repeated unsafe request, …
pub(crate) fn check(loads: &[Load]) -> Result<(), SpecError> {
    let mut names = BTreeSet::new();
    for load in loads {
        let told = |what: String| SpecError(format!("load {:?}: {what}", load.name));
        if !names.insert(load.name) {
            return Err(told("the name is taken".into()));
        }
        check_numbers(load).map_err(told)?;
        check_siege(load).map_err(told)?;
        for share in load.mix {
            let journey = share.journey;
            check_journey(&journey)
                .map_err(|what| told(format!("journey {:?}: {what}", journey.name)))?;
        }
    }
    match loads {
        [] => Err(SpecError("a run without load issues nothing".into())),
        _ => Ok(()),
    }
}

fn check_numbers(load: &Load) -> Result<(), String> {
    if load.mix.iter().all(|share| share.weight == 0) {
        return Err("its mix is empty".into());
    }
    if load.timeout.is_zero() {
        return Err("a timeout of zero lets nothing through".into());
    }
    let nothing = match (load.extent, load.arrival) {
        (Extent::Journeys(0), _) => true,
        (Extent::For(time), _) if time.is_zero() => true,
        (_, Arrival::Closed { users, think }) => users == 0 || !think.is_ordered(),
        (_, Arrival::Siege { users, .. }) => users == 0,
        (
            _,
            Arrival::Open {
                rate_per_s,
                max_in_flight,
                ..
            },
        ) => !(rate_per_s > 0.0 && rate_per_s.is_finite()) || max_in_flight == 0,
    };
    if nothing {
        return Err(format!(
            "{:?} {:?} issues nothing",
            load.extent, load.arrival
        ));
    }
    Ok(())
}

/// What siege itself refuses or cannot do.
fn check_siege(load: &Load) -> Result<(), String> {
    let Arrival::Siege { users, .. } = load.arrival else {
        return Ok(());
    };
    if users > MOST_USERS {
        return Err(format!("siege has {users} users, at most {MOST_USERS}"));
    }
    match load.extent {
        Extent::For(time) if time.subsec_nanos() == 0 => Ok(()),
        extent => Err(format!("siege lasts {extent:?}, expected whole seconds")),
    }
}

fn check_journey(journey: &Journey) -> Result<(), String> {
    let mut known = BTreeSet::from(["user", "iteration"]);
    let mut time_passes = false;
    for step in journey.steps {
        match step {
            Step::Request(request) => {
                check_request(request, &mut known)?;
                time_passes = true;
            }
            Step::Until { request, every, .. } => {
                if request.method != "GET" {
                    return Err(format!("{} must not be repeated", request.method));
                }
                if every.is_zero() {
                    return Err("polling without a pause".into());
                }
                check_request(request, &mut known)?;
                time_passes = true;
            }
            Step::Think(range) if !range.is_ordered() => {
                return Err(format!("{range:?} is empty"));
            }
            Step::Think(_) => {}
            Step::Set { variable, value } => {
                template::check(value, &known)?;
                known.insert(variable);
            }
        }
    }
    if time_passes {
        Ok(())
    } else {
        Err("it sends no request".into())
    }
}

fn check_request(request: &Request, known: &mut BTreeSet<&'static str>) -> Result<(), String> {
    let (method, target) = (request.method, request.target);
    let is_address = target
        .split_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if !is_address {
        return Err(format!("target is {target:?}, expected host:port"));
    }
    if http::Method::from_bytes(method.as_bytes()).is_err() {
        return Err(format!("method is {method:?}"));
    }
    if !request.path.starts_with('/') {
        return Err(format!("path is {:?}, expected /…", request.path));
    }
    template::check(request.path, known)?;
    for (name, value) in request.headers {
        let is_small = !name.chars().any(char::is_uppercase);
        if !is_small || http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(format!(
                "header is {name:?}, expected a name in small letters"
            ));
        }
        template::check(value, known)?;
    }
    template::check(request.body.unwrap_or(""), known)?;
    if request.expect.is_empty() {
        return Err(format!(
            "{} {} expects nothing",
            request.method, request.path
        ));
    }
    known.extend(request.save.iter().map(|save| save.variable));
    Ok(())
}
