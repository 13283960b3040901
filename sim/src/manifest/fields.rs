//! The strict check of fields: each is modelled, or on one of the two lists here, or an error.

use serde_json::Value;

use super::{
    ManifestError,
    document::{At, Document},
    shapes::{self, Shape},
};

/// Fields that may be written and change nothing in the simulation, whatever their value and
/// whatever is below them: (kind, or `*`, field, reason). `[]` is any item of a list.
pub const WITHOUT_EFFECT: &[(&str, &str, &str)] = &[
    ("*", "metadata.namespace", "there is one namespace"),
    (
        "*",
        "metadata.labels",
        "nothing selects workloads or Services by their labels",
    ),
    (
        "*",
        "metadata.annotations",
        "notes of tools; those of a pod's template do count",
    ),
    ("*", "metadata.creationTimestamp", "written by the cluster"),
    ("*", "metadata.generation", "written by the cluster"),
    ("*", "metadata.resourceVersion", "written by the cluster"),
    ("*", "metadata.uid", "written by the cluster"),
    ("*", "metadata.finalizers", "written by the cluster"),
    ("*", "metadata.managedFields", "written by the cluster"),
    ("*", "status", "written by the cluster"),
    // Pods.
    (
        "*",
        "spec.template.metadata.creationTimestamp",
        "written by the cluster",
    ),
    (
        "*",
        "spec.template.spec.dnsPolicy",
        "names are always resolved by the cluster",
    ),
    (
        "*",
        "spec.template.spec.schedulerName",
        "there is one scheduler",
    ),
    (
        "*",
        "spec.template.spec.securityContext",
        "programs have no privileges to lose",
    ),
    (
        "*",
        "spec.template.spec.serviceAccount",
        "programs do not call the API server",
    ),
    (
        "*",
        "spec.template.spec.serviceAccountName",
        "programs do not call the API server",
    ),
    (
        "*",
        "spec.template.spec.automountServiceAccountToken",
        "programs do not call the API server",
    ),
    (
        "*",
        "spec.template.spec.imagePullSecrets",
        "no image is pulled",
    ),
    (
        "*",
        "spec.template.spec.enableServiceLinks",
        "programs find each other by name",
    ),
    (
        "*",
        "spec.template.spec.containers[].imagePullPolicy",
        "no image is pulled",
    ),
    (
        "*",
        "spec.template.spec.containers[].securityContext",
        "programs have no privileges to lose",
    ),
    (
        "*",
        "spec.template.spec.containers[].terminationMessagePath",
        "the history has every end",
    ),
    (
        "*",
        "spec.template.spec.containers[].terminationMessagePolicy",
        "the history has every end",
    ),
    (
        "*",
        "spec.template.spec.containers[].stdin",
        "programs read no terminal",
    ),
    (
        "*",
        "spec.template.spec.containers[].tty",
        "programs read no terminal",
    ),
    (
        "*",
        "spec.template.spec.containers[].resources.requests.memory",
        "memory is not modelled",
    ),
    (
        "*",
        "spec.template.spec.containers[].resources.limits.memory",
        "memory is not modelled",
    ),
    (
        "*",
        "spec.template.spec.containers[].resources.requests.ephemeral-storage",
        "disk space is not modelled",
    ),
    (
        "*",
        "spec.template.spec.containers[].resources.limits.ephemeral-storage",
        "disk space is not modelled",
    ),
    (
        "*",
        "spec.template.spec.containers[].volumeMounts[].readOnly",
        "who writes is known",
    ),
    (
        "*",
        "spec.template.spec.volumes[].emptyDir.medium",
        "disk space is not modelled",
    ),
    (
        "*",
        "spec.template.spec.volumes[].emptyDir.sizeLimit",
        "disk space is not modelled",
    ),
    (
        "*",
        "spec.template.spec.volumes[].configMap.defaultMode",
        "programs have no privileges to lose",
    ),
    (
        "*",
        "spec.template.spec.volumes[].secret.defaultMode",
        "programs have no privileges to lose",
    ),
    (
        "*",
        "spec.template.spec.affinity.podAntiAffinity\
         .preferredDuringSchedulingIgnoredDuringExecution[].weight",
        "there is no other preference to weigh it against",
    ),
    // StatefulSets, claims.
    (
        "StatefulSet",
        "spec.serviceName",
        "its pod is dialled by the set's name",
    ),
    (
        "StatefulSet",
        "spec.revisionHistoryLimit",
        "a set is not rolled back",
    ),
    (
        "StatefulSet",
        "spec.podManagementPolicy",
        "there is one replica at most",
    ),
    (
        "StatefulSet",
        "spec.updateStrategy",
        "there is one replica at most",
    ),
    (
        "StatefulSet",
        "spec.volumeClaimTemplates[].apiVersion",
        "it can be one only",
    ),
    (
        "StatefulSet",
        "spec.volumeClaimTemplates[].kind",
        "it can be one only",
    ),
    (
        "StatefulSet",
        "spec.volumeClaimTemplates[].metadata.labels",
        "nothing selects claims",
    ),
    (
        "StatefulSet",
        "spec.volumeClaimTemplates[].metadata.creationTimestamp",
        "written by the cluster",
    ),
    (
        "StatefulSet",
        "spec.volumeClaimTemplates[].spec",
        "disk space is not modelled, every claim is bound",
    ),
    (
        "StatefulSet",
        "spec.volumeClaimTemplates[].status",
        "written by the cluster",
    ),
    (
        "PersistentVolumeClaim",
        "spec.accessModes",
        "every claim is bound, each has one user",
    ),
    (
        "PersistentVolumeClaim",
        "spec.storageClassName",
        "every claim is bound",
    ),
    (
        "PersistentVolumeClaim",
        "spec.volumeMode",
        "every claim is bound",
    ),
    (
        "PersistentVolumeClaim",
        "spec.volumeName",
        "every claim is bound",
    ),
    (
        "PersistentVolumeClaim",
        "spec.resources",
        "disk space is not modelled",
    ),
    // Services.
    ("Service", "spec.clusterIPs", "Services are dialled by name"),
    ("Service", "spec.ipFamilies", "Services are dialled by name"),
    (
        "Service",
        "spec.ipFamilyPolicy",
        "Services are dialled by name",
    ),
    (
        "Service",
        "spec.type",
        "inside the cluster all types are alike; an ExternalName has no selector",
    ),
    (
        "Service",
        "spec.externalTrafficPolicy",
        "load comes by the cluster's own address",
    ),
    (
        "Service",
        "spec.allocateLoadBalancerNodePorts",
        "load comes by the cluster's own address",
    ),
    (
        "Service",
        "spec.ports[].name",
        "only named target ports are looked up",
    ),
    (
        "Service",
        "spec.ports[].nodePort",
        "load comes by the cluster's own address",
    ),
    (
        "Service",
        "spec.ports[].appProtocol",
        "everything speaks HTTP/1.1, stores and broker their own",
    ),
    // ConfigMaps, Secrets.
    ("ConfigMap", "immutable", "scenarios change what they like"),
    ("Secret", "immutable", "scenarios change what they like"),
    ("Secret", "type", "a Secret's type only restricts its keys"),
    // Istio.
    (
        "VirtualService",
        "spec.http[].name",
        "a label for its own log",
    ),
];

