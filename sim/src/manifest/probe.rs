//! Probes.

use std::time::Duration;

use k8s_openapi::{api::core::v1, apimachinery::pkg::util::intstr::IntOrString};

use super::{ManifestError, document::At};
use crate::objects::probe::{Probe, ProbeHandler, Probes};

/// The probes of `container`; `ports` are its own, for those named by their name.
pub(super) fn probes(
    at: &At<'_>,
    container: &v1::Container,
    ports: &[(String, u16)],
) -> Result<Probes, ManifestError> {
    let read = |name: &str, given: &Option<v1::Probe>| {
        let at = at.member(name);
        given
            .as_ref()
            .map(|given| probe(&at, given, ports))
            .transpose()
    };
    let probes = Probes {
        startup: read("startupProbe", &container.startup_probe)?,
        readiness: read("readinessProbe", &container.readiness_probe)?,
        liveness: read("livenessProbe", &container.liveness_probe)?,
    };
    for (name, probe) in [
        ("startupProbe", &probes.startup),
        ("livenessProbe", &probes.liveness),
    ] {
        if let Some(threshold) = probe
            .as_ref()
            .map(|p| p.success_threshold)
            .filter(|t| *t != 1)
        {
            let at = at.member(name).member("successThreshold");
            return Err(at.error(format!("{threshold}, must be 1 here")));
        }
    }
    if probes
        .readiness
        .as_ref()
        .is_some_and(|p| p.termination_grace.is_some())
    {
        let at = at.member("readinessProbe.terminationGracePeriodSeconds");
        return Err(at.error("a readiness probe ends nothing"));
    }
    Ok(probes)
}

/// A number as it is, a name as the container's port of that name.
pub(super) fn port(
    at: &At<'_>,
    given: &IntOrString,
    ports: &[(String, u16)],
) -> Result<u16, ManifestError> {
    match given {
        IntOrString::Int(number) => port_number(at, *number),
        IntOrString::String(name) => {
            let port = ports.iter().find(|(known, _)| known == name);
            port.map(|(_, port)| *port)
                .ok_or_else(|| at.error(format!("no port of the container is called {name:?}")))
        }
    }
}

/// A port from 1 to 65535.
pub(super) fn port_number(at: &At<'_>, number: i32) -> Result<u16, ManifestError> {
    let port = u16::try_from(number).ok().filter(|port| *port != 0);
    port.ok_or_else(|| at.error(format!("{number}, expected 1 to 65535")))
}

/// Kubernetes: core/v1 `SetDefaults_Probe`, where 0 is as good as nothing.
fn probe(at: &At<'_>, given: &v1::Probe, ports: &[(String, u16)]) -> Result<Probe, ManifestError> {
    let handler = match (&given.http_get, &given.tcp_socket) {
        (Some(get), None) => ProbeHandler::HttpGet {
            path: match get.path.as_deref() {
                None | Some("") => "/".to_owned(),
                Some(path) => path.to_owned(),
            },
            port: port(&at.member("httpGet.port"), &get.port, ports)?,
        },
        (None, Some(socket)) => ProbeHandler::TcpSocket {
            port: port(&at.member("tcpSocket.port"), &socket.port, ports)?,
        },
        _ => return Err(at.error("expected either httpGet or tcpSocket")),
    };
    let count = |name, value: Option<i32>, or| at.count(name, value.filter(|v| *v != 0), or);
    let seconds = |name, value, or| Ok(Duration::from_secs(u64::from(count(name, value, or)?)));
    let grace = "terminationGracePeriodSeconds";
    Ok(Probe {
        handler,
        initial_delay: seconds("initialDelaySeconds", given.initial_delay_seconds, 0)?,
        period: seconds("periodSeconds", given.period_seconds, 10)?,
        timeout: seconds("timeoutSeconds", given.timeout_seconds, 1)?,
        success_threshold: count("successThreshold", given.success_threshold, 1)?,
        failure_threshold: count("failureThreshold", given.failure_threshold, 3)?,
        termination_grace: match given.termination_grace_period_seconds {
            None => None,
            Some(given @ ..1) => {
                return Err(at
                    .member(grace)
                    .error(format!("{given}, expected 1 or more")));
            }
            Some(given) => Some(Duration::from_secs(u64::from(at.count(
                grace,
                Some(given),
                0,
            )?))),
        },
    })
}
