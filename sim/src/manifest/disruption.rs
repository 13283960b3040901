//! PodDisruptionBudgets.

use k8s_openapi::{api::policy::v1, apimachinery::pkg::util::intstr::IntOrString};

use super::{ManifestError, deployment::int_or_percent, document::Document, pod::match_labels};
use crate::objects::deployment::DisruptionBudget;

/// Kubernetes: policy/v1 `ValidatePodDisruptionBudgetSpec`.
pub(super) fn read(document: &Document) -> Result<DisruptionBudget, ManifestError> {
    let at = document.root().member("spec");
    let given: v1::PodDisruptionBudget = document.typed()?;
    let Some(spec) = given.spec else {
        return Err(at.error("missing"));
    };
    let read = |name: &str, given: Option<&IntOrString>| {
        given
            .map(|given| int_or_percent(&at.member(name), given))
            .transpose()
    };
    let budget = DisruptionBudget {
        name: document.name.clone(),
        selector: match_labels(spec.selector.as_ref()),
        min_available: read("minAvailable", spec.min_available.as_ref())?,
        max_unavailable: read("maxUnavailable", spec.max_unavailable.as_ref())?,
    };
    match budget.min_available.is_some() == budget.max_unavailable.is_some() {
        true => Err(at.error("expected either minAvailable or maxUnavailable")),
        false => Ok(budget),
    }
}
