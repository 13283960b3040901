//! Istio's DestinationRules and VirtualServices (Istio: networking/v1).

use std::time::Duration;

use serde::Deserialize;

use super::{
    ManifestError,
    document::{At, Document},
    duration::GoDuration,
};
use crate::{
    model::ClusterModel,
    objects::mesh::{
        ConnectionPool, DestinationRule, LoadBalancer, OutlierDetection, RetryOn, RetryPolicy,
        VirtualService,
    },
};

/// A DestinationRule.
pub(super) fn destination_rule(
    document: &Document,
    model: &ClusterModel,
) -> Result<DestinationRule, ManifestError> {
    let at = document.root().member("spec");
    let Object { spec } = document.typed::<Object<WrittenRule>>()?;
    let policy = spec.traffic_policy.unwrap_or_default();
    let at_policy = at.member("trafficPolicy");
    Ok(DestinationRule {
        name: document.name.clone(),
        host: short(&spec.host),
        connection_pool: connection_pool(policy.connection_pool.unwrap_or_default()),
        outlier_detection: policy
            .outlier_detection
            .map(|given| outlier_detection(&at_policy.member("outlierDetection"), &given, model))
            .transpose()?,
        load_balancer: load_balancer(&at_policy, policy.load_balancer.as_ref())?,
    })
}

/// A VirtualService.
pub(super) fn virtual_service(document: &Document) -> Result<VirtualService, ManifestError> {
    let at = document.root().member("spec");
    let Object { spec } = document.typed::<Object<WrittenService>>()?;
    let [host] = spec.hosts.as_slice() else {
        return Err(at.member("hosts").error("expected one"));
    };
    let [http] = spec.http.as_slice() else {
        return Err(at.member("http").error("expected one route"));
    };
    let at = at.member("http").item(0);
    let host = short(host);
    let [destination] = http.route.as_slice() else {
        return Err(at.member("route").error("expected one destination"));
    };
    if short(&destination.destination.host) != host {
        let at = at.member("route").item(0).member("destination.host");
        let problem = format!("{:?}, expected {host:?}", destination.destination.host);
        return Err(at.error(format!("{problem}: sending elsewhere is not modelled")));
    }
    let fault = http.fault.as_ref();
    let at_fault = at.member("fault");
    let abort = match fault.and_then(|fault| fault.abort.as_ref()) {
        None => None,
        Some(abort) if !(200..=599).contains(&abort.http_status) => {
            let problem = format!("{}, expected 200 to 599", abort.http_status);
            return Err(at_fault.member("abort.httpStatus").error(problem));
        }
        Some(abort) => {
            let percent = percent(&at_fault.member("abort"), abort.percentage.value)?;
            Some((abort.http_status, percent))
        }
    };
    let delay = fault.and_then(|fault| fault.delay.as_ref()).map(|delay| {
        let percent = percent(&at_fault.member("delay"), delay.percentage.value)?;
        Ok((delay.fixed_delay.0, percent))
    });
    Ok(VirtualService {
        name: document.name.clone(),
        host,
        timeout: http
            .timeout
            .map(|given| given.0)
            .filter(|timeout| *timeout != Duration::ZERO),
        retries: match &http.retries {
            None => RetryPolicy::default(),
            Some(given) => retries(&at.member("retries"), given)?,
        },
        abort,
        delay: delay.transpose()?,
    })
}

/// Istio sets only what is above 0; the rest is without a bound.
fn connection_pool(given: WrittenPool) -> ConnectionPool {
    let (tcp, http) = (
        given.tcp.unwrap_or_default(),
        given.http.unwrap_or_default(),
    );
    let bound = |given: Option<u32>| given.filter(|bound| *bound != 0);
    let default = ConnectionPool::default();
    let or = |given: Option<GoDuration>, default| given.map_or(default, |given| given.0);
    ConnectionPool {
        max_connections: bound(tcp.max_connections),
        connect_timeout: or(tcp.connect_timeout, default.connect_timeout),
        max_pending_requests: bound(http.http1_max_pending_requests),
        max_requests: bound(http.http2_max_requests),
        max_requests_per_connection: bound(http.max_requests_per_connection),
        max_retries: bound(http.max_retries),
        idle_timeout: or(http.idle_timeout, default.idle_timeout),
    }
}

/// `consecutiveErrors` counts gateway errors and switches the ejection for other 5xx off, as in the
/// documents' time (istio#8846, #12349), or is not read at all, as today; `model` says which.
fn outlier_detection(
    at: &At<'_>,
    given: &WrittenDetection,
    model: &ClusterModel,
) -> Result<OutlierDetection, ManifestError> {
    let default = OutlierDetection::default();
    let or = |given: Option<GoDuration>, default| given.map_or(default, |given| given.0);
    let (server, gateway) = match given.consecutive_errors {
        None => (
            given
                .consecutive_5xx_errors
                .unwrap_or(default.consecutive_5xx_errors),
            given
                .consecutive_gateway_errors
                .unwrap_or(default.consecutive_gateway_errors),
        ),
        Some(errors) => {
            let newer = [
                given.consecutive_5xx_errors,
                given.consecutive_gateway_errors,
            ];
            if newer.iter().any(Option::is_some) {
                let problem = "not together with consecutive5xxErrors or consecutiveGatewayErrors";
                return Err(at.member("consecutiveErrors").error(problem));
            }
            match model.consecutive_errors_gateway_only {
                true => (0, errors),
                false => (
                    default.consecutive_5xx_errors,
                    default.consecutive_gateway_errors,
                ),
            }
        }
    };
    let percent = |name: &str, given: Option<u32>, default| match given {
        Some(given @ 101..) => Err(at
            .member(name)
            .error(format!("{given}, expected at most 100"))),
        given => Ok(given.unwrap_or(default)),
    };
    let interval = or(given.interval, default.interval);
    if interval < Duration::from_millis(1) {
        return Err(at.member("interval").error("expected at least 1ms"));
    }
    let max = percent(
        "maxEjectionPercent",
        given.max_ejection_percent,
        default.max_ejection_percent,
    )?;
    Ok(OutlierDetection {
        consecutive_5xx_errors: server,
        consecutive_gateway_errors: gateway,
        interval,
        base_ejection_time: or(given.base_ejection_time, default.base_ejection_time),
        max_ejection_percent: max,
        min_health_percent: percent("minHealthPercent", given.min_health_percent, 0)?,
        legacy_first_eject: model.legacy_first_eject,
    })
}

