//! A cluster for a system that states none: whoever brings a service of their own need not begin
//! with manifests.

use std::fmt::Write as _;

use squall_sim::{
    manifest::{ManifestError, Manifests},
    model::Model,
};

use crate::{
    real::CLUSTER_PORT,
    system::{Context, Files},
};

/// For each context a Deployment of one pod, ready as soon as its port accepts, and a Service; no
/// databases. Numbers are those of the shop's model, a start takes a second. What differs is
/// patched, `Deployment/<context>`, or stated in manifests of one's own.
///
/// # Errors
/// Names that Kubernetes refuses.
pub fn files(contexts: &[Context]) -> Result<Files, ManifestError> {
    let mut manifests = String::new();
    let mut model = String::from(
        "network: {latency_ms: [1, 2]}\n\
         broker: {partitions: 4, session_timeout_s: 10, append_ms: [1, 2]}\n\
         programs:\n",
    );
    for Context { name, .. } in contexts {
        manifests.push_str(&manifest(name));
        // Writing to a text cannot fail.
        let _ = writeln!(model, "  {name}: {PROGRAM}");
    }
    Ok(Files {
        manifests: Manifests::read(&[("plain.yaml", &manifests)])?,
        model: Model::read("plain model.yaml", &model)?,
    })
}

const PROGRAM: &str = "{workers: 200, queue: 100, backlog: 100, startup_ms: 1000, \
                       other_routes: {cpu_ms: [1, 2]}}";

fn manifest(name: &str) -> String {
    format!(
        "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
        - name: {name}
          image: {name}:1
          ports: [{{containerPort: {CLUSTER_PORT}}}]
          resources: {{requests: {{cpu: 500m}}, limits: {{cpu: 1000m}}}}
          readinessProbe: {{tcpSocket: {{port: {CLUSTER_PORT}}}, periodSeconds: 1}}
          lifecycle: {{preStop: {{sleep: {{seconds: 5}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  selector: {{app: {name}}}
  ports: [{{port: {CLUSTER_PORT}}}]
"
    )
}
