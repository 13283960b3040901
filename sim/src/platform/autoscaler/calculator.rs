//! From samples to a number of replicas (Kubernetes: podautoscaler/replica_calculator.go,
//! metrics/utilization.go).

use std::{collections::BTreeMap, time::Duration};

use thiserror::Error;

use crate::{
    objects::autoscaler::CpuMetric,
    platform::{
        metrics::Sample,
        replica_set::{Phase, PodView},
    },
};

/// The calculator's settings: flags of the controller manager.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalculatorSettings {
    /// `--horizontal-pod-autoscaler-tolerance`, 0.1: a smaller change is none.
    pub tolerance: f64,
    /// `--horizontal-pod-autoscaler-cpu-initialization-period`, 5 min: so long a pod that is not
    /// ready, or has no sample from a whole window since it is, does not count.
    pub initialization: Duration,
    /// `--horizontal-pod-autoscaler-initial-readiness-delay`, 30 s: a pod whose readiness has not
    /// changed since then was never ready.
    pub readiness_delay: Duration,
}

/// A pod of the scaled Deployment, of whatever revision.
#[derive(Clone, Copy, Debug)]
pub struct ScaledPod<'a> {
    /// The pod.
    pub pod: &'a PodView,
    /// Since when its Ready condition is what it is (`lastTransitionTime`): at first, since it was
    /// created.
    pub ready_changed_at: Duration,
    /// `requests.cpu` of its container.
    pub request_milli: Option<u64>,
}

/// What one metric asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// So many replicas.
    pub replicas: u32,
    /// What was measured over the pods that count: percent of the request for
    /// [`CpuMetric::Utilization`], thousandths of a core a pod for [`CpuMetric::AverageMilli`].
    pub measured: u64,
}

/// Why a metric asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CalculationError {
    /// The Deployment has no pod.
    #[error("no pods returned by selector")]
    NoPods,
    /// A percentage is of the request.
    #[error("missing request for cpu in pod {0}")]
    MissingRequest(String),
    /// None of the pods that count has a sample.
    #[error("did not receive metrics for any ready pods")]
    NoMetrics,
}

/// Which direction of change a tolerance is for; `None` in [`crate::objects`] means the settings'.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerances {
    /// For fewer.
    pub down: f64,
    /// For more.
    pub up: f64,
}

