//! One document of a file, and places in it.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ManifestError, kind::Kind};

/// A document: one object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document {
    /// The file it is from.
    file: String,
    /// Its number there, from 1, empty ones left out.
    number: usize,
    /// Its kind.
    pub(super) kind: Kind,
    /// `metadata.name`.
    pub(super) name: String,
    /// All of it.
    pub(super) value: Value,
}

/// A field of a document.
#[derive(Clone, Debug)]
pub(super) struct At<'a> {
    document: &'a Document,
    path: String,
}

impl Document {
    /// The documents of a file.
    pub(super) fn read(file: &str, text: &str) -> Result<Vec<Self>, ManifestError> {
        let documents: Vec<_> = values(file, text)?
            .into_iter()
            .zip(1..)
            .map(|(value, number)| Self::new(file, number, value))
            .collect::<Result<_, _>>()?;
        match documents.is_empty() {
            false => Ok(documents),
            true => Err(ManifestError::Unreadable {
                path: file.to_owned(),
                problem: "no document".to_owned(),
            }),
        }
    }

    fn new(file: &str, number: usize, value: Value) -> Result<Self, ManifestError> {
        let error = |path: &str, problem: String| ManifestError::Field {
            document: format!("{file}: document {number}"),
            path: path.to_owned(),
            problem,
        };
        let text = |path: &str| match value.pointer(&format!("/{}", path.replace('.', "/"))) {
            Some(Value::String(text)) => Ok(text.as_str()),
            Some(other) => Err(error(path, format!("{other}, expected a text"))),
            None => Err(error(path, "missing".to_owned())),
        };
        let (version, kind) = (text("apiVersion")?, text("kind")?);
        let kind = Kind::of(version, kind).map_err(|(path, problem)| error(path, problem))?;
        let name = text("metadata.name")?;
        if !is_name(name) {
            let expected = "expected lower-case letters, digits, '-' and '.'";
            return Err(error("metadata.name", format!("{name:?}, {expected}")));
        }
        Ok(Self {
            file: file.to_owned(),
            number,
            kind,
            name: name.to_owned(),
            value,
        })
    }

    /// `Deployment/order`.
    pub(super) fn object(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// `order.yaml: document 1 (Deployment/order)`.
    pub(super) fn place(&self) -> String {
        let Self { file, number, .. } = self;
        format!("{file}: document {number} ({})", self.object())
    }

    /// The whole of it.
    pub(super) fn root(&self) -> At<'_> {
        At {
            document: self,
            path: String::new(),
        }
    }

    /// All of it as a `T`.
    pub(super) fn typed<T: DeserializeOwned>(&self) -> Result<T, ManifestError> {
        typed(&self.value).map_err(|(path, problem)| self.root().member(&path).error(problem))
    }
}

impl<'a> At<'a> {
    /// A field below this one, `spec.replicas`.
    pub(super) fn member(&self, path: &str) -> Self {
        let dot = if self.path.is_empty() || path.is_empty() {
            ""
        } else {
            "."
        };
        Self {
            document: self.document,
            path: format!("{}{dot}{path}", self.path),
        }
    }

    /// The `index`-th of this list, from 0.
    pub(super) fn item(&self, index: impl fmt::Display) -> Self {
        Self {
            document: self.document,
            path: format!("{}[{index}]", self.path),
        }
    }

    /// The document's kind.
    pub(super) fn kind(&self) -> String {
        self.document.kind.to_string()
    }

    /// What is wrong here.
    pub(super) fn error(&self, problem: impl Into<String>) -> ManifestError {
        ManifestError::Field {
            document: self.document.place(),
            path: self.path.clone(),
            problem: problem.into(),
        }
    }

    /// The field without the numbers of items, `spec.containers[].image`.
    pub(super) fn pattern(&self) -> String {
        let mut inside = false;
        let keep = |c: &char| {
            let dropped = inside && *c != ']';
            inside = (inside || *c == '[') && *c != ']';
            !dropped
        };
        self.path.chars().filter(keep).collect()
    }

    /// A number that must not be negative.
    pub(super) fn count<N>(
        &self,
        path: &str,
        given: Option<N>,
        or: u32,
    ) -> Result<u32, ManifestError>
    where
        N: TryInto<u32> + fmt::Display + Copy,
    {
        given.map_or(Ok(or), |number| {
            number.try_into().map_err(|_| {
                self.member(path)
                    .error(format!("{number}, expected 0 or more"))
            })
        })
    }
}

/// The documents of a YAML file, empty ones left out.
pub(crate) fn values(file: &str, text: &str) -> Result<Vec<Value>, ManifestError> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| ManifestError::Syntax {
        file: file.to_owned(),
        line: error.location().map_or(0, |location| location.line()),
        problem: error.to_string(),
    })
}

/// `value` as a `T`, or the path and the reason why not.
pub(crate) fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, (String, String)> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| (error.path().to_string(), error.inner().to_string()))
}

/// A DNS-1123 subdomain (Kubernetes: apimachinery `IsDNS1123Subdomain`).
fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |label: &str| {
        label.starts_with(letter)
            && label.ends_with(letter)
            && label.chars().all(|c| letter(c) || c == '-')
    };
    name.len() <= 253 && name.split('.').all(label)
}
