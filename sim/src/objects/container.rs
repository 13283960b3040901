//! What a pod is made from (Kubernetes: core/v1 `PodTemplateSpec`). One container a pod; a sidecar
//! that is injected is a flag.

use std::{collections::BTreeMap, time::Duration};

use super::{Labels, probe::Probes};

/// The template of a pod. Two that differ are two revisions.
#[derive(Clone, Debug, PartialEq)]
pub struct PodTemplate {
    /// Labels.
    pub labels: Labels,
    /// Annotations; `kubectl rollout restart` sets one.
    pub annotations: BTreeMap<String, String>,
    /// Its one container.
    pub container: Container,
    /// `terminationGracePeriodSeconds`, 30.
    pub termination_grace: Duration,
    /// Its volumes.
    pub volumes: Vec<Volume>,
    /// `topologySpreadConstraints` or `podAntiAffinity` over `kubernetes.io/hostname`: not two of a
    /// kind on one node while another has fewer.
    pub spread_over_nodes: bool,
    /// `topologySpreadConstraints` over `topology.kubernetes.io/zone`.
    pub spread_over_zones: bool,
    /// Annotation or label `sidecar.istio.io/inject: "true"`: everything it calls goes through an
    /// Envoy of its own.
    pub sidecar: bool,
}

/// A container.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// `containerPort`s by their names ("" for one without).
    pub ports: Vec<(String, u16)>,
    /// Its environment, in order: `envFrom` first, then `env`; later ones win.
    pub env: Vec<Environment>,
    /// What it may use.
    pub resources: Resources,
    /// Its probes.
    pub probes: Probes,
    /// `lifecycle.preStop`: it sleeps so long before SIGTERM.
    pub pre_stop: Option<Duration>,
    /// (volume, mount path).
    pub mounts: Vec<(String, String)>,
}

/// Where environment variables come from. Read when a container starts, as the kubelet does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Environment {
    /// `env[].value`.
    Value {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
    },
    /// `env[].valueFrom.configMapKeyRef` or `secretKeyRef`.
    Key {
        /// The variable.
        name: String,
        /// Where.
        source: Source,
        /// The key there.
        key: String,
        /// May be absent; else the container cannot start (CreateContainerConfigError).
        optional: bool,
    },
    /// `envFrom[].configMapRef` or `secretRef`.
    All {
        /// Where.
        source: Source,
        /// Put before each name.
        prefix: String,
        /// May be absent.
        optional: bool,
    },
}

/// An object with keys and values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A ConfigMap.
    ConfigMap(String),
    /// A Secret.
    Secret(String),
}

/// CPU, in thousandths of a core. Memory is not modelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// `requests.cpu`: what an autoscaler's percentage is of.
    pub request_milli: Option<u64>,
    /// `limits.cpu`: more is throttled. `None`: what its node has.
    pub limit_milli: Option<u64>,
}

/// A volume of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// What is behind it.
    pub kind: VolumeKind,
}

/// What is behind a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeKind {
    /// `persistentVolumeClaim` (or a StatefulSet's template): outlives the pod.
    Claim(String),
    /// `emptyDir`: outlives a container, not the pod.
    EmptyDir,
    /// `configMap` or `secret`.
    Configuration(Source),
}

impl std::fmt::Display for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ConfigMap(name) => write!(formatter, "ConfigMap {name:?}"),
            Self::Secret(name) => write!(formatter, "Secret {name:?}"),
        }
    }
}
