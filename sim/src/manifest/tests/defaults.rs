//! What is not written is what Kubernetes says it is.

use std::time::Duration;

use super::{changed, objects};
use crate::objects::{
    autoscaler::{Change, CpuMetric, ScalingPolicy, SelectPolicy},
    container::{Environment, Source, VolumeKind},
    deployment::{IntOrPercent, ServicePort, Strategy},
    probe::ProbeHandler,
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_deployments_defaults_are_kubernetes_own() {
    let rolling = "  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, \
                   maxUnavailable: 0}}\n";
    let notes = &changed(rolling, "").unwrap().deployments["notes"];
    let quarter = IntOrPercent::Percent(25);
    assert_eq!(
        notes.strategy,
        Strategy::RollingUpdate {
            max_surge: quarter,
            max_unavailable: quarter
        }
    );
    assert_eq!(notes.min_ready, Duration::ZERO);
    assert_eq!(notes.progress_deadline, 600 * SECOND);
    assert_eq!(notes.revision_history_limit, 10);
    assert!(!notes.paused);
    assert_eq!(notes.template.termination_grace, 30 * SECOND);
    assert!(!notes.template.sidecar);
    let one = &changed("  replicas: 2\n", "").unwrap().deployments["notes"];
    assert_eq!(one.replicas, 1);
}

#[test]
fn a_probes_defaults_are_kubernetes_own_and_0_is_as_good_as_nothing() {
    let path = "{path: /ready, port: http}";
    let written = "{port: http}, timeoutSeconds: 0, periodSeconds: 0, failureThreshold: 0";
    let container = &changed(path, written).unwrap().deployments["notes"]
        .template
        .container;
    let probe = container.probes.readiness.clone().unwrap();
    let (path, port) = ("/".to_owned(), 8080);
    assert_eq!(probe.handler, ProbeHandler::HttpGet { path, port });
    assert_eq!(
        (probe.initial_delay, probe.period),
        (Duration::ZERO, 10 * SECOND)
    );
    assert_eq!(probe.timeout, SECOND);
    assert_eq!((probe.success_threshold, probe.failure_threshold), (1, 3));
    assert_eq!(container.probes.startup, None);
}

#[test]
fn without_a_request_the_limit_is_the_request() {
    let resources = |old, new| {
        let objects = changed(old, new).unwrap();
        let resources = objects.deployments["notes"].template.container.resources;
        (resources.request_milli, resources.limit_milli)
    };
    let both = "{requests: {cpu: 200m}, limits: {cpu: \"0.5\"}}";
    assert_eq!(resources(both, both), (Some(200), Some(500)));
    assert_eq!(
        resources(both, "{limits: {cpu: 2}}"),
        (Some(2_000), Some(2_000))
    );
    assert_eq!(
        resources(both, "{requests: {cpu: 0.25}}"),
        (Some(250), None)
    );
    assert_eq!(resources(both, "{}"), (None, None));
}

#[test]
fn every_spelling_of_a_pre_stop_sleep_is_the_same() {
    for spelling in [
        "sleep: {seconds: 5}",
        "exec: {command: [sleep, '5']}",
        "exec: {command: [/bin/sleep, 5s]}",
        "exec: {command: [sh, -c, sleep 5]}",
        "exec: {command: [/bin/bash, -c, 'sleep  5']}",
    ] {
        let objects = changed("sleep: {seconds: 5}", spelling).unwrap();
        let container = &objects.deployments["notes"].template.container;
        assert_eq!(container.pre_stop, Some(5 * SECOND), "{spelling}");
    }
}

#[test]
fn environment_ports_and_volumes_are_resolved() {
    let objects = objects();
    let template = &objects.deployments["notes"].template;
    let [all, value, key] = template.container.env.as_slice() else {
        panic!("{:?}", template.container.env);
    };
    assert!(
        matches!(all, Environment::All { source: Source::ConfigMap(name), .. }
        if name == "settings")
    );
    assert!(matches!(value, Environment::Value { value, .. } if value == "hello"));
    assert!(
        matches!(key, Environment::Key { source: Source::Secret(_), key, .. }
        if key == "password")
    );
    assert_eq!(objects.secrets["secret"]["password"], "sesame");
    assert_eq!(
        template.volumes[0].kind,
        VolumeKind::Claim("files".to_owned())
    );
    let port = ServicePort {
        port: 80,
        target_port: 8080,
    };
    assert_eq!(objects.services["notes"].ports, [port]);
    let store = &objects.stateful_sets["notes-store"].template.volumes[0];
    assert_eq!(
        store.kind,
        VolumeKind::Claim("data-notes-store-0".to_owned())
    );
    assert_eq!(objects.claims, ["files", "data-notes-store-0"]);
}

#[test]
fn string_data_wins_over_data() {
    let objects = changed("c2VzYW1l}", "c2VzYW1l}\nstringData: {password: open}").unwrap();
    assert_eq!(objects.secrets["secret"]["password"], "open");
}

#[test]
fn spreading_and_injection_are_read_from_the_template() {
    let pod = "    spec:\n      containers:\n        - name: notes";
    let spread = "    spec:\n      topologySpreadConstraints:\n        - {maxSkew: 1, topologyKey: \
                  topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: \
                  {matchLabels: {app: notes}}}\n      affinity: {podAntiAffinity: \
                  {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, \
                  podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: \
                  {matchLabels: {app: notes}}}}]}}\n      containers:\n        - name: notes";
    let template = &changed(pod, spread).unwrap().deployments["notes"].template;
    assert!(template.spread_over_nodes && template.spread_over_zones);
    let labels = "{labels: {app: notes}}";
    for injected in [
        "{labels: {app: notes, sidecar.istio.io/inject: 'true'}}",
        "{labels: {app: notes}, annotations: {sidecar.istio.io/inject: 'true'}}",
    ] {
        assert!(
            changed(labels, injected).unwrap().deployments["notes"]
                .template
                .sidecar
        );
    }
}

/// platform §3: `behavior` defaults.
#[test]
fn a_behavior_that_is_half_written_is_filled_up() {
    let objects = objects();
    let notes = &objects.autoscalers["notes"];
    assert_eq!(notes.metrics, [CpuMetric::Utilization(50)]);
    let behavior = notes.behavior.clone().unwrap();
    let per_15_s = |change| ScalingPolicy {
        change,
        period: 15 * SECOND,
    };
    assert_eq!(behavior.scale_up.stabilization_window, Duration::ZERO);
    assert_eq!(
        behavior.scale_up.policies,
        [per_15_s(Change::Pods(4)), per_15_s(Change::Percent(100))]
    );
    assert_eq!(behavior.scale_up.select, SelectPolicy::Max);
    assert_eq!(behavior.scale_down.stabilization_window, 300 * SECOND);
    assert_eq!(
        behavior.scale_down.policies,
        [per_15_s(Change::Percent(100))]
    );
    assert_eq!(behavior.scale_down.select, SelectPolicy::Min);
}

#[test]
fn an_autoscaler_of_version_1_has_no_behavior() {
    let new = "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: one}\n\
               spec: {scaleTargetRef: {kind: Deployment, name: notes}, maxReplicas: 3}\n---\n\
               apiVersion: policy/v1";
    let objects = super::REST
        .split("---")
        .filter(|text| !text.contains("HorizontalPodAutoscaler"))
        .collect::<Vec<_>>()
        .join("---")
        .replace("apiVersion: policy/v1", new);
    let files = [("notes.yaml", super::NOTES), ("rest.yaml", &objects)];
    let objects = super::Manifests::read(&files)
        .unwrap()
        .objects(&super::model())
        .unwrap();
    let one = &objects.autoscalers["one"];
    assert_eq!((one.min_replicas, one.max_replicas), (1, 3));
    assert_eq!(one.metrics, [CpuMetric::Utilization(80)]);
    assert_eq!(one.behavior, None);
}
