//! Autoscalers, and the metrics that reach them late.

use std::{collections::BTreeMap, time::Duration};

use squall_reports::history::What;

use super::{
    deployments::{Deployments, view},
    machines::Machines,
    pods::Pods,
};
use crate::{
    model::ClusterModel,
    objects::{Objects, autoscaler::Autoscaler},
    platform::{
        autoscaler::{AutoscalerSettings, HorizontalAutoscaler, Observed, ScaledPod},
        metrics::{MetricsServer, MetricsSettings, Usage},
        replica_set::PodView,
    },
    recorder::{Recorder, WORLD},
};

/// All autoscalers, and the metrics-server that they ask.
pub(crate) struct Scaling {
    autoscalers: BTreeMap<String, HorizontalAutoscaler>,
    metrics: MetricsServer,
    settings: AutoscalerSettings,
    period: Duration,
    next_sync: Duration,
    recorder: Recorder,
}

// === impl Scaling ===

impl Scaling {
    /// Metrics and syncs begin somewhere in their periods: nobody starts a load in step with them.
    pub(crate) fn new(model: &ClusterModel, phases: Phases, recorder: Recorder) -> Self {
        let settings = MetricsSettings {
            resolution: Duration::from_secs(model.metrics_resolution_s),
            window: Duration::from_secs(model.metrics_window_s.min(model.metrics_resolution_s)),
        };
        Self {
            autoscalers: BTreeMap::new(),
            metrics: MetricsServer::new(settings, phases.metrics),
            settings: AutoscalerSettings {
                legacy_surge_bug: model.hpa_legacy_surge_bug,
                ..AutoscalerSettings::default()
            },
            period: Duration::from_secs(model.autoscaler_period_s),
            next_sync: phases.autoscaler,
            recorder,
        }
    }

    /// Does what is due. True: a Deployment was scaled.
    pub(crate) fn advance(
        &mut self,
        now: Duration,
        objects: &Objects,
        pods: &Pods,
        machines: &Machines,
        deployments: &mut Deployments,
    ) -> bool {
        self.know(now, objects);
        if objects.autoscalers.is_empty() {
            return false;
        }
        while self.metrics.next_deadline() <= now {
            self.metrics.read(now, usages(pods));
        }
        let mut scaled = false;
        while self.next_sync <= now {
            self.next_sync += self.period;
            for autoscaler in objects.autoscalers.values() {
                scaled |= self.sync(now, autoscaler, pods, machines, deployments);
            }
        }
        scaled
    }

    /// When something is due next.
    pub(crate) fn next_deadline(&self, objects: &Objects) -> Option<Duration> {
        let due = self.metrics.next_deadline().min(self.next_sync);
        (!objects.autoscalers.is_empty()).then_some(due)
    }

    /// Forgets who was deleted and takes up who is new. While there was none nothing was due, and
    /// what was missed is not made up for.
    fn know(&mut self, now: Duration, objects: &Objects) {
        let there = &objects.autoscalers;
        if self.autoscalers.keys().eq(there.keys()) {
            return;
        }
        if self.autoscalers.is_empty() {
            let missed = now.saturating_sub(self.next_sync);
            let periods = missed.as_nanos().div_ceil(self.period.as_nanos());
            self.next_sync += self.period * u32::try_from(periods).unwrap_or(u32::MAX);
        }
        self.autoscalers.retain(|name, _| there.contains_key(name));
        for name in there.keys() {
            let fresh = || HorizontalAutoscaler::new(self.settings);
            self.autoscalers.entry(name.clone()).or_insert_with(fresh);
        }
    }

    fn sync(
        &mut self,
        now: Duration,
        spec: &Autoscaler,
        pods: &Pods,
        machines: &Machines,
        deployments: &mut Deployments,
    ) -> bool {
        let own: Vec<_> = pods
            .all()
            .filter(|pod| *pod.workload.name == *spec.target)
            .map(|pod| (view(pod, machines), pod))
            .collect();
        let scaled: Vec<ScaledPod<'_>> = own
            .iter()
            .map(|(view, pod)| ScaledPod {
                pod: view,
                ready_changed_at: pod.ready_since,
                request_milli: pod.template.container.resources.request_milli,
            })
            .collect();
        let active = own.iter().filter(|(view, _)| PodView::is_active(view));
        let spec_replicas = deployments.replicas(&spec.target);
        let observed = Observed {
            spec_replicas,
            status_replicas: u32::try_from(active.count()).unwrap_or(u32::MAX),
            pods: &scaled,
            samples: self.metrics.latest(),
        };
        let autoscaler = self.autoscalers.get_mut(&spec.name);
        let autoscaler = autoscaler.expect("all that there are were taken up");
        let decision = autoscaler.sync(now, spec, &observed);
        let what = What::Measured {
            deployment: self.recorder.name(&spec.target),
            utilization_percent: decision.utilization_percent,
            replicas: decision.desired,
        };
        self.recorder.record(&WORLD.into(), what);
        if decision.desired == spec_replicas {
            return false;
        }
        deployments.scale(&spec.target, decision.desired, &decision.reason, now);
        true
    }
}

/// When the metrics-server and the controller manager begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phases {
    pub(crate) metrics: Duration,
    pub(crate) autoscaler: Duration,
}

fn usages(pods: &Pods) -> BTreeMap<String, Usage> {
    let usage = |pod: &super::pod::PodSlot| {
        let processor = pod.processor.as_ref()?;
        pod.container.is_alive().then(|| Usage {
            cpu: processor.used(),
            started_at: pod.started,
        })
    };
    pods.all()
        .filter_map(|pod| Some((pod.name.to_string(), usage(pod)?)))
        .collect()
}
