//! One small system, written out; every test changes one thing of it.

mod bad_files;
mod bad_values;
mod defaults;
mod folder;
mod mesh;
mod model;
mod patches;

use super::{ManifestError, Manifests};
use crate::{model::Model, objects::Objects};

/// A service that keeps notes, with all that can be in front of it and behind it.
pub(super) const NOTES: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: notes}
spec:
  replicas: 2
  selector: {matchLabels: {app: notes}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: notes}}
    spec:
      containers:
        - name: notes
          image: notes:1
          ports: [{name: http, containerPort: 8080}]
          envFrom: [{configMapRef: {name: settings}}]
          env:
            - {name: GREETING, value: hello}
            - {name: PASSWORD, valueFrom: {secretKeyRef: {name: secret, key: password}}}
          resources: {requests: {cpu: 200m}, limits: {cpu: "0.5"}}
          readinessProbe: {httpGet: {path: /ready, port: http}}
          livenessProbe: {tcpSocket: {port: 8080}}
          lifecycle: {preStop: {sleep: {seconds: 5}}}
          volumeMounts: [{name: files, mountPath: /files}]
      volumes: [{name: files, persistentVolumeClaim: {claimName: files}}]
---
apiVersion: v1
kind: Service
metadata: {name: notes}
spec:
  selector: {app: notes}
  ports: [{port: 80, targetPort: http}]
"#;

/// The rest of it.
pub(super) const REST: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {LANGUAGE: en}
---
apiVersion: v1
kind: Secret
metadata: {name: secret}
data: {password: c2VzYW1l}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: files}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: notes}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: notes}
  minReplicas: 2
  maxReplicas: 5
  metrics:
    - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}
  behavior: {scaleDown: {selectPolicy: Min}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: notes}
spec: {minAvailable: 50%, selector: {matchLabels: {app: notes}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: notes-store}
spec:
  serviceName: notes-store
  selector: {matchLabels: {app: notes-store}}
  template:
    metadata: {labels: {app: notes-store}}
    spec:
      containers:
        - {name: db, image: db:1, volumeMounts: [{name: data, mountPath: /data}]}
  volumeClaimTemplates: [{metadata: {name: data}}]
"#;

/// Istio's part.
pub(super) const MESH: &str = r"
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: notes}
spec:
  host: notes.default.svc.cluster.local
  trafficPolicy:
    connectionPool:
      tcp: {maxConnections: 1, connectTimeout: 2s}
      http: {http1MaxPendingRequests: 1, maxRetries: 0}
    outlierDetection: {consecutive5xxErrors: 2, interval: 1s, maxEjectionPercent: 100}
    loadBalancer: {simple: ROUND_ROBIN}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: notes}
spec:
  hosts: [notes]
  http:
    - route: [{destination: {host: notes}}]
      timeout: 3s
      retries: {attempts: 3, retryOn: 'gateway-error,reset'}
      fault: {abort: {httpStatus: 503, percentage: {value: 0.5}}}
";

/// Its model.
pub(super) const MODEL: &str = "
network: {latency_ms: 1}
broker: {partitions: 1, session_timeout_s: 10, append_ms: 1}
programs:
  notes:
    workers: 8
    queue: 0
    backlog: 8
    startup_ms: 10
    routes: [{method: GET, route: '/notes/{id}', cpu_ms: 2, wait_ms: [0, 1]}]
    other_routes: {cpu_ms: 1}
stores:
  notes-store: {commit_ms: 1, read_ms: 0, data: /data}
";

pub(super) fn model() -> Model {
    Model::read("model.yaml", MODEL).unwrap()
}

pub(super) fn manifests() -> Manifests {
    Manifests::read(&[
        ("notes.yaml", NOTES),
        ("rest.yaml", REST),
        ("mesh.yaml", MESH),
    ])
    .unwrap()
}

pub(super) fn objects() -> Objects {
    manifests().objects(&model()).unwrap()
}

/// The system with `old` text replaced in whichever file has it.
pub(super) fn changed(old: &str, new: &str) -> Result<Objects, ManifestError> {
    changed_manifests(old, new)?.objects(&model())
}

/// The same, not yet held against a model.
pub(super) fn changed_manifests(old: &str, new: &str) -> Result<Manifests, ManifestError> {
    let files = [NOTES, REST, MESH];
    let count: usize = files.iter().map(|text| text.matches(old).count()).sum();
    assert!(count > 0, "{old:?} is nowhere");
    let [notes, rest, mesh] = files.map(|text| text.replacen(old, new, 1));
    let files = [
        ("notes.yaml", &notes),
        ("rest.yaml", &rest),
        ("mesh.yaml", &mesh),
    ];
    Manifests::read(&files.map(|(file, text)| (file, text.as_str())))
}

/// What is said about each change.
pub(super) fn assert_errors(table: &[(&str, &str, &str)]) {
    for (old, new, expected) in table {
        let said = match changed(old, new) {
            Ok(_) => "nothing".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(said, *expected, "with {new:?} for {old:?}");
    }
}
