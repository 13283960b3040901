//! HorizontalPodAutoscalers (Kubernetes: autoscaling/v1 and v2).

use std::time::Duration;

/// A HorizontalPodAutoscaler on CPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Autoscaler {
    /// Its name.
    pub name: String,
    /// The Deployment it scales.
    pub target: String,
    /// `minReplicas`, 1.
    pub min_replicas: u32,
    /// `maxReplicas`.
    pub max_replicas: u32,
    /// What it looks at; the largest wish wins.
    pub metrics: Vec<CpuMetric>,
    /// `behavior`; `None` for v1 and for a v2 without: the older, implicit limits.
    pub behavior: Option<Behavior>,
}

/// A target for the CPU of the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuMetric {
    /// `averageUtilization`: percent of the request. v1: `targetCPUUtilizationPercentage`, 80.
    Utilization(u32),
    /// `averageValue`, in thousandths of a core.
    AverageMilli(u64),
}

/// `spec.behavior`, with its defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Behavior {
    /// Up.
    pub scale_up: ScalingRules,
    /// Down.
    pub scale_down: ScalingRules,
}

/// One direction's rules.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingRules {
    /// `stabilizationWindowSeconds`: 0 up, 300 down.
    pub stabilization_window: Duration,
    /// `selectPolicy`.
    pub select: SelectPolicy,
    /// `policies`.
    pub policies: Vec<ScalingPolicy>,
    /// `tolerance`; `None`: the controller's 0.1.
    pub tolerance: Option<f64>,
}

/// Which policy counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectPolicy {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest change.
    Min,
    /// None: this direction is off.
    Disabled,
}

/// How much may change within a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalingPolicy {
    /// How much.
    pub change: Change,
    /// `periodSeconds`.
    pub period: Duration,
}

/// How much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// So many pods.
    Pods(u32),
    /// So many percent of the replicas at the period's start.
    Percent(u32),
}
