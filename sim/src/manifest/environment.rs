//! Environment variables of a container.

use k8s_openapi::api::core::v1;

use super::{ManifestError, document::At};
use crate::objects::container::{Environment, Source};

/// `envFrom` first, then `env`: later ones win, as in Kubernetes.
pub(super) fn environment(
    at: &At<'_>,
    container: &v1::Container,
) -> Result<Vec<Environment>, ManifestError> {
    let mut environment = Vec::new();
    for (index, given) in container.env_from.iter().flatten().enumerate() {
        environment.push(all(&at.member("envFrom").item(index), given)?);
    }
    for (index, given) in container.env.iter().flatten().enumerate() {
        environment.push(variable(&at.member("env").item(index), given)?);
    }
    Ok(environment)
}

/// Where the `index`-th of [`environment`] refers to its source.
pub(super) fn reference<'a>(
    container: &At<'a>,
    environment: &[Environment],
    index: usize,
) -> At<'a> {
    let is_all = |e: &&Environment| matches!(e, Environment::All { .. });
    let all = environment.iter().filter(is_all).count();
    match environment.get(index) {
        Some(Environment::All { source, .. }) => {
            let field = match source {
                Source::ConfigMap(_) => "configMapRef",
                Source::Secret(_) => "secretRef",
            };
            container.member("envFrom").item(index).member(field)
        }
        Some(Environment::Key { source, .. }) => {
            let field = match source {
                Source::ConfigMap(_) => "valueFrom.configMapKeyRef",
                Source::Secret(_) => "valueFrom.secretKeyRef",
            };
            container.member("env").item(index - all).member(field)
        }
        _ => container.member("env"),
    }
}

fn all(at: &At<'_>, given: &v1::EnvFromSource) -> Result<Environment, ManifestError> {
    let (source, optional) = match (&given.config_map_ref, &given.secret_ref) {
        (Some(map), None) => (Source::ConfigMap(map.name.clone()), map.optional),
        (None, Some(secret)) => (Source::Secret(secret.name.clone()), secret.optional),
        _ => return Err(at.error("expected either configMapRef or secretRef")),
    };
    Ok(Environment::All {
        source,
        prefix: given.prefix.clone().unwrap_or_default(),
        optional: optional.unwrap_or(false),
    })
}

fn variable(at: &At<'_>, given: &v1::EnvVar) -> Result<Environment, ManifestError> {
    let name = given.name.clone();
    if name.is_empty() || name.contains('=') {
        return Err(at
            .member("name")
            .error(format!("{name:?} is no variable's name")));
    }
    let Some(from) = &given.value_from else {
        let value = given.value.clone().unwrap_or_default();
        if value.contains("$(") {
            let problem = format!("{value:?}: references to other variables are not modelled");
            return Err(at.member("value").error(problem));
        }
        return Ok(Environment::Value { name, value });
    };
    if given.value.as_ref().is_some_and(|value| !value.is_empty()) {
        return Err(at.error("expected either value or valueFrom"));
    }
    let (source, key, optional) = match (&from.config_map_key_ref, &from.secret_key_ref) {
        (Some(from), None) => (
            Source::ConfigMap(from.name.clone()),
            &from.key,
            from.optional,
        ),
        (None, Some(from)) => (Source::Secret(from.name.clone()), &from.key, from.optional),
        _ => {
            let expected = "expected either configMapKeyRef or secretKeyRef";
            return Err(at.member("valueFrom").error(expected));
        }
    };
    Ok(Environment::Key {
        name,
        source,
        key: key.clone(),
        optional: optional.unwrap_or(false),
    })
}