/// What `metric` asks for at `now`, with `current` replicas.
pub fn propose(
    settings: &CalculatorSettings,
    tolerances: Tolerances,
    metric: CpuMetric,
    current: u32,
    pods: &[ScaledPod<'_>],
    samples: &BTreeMap<String, Sample>,
    now: Duration,
) -> Result<Proposal, CalculationError> {
    if pods.is_empty() {
        return Err(CalculationError::NoPods);
    }
    let groups = Groups::of(settings, metric, pods, samples, now)?;
    let (ratio, measured) = groups.ratio(metric, &groups.counted)?;
    let keep = Proposal {
        replicas: current,
        measured,
    };
    let rebalance = !groups.ignored.is_empty() && ratio > 1.0;
    if !rebalance && groups.missing.is_empty() {
        if tolerances.cover(ratio) {
            return Ok(keep);
        }
        return Ok(Proposal {
            replicas: ceiling(ratio, groups.ready),
            measured,
        });
    }
    let mut all = groups.counted.clone();
    // Those without a sample count against the change: as busy when fewer are asked for, as idle
    // when more are.
    for entry in &groups.missing {
        match metric {
            _ if ratio < 1.0 => all.push(entry.with_usage(entry.full)),
            CpuMetric::Utilization(_) if ratio <= 1.0 => {}
            _ => all.push(entry.with_usage(0)),
        }
    }
    if rebalance {
        all.extend(groups.ignored.iter().map(|entry| entry.with_usage(0)));
    }
    let (again, _) = groups.ratio(metric, &all)?;
    let turned = (ratio < 1.0 && again > 1.0) || (ratio > 1.0 && again < 1.0);
    if tolerances.cover(again) || turned {
        return Ok(keep);
    }
    let replicas = ceiling(again, all.len());
    if (again < 1.0 && replicas > current) || (again > 1.0 && replicas < current) {
        return Ok(keep);
    }
    Ok(Proposal { replicas, measured })
}

/// The pods by how they count (`groupPods`).
struct Groups {
    /// Ready, with a sample.
    counted: Vec<Entry>,
    ready: usize,
    /// Pending, or not ready yet: nothing can be said of them.
    ignored: Vec<Entry>,
    /// Running without a sample.
    missing: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    usage: u64,
    request: u64,
    /// What it is taken to use when it has to count as busy.
    full: u64,
}

impl Groups {
    fn of(
        settings: &CalculatorSettings,
        metric: CpuMetric,
        pods: &[ScaledPod<'_>],
        samples: &BTreeMap<String, Sample>,
        now: Duration,
    ) -> Result<Self, CalculationError> {
        let mut groups = Self {
            counted: Vec::new(),
            ready: 0,
            ignored: Vec::new(),
            missing: Vec::new(),
        };
        for scaled in pods {
            let pod = scaled.pod;
            let (request, full) = match (metric, scaled.request_milli) {
                (CpuMetric::AverageMilli(target), _) => (0, target),
                (CpuMetric::Utilization(_), Some(request)) => (request, request),
                (CpuMetric::Utilization(_), None) => {
                    return Err(CalculationError::MissingRequest(pod.name.clone()));
                }
            };
            let entry = Entry {
                usage: 0,
                request,
                full,
            };
            if !pod.is_active() {
                continue;
            }
            match samples.get(&pod.name) {
                _ if pod.phase == Phase::Pending => groups.ignored.push(entry),
                None => groups.missing.push(entry),
                Some(sample) if settings.ignores(scaled, sample, now) => groups.ignored.push(entry),
                Some(sample) => {
                    groups.ready += 1;
                    groups.counted.push(entry.with_usage(sample.milli));
                }
            }
        }
        Ok(groups)
    }

    /// Measured : target, from a measured value that is cut off to a whole number first
    /// (`GetResourceUtilizationRatio`, `GetMetricUtilizationRatio`).
    #[expect(
        clippy::cast_precision_loss,
        reason = "percentages and thousandths of cores are small"
    )]
    fn ratio(&self, metric: CpuMetric, entries: &[Entry]) -> Result<(f64, u64), CalculationError> {
        let usage: u64 = entries.iter().map(|entry| entry.usage).sum();
        let (measured, target) = match metric {
            CpuMetric::Utilization(percent) => {
                let requests: u64 = entries.iter().map(|entry| entry.request).sum();
                ((usage * 100).checked_div(requests), u64::from(percent))
            }
            CpuMetric::AverageMilli(target) => (usage.checked_div(entries.len() as u64), target),
        };
        let measured = measured.ok_or(CalculationError::NoMetrics)?;
        Ok((measured as f64 / target as f64, measured))
    }
}

// === impl Entry ===

impl Entry {
    fn with_usage(self, usage: u64) -> Self {
        Self { usage, ..self }
    }
}

// === impl Tolerances ===

impl Tolerances {
    /// As newer code has it (`isWithin`); |1 − ratio| <= 0.1 would, in floating point, leave 1.1
    /// out.
    fn cover(&self, ratio: f64) -> bool {
        (1.0 - self.down) <= ratio && ratio <= (1.0 + self.up)
    }
}

// === impl CalculatorSettings ===

impl CalculatorSettings {
    fn ignores(&self, scaled: &ScaledPod<'_>, sample: &Sample, now: Duration) -> bool {
        let (pod, changed_at) = (scaled.pod, scaled.ready_changed_at);
        if pod.created + self.initialization > now {
            return !pod.is_ready() || sample.at < changed_at + sample.window;
        }
        !pod.is_ready() && pod.created + self.readiness_delay > changed_at
    }
}

impl Default for CalculatorSettings {
    fn default() -> Self {
        Self {
            tolerance: 0.1,
            initialization: Duration::from_secs(300),
            readiness_delay: Duration::from_secs(30),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a saturating cast of a product that is not negative"
)]
fn ceiling(ratio: f64, pods: usize) -> u32 {
    (ratio * pods as f64).ceil() as u32
}
