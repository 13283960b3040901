//! Fields that are not modelled, and values that cannot be.

use super::{assert_errors, changed};

const NOTES: &str = "notes.yaml: document 1 (Deployment/notes)";
const CONTAINER: &str =
    "notes.yaml: document 1 (Deployment/notes): spec.template.spec.containers[0]";

#[test]
fn an_unknown_or_unmodelled_field_is_an_error_wherever_it_is() {
    let not = "not a field that is modelled";
    let pod = "      containers:\n        - name: notes";
    assert_errors(&[
        (
            "replicas: 2",
            "replica: 2",
            &format!("{NOTES}: spec.replica: {not}; did you mean replicas?"),
        ),
        (
            pod,
            &format!("      hostNetwork: true\n{pod}"),
            &format!("{NOTES}: spec.template.spec.hostNetwork: {not}"),
        ),
        (
            pod,
            &format!("      initContainers: []\n{pod}"),
            &format!("{NOTES}: spec.template.spec.initContainers: {not}"),
        ),
        (
            "image: notes:1",
            "image: notes:1\n          command: [notes]",
            &format!("{CONTAINER}.command: {not}"),
        ),
        (
            "{tcpSocket: {port: 8080}}",
            "{exec: {command: ['true']}}",
            &format!("{CONTAINER}.livenessProbe.exec: {not}"),
        ),
        (
            "{tcpSocket: {port: 8080}}",
            "{grpc: {port: 8080}}",
            &format!("{CONTAINER}.livenessProbe.grpc: {not}"),
        ),
        (
            "{matchLabels: {app: notes}}\n  strategy",
            "{matchExpressions: []}\n  strategy",
            &format!("{NOTES}: spec.selector.matchExpressions: {not}"),
        ),
        (
            "selector: {app: notes}",
            "selector: {app: notes}\n  publishNotReadyAddresses: true",
            &format!(
                "notes.yaml: document 2 (Service/notes): spec.publishNotReadyAddresses: {not}"
            ),
        ),
        (
            "data: {LANGUAGE: en}",
            "binaryData: {LANGUAGE: ZW4=}",
            &format!("rest.yaml: document 1 (ConfigMap/settings): binaryData: {not}"),
        ),
        (
            "consecutive5xxErrors: 2",
            "splitExternalLocalOriginErrors: true",
            &format!(
                "mesh.yaml: document 1 (DestinationRule/notes): \
                 spec.trafficPolicy.outlierDetection.splitExternalLocalOriginErrors: {not}"
            ),
        ),
        (
            "timeout: 3s",
            "match: []",
            &format!("mesh.yaml: document 2 (VirtualService/notes): spec.http[0].match: {not}"),
        ),
    ]);
}

#[test]
fn a_field_without_effect_may_be_there_and_a_fixed_one_with_its_value() {
    for (old, new) in [
        (
            "image: notes:1",
            "image: notes:1\n          imagePullPolicy: Always",
        ),
        ("{cpu: 200m}", "{cpu: 200m, memory: 1Gi}"),
        (
            "spec:\n  replicas: 2",
            "status: {replicas: 1}\nspec:\n  replicas: 2",
        ),
        ("containerPort: 8080", "containerPort: 8080, protocol: TCP"),
        ("{port: 80,", "{port: 80, name: http, protocol: TCP,"),
    ] {
        assert_eq!(changed(old, new).unwrap(), super::objects());
    }
    assert_errors(&[
        (
            "containerPort: 8080",
            "containerPort: 8080, protocol: UDP",
            &format!("{CONTAINER}.ports[0].protocol: \"UDP\", expected TCP: only TCP is simulated"),
        ),
        (
            // It is one of a Service's, not of a Deployment's.
            "replicas: 2",
            "type: ClusterIP",
            &format!("{NOTES}: spec.type: not a field that is modelled"),
        ),
    ]);
}

#[test]
fn a_wrong_type_is_an_error_with_its_path() {
    assert_errors(&[
        (
            "replicas: 2",
            "replicas: two",
            &format!("{NOTES}: spec.replicas: invalid type: string \"two\", expected i32"),
        ),
        (
            "containerPort: 8080",
            "containerPort: http",
            &format!(
                "{CONTAINER}.ports[0].containerPort: invalid type: string \"http\", expected i32"
            ),
        ),
        (
            "value: hello",
            "value: 8080",
            &format!("{CONTAINER}.env[0].value: invalid type: integer `8080`, expected a string"),
        ),
        (
            "containers:\n        - name",
            "containers:\n          name",
            &format!(
                "{NOTES}: spec.template.spec.containers: invalid type: map, expected a sequence"
            ),
        ),
        (
            "password: c2VzYW1l",
            "password: '*'",
            "rest.yaml: document 2 (Secret/secret): data.password: Invalid symbol 42, offset 0.",
        ),
        (
            "password: c2VzYW1l",
            "password: /w==",
            "rest.yaml: document 2 (Secret/secret): data.password: its bytes are no UTF-8 text; \
             others are not modelled",
        ),
        (
            "interval: 1s",
            "interval: 1",
            "mesh.yaml: document 1 (DestinationRule/notes): \
             spec.trafficPolicy.outlierDetection.interval: invalid type: integer `1`, expected a \
             duration such as \"10s\", \"500ms\" or \"1m30s\"",
        ),
    ]);
}

