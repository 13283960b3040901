//! The kinds of objects that are modelled.

use std::fmt;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Deployment,
    StatefulSet,
    Service,
    AutoscalerV1,
    AutoscalerV2,
    ConfigMap,
    Secret,
    Claim,
    DisruptionBudget,
    DestinationRule,
    VirtualService,
}

/// (`apiVersion`, `kind`, what it is here).
const KINDS: &[(&str, &str, Kind)] = &[
    ("apps/v1", "Deployment", Kind::Deployment),
    ("apps/v1", "StatefulSet", Kind::StatefulSet),
    ("v1", "Service", Kind::Service),
    (
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        Kind::AutoscalerV2,
    ),
    (
        "autoscaling/v1",
        "HorizontalPodAutoscaler",
        Kind::AutoscalerV1,
    ),
    ("v1", "ConfigMap", Kind::ConfigMap),
    ("v1", "Secret", Kind::Secret),
    ("v1", "PersistentVolumeClaim", Kind::Claim),
    ("policy/v1", "PodDisruptionBudget", Kind::DisruptionBudget),
    (
        "networking.istio.io/v1",
        "DestinationRule",
        Kind::DestinationRule,
    ),
    (
        "networking.istio.io/v1beta1",
        "DestinationRule",
        Kind::DestinationRule,
    ),
    (
        "networking.istio.io/v1alpha3",
        "DestinationRule",
        Kind::DestinationRule,
    ),
    (
        "networking.istio.io/v1",
        "VirtualService",
        Kind::VirtualService,
    ),
    (
        "networking.istio.io/v1beta1",
        "VirtualService",
        Kind::VirtualService,
    ),
    (
        "networking.istio.io/v1alpha3",
        "VirtualService",
        Kind::VirtualService,
    ),
];

impl Kind {
    /// The kind, or the field that names an unknown one and what was expected there.
    pub(super) fn of(version: &str, kind: &str) -> Result<Self, (&'static str, String)> {
        let same = || KINDS.iter().filter(|known| known.1 == kind);
        if let Some(known) = same().find(|known| known.0 == version) {
            return Ok(known.2);
        }
        let versions: Vec<_> = same().map(|known| known.0).collect();
        if versions.is_empty() {
            let mut kinds: Vec<_> = KINDS.iter().map(|known| known.1).collect();
            kinds.dedup();
            let problem = format!("{kind:?} is not modelled, only {}", kinds.join(", "));
            return Err(("kind", problem));
        }
        let versions = versions.join(" or ");
        Err((
            "apiVersion",
            format!("{version:?}, expected {versions} for a {kind}"),
        ))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = KINDS.iter().find(|known| known.2 == *self);
        f.write_str(known.map_or("", |known| known.1))
    }
}
