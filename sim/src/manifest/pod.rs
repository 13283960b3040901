//! Pod templates.

use std::time::Duration;

use k8s_openapi::{api::core::v1, apimachinery::pkg::apis::meta::v1::LabelSelector};

use super::{ManifestError, container, document::At, volume};
use crate::objects::{
    Labels,
    container::{PodTemplate, Volume},
    selects,
};

const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";
const INJECT: &str = "sidecar.istio.io/inject";

/// The template of a workload's pods at `spec.template`, which `selector` has to select; with
/// `more` volumes, from a StatefulSet's claim templates.
pub(super) fn template(
    root: &At<'_>,
    given: &v1::PodTemplateSpec,
    selector: &Labels,
    mut more: Vec<Volume>,
) -> Result<PodTemplate, ManifestError> {
    let at = root.member("spec.template");
    let metadata = given.metadata.clone().unwrap_or_default();
    let labels = metadata.labels.unwrap_or_default();
    let annotations = metadata.annotations.unwrap_or_default();
    if !selects(selector, &labels) {
        let problem = format!("{selector:?} does not select its own pods, labelled {labels:?}");
        return Err(root.member("spec.selector.matchLabels").error(problem));
    }
    let at = at.member("spec");
    let Some(spec) = &given.spec else {
        return Err(at.error("missing"));
    };
    let [only] = spec.containers.as_slice() else {
        let problem = format!("{}, expected one", spec.containers.len());
        return Err(at.member("containers").error(problem));
    };
    let mut volumes = volume::volumes(&at, spec)?;
    volumes.retain(|volume| more.iter().all(|claim| claim.name != volume.name));
    volumes.append(&mut more);
    let names: Vec<_> = volumes.iter().map(|volume| volume.name.as_str()).collect();
    let container = container::container(&at.member("containers").item(0), only, &names)?;
    let grace = spec.termination_grace_period_seconds;
    let grace = at.count("terminationGracePeriodSeconds", grace, 30)?;
    check_sleep(&at, only, grace)?;
    let (spread_over_nodes, spread_over_zones) = spread(&at, spec, &labels)?;
    Ok(PodTemplate {
        container,
        termination_grace: Duration::from_secs(u64::from(grace)),
        volumes,
        spread_over_nodes,
        spread_over_zones,
        sidecar: [&labels, &annotations]
            .iter()
            .any(|map| map.get(INJECT).is_some_and(|value| value == "true")),
        labels,
        annotations,
    })
}

/// A sleep action has to fit into the grace period (Kubernetes: core `validateSleepAction`).
fn check_sleep(at: &At<'_>, only: &v1::Container, grace: u32) -> Result<(), ManifestError> {
    let hook = only
        .lifecycle
        .as_ref()
        .and_then(|lifecycle| lifecycle.pre_stop.as_ref());
    let sleep = hook.and_then(|hook| hook.sleep.as_ref());
    match sleep.filter(|sleep| sleep.seconds > i64::from(grace)) {
        None => Ok(()),
        Some(sleep) => {
            let at = at.member("containers").item(0);
            let problem = format!(
                "{}, longer than the grace period of {grace} s",
                sleep.seconds
            );
            Err(at.member("lifecycle.preStop.sleep.seconds").error(problem))
        }
    }
}

/// Over nodes, over zones.
fn spread(at: &At<'_>, spec: &v1::PodSpec, labels: &Labels) -> Result<(bool, bool), ManifestError> {
    let mut keys = Vec::new();
    let constraints = spec.topology_spread_constraints.iter().flatten();
    for (index, given) in constraints.enumerate() {
        let at = at.member("topologySpreadConstraints").item(index);
        if given.max_skew != 1 {
            let problem = format!("{}, only 1 is modelled", given.max_skew);
            return Err(at.member("maxSkew").error(problem));
        }
        if given.when_unsatisfiable != "ScheduleAnyway" {
            let problem = format!(
                "{:?}, only ScheduleAnyway is modelled",
                given.when_unsatisfiable
            );
            return Err(at.member("whenUnsatisfiable").error(problem));
        }
        keys.push((at, &given.topology_key, given.label_selector.as_ref()));
    }
    let affinity = spec.affinity.as_ref();
    let anti_affinity = affinity.and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    let preferred = anti_affinity.and_then(|anti_affinity| {
        anti_affinity
            .preferred_during_scheduling_ignored_during_execution
            .as_ref()
    });
    let list = "affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution";
    for (index, given) in preferred.into_iter().flatten().enumerate() {
        let at = at.member(list).item(index).member("podAffinityTerm");
        let term = &given.pod_affinity_term;
        keys.push((at, &term.topology_key, term.label_selector.as_ref()));
    }
    for (at, key, selector) in &keys {
        if ![HOSTNAME, ZONE].contains(&key.as_str()) {
            let problem = format!("{key:?}, only {HOSTNAME} and {ZONE} are modelled");
            return Err(at.member("topologyKey").error(problem));
        }
        if !selects(&match_labels(*selector), labels) {
            let problem = "does not select these pods; spreading from others is not modelled";
            return Err(at.member("labelSelector").error(problem));
        }
    }
    let over = |key: &str| keys.iter().any(|(_, given, _)| *given == key);
    Ok((over(HOSTNAME), over(ZONE)))
}

/// A selector's labels; its expressions are not modelled and have been refused.
pub(super) fn match_labels(selector: Option<&LabelSelector>) -> Labels {
    selector
        .and_then(|selector| selector.match_labels.clone())
        .unwrap_or_default()
}
