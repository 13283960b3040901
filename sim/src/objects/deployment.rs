//! Workloads and what is in front of them (Kubernetes: apps/v1, core/v1 `Service`, policy/v1).

use std::time::Duration;

use super::{Labels, container::PodTemplate};

/// A Deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// Its name.
    pub name: String,
    /// `spec.replicas`, 1. An autoscaler moves the live value, not this one.
    pub replicas: u32,
    /// `spec.selector.matchLabels`.
    pub selector: Labels,
    /// `spec.strategy`.
    pub strategy: Strategy,
    /// `minReadySeconds`, 0.
    pub min_ready: Duration,
    /// `progressDeadlineSeconds`, 600.
    pub progress_deadline: Duration,
    /// `revisionHistoryLimit`, 10.
    pub revision_history_limit: usize,
    /// `spec.paused`, false.
    pub paused: bool,
    /// `spec.template`.
    pub template: PodTemplate,
}

/// How a new revision replaces the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Step by step.
    RollingUpdate {
        /// `maxSurge`, 25 %, rounded up.
        max_surge: IntOrPercent,
        /// `maxUnavailable`, 25 %, rounded down.
        max_unavailable: IntOrPercent,
    },
    /// All old ones first.
    Recreate,
}

/// A number, or a share of the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntOrPercent {
    /// So many.
    Int(u32),
    /// So many in a hundred.
    Percent(u32),
}

/// A StatefulSet: here, what holds data.
#[derive(Clone, Debug, PartialEq)]
pub struct StatefulSet {
    /// Its name, also the host others dial.
    pub name: String,
    /// `spec.replicas`, 1; only 0 and 1 can be simulated.
    pub replicas: u32,
    /// `spec.selector.matchLabels`.
    pub selector: Labels,
    /// `spec.template`; its claim templates are among the volumes.
    pub template: PodTemplate,
}

/// A Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its name: what others dial.
    pub name: String,
    /// `spec.selector`.
    pub selector: Labels,
    /// Its ports.
    pub ports: Vec<ServicePort>,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// `port`: what is dialled.
    pub port: u16,
    /// `targetPort`, resolved: where the container listens.
    pub target_port: u16,
}

/// A PodDisruptionBudget: bounds voluntary evictions (a drain), nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisruptionBudget {
    /// Its name.
    pub name: String,
    /// `spec.selector.matchLabels`.
    pub selector: Labels,
    /// `minAvailable`, if that is what it says.
    pub min_available: Option<IntOrPercent>,
    /// `maxUnavailable`, if that is what it says.
    pub max_unavailable: Option<IntOrPercent>,
}
