//! Services.

use k8s_openapi::{api::core::v1, apimachinery::pkg::util::intstr::IntOrString};

use super::{
    ManifestError,
    document::{At, Document},
    probe::{port, port_number},
};
use crate::objects::{
    Objects,
    container::PodTemplate,
    deployment::{Service, ServicePort},
    selects,
};

/// A Service in front of workloads that are in `objects` already.
pub(super) fn read(document: &Document, objects: &Objects) -> Result<Service, ManifestError> {
    let at = document.root().member("spec");
    let given: v1::Service = document.typed()?;
    let Some(spec) = given.spec else {
        return Err(at.error("missing"));
    };
    let selector = spec.selector.clone().unwrap_or_default();
    let selected = |template: &&PodTemplate| selects(&selector, &template.labels);
    let deployments = objects
        .deployments
        .values()
        .map(|deployment| &deployment.template);
    let sets = objects.stateful_sets.values().map(|set| &set.template);
    let served: Vec<_> = deployments.filter(selected).collect();
    let kept: Vec<_> = sets.filter(selected).collect();
    if served.is_empty() && kept.is_empty() {
        let problem = format!("no Deployment or StatefulSet has pods labelled {selector:?}");
        return Err(at.member("selector").error(problem));
    }
    let headless = spec.cluster_ip.as_deref() == Some("None");
    if headless && !served.is_empty() {
        let problem = "a headless Service is modelled in front of a StatefulSet only";
        return Err(at.member("clusterIP").error(problem));
    }
    let templates: Vec<_> = served.into_iter().chain(kept).collect();
    let mut ports: Vec<ServicePort> = Vec::new();
    for (index, given) in spec.ports.iter().flatten().enumerate() {
        let at = at.member("ports").item(index);
        let read = service_port(&at, given, &templates)?;
        if ports.iter().any(|known| known.port == read.port) {
            return Err(at
                .member("port")
                .error(format!("{} is there twice", read.port)));
        }
        ports.push(read);
    }
    if ports.is_empty() {
        return Err(at.member("ports").error("missing"));
    }
    Ok(Service {
        name: document.name.clone(),
        selector,
        ports,
    })
}

/// `targetPort` is `port` unless given (Kubernetes: core/v1 `SetDefaults_Service`).
fn service_port(
    at: &At<'_>,
    given: &v1::ServicePort,
    templates: &[&PodTemplate],
) -> Result<ServicePort, ManifestError> {
    let target = given
        .target_port
        .clone()
        .unwrap_or(IntOrString::Int(given.port));
    let at_target = at.member("targetPort");
    let mut targets = templates
        .iter()
        .map(|template| port(&at_target, &target, &template.container.ports))
        .collect::<Result<Vec<_>, _>>()?;
    targets.dedup();
    match targets.as_slice() {
        [target_port] => Ok(ServicePort {
            port: port_number(&at.member("port"), given.port)?,
            target_port: *target_port,
        }),
        _ => Err(at_target.error("a different port in each workload; that is not modelled")),
    }
}
