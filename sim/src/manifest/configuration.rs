//! ConfigMaps, Secrets, claims.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;

use super::{ManifestError, document::Document};

/// The data of a ConfigMap.
pub(super) fn config_map(document: &Document) -> Result<BTreeMap<String, String>, ManifestError> {
    let given: v1::ConfigMap = document.typed()?;
    Ok(given.data.unwrap_or_default())
}

/// The data of a Secret, decoded; `stringData` wins, as in Kubernetes.
pub(super) fn secret(document: &Document) -> Result<BTreeMap<String, String>, ManifestError> {
    let given: v1::Secret = document.typed()?;
    let mut data = BTreeMap::new();
    for (key, bytes) in given.data.unwrap_or_default() {
        let Ok(text) = String::from_utf8(bytes.0) else {
            let at = document.root().member("data").member(&key);
            return Err(at.error("its bytes are no UTF-8 text; others are not modelled"));
        };
        data.insert(key, text);
    }
    data.extend(given.string_data.unwrap_or_default());
    Ok(data)
}

/// Of a claim only its name counts; the rest still has to be one.
pub(super) fn claim(document: &Document) -> Result<(), ManifestError> {
    document.typed::<v1::PersistentVolumeClaim>().map(|_| ())
}
