//! Which fields of each kind are modelled: an explicit list, as the types know many more.

use super::kind::Kind;

/// What may be written at a place. Types and values are checked later.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// One value, or what is below it is free.
    Any,
    /// A list of these.
    List(&'static Self),
    /// These members.
    Object(&'static [Member]),
}

use Shape::{Any, List, Object};

type Member = (&'static str, Shape);

/// What an object of `kind` may have.
pub(super) fn of(kind: Kind) -> Shape {
    match kind {
        Kind::Deployment => DEPLOYMENT,
        Kind::StatefulSet => STATEFUL_SET,
        Kind::Service => SERVICE,
        Kind::AutoscalerV1 => AUTOSCALER_V1,
        Kind::AutoscalerV2 => AUTOSCALER_V2,
        Kind::ConfigMap => Object(&[API_VERSION, KIND, METADATA, ("data", Any)]),
        Kind::Secret => Object(&[
            API_VERSION,
            KIND,
            METADATA,
            ("data", Any),
            ("stringData", Any),
        ]),
        Kind::Claim => Object(&[API_VERSION, KIND, METADATA, ("spec", Object(&[]))]),
        Kind::DisruptionBudget => DISRUPTION_BUDGET,
        Kind::DestinationRule => DESTINATION_RULE,
        Kind::VirtualService => VIRTUAL_SERVICE,
    }
}

const API_VERSION: Member = ("apiVersion", Any);
const KIND: Member = ("kind", Any);
const METADATA: Member = ("metadata", Object(&[("name", Any)]));
const SELECTOR: Member = ("selector", LABELS_ONLY);
const LABELS_ONLY: Shape = Object(&[("matchLabels", Any)]);

const DEPLOYMENT: Shape = Object(&[
    API_VERSION,
    KIND,
    METADATA,
    (
        "spec",
        Object(&[
            ("replicas", Any),
            SELECTOR,
            (
                "strategy",
                Object(&[
                    ("type", Any),
                    (
                        "rollingUpdate",
                        Object(&[("maxSurge", Any), ("maxUnavailable", Any)]),
                    ),
                ]),
            ),
            ("minReadySeconds", Any),
            ("progressDeadlineSeconds", Any),
            ("revisionHistoryLimit", Any),
            ("paused", Any),
            ("template", TEMPLATE),
        ]),
    ),
]);

const STATEFUL_SET: Shape = Object(&[
    API_VERSION,
    KIND,
    METADATA,
    (
        "spec",
        Object(&[
            ("replicas", Any),
            SELECTOR,
            ("template", TEMPLATE),
            ("volumeClaimTemplates", List(&Object(&[METADATA]))),
        ]),
    ),
]);

const TEMPLATE: Shape = Object(&[
    ("metadata", Object(&[("labels", Any), ("annotations", Any)])),
    (
        "spec",
        Object(&[
            ("containers", List(&CONTAINER)),
            ("terminationGracePeriodSeconds", Any),
            ("volumes", List(&VOLUME)),
            ("topologySpreadConstraints", List(&SPREAD)),
            ("affinity", Object(&[("podAntiAffinity", ANTI_AFFINITY)])),
        ]),
    ),
]);

const CONTAINER: Shape = Object(&[
    ("name", Any),
    ("image", Any),
    (
        "ports",
        List(&Object(&[("name", Any), ("containerPort", Any)])),
    ),
    ("envFrom", List(&ENVIRONMENT_SOURCE)),
    ("env", List(&VARIABLE)),
    (
        "resources",
        Object(&[
            ("requests", Object(&[("cpu", Any)])),
            ("limits", Object(&[("cpu", Any)])),
        ]),
    ),
    ("startupProbe", PROBE),
    ("readinessProbe", PROBE),
    ("livenessProbe", PROBE),
    (
        "lifecycle",
        Object(&[(
            "preStop",
            Object(&[
                ("sleep", Object(&[("seconds", Any)])),
                ("exec", Object(&[("command", Any)])),
            ]),
        )]),
    ),
    (
        "volumeMounts",
        List(&Object(&[("name", Any), ("mountPath", Any)])),
    ),
]);

const ENVIRONMENT_SOURCE: Shape = Object(&[
    ("prefix", Any),
    ("configMapRef", Object(&[("name", Any), ("optional", Any)])),
    ("secretRef", Object(&[("name", Any), ("optional", Any)])),
]);

const KEY: Shape = Object(&[("name", Any), ("key", Any), ("optional", Any)]);

const VARIABLE: Shape = Object(&[
    ("name", Any),
    ("value", Any),
    (
        "valueFrom",
        Object(&[("configMapKeyRef", KEY), ("secretKeyRef", KEY)]),
    ),
]);

const PROBE: Shape = Object(&[
    ("httpGet", Object(&[("path", Any), ("port", Any)])),
    ("tcpSocket", Object(&[("port", Any)])),
    ("initialDelaySeconds", Any),
    ("periodSeconds", Any),
    ("timeoutSeconds", Any),
    ("successThreshold", Any),
    ("failureThreshold", Any),
    ("terminationGracePeriodSeconds", Any),
]);

const VOLUME: Shape = Object(&[
    ("name", Any),
    ("persistentVolumeClaim", Object(&[("claimName", Any)])),
    ("emptyDir", Object(&[])),
    ("configMap", Object(&[("name", Any)])),
    ("secret", Object(&[("secretName", Any)])),
]);

const SPREAD: Shape = Object(&[
    ("maxSkew", Any),
    ("topologyKey", Any),
    ("whenUnsatisfiable", Any),
    ("labelSelector", LABELS_ONLY),
]);

const ANTI_AFFINITY: Shape = Object(&[(
    "preferredDuringSchedulingIgnoredDuringExecution",
    List(&Object(&[(
        "podAffinityTerm",
        Object(&[("topologyKey", Any), ("labelSelector", LABELS_ONLY)]),
    )])),
)]);

const SERVICE: Shape = Object(&[
    API_VERSION,
    KIND,
    METADATA,
    (
        "spec",
        Object(&[
            ("selector", Any),
            ("clusterIP", Any),
            (
                "ports",
                List(&Object(&[("port", Any), ("targetPort", Any)])),
            ),
        ]),
    ),
]);

const SCALED: Member = (
    "scaleTargetRef",
    Object(&[("apiVersion", Any), ("kind", Any), ("name", Any)]),
);

const AUTOSCALER_V1: Shape = Object(&[
    API_VERSION,
    KIND,
    METADATA,
    (
        "spec",
        Object(&[
            SCALED,
            ("minReplicas", Any),
            ("maxReplicas", Any),
            ("targetCPUUtilizationPercentage", Any),
        ]),
    ),
]);

const AUTOSCALER_V2: Shape = Object(&[
    API_VERSION,
    KIND,
    METADATA,
    (
        "spec",
        Object(&[
            SCALED,
            ("minReplicas", Any),
            ("maxReplicas", Any),
            ("metrics", List(&METRIC)),
            (
                "behavior",
                Object(&[("scaleUp", SCALING), ("scaleDown", SCALING)]),
            ),
        ]),
    ),
]);

const METRIC: Shape = Object(&[
    ("type", Any),
    (
        "resource",
        Object(&[
            ("name", Any),
            (
                "target",
                Object(&[
                    ("type", Any),
                    ("averageUtilization", Any),
                    ("averageValue", Any),
                ]),
            ),
        ]),
    ),
]);

const SCALING: Shape = Object(&[
    ("stabilizationWindowSeconds", Any),
    ("selectPolicy", Any),
    ("tolerance", Any),
    (
        "policies",
        List(&Object(&[
            ("type", Any),
            ("value", Any),
            ("periodSeconds", Any),
        ])),
    ),
]);

const DISRUPTION_BUDGET: Shape = Object(&[
    API_VERSION,
    KIND,
    METADATA,
    (
        "spec",
        Object(&[SELECTOR, ("minAvailable", Any), ("maxUnavailable", Any)]),
    ),
]);

const DESTINATION_RULE: Shape = Object(&[
    API_VERSION,
    KIND,
    METADATA,
    (
        "spec",
        Object(&[
            ("host", Any),
            (
                "trafficPolicy",
                Object(&[
                    (
                        "connectionPool",
                        Object(&[("tcp", TCP_POOL), ("http", HTTP_POOL)]),
                    ),
                    ("outlierDetection", OUTLIER_DETECTION),
                    ("loadBalancer", Object(&[("simple", Any)])),
                ]),
            ),
        ]),
    ),
]);

const TCP_POOL: Shape = Object(&[("maxConnections", Any), ("connectTimeout", Any)]);

const HTTP_POOL: Shape = Object(&[
    ("http1MaxPendingRequests", Any),
    ("http2MaxRequests", Any),
    ("maxRequestsPerConnection", Any),
    ("maxRetries", Any),
    ("idleTimeout", Any),
]);

const OUTLIER_DETECTION: Shape = Object(&[
    ("consecutiveErrors", Any),
    ("consecutive5xxErrors", Any),
    ("consecutiveGatewayErrors", Any),
    ("interval", Any),
    ("baseEjectionTime", Any),
    ("maxEjectionPercent", Any),
    ("minHealthPercent", Any),
]);

const VIRTUAL_SERVICE: Shape = Object(&[
    API_VERSION,
    KIND,
    METADATA,
    ("spec", Object(&[("hosts", Any), ("http", List(&ROUTE))])),
]);

const ROUTE: Shape = Object(&[
    (
        "route",
        List(&Object(&[("destination", Object(&[("host", Any)]))])),
    ),
    ("timeout", Any),
    (
        "retries",
        Object(&[("attempts", Any), ("perTryTimeout", Any), ("retryOn", Any)]),
    ),
    (
        "fault",
        Object(&[
            ("abort", Object(&[("httpStatus", Any), PERCENTAGE])),
            ("delay", Object(&[("fixedDelay", Any), PERCENTAGE])),
        ]),
    ),
]);

const PERCENTAGE: Member = ("percentage", Object(&[("value", Any)]));