fn load_balancer(
    at: &At<'_>,
    given: Option<&WrittenBalancer>,
) -> Result<LoadBalancer, ManifestError> {
    match given.map(|given| given.simple.as_str()) {
        None | Some("UNSPECIFIED" | "LEAST_REQUEST" | "LEAST_CONN") => {
            Ok(LoadBalancer::LeastRequest)
        }
        Some("ROUND_ROBIN") => Ok(LoadBalancer::RoundRobin),
        Some("RANDOM") => Ok(LoadBalancer::Random),
        Some(other) => {
            let problem = format!("{other:?}, expected LEAST_REQUEST, ROUND_ROBIN or RANDOM");
            Err(at.member("loadBalancer.simple").error(problem))
        }
    }
}

/// Istio: `retry.ConvertPolicy`.
fn retries(at: &At<'_>, given: &WrittenRetries) -> Result<RetryPolicy, ManifestError> {
    let at = at.member("retryOn");
    let mut retry_on = Vec::new();
    for word in given
        .retry_on
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        let on = match word {
            "connect-failure" => RetryOn::ConnectFailure,
            "refused-stream" => RetryOn::RefusedStream,
            "cancelled" | "deadline-exceeded" | "internal" | "resource-exhausted"
            | "unavailable" => RetryOn::Grpc,
            "reset" => RetryOn::Reset,
            "5xx" => RetryOn::ServerError,
            "gateway-error" => RetryOn::GatewayError,
            // Only says that there are statuses in the list.
            "retriable-status-codes" => continue,
            other => match other.parse() {
                Ok(status @ 100..=599) => RetryOn::Status(status),
                _ => return Err(at.error(format!("{other:?} is not modelled"))),
            },
        };
        if !retry_on.contains(&on) {
            retry_on.push(on);
        }
    }
    if retry_on.is_empty() {
        retry_on = RetryPolicy::default().retry_on;
    }
    Ok(RetryPolicy {
        attempts: given.attempts,
        per_try_timeout: given.per_try_timeout.map(|given| given.0),
        retry_on,
    })
}

fn percent(at: &At<'_>, value: f64) -> Result<f64, ManifestError> {
    match (0.0..=100.0).contains(&value) {
        true => Ok(value),
        false => Err(at
            .member("percentage.value")
            .error(format!("{value}, expected 0 to 100"))),
    }
}

/// `pay.default.svc.cluster.local` is `pay`: there is one namespace.
fn short(host: &str) -> String {
    let long = host
        .strip_suffix(".svc.cluster.local")
        .or(host.strip_suffix(".svc"));
    match long.and_then(|long| long.split_once('.')) {
        Some((name, namespace)) if !namespace.contains('.') => name.to_owned(),
        _ => host.to_owned(),
    }
}

// === As written ===

#[derive(Deserialize)]
struct Object<T> {
    spec: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenRule {
    host: String,
    traffic_policy: Option<WrittenPolicy>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenPolicy {
    connection_pool: Option<WrittenPool>,
    outlier_detection: Option<WrittenDetection>,
    load_balancer: Option<WrittenBalancer>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPool {
    tcp: Option<WrittenTcp>,
    http: Option<WrittenHttp>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenTcp {
    max_connections: Option<u32>,
    connect_timeout: Option<GoDuration>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenHttp {
    http1_max_pending_requests: Option<u32>,
    http2_max_requests: Option<u32>,
    max_requests_per_connection: Option<u32>,
    max_retries: Option<u32>,
    idle_timeout: Option<GoDuration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenDetection {
    consecutive_errors: Option<u32>,
    #[serde(rename = "consecutive5xxErrors")]
    consecutive_5xx_errors: Option<u32>,
    consecutive_gateway_errors: Option<u32>,
    interval: Option<GoDuration>,
    base_ejection_time: Option<GoDuration>,
    max_ejection_percent: Option<u32>,
    min_health_percent: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBalancer {
    simple: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenService {
    hosts: Vec<String>,
    http: Vec<WrittenRoute>,
}

#[derive(Deserialize)]
struct WrittenRoute {
    route: Vec<WrittenTarget>,
    timeout: Option<GoDuration>,
    retries: Option<WrittenRetries>,
    fault: Option<WrittenFault>,
}

#[derive(Deserialize)]
struct WrittenTarget {
    destination: WrittenHost,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHost {
    host: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenRetries {
    attempts: u32,
    per_try_timeout: Option<GoDuration>,
    #[serde(default)]
    retry_on: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFault {
    abort: Option<WrittenAbort>,
    delay: Option<WrittenDelay>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenAbort {
    http_status: u16,
    percentage: WrittenPercentage,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenDelay {
    fixed_delay: GoDuration,
    percentage: WrittenPercentage,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPercentage {
    value: f64,
}
