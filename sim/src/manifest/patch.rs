//! Changes to manifests, as data: what a scenario does to the system's own ones, and what a rollout
//! applies later.

use std::{borrow::Cow, fmt};

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ManifestError, Manifests, document::Document};

/// Text in a patch: borrowed in a literal, owned when read from a file.
pub type Text = Cow<'static, str>;

/// A change of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Patch {
    /// Changes fields of an object that is there.
    Edit {
        /// Which, `Deployment/order`.
        object: Text,
        /// What, in order.
        operations: Cow<'static, [Operation]>,
    },
    /// Adds objects.
    Create {
        /// A YAML text of one or several documents.
        yaml: Text,
    },
    /// Removes an object that is there.
    Delete {
        /// Which, `ConfigMap/order`.
        object: Text,
    },
}

/// One operation (RFC 6902) on the JSON form of a manifest. Paths are JSON pointers (RFC 6901):
/// `/spec/template/spec/containers/0/readinessProbe`; `~1` stands for a slash inside a name.
/// Values are JSON texts: `3`, `"squall/order:2.0.0"` with its quotes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "op")]
pub enum Operation {
    /// Adds a member, or replaces it; inserts into a list, at its end with `-`.
    Add {
        /// Where.
        path: Text,
        /// What.
        value: Text,
    },
    /// Removes what is there.
    Remove {
        /// Where.
        path: Text,
    },
    /// Replaces what is there.
    Replace {
        /// Where.
        path: Text,
        /// By what.
        value: Text,
    },
    /// Fails the patch unless this is there.
    Test {
        /// Where.
        path: Text,
        /// What.
        value: Text,
    },
}

// === impl Patch ===

impl Patch {
    /// A change of an object's fields. In a `const`, `operations` has to be one, too.
    pub const fn edit(object: &'static str, operations: &'static [Operation]) -> Self {
        Self::Edit {
            object: Cow::Borrowed(object),
            operations: Cow::Borrowed(operations),
        }
    }

    /// One or several new objects.
    pub const fn create(yaml: &'static str) -> Self {
        Self::Create {
            yaml: Cow::Borrowed(yaml),
        }
    }

    /// An object less.
    pub const fn delete(object: &'static str) -> Self {
        Self::Delete {
            object: Cow::Borrowed(object),
        }
    }

    /// What it changes, `Deployment/order`.
    fn subject(&self) -> &str {
        match self {
            Self::Edit { object, .. } | Self::Delete { object } => object,
            Self::Create { .. } => "new objects",
        }
    }

    pub(super) fn apply_to(&self, manifests: &mut Manifests) -> Result<(), ManifestError> {
        match self {
            Self::Edit { object, operations } => {
                let document = find(manifests, object)?;
                for operation in operations.iter() {
                    operation.apply_to(document, object)?;
                }
                Ok(())
            }
            Self::Create { yaml } => Document::read("a patch", yaml)?
                .into_iter()
                .try_for_each(|document| manifests.push(document)),
            Self::Delete { object } => {
                find(manifests, object)?;
                manifests.documents.retain(|d| d.object() != *object);
                Ok(())
            }
        }
    }
}

impl fmt::Display for Patch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.subject())
    }
}

// === impl Operation ===

impl Operation {
    /// Adds `value`, a JSON text.
    pub const fn add(path: &'static str, value: &'static str) -> Self {
        Self::Add {
            path: Cow::Borrowed(path),
            value: Cow::Borrowed(value),
        }
    }

    /// Removes.
    pub const fn remove(path: &'static str) -> Self {
        Self::Remove {
            path: Cow::Borrowed(path),
        }
    }

    /// Replaces by `value`, a JSON text.
    pub const fn replace(path: &'static str, value: &'static str) -> Self {
        Self::Replace {
            path: Cow::Borrowed(path),
            value: Cow::Borrowed(value),
        }
    }

    /// Wants `value`, a JSON text, to be there.
    pub const fn test(path: &'static str, value: &'static str) -> Self {
        Self::Test {
            path: Cow::Borrowed(path),
            value: Cow::Borrowed(value),
        }
    }

    fn apply_to(&self, document: &mut Document, object: &str) -> Result<(), ManifestError> {
        let error = |path: &str, problem: String| ManifestError::Patch {
            object: object.to_owned(),
            problem: format!("{} {path}: {problem}", self.name()),
        };
        let operation = self.parsed(error)?;
        let path = operation.path().to_string();
        if ["/apiVersion", "/kind", "/metadata", "/metadata/name", ""].contains(&path.as_str()) {
            let problem = "this would make it another object: delete and create instead";
            return Err(error(&path, problem.to_owned()));
        }
        json_patch::patch(&mut document.value, &[operation]).map_err(|failed| {
            let reason = match failed.kind {
                json_patch::PatchErrorKind::TestFailed => match document.value.pointer(&path) {
                    Some(found) => format!("{found} is there"),
                    None => "nothing is there".to_owned(),
                },
                _ => "there is no such path".to_owned(),
            };
            error(&path, reason)
        })
    }

    fn parsed(
        &self,
        error: impl Fn(&str, String) -> ManifestError,
    ) -> Result<PatchOperation, ManifestError> {
        let pointer = |path: &Text| {
            PointerBuf::parse(path.clone().into_owned())
                .map_err(|_| error(path, "no JSON pointer".to_owned()))
        };
        let json = |path: &Text, value: &Text| {
            serde_json::from_str::<Value>(value)
                .map_err(|_| error(path, format!("{value} is no JSON; texts need their quotes")))
        };
        Ok(match self {
            Self::Add { path, value } => PatchOperation::Add(AddOperation {
                path: pointer(path)?,
                value: json(path, value)?,
            }),
            Self::Remove { path } => PatchOperation::Remove(RemoveOperation {
                path: pointer(path)?,
            }),
            Self::Replace { path, value } => PatchOperation::Replace(ReplaceOperation {
                path: pointer(path)?,
                value: json(path, value)?,
            }),
            Self::Test { path, value } => PatchOperation::Test(TestOperation {
                path: pointer(path)?,
                value: json(path, value)?,
            }),
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add",
            Self::Remove { .. } => "remove",
            Self::Replace { .. } => "replace",
            Self::Test { .. } => "test",
        }
    }
}

fn find<'a>(manifests: &'a mut Manifests, object: &str) -> Result<&'a mut Document, ManifestError> {
    let names: Vec<_> = manifests.names().collect();
    let found = manifests
        .documents
        .iter_mut()
        .find(|d| d.object() == object);
    found.ok_or_else(|| ManifestError::Patch {
        object: object.to_owned(),
        problem: format!("there is no such object, only {}", names.join(", ")),
    })
}
