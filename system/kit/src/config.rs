//! Settings, as a pod's environment gives them: read once at the edge, passed down typed.

use std::{collections::BTreeMap, str::FromStr, sync::Arc};

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A required setting is absent.
    #[error("setting {name} is missing")]
    Missing {
        /// The setting.
        name: String,
    },
    /// A setting does not parse.
    #[error("setting {name} is {value:?}, expected {expected}")]
    Invalid {
        /// The setting.
        name: String,
        /// What it was set to.
        value: String,
        /// What would have done.
        expected: &'static str,
    },
}

/// Named settings. Cloning is cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config(Arc<BTreeMap<String, String>>);

impl Config {
    /// The settings given as pairs of name and value.
    pub fn new<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(Arc::new(
            pairs
                .into_iter()
                .map(|(n, v)| (n.into(), v.into()))
                .collect(),
        ))
    }

    /// The raw value, if set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A required text.
    ///
    /// # Errors
    /// [`ConfigError::Missing`].
    pub fn text(&self, name: &str) -> Result<&str, ConfigError> {
        self.get(name).ok_or_else(|| ConfigError::Missing {
            name: name.to_owned(),
        })
    }

    /// An optional setting of a parsed type; `default` when absent.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with the offending value and what was expected.
    pub fn parsed<T: FromStr>(
        &self,
        name: &str,
        expected: &'static str,
        default: T,
    ) -> Result<T, ConfigError> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        value.parse().map_err(|_| ConfigError::Invalid {
            name: name.to_owned(),
            value: value.to_owned(),
            expected,
        })
    }
}
