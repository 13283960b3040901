//! The systems' own manifests: they are read, they fit their models and their programs, and the
//! files are those of the folder.

use std::{fs, path::Path, time::Duration};

use squall_sim::{
    manifest::{MODEL_FILE, Manifests, Operation, Patch},
    model::Model,
    objects::{
        container::{Environment, Source, VolumeKind},
        deployment::{IntOrPercent, Strategy},
        probe::{Probe, ProbeHandler},
    },
    range::TimeRange,
};

fn shop() -> (Manifests, Model) {
    let (file, text) = squall_shop::MODEL;
    let model = Model::read(file, text).expect("the model");
    let manifests = Manifests::read(squall_shop::MANIFESTS).expect("the manifests");
    (manifests, model)
}

#[test]
fn every_file_of_the_folder_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../system/shop/deploy");
    let entries = fs::read_dir(&folder).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let mut known: Vec<_> = squall_shop::MANIFESTS
        .iter()
        .map(|(file, _)| *file)
        .collect();
    known.push(squall_shop::MODEL.0);
    known.sort_unstable();
    assert_eq!(files, known);
    assert_eq!(squall_shop::MODEL.0, MODEL_FILE);

    let read = Manifests::read_dir(&folder).unwrap();
    let (manifests, model) = shop();
    assert_eq!(read.objects(&model), manifests.objects(&model));
}

#[test]
fn each_context_has_its_deployment_its_service_and_its_store() {
    let (manifests, model) = shop();
    let objects = manifests.objects(&model).unwrap();
    assert_eq!(objects.deployments.len(), squall_shop::CONTEXTS.len());
    for context in &squall_shop::CONTEXTS {
        let deployment = &objects.deployments[context.name];
        assert_eq!(deployment.replicas, 1, "{}", context.name);
        let service = &objects.services[context.name];
        assert_eq!(service.ports[0].port, squall_shop::PORT);
        assert_eq!(service.ports[0].target_port, squall_shop::PORT);
        let store = format!("{}-store", context.name);
        assert_eq!(objects.stateful_sets.contains_key(&store), context.stateful);
        if let Some(set) = objects.stateful_sets.get(&store) {
            // What outlives the pod is where the database writes.
            let (volume, path) = &set.template.container.mounts[0];
            assert_eq!(*path, model.stores[&store].data);
            let volume = set.template.volumes.iter().find(|v| v.name == *volume);
            let claim = VolumeKind::Claim(format!("data-{store}-0"));
            assert_eq!(volume.map(|volume| &volume.kind), Some(&claim));
        }
    }
    assert!(objects.stateful_sets.contains_key("broker"));
    assert!(objects.autoscalers.is_empty() && objects.destination_rules.is_empty());
}

/// experiments.md, shop-redeploy-ready: httpGet /orders:8080, 10/2/5/10.
#[test]
fn order_is_deployed_as_documented() {
    let (manifests, model) = shop();
    let order = &manifests.objects(&model).unwrap().deployments["order"];
    let second = Duration::from_secs(1);
    let documented = Probe {
        handler: ProbeHandler::HttpGet {
            path: "/orders".to_owned(),
            port: 8080,
        },
        initial_delay: 10 * second,
        period: 5 * second,
        timeout: 2 * second,
        success_threshold: 1,
        failure_threshold: 10,
        termination_grace: None,
    };
    let container = &order.template.container;
    assert_eq!(container.probes.readiness, Some(documented));
    assert_eq!(container.pre_stop, Some(5 * second));
    let quarter = IntOrPercent::Percent(25);
    let default = Strategy::RollingUpdate {
        max_surge: quarter,
        max_unavailable: quarter,
    };
    assert_eq!(order.strategy, default);
    let payment = Environment::Key {
        name: "api.url.payment".to_owned(),
        source: Source::ConfigMap("order-config".to_owned()),
        key: "api.url.payment".to_owned(),
        optional: false,
    };
    assert!(container.env.contains(&payment));

    // 20 users that never wait, at one core: 12 509 hits in 39.65 s.
    let read = &model.programs["order"].routes[0];
    assert_eq!(
        (read.method.as_str(), read.route.as_str()),
        ("GET", "/orders")
    );
    let TimeRange { low, high } = read.cost.cpu_ms;
    let mean = (low + high).as_secs_f64() / 2.0;
    assert!((1.0 / mean - 12_509.0 / 39.65).abs() < 1.0, "{mean} s");
}

#[test]
fn a_scenario_takes_the_probe_away_and_adds_an_autoscaler() {
    const NO_PROBE: &[Operation] = &[Operation::remove(
        "/spec/template/spec/containers/0/readinessProbe",
    )];
    const AUTOSCALER: &str = "
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: order}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: order}
  minReplicas: 1
  maxReplicas: 3
  targetCPUUtilizationPercentage: 50
";
    const PATCHES: &[Patch] = &[
        Patch::edit("Deployment/order", NO_PROBE),
        Patch::create(AUTOSCALER),
    ];
    let (manifests, model) = shop();
    let objects = manifests.apply(PATCHES).unwrap().objects(&model).unwrap();
    let order = &objects.deployments["order"];
    assert_eq!(order.template.container.probes.readiness, None);
    assert_eq!(objects.autoscalers["order"].max_replicas, 3);
}
