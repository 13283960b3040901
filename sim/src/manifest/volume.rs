//! Volumes of a pod.

use k8s_openapi::api::core::v1;

use super::{ManifestError, document::At};
use crate::objects::container::{Source, Volume, VolumeKind};

/// The volumes of a pod's `spec`, at `at`.
pub(super) fn volumes(at: &At<'_>, spec: &v1::PodSpec) -> Result<Vec<Volume>, ManifestError> {
    let mut volumes: Vec<Volume> = Vec::new();
    for (index, given) in spec.volumes.iter().flatten().enumerate() {
        let at = at.member("volumes").item(index);
        if given.name.is_empty() {
            return Err(at.member("name").error("missing"));
        }
        if volumes.iter().any(|known| known.name == given.name) {
            return Err(at
                .member("name")
                .error(format!("{:?} is there twice", given.name)));
        }
        volumes.push(Volume {
            name: given.name.clone(),
            kind: kind(&at, given)?,
        });
    }
    Ok(volumes)
}

/// Where the volume at `at` refers to what is behind it.
pub(super) fn reference<'a>(at: &At<'a>, volume: &Volume) -> At<'a> {
    at.member(match &volume.kind {
        VolumeKind::Claim(_) => "persistentVolumeClaim.claimName",
        VolumeKind::EmptyDir => "emptyDir",
        VolumeKind::Configuration(Source::ConfigMap(_)) => "configMap.name",
        VolumeKind::Configuration(Source::Secret(_)) => "secret.secretName",
    })
}

fn kind(at: &At<'_>, given: &v1::Volume) -> Result<VolumeKind, ManifestError> {
    let claim = given.persistent_volume_claim.as_ref();
    let kinds = [
        claim.map(|claim| VolumeKind::Claim(claim.claim_name.clone())),
        given.empty_dir.as_ref().map(|_| VolumeKind::EmptyDir),
        given
            .config_map
            .as_ref()
            .map(|map| VolumeKind::Configuration(Source::ConfigMap(map.name.clone()))),
        given.secret.as_ref().map(|secret| {
            let name = secret.secret_name.clone().unwrap_or_default();
            VolumeKind::Configuration(Source::Secret(name))
        }),
    ];
    let mut kinds = kinds.into_iter().flatten();
    match (kinds.next(), kinds.next()) {
        (Some(kind), None) => Ok(kind),
        _ => Err(at.error("expected one of persistentVolumeClaim, emptyDir, configMap and secret")),
    }
}
