//! A pod's one container.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::{api::core::v1, apimachinery::pkg::api::resource::Quantity};

use super::{ManifestError, document::At, environment, probe, quantity::milli};
use crate::objects::container::{Container, Resources};

/// The container at `at` of a pod whose volumes are called `volumes`.
pub(super) fn container(
    at: &At<'_>,
    given: &v1::Container,
    volumes: &[&str],
) -> Result<Container, ManifestError> {
    if given.name.is_empty() {
        return Err(at.member("name").error("missing"));
    }
    let Some(image) = given.image.clone().filter(|image| !image.is_empty()) else {
        return Err(at.member("image").error("missing"));
    };
    let ports = ports(at, given)?;
    let mut mounts = Vec::new();
    for (index, mount) in given.volume_mounts.iter().flatten().enumerate() {
        if !volumes.contains(&mount.name.as_str()) {
            let at = at.member("volumeMounts").item(index).member("name");
            return Err(at.error(format!("no volume is called {:?}", mount.name)));
        }
        mounts.push((mount.name.clone(), mount.mount_path.clone()));
    }
    Ok(Container {
        name: given.name.clone(),
        image,
        env: environment::environment(at, given)?,
        resources: resources(&at.member("resources"), given.resources.as_ref())?,
        probes: probe::probes(at, given, &ports)?,
        ports,
        pre_stop: given
            .lifecycle
            .as_ref()
            .and_then(|lifecycle| lifecycle.pre_stop.as_ref())
            .map(|hook| pre_stop(&at.member("lifecycle.preStop"), hook))
            .transpose()?,
        mounts,
    })
}

fn ports(at: &At<'_>, given: &v1::Container) -> Result<Vec<(String, u16)>, ManifestError> {
    let mut ports: Vec<(String, u16)> = Vec::new();
    for (index, given) in given.ports.iter().flatten().enumerate() {
        let at = at.member("ports").item(index);
        let number = probe::port_number(&at.member("containerPort"), given.container_port)?;
        let name = given.name.clone().unwrap_or_default();
        if !name.is_empty() && ports.iter().any(|(known, _)| *known == name) {
            return Err(at.member("name").error(format!("{name:?} is there twice")));
        }
        ports.push((name, number));
    }
    Ok(ports)
}

/// Without a request, the limit is the request (Kubernetes: core/v1 `SetDefaults_Pod`).
fn resources(
    at: &At<'_>,
    given: Option<&v1::ResourceRequirements>,
) -> Result<Resources, ManifestError> {
    let cpu = |name: &str, of: Option<&BTreeMap<String, Quantity>>| {
        let Some(quantity) = of.and_then(|quantities| quantities.get("cpu")) else {
            return Ok(None);
        };
        let problem = || {
            format!(
                "{:?} is no quantity such as \"200m\" or \"0.5\"",
                quantity.0
            )
        };
        let at = at.member(name).member("cpu");
        milli(quantity).map(Some).ok_or_else(|| at.error(problem()))
    };
    let limit_milli = cpu("limits", given.and_then(|given| given.limits.as_ref()))?;
    let request_milli = cpu("requests", given.and_then(|given| given.requests.as_ref()))?;
    let limit_milli = limit_milli.filter(|milli| *milli != 0);
    if let (Some(request), Some(limit)) = (request_milli, limit_milli)
        && request > limit
    {
        let problem = format!("{request}m is more than the limit of {limit}m");
        return Err(at.member("requests.cpu").error(problem));
    }
    Ok(Resources {
        request_milli: request_milli.or(limit_milli),
        limit_milli,
    })
}

/// What a hook comes down to here is a sleep; its shortest spellings are known.
fn pre_stop(at: &At<'_>, hook: &v1::LifecycleHandler) -> Result<Duration, ManifestError> {
    let seconds = match (&hook.sleep, &hook.exec) {
        (Some(sleep), None) => u64::try_from(sleep.seconds).ok(),
        (None, Some(exec)) => {
            let command: Vec<_> = exec.command.iter().flatten().map(String::as_str).collect();
            let line = match command.as_slice() {
                [shell, "-c", line] if ["sh", "bash"].contains(&program(shell)) => {
                    (*line).to_owned()
                }
                words => words.join(" "),
            };
            match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                [sleep, seconds] if program(sleep) == "sleep" => {
                    seconds.strip_suffix('s').unwrap_or(seconds).parse().ok()
                }
                _ => None,
            }
        }
        _ => None,
    };
    let expected = "expected sleep: {seconds: 5} or exec: {command: [sleep, \"5\"]}, with or \
                    without a shell";
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| at.error(expected))
}

fn program(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}
