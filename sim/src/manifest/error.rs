//! What is wrong with the input.

use std::{fmt, path::Path};

/// Why manifests or a model cannot be used: where, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A file or folder cannot be read.
    #[error("{path}: {problem}")]
    Unreadable {
        /// The file or folder.
        path: String,
        /// Why.
        problem: String,
    },
    /// A file is no YAML.
    #[error("{file}: line {line}: {problem}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1; 0 if unknown.
        line: u64,
        /// What is wrong there.
        problem: String,
    },
    /// A field is missing, not modelled, of a wrong type or value, or refers to nothing.
    #[error("{document}: {path}: {problem}")]
    Field {
        /// The file, the document's number in it (from 1) and its object.
        document: String,
        /// The field, `spec.template.spec.containers[0].image`.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A patch does not fit what it is applied to.
    #[error("the patch of {object}: {problem}")]
    Patch {
        /// The object, `Deployment/order`.
        object: String,
        /// Why not.
        problem: String,
    },
    /// The model is wrong in itself, or does not fit the manifests.
    #[error("{file}: {path}: {problem}")]
    Model {
        /// The file.
        file: String,
        /// The field, `programs.order.workers`.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl ManifestError {
    pub(crate) fn unreadable<E: fmt::Display>(path: &Path) -> impl Fn(E) -> Self {
        move |error| Self::Unreadable {
            path: path.display().to_string(),
            problem: error.to_string(),
        }
    }
}
