//! Deployments and StatefulSets.

use std::time::Duration;

use k8s_openapi::{api::apps::v1, apimachinery::pkg::util::intstr::IntOrString};

use super::{
    ManifestError,
    document::{At, Document},
    pod::{match_labels, template},
};
use crate::objects::{
    container::{Volume, VolumeKind},
    deployment::{Deployment, IntOrPercent, StatefulSet, Strategy},
};

/// Kubernetes: apps/v1 `SetObjectDefaults_Deployment`, `ValidateDeployment`.
pub(super) fn deployment(document: &Document) -> Result<Deployment, ManifestError> {
    let root = document.root();
    let at = root.member("spec");
    let given: v1::Deployment = document.typed()?;
    let Some(spec) = given.spec else {
        return Err(at.error("missing"));
    };
    let seconds = |name, value: Option<i32>, or| {
        Ok(Duration::from_secs(u64::from(at.count(name, value, or)?)))
    };
    let selector = match_labels(Some(&spec.selector));
    let min_ready = seconds("minReadySeconds", spec.min_ready_seconds, 0)?;
    let progress_deadline = seconds(
        "progressDeadlineSeconds",
        spec.progress_deadline_seconds,
        600,
    )?;
    if progress_deadline <= min_ready {
        let problem = format!(
            "{}, must be more than minReadySeconds, {}",
            progress_deadline.as_secs(),
            min_ready.as_secs()
        );
        return Err(at.member("progressDeadlineSeconds").error(problem));
    }
    let history = at.count("revisionHistoryLimit", spec.revision_history_limit, 10)?;
    Ok(Deployment {
        name: document.name.clone(),
        replicas: at.count("replicas", spec.replicas, 1)?,
        strategy: strategy(&at.member("strategy"), spec.strategy.as_ref())?,
        min_ready,
        progress_deadline,
        revision_history_limit: usize::try_from(history).unwrap_or(usize::MAX),
        paused: spec.paused.unwrap_or(false),
        template: template(&root, &spec.template, &selector, Vec::new())?,
        selector,
    })
}

/// The set and the names of the claims that its templates make: `<template>-<set>-0`.
pub(super) fn stateful_set(
    document: &Document,
) -> Result<(StatefulSet, Vec<String>), ManifestError> {
    let root = document.root();
    let at = root.member("spec");
    let given: v1::StatefulSet = document.typed()?;
    let Some(spec) = given.spec else {
        return Err(at.error("missing"));
    };
    let replicas = at.count("replicas", spec.replicas, 1)?;
    if replicas > 1 {
        let problem = format!("{replicas}, only 0 and 1 are modelled");
        return Err(at.member("replicas").error(problem));
    }
    let mut claims = Vec::new();
    let mut volumes = Vec::new();
    for (index, given) in spec.volume_claim_templates.iter().flatten().enumerate() {
        let Some(name) = given.metadata.name.clone() else {
            let at = at.member("volumeClaimTemplates").item(index);
            return Err(at.member("metadata.name").error("missing"));
        };
        let claim = format!("{name}-{}-0", document.name);
        claims.push(claim.clone());
        volumes.push(Volume {
            name,
            kind: VolumeKind::Claim(claim),
        });
    }
    let selector = match_labels(Some(&spec.selector));
    let set = StatefulSet {
        name: document.name.clone(),
        replicas,
        template: template(&root, &spec.template, &selector, volumes)?,
        selector,
    };
    Ok((set, claims))
}

/// A number, or a text such as `25%`.
pub(super) fn int_or_percent(
    at: &At<'_>,
    given: &IntOrString,
) -> Result<IntOrPercent, ManifestError> {
    let read = match given {
        IntOrString::Int(number) => u32::try_from(*number).ok().map(IntOrPercent::Int),
        IntOrString::String(text) => text
            .strip_suffix('%')
            .and_then(|percent| percent.parse().ok())
            .map(IntOrPercent::Percent),
    };
    let written = match given {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => format!("{text:?}"),
    };
    read.ok_or_else(|| {
        at.error(format!(
            "{written}, expected a number or a text such as \"25%\""
        ))
    })
}

fn strategy(
    at: &At<'_>,
    given: Option<&v1::DeploymentStrategy>,
) -> Result<Strategy, ManifestError> {
    let rolling = given.and_then(|given| given.rolling_update.as_ref());
    match given.and_then(|given| given.type_.as_deref()) {
        None | Some("RollingUpdate") => {}
        Some("Recreate") if rolling.is_none() => return Ok(Strategy::Recreate),
        Some("Recreate") => {
            return Err(at
                .member("rollingUpdate")
                .error("not together with Recreate"));
        }
        Some(other) => {
            let problem = format!("{other:?}, expected RollingUpdate or Recreate");
            return Err(at.member("type").error(problem));
        }
    }
    let at = at.member("rollingUpdate");
    let read = |name, given: Option<&IntOrString>| match given {
        Some(given) => int_or_percent(&at.member(name), given),
        None => Ok(IntOrPercent::Percent(25)),
    };
    let max_surge = read("maxSurge", rolling.and_then(|r| r.max_surge.as_ref()))?;
    let unavailable = rolling.and_then(|rolling| rolling.max_unavailable.as_ref());
    let max_unavailable = read("maxUnavailable", unavailable)?;
    let none = |value| matches!(value, IntOrPercent::Int(0) | IntOrPercent::Percent(0));
    if none(max_surge) && none(max_unavailable) {
        let problem = "must not be 0 when maxSurge is: nothing could ever be replaced";
        return Err(at.member("maxUnavailable").error(problem));
    }
    if matches!(max_unavailable, IntOrPercent::Percent(101..)) {
        return Err(at.member("maxUnavailable").error("more than 100%"));
    }
    Ok(Strategy::RollingUpdate {
        max_surge,
        max_unavailable,
    })
}