#[test]
fn a_deployment_that_kubernetes_refuses_is_refused() {
    assert_errors(&[
        (
            "replicas: 2",
            "replicas: -1",
            &format!("{NOTES}: spec.replicas: -1, expected 0 or more"),
        ),
        (
            "{labels: {app: notes}}",
            "{labels: {app: note}}",
            &format!(
                "{NOTES}: spec.selector.matchLabels: {{\"app\": \"notes\"}} does not select its \
                 own pods, labelled {{\"app\": \"note\"}}"
            ),
        ),
        (
            "maxSurge: 1",
            "maxSurge: 0",
            &format!(
                "{NOTES}: spec.strategy.rollingUpdate.maxUnavailable: must not be 0 when maxSurge \
                 is: nothing could ever be replaced"
            ),
        ),
        (
            "maxSurge: 1",
            "maxSurge: some",
            &format!(
                "{NOTES}: spec.strategy.rollingUpdate.maxSurge: \"some\", expected a number or a \
                 text such as \"25%\""
            ),
        ),
        (
            "type: RollingUpdate",
            "type: Recreate",
            &format!("{NOTES}: spec.strategy.rollingUpdate: not together with Recreate"),
        ),
        (
            "replicas: 2",
            "minReadySeconds: 600",
            &format!(
                "{NOTES}: spec.progressDeadlineSeconds: 600, must be more than minReadySeconds, 600"
            ),
        ),
    ]);
}

#[test]
fn a_container_that_cannot_be_is_refused() {
    assert_errors(&[
        (
            "        - name: notes\n          image: notes:1",
            "        - {name: log, image: 'log:1'}\n        - name: notes\n          \
             image: notes:1",
            &format!("{NOTES}: spec.template.spec.containers: 2, expected one"),
        ),
        (
            "          image: notes:1\n",
            "",
            &format!("{CONTAINER}.image: missing"),
        ),
        (
            "cpu: 200m",
            "cpu: some",
            &format!(
                "{CONTAINER}.resources.requests.cpu: \"some\" is no quantity such as \"200m\" or \
                 \"0.5\""
            ),
        ),
        (
            "cpu: 200m",
            "cpu: 1",
            &format!("{CONTAINER}.resources.requests.cpu: 1000m is more than the limit of 500m"),
        ),
        (
            "{path: /ready, port: http}",
            "{path: /ready, port: web}",
            &format!(
                "{CONTAINER}.readinessProbe.httpGet.port: no port of the container is called \
                 \"web\""
            ),
        ),
    ]);
}

#[test]
fn a_hook_or_a_probe_that_cannot_be_is_refused() {
    assert_errors(&[
        (
            "port: 8080}}",
            "port: 80800}}",
            &format!("{CONTAINER}.livenessProbe.tcpSocket.port: 80800, expected 1 to 65535"),
        ),
        (
            "port: 8080}}",
            "port: 8080}, successThreshold: 2}",
            &format!("{CONTAINER}.livenessProbe.successThreshold: 2, must be 1 here"),
        ),
        (
            "{httpGet: {path: /ready, port: http}}",
            "{periodSeconds: 5}",
            &format!("{CONTAINER}.readinessProbe: expected either httpGet or tcpSocket"),
        ),
        (
            "sleep: {seconds: 5}",
            "sleep: {seconds: 31}",
            &format!(
                "{CONTAINER}.lifecycle.preStop.sleep.seconds: 31, longer than the grace period of \
                 30 s"
            ),
        ),
        (
            "sleep: {seconds: 5}",
            "exec: {command: [rm, -r, /]}",
            &format!(
                "{CONTAINER}.lifecycle.preStop: expected sleep: {{seconds: 5}} or exec: {{command: \
                 [sleep, \"5\"]}}, with or without a shell"
            ),
        ),
        (
            "value: hello",
            "value: hello $(USER)",
            &format!(
                "{CONTAINER}.env[0].value: \"hello $(USER)\": references to other variables are \
                 not modelled"
            ),
        ),
    ]);
}

#[test]
fn services_autoscalers_budgets_and_sets_are_checked() {
    let autoscaler = "rest.yaml: document 4 (HorizontalPodAutoscaler/notes): spec";
    assert_errors(&[
        (
            "targetPort: http",
            "targetPort: web",
            "notes.yaml: document 2 (Service/notes): spec.ports[0].targetPort: no port of the \
             container is called \"web\"",
        ),
        (
            "selector: {app: notes}",
            "selector: {app: notes}\n  clusterIP: None",
            "notes.yaml: document 2 (Service/notes): spec.clusterIP: a headless Service is \
             modelled in front of a StatefulSet only",
        ),
        (
            "maxReplicas: 5",
            "maxReplicas: 1",
            &format!("{autoscaler}.maxReplicas: 1, must not be below minReplicas, 2"),
        ),
        (
            "name: cpu",
            "name: memory",
            &format!(
                "{autoscaler}.metrics[0].resource.name: \"memory\", only the cpu of pods is \
                 modelled"
            ),
        ),
        (
            "{type: Resource,",
            "{type: Pods,",
            &format!("{autoscaler}.metrics[0].type: \"Pods\", only the cpu of pods is modelled"),
        ),
        (
            "kind: Deployment, name: notes",
            "kind: StatefulSet, name: notes",
            &format!(
                "{autoscaler}.scaleTargetRef: \"apps/v1 StatefulSet\", only an apps/v1 Deployment \
                 is modelled"
            ),
        ),
        (
            "selectPolicy: Min",
            "selectPolicy: Some",
            &format!(
                "{autoscaler}.behavior.scaleDown.selectPolicy: \"Some\", expected Max, Min or \
                 Disabled"
            ),
        ),
        (
            "minAvailable: 50%",
            "minAvailable: 50%, maxUnavailable: 1",
            "rest.yaml: document 5 (PodDisruptionBudget/notes): spec: expected either minAvailable \
             or maxUnavailable",
        ),
        (
            "serviceName: notes-store",
            "replicas: 3",
            "rest.yaml: document 6 (StatefulSet/notes-store): spec.replicas: 3, only 0 and 1 are \
             modelled",
        ),
    ]);
}
