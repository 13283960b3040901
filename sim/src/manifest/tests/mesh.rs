//! Istio's objects.

use std::time::Duration;

use super::{MODEL, assert_errors, changed, changed_manifests, manifests, objects};
use crate::{
    model::Model,
    objects::mesh::{ConnectionPool, LoadBalancer, RetryOn, RetryPolicy},
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_destination_rule_is_read_with_istios_defaults() {
    let objects = objects();
    let rule = &objects.destination_rules["notes"];
    assert_eq!(rule.load_balancer, LoadBalancer::RoundRobin);
    let pool = ConnectionPool {
        max_connections: Some(1),
        connect_timeout: 2 * SECOND,
        max_pending_requests: Some(1),
        // 0 cannot be expressed (platform §5).
        max_retries: None,
        ..ConnectionPool::default()
    };
    assert_eq!(rule.connection_pool, pool);
    let detection = rule.outlier_detection.unwrap();
    assert_eq!(detection.consecutive_5xx_errors, 2);
    assert_eq!(detection.consecutive_gateway_errors, 0);
    assert_eq!(detection.base_ejection_time, 30 * SECOND);
    assert_eq!(detection.max_ejection_percent, 100);
    assert!(!detection.legacy_first_eject);
}

/// platform §5: `consecutiveErrors` is the documents' spelling.
#[test]
fn the_deprecated_count_is_of_gateway_errors_only() {
    let objects = changed("consecutive5xxErrors: 2", "consecutiveErrors: 2").unwrap();
    let detection = objects.destination_rules["notes"]
        .outlier_detection
        .unwrap();
    assert_eq!(detection.consecutive_5xx_errors, 0);
    assert_eq!(detection.consecutive_gateway_errors, 2);
    assert_errors(&[(
        "consecutive5xxErrors: 2",
        "consecutive5xxErrors: 2, consecutiveErrors: 2",
        "mesh.yaml: document 1 (DestinationRule/notes): \
         spec.trafficPolicy.outlierDetection.consecutiveErrors: not together with \
         consecutive5xxErrors or consecutiveGatewayErrors",
    )]);
}

/// platform §5: current Istio does not read it at all.
#[test]
fn the_model_says_whether_the_deprecated_count_is_read() {
    let model = format!("{MODEL}cluster: {{consecutive_errors_gateway_only: false}}\n");
    let model = Model::read("m.yaml", &model).unwrap();
    let manifests = changed_manifests("consecutive5xxErrors: 2", "consecutiveErrors: 2").unwrap();
    let objects = manifests.objects(&model).unwrap();
    let detection = objects.destination_rules["notes"]
        .outlier_detection
        .unwrap();
    assert_eq!(detection.consecutive_5xx_errors, 5);
    assert_eq!(detection.consecutive_gateway_errors, 0);
}

#[test]
fn the_model_says_whether_the_older_rule_of_ejection_holds() {
    let model = format!("{MODEL}cluster: {{legacy_first_eject: true}}\n");
    let objects = manifests()
        .objects(&Model::read("m.yaml", &model).unwrap())
        .unwrap();
    let detection = objects.destination_rules["notes"]
        .outlier_detection
        .unwrap();
    assert!(detection.legacy_first_eject);
}

#[test]
fn a_virtual_service_is_read_with_istios_defaults() {
    let objects = objects();
    let service = &objects.virtual_services["notes"];
    assert_eq!(service.timeout, Some(3 * SECOND));
    assert_eq!(service.abort, Some((503, 0.5)));
    assert_eq!(service.delay, None);
    assert_eq!(service.retries.attempts, 3);
    assert_eq!(
        service.retries.retry_on,
        [RetryOn::GatewayError, RetryOn::Reset]
    );

    let retries = "      retries: {attempts: 3, retryOn: 'gateway-error,reset'}\n";
    let objects = changed(retries, "").unwrap();
    assert_eq!(
        objects.virtual_services["notes"].retries,
        RetryPolicy::default()
    );
    let objects = changed("timeout: 3s", "timeout: 0s").unwrap();
    assert_eq!(objects.virtual_services["notes"].timeout, None);
}

#[test]
fn rules_that_are_not_modelled_are_refused() {
    let rule = "mesh.yaml: document 1 (DestinationRule/notes): spec.trafficPolicy";
    let route = "mesh.yaml: document 2 (VirtualService/notes): spec.http[0]";
    assert_errors(&[
        (
            "simple: ROUND_ROBIN",
            "simple: PASSTHROUGH",
            &format!(
                "{rule}.loadBalancer.simple: \"PASSTHROUGH\", expected LEAST_REQUEST, ROUND_ROBIN \
                 or RANDOM"
            ),
        ),
        (
            "maxEjectionPercent: 100",
            "maxEjectionPercent: 101",
            &format!("{rule}.outlierDetection.maxEjectionPercent: 101, expected at most 100"),
        ),
        (
            "[{destination: {host: notes}}]",
            "[{destination: {host: other}}]",
            &format!(
                "{route}.route[0].destination.host: \"other\", expected \"notes\": sending \
                 elsewhere is not modelled"
            ),
        ),
        (
            "gateway-error,reset",
            "retriable-4xx",
            &format!("{route}.retries.retryOn: \"retriable-4xx\" is not modelled"),
        ),
        (
            "attempts: 3, ",
            "",
            &format!("{route}.retries: missing field `attempts`"),
        ),
        (
            "httpStatus: 503",
            "httpStatus: 100",
            &format!("{route}.fault.abort.httpStatus: 100, expected 200 to 599"),
        ),
        (
            "value: 0.5",
            "value: 101",
            &format!("{route}.fault.abort.percentage.value: 101, expected 0 to 100"),
        ),
    ]);
}
