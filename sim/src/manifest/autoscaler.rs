//! HorizontalPodAutoscalers.

use std::time::Duration;

use k8s_openapi::api::autoscaling::{v1, v2};

use super::{
    ManifestError,
    document::{At, Document},
    kind::Kind,
    quantity::milli,
};
use crate::objects::autoscaler::{
    Autoscaler, Behavior, Change, CpuMetric, ScalingPolicy, ScalingRules, SelectPolicy,
};

/// An autoscaler of either version.
pub(super) fn read(document: &Document) -> Result<Autoscaler, ManifestError> {
    match document.kind {
        Kind::AutoscalerV1 => version_1(document),
        _ => version_2(document),
    }
}

/// Kubernetes: autoscaling/v1 `SetDefaults_HorizontalPodAutoscaler`.
fn version_1(document: &Document) -> Result<Autoscaler, ManifestError> {
    let at = document.root().member("spec");
    let given: v1::HorizontalPodAutoscaler = document.typed()?;
    let Some(spec) = given.spec else {
        return Err(at.error("missing"));
    };
    let field = "targetCPUUtilizationPercentage";
    let percent = at.count(field, spec.target_cpu_utilization_percentage, 80)?;
    if percent == 0 {
        return Err(at.member(field).error("0, expected 1 or more"));
    }
    let target = spec.scale_target_ref;
    let (min_replicas, max_replicas) = bounds(&at, spec.min_replicas, spec.max_replicas)?;
    Ok(Autoscaler {
        name: document.name.clone(),
        target: deployment(
            &at,
            target.api_version.as_deref(),
            &target.kind,
            &target.name,
        )?,
        min_replicas,
        max_replicas,
        metrics: vec![CpuMetric::Utilization(percent)],
        behavior: None,
    })
}

/// Kubernetes: autoscaling/v2 `SetDefaults_HorizontalPodAutoscaler`.
fn version_2(document: &Document) -> Result<Autoscaler, ManifestError> {
    let at = document.root().member("spec");
    let given: v2::HorizontalPodAutoscaler = document.typed()?;
    let Some(spec) = given.spec else {
        return Err(at.error("missing"));
    };
    let mut metrics = Vec::new();
    for (index, given) in spec.metrics.iter().flatten().enumerate() {
        metrics.push(metric(&at.member("metrics").item(index), given)?);
    }
    if metrics.is_empty() {
        metrics.push(CpuMetric::Utilization(80));
    }
    let behavior = spec.behavior.as_ref().map(|given| {
        let at = at.member("behavior");
        Ok(Behavior {
            scale_up: rules(&at.member("scaleUp"), given.scale_up.as_ref(), default_up())?,
            scale_down: rules(
                &at.member("scaleDown"),
                given.scale_down.as_ref(),
                default_down(),
            )?,
        })
    });
    let target = spec.scale_target_ref;
    let (min_replicas, max_replicas) = bounds(&at, spec.min_replicas, spec.max_replicas)?;
    Ok(Autoscaler {
        name: document.name.clone(),
        target: deployment(
            &at,
            target.api_version.as_deref(),
            &target.kind,
            &target.name,
        )?,
        min_replicas,
        max_replicas,
        metrics,
        behavior: behavior.transpose()?,
    })
}

fn bounds(at: &At<'_>, min: Option<i32>, max: i32) -> Result<(u32, u32), ManifestError> {
    let low = at.count("minReplicas", min, 1)?;
    let high = at.count("maxReplicas", Some(max), 1)?;
    if low == 0 {
        return Err(at.member("minReplicas").error("0, expected 1 or more"));
    }
    match low <= high {
        true => Ok((low, high)),
        false => Err(at
            .member("maxReplicas")
            .error(format!("{high}, must not be below minReplicas, {low}"))),
    }
}

fn deployment(
    at: &At<'_>,
    version: Option<&str>,
    kind: &str,
    name: &str,
) -> Result<String, ManifestError> {
    match (version, kind) {
        (None | Some("apps/v1"), "Deployment") => Ok(name.to_owned()),
        _ => {
            let found = format!("{} {kind}", version.unwrap_or_default());
            let problem = format!("{:?}, only an apps/v1 Deployment is modelled", found.trim());
            Err(at.member("scaleTargetRef").error(problem))
        }
    }
}