/// Fields of which one value is modelled, the default: (kind, or `*`, field, value, reason).
pub const FIXED: &[(&str, &str, &str, &str)] = &[
    (
        "*",
        "spec.template.spec.restartPolicy",
        "Always",
        "Kubernetes allows no other here",
    ),
    (
        "*",
        "spec.template.spec.containers[].ports[].protocol",
        "TCP",
        "only TCP is simulated",
    ),
    (
        "Service",
        "spec.ports[].protocol",
        "TCP",
        "only TCP is simulated",
    ),
    (
        "*",
        "spec.template.spec.containers[].startupProbe.httpGet.scheme",
        "HTTP",
        "TLS is not simulated",
    ),
    (
        "*",
        "spec.template.spec.containers[].readinessProbe.httpGet.scheme",
        "HTTP",
        "TLS is not simulated",
    ),
    (
        "*",
        "spec.template.spec.containers[].livenessProbe.httpGet.scheme",
        "HTTP",
        "TLS is not simulated",
    ),
    (
        "Service",
        "spec.sessionAffinity",
        "None",
        "each connection is balanced on its own",
    ),
    (
        "Service",
        "spec.internalTrafficPolicy",
        "Cluster",
        "each connection goes to any ready pod",
    ),
    (
        "VirtualService",
        "spec.http[].route[].weight",
        "100",
        "a route has one destination",
    ),
];

/// Holds every field of `document` against what is modelled.
pub(super) fn check(document: &Document) -> Result<(), ManifestError> {
    walk(&document.value, shapes::of(document.kind), &document.root())
}

/// As deep as [`Shape`] goes, so bounded.
fn walk(value: &Value, shape: Shape, at: &At<'_>) -> Result<(), ManifestError> {
    match (value, shape) {
        (Value::Object(given), Shape::Object(members)) => {
            given.iter().try_for_each(|(name, value)| {
                let at = at.member(name);
                match members.iter().find(|member| member.0 == name) {
                    Some(member) => walk(value, member.1, &at),
                    None => allowed(value, &at, members.iter().map(|member| member.0)),
                }
            })
        }
        (Value::Array(items), Shape::List(shape)) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| walk(item, *shape, &at.item(index))),
        _ => Ok(()),
    }
}

/// A field that is not modelled may be on one of the lists.
fn allowed<'a>(
    value: &Value,
    at: &At<'_>,
    modelled: impl Iterator<Item = &'a str>,
) -> Result<(), ManifestError> {
    let pattern = at.pattern();
    let here = |kind: &str, field: &str| field == pattern && (kind == "*" || kind == at.kind());
    if WITHOUT_EFFECT.iter().any(|known| here(known.0, known.1)) {
        return Ok(());
    }
    if let Some((.., only, reason)) = FIXED.iter().find(|known| here(known.0, known.1)) {
        let same = match value {
            Value::String(text) => text == only,
            other => other.to_string().as_str() == *only,
        };
        return match same {
            true => Ok(()),
            false => Err(at.error(format!("{value}, expected {only}: {reason}"))),
        };
    }
    let name = pattern.rsplit('.').next().unwrap_or_default();
    let near = modelled.min_by_key(|known| strsim::damerau_levenshtein(known, name));
    let hint = match near.filter(|known| strsim::damerau_levenshtein(known, name) <= 2) {
        Some(near) => format!("; did you mean {near}?"),
        None => String::new(),
    };
    Err(at.error(format!("not a field that is modelled{hint}")))
}
