//! Whether what objects and model refer to is there.

use super::{ManifestError, Manifests, document::At, environment, volume};
use crate::{
    model::Model,
    objects::{
        Objects,
        container::{Environment, PodTemplate, Source, VolumeKind},
        selects,
    },
};

/// The StatefulSet that is the broker.
const BROKER: &str = "broker";

/// The first reference that leads nowhere.
pub(super) fn check(
    manifests: &Manifests,
    objects: &Objects,
    model: &Model,
) -> Result<(), ManifestError> {
    targets(manifests, objects)?;
    modelled(objects, model)?;
    if manifests.patched {
        return Ok(());
    }
    for (name, deployment) in &objects.deployments {
        let at = template_at(manifests, &format!("Deployment/{name}"));
        at.map_or(Ok(()), |at| configured(&at, &deployment.template, objects))?;
    }
    for (name, set) in &objects.stateful_sets {
        let at = template_at(manifests, &format!("StatefulSet/{name}"));
        at.map_or(Ok(()), |at| configured(&at, &set.template, objects))?;
    }
    unused(objects, model)
}

/// Scaled Deployments, hosts, budgeted pods.
fn targets(manifests: &Manifests, objects: &Objects) -> Result<(), ManifestError> {
    let error = |object: String, path: &str, problem: String| match manifests.find(&object) {
        Some(document) => Err(document.root().member(path).error(problem)),
        None => Ok(()),
    };
    let mut scaled: Vec<&str> = Vec::new();
    for (name, autoscaler) in &objects.autoscalers {
        let (object, path) = (
            format!("HorizontalPodAutoscaler/{name}"),
            "spec.scaleTargetRef.name",
        );
        let target = autoscaler.target.as_str();
        if !objects.deployments.contains_key(target) {
            error(object, path, format!("there is no Deployment {target:?}"))?;
        } else if scaled.contains(&target) {
            error(object, path, format!("another one scales {target:?}, too"))?;
        } else {
            scaled.push(target);
        }
    }
    let missing = |host: &str| format!("there is no Service {host:?}");
    for (host, rule) in &objects.destination_rules {
        if !objects.services.contains_key(host) {
            error(
                format!("DestinationRule/{}", rule.name),
                "spec.host",
                missing(host),
            )?;
        }
    }
    for (host, service) in &objects.virtual_services {
        if !objects.services.contains_key(host) {
            error(
                format!("VirtualService/{}", service.name),
                "spec.hosts[0]",
                missing(host),
            )?;
        }
    }
    for (name, budget) in &objects.disruption_budgets {
        let deployments = objects.deployments.values().map(|d| &d.template);
        let mut templates = deployments.chain(objects.stateful_sets.values().map(|s| &s.template));
        if !templates.any(|template| selects(&budget.selector, &template.labels)) {
            let problem = format!("no workload has pods labelled {:?}", budget.selector);
            error(
                format!("PodDisruptionBudget/{name}"),
                "spec.selector",
                problem,
            )?;
        }
    }
    for name in objects.stateful_sets.keys() {
        if objects.deployments.contains_key(name) {
            let problem = format!("Deployment/{name} has it: their pods would be called alike");
            error(format!("StatefulSet/{name}"), "metadata.name", problem)?;
        }
    }
    Ok(())
}

/// What the manifests run has to be modelled.
fn modelled(objects: &Objects, model: &Model) -> Result<(), ManifestError> {
    for name in objects.deployments.keys() {
        if !model.programs.contains_key(name) {
            let problem = format!("missing: Deployment/{name} runs it");
            return Err(model.error(&format!("programs.{name}"), problem));
        }
    }
    for name in objects.stateful_sets.keys().filter(|name| *name != BROKER) {
        if !model.stores.contains_key(name) {
            let problem = format!("missing: StatefulSet/{name} is neither it nor {BROKER:?}");
            return Err(model.error(&format!("stores.{name}"), problem));
        }
    }
    Ok(())
}

/// What is modelled has to be run.
fn unused(objects: &Objects, model: &Model) -> Result<(), ManifestError> {
    let programs = model.programs.keys();
    if let Some(name) = programs
        .into_iter()
        .find(|name| !objects.deployments.contains_key(*name))
    {
        return Err(model.error(
            &format!("programs.{name}"),
            format!("there is no Deployment {name:?}"),
        ));
    }
    let stores = model.stores.keys();
    if let Some(name) = stores
        .into_iter()
        .find(|name| !objects.stateful_sets.contains_key(*name))
    {
        return Err(model.error(
            &format!("stores.{name}"),
            format!("there is no StatefulSet {name:?}"),
        ));
    }
    Ok(())
}

fn template_at<'a>(manifests: &'a Manifests, object: &str) -> Option<At<'a>> {
    let document = manifests.find(object)?;
    Some(document.root().member("spec.template.spec"))
}

/// ConfigMaps, Secrets and claims of a pod. Kubernetes takes such a manifest, and its container
/// waits in CreateContainerConfigError.
fn configured(at: &At<'_>, template: &PodTemplate, objects: &Objects) -> Result<(), ManifestError> {
    let container = at.member("containers").item(0);
    let environment = &template.container.env;
    for (index, given) in environment.iter().enumerate() {
        let (source, key) = match given {
            Environment::Key {
                source,
                key,
                optional: false,
                ..
            } => (source, Some(key)),
            Environment::All {
                source,
                optional: false,
                ..
            } => (source, None),
            _ => continue,
        };
        let at = || environment::reference(&container, environment, index);
        let data = match source {
            Source::ConfigMap(name) => objects.config_maps.get(name),
            Source::Secret(name) => objects.secrets.get(name),
        };
        let Some(data) = data else {
            return Err(at().member("name").error(absent(source)));
        };
        if let Some(key) = key.filter(|key| !data.contains_key(*key)) {
            return Err(at()
                .member("key")
                .error(format!("there is no key {key:?} in it")));
        }
    }
    for (index, given) in template.volumes.iter().enumerate() {
        let problem = match &given.kind {
            VolumeKind::Claim(name) if !objects.claims.contains(name) => {
                format!("there is no PersistentVolumeClaim {name:?}")
            }
            VolumeKind::Configuration(source) if !is_there(source, objects) => absent(source),
            _ => continue,
        };
        return Err(volume::reference(&at.member("volumes").item(index), given).error(problem));
    }
    Ok(())
}

fn is_there(source: &Source, objects: &Objects) -> bool {
    match source {
        Source::ConfigMap(name) => objects.config_maps.contains_key(name),
        Source::Secret(name) => objects.secrets.contains_key(name),
    }
}

fn absent(source: &Source) -> String {
    match source {
        Source::ConfigMap(name) => format!("there is no ConfigMap {name:?}"),
        Source::Secret(name) => format!("there is no Secret {name:?}"),
    }
}
