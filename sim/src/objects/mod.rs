//! The desired state of a cluster: Kubernetes and Istio objects as far as the simulator honours
//! them, with every default filled in.
//!
//! Manifests are read into these ([`crate::manifest`]), control loops work on them
//! ([`crate::platform`]). Plain data: no time passes here.

pub mod autoscaler;
pub mod container;
pub mod deployment;
pub mod mesh;
pub mod probe;

use std::collections::BTreeMap;

use self::{
    autoscaler::Autoscaler,
    deployment::{Deployment, DisruptionBudget, Service, StatefulSet},
    mesh::{DestinationRule, VirtualService},
};

/// Labels, or a selector that wants all of its own to be there.
pub type Labels = BTreeMap<String, String>;

/// Everything that was applied, by name. One namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    /// Deployments.
    pub deployments: BTreeMap<String, Deployment>,
    /// StatefulSets: databases and the broker.
    pub stateful_sets: BTreeMap<String, StatefulSet>,
    /// Services.
    pub services: BTreeMap<String, Service>,
    /// HorizontalPodAutoscalers.
    pub autoscalers: BTreeMap<String, Autoscaler>,
    /// PodDisruptionBudgets.
    pub disruption_budgets: BTreeMap<String, DisruptionBudget>,
    /// ConfigMaps: their data.
    pub config_maps: BTreeMap<String, BTreeMap<String, String>>,
    /// Secrets: their data, decoded.
    pub secrets: BTreeMap<String, BTreeMap<String, String>>,
    /// Names of the PersistentVolumeClaims.
    pub claims: Vec<String>,
    /// DestinationRules by the host they are about.
    pub destination_rules: BTreeMap<String, DestinationRule>,
    /// VirtualServices by the host they are about.
    pub virtual_services: BTreeMap<String, VirtualService>,
}

/// True when `labels` has everything that `selector` wants. An empty selector selects nothing here.
pub fn selects(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty()
        && selector
            .iter()
            .all(|(name, value)| labels.get(name) == Some(value))
}