fn metric(at: &At<'_>, given: &v2::MetricSpec) -> Result<CpuMetric, ManifestError> {
    let only = "only the cpu of pods is modelled";
    let Some(resource) = given
        .resource
        .as_ref()
        .filter(|_| given.type_ == "Resource")
    else {
        return Err(at
            .member("type")
            .error(format!("{:?}, {only}", given.type_)));
    };
    let at = at.member("resource");
    if resource.name != "cpu" {
        return Err(at
            .member("name")
            .error(format!("{:?}, {only}", resource.name)));
    }
    let at = at.member("target");
    let target = &resource.target;
    match (
        target.type_.as_str(),
        target.average_utilization,
        &target.average_value,
    ) {
        ("Utilization", Some(percent @ 1..), None) => Ok(CpuMetric::Utilization(at.count(
            "averageUtilization",
            Some(percent),
            0,
        )?)),
        ("AverageValue", None, Some(value)) => match milli(value).filter(|milli| *milli > 0) {
            Some(milli) => Ok(CpuMetric::AverageMilli(milli)),
            None => Err(at
                .member("averageValue")
                .error(format!("{:?} is no quantity above 0", value.0))),
        },
        _ => Err(at.error(
            "expected type Utilization with averageUtilization from 1, or AverageValue with \
             averageValue",
        )),
    }
}

/// Kubernetes: autoscaling/v2 `scaleUpRules`.
fn default_up() -> ScalingRules {
    let policy = |change| ScalingPolicy {
        change,
        period: Duration::from_secs(15),
    };
    ScalingRules {
        stabilization_window: Duration::ZERO,
        select: SelectPolicy::Max,
        policies: vec![policy(Change::Pods(4)), policy(Change::Percent(100))],
        tolerance: None,
    }
}

/// Kubernetes: autoscaling/v2 `scaleDownRules`; the window is the controller manager's
/// `--horizontal-pod-autoscaler-downscale-stabilization`.
fn default_down() -> ScalingRules {
    ScalingRules {
        stabilization_window: Duration::from_secs(300),
        select: SelectPolicy::Max,
        policies: vec![ScalingPolicy {
            change: Change::Percent(100),
            period: Duration::from_secs(15),
        }],
        tolerance: None,
    }
}

/// What is given, over the defaults (Kubernetes: autoscaling/v2 `copyHPAScalingRules`,
/// `validateScalingRules`).
fn rules(
    at: &At<'_>,
    given: Option<&v2::HPAScalingRules>,
    mut rules: ScalingRules,
) -> Result<ScalingRules, ManifestError> {
    let Some(given) = given else {
        return Ok(rules);
    };
    let field = "stabilizationWindowSeconds";
    if let Some(seconds) = given.stabilization_window_seconds {
        let seconds = at.count(field, Some(seconds), 0)?;
        if seconds > 3600 {
            return Err(at
                .member(field)
                .error(format!("{seconds}, expected at most 3600")));
        }
        rules.stabilization_window = Duration::from_secs(u64::from(seconds));
    }
    rules.select = match given.select_policy.as_deref() {
        None => rules.select,
        Some("Max") => SelectPolicy::Max,
        Some("Min") => SelectPolicy::Min,
        Some("Disabled") => SelectPolicy::Disabled,
        Some(other) => {
            let problem = format!("{other:?}, expected Max, Min or Disabled");
            return Err(at.member("selectPolicy").error(problem));
        }
    };
    if let Some(policies) = &given.policies {
        let at = at.member("policies");
        rules.policies.clear();
        for (index, given) in policies.iter().enumerate() {
            rules.policies.push(policy(&at.item(index), given)?);
        }
        if rules.policies.is_empty() {
            return Err(at.error("expected at least one"));
        }
    }
    if let Some(tolerance) = &given.tolerance {
        let Some(milli) = milli(tolerance).and_then(|milli| u32::try_from(milli).ok()) else {
            let problem = format!("{:?} is no quantity such as \"0.05\"", tolerance.0);
            return Err(at.member("tolerance").error(problem));
        };
        rules.tolerance = Some(f64::from(milli) / 1000.0);
    }
    Ok(rules)
}

fn policy(at: &At<'_>, given: &v2::HPAScalingPolicy) -> Result<ScalingPolicy, ManifestError> {
    let value = at.count("value", Some(given.value), 0)?;
    if value == 0 {
        return Err(at.member("value").error("0, expected 1 or more"));
    }
    let period = at.count("periodSeconds", Some(given.period_seconds), 0)?;
    if !(1..=1800).contains(&period) {
        return Err(at
            .member("periodSeconds")
            .error(format!("{period}, expected 1 to 1800")));
    }
    let change = match given.type_.as_str() {
        "Pods" => Change::Pods(value),
        "Percent" => Change::Percent(value),
        other => {
            let problem = format!("{other:?}, expected Pods or Percent");
            return Err(at.member("type").error(problem));
        }
    };
    Ok(ScalingPolicy {
        change,
        period: Duration::from_secs(u64::from(period)),
    })
}
