//! A Deployment for tests.

use std::{collections::BTreeMap, time::Duration};

use crate::objects::{
    container::{Container, PodTemplate, Resources},
    deployment::{Deployment, IntOrPercent, Strategy},
    probe::Probes,
};

/// A template that differs from another in its image.
pub(in crate::platform) fn template(image: &str) -> PodTemplate {
    PodTemplate {
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        container: Container {
            name: "order".to_owned(),
            image: image.to_owned(),
            ports: Vec::new(),
            env: Vec::new(),
            resources: Resources::default(),
            probes: Probes::default(),
            pre_stop: None,
            mounts: Vec::new(),
        },
        termination_grace: Duration::from_secs(30),
        volumes: Vec::new(),
        spread_over_nodes: false,
        spread_over_zones: false,
        sidecar: false,
    }
}

/// Kubernetes' defaults, and the image `v1`.
pub(in crate::platform) fn deployment(replicas: u32) -> Deployment {
    Deployment {
        name: "order".to_owned(),
        replicas,
        selector: BTreeMap::new(),
        strategy: Strategy::RollingUpdate {
            max_surge: IntOrPercent::Percent(25),
            max_unavailable: IntOrPercent::Percent(25),
        },
        min_ready: Duration::ZERO,
        progress_deadline: Duration::from_secs(600),
        revision_history_limit: 10,
        paused: false,
        template: template("v1"),
    }
}
