//! A stored resource's JSON.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A resource as a database keeps it: JSON that is taken apart once, by who knows its shape. On its
/// way from the database to there it is a text like any other. Members in another order are another
/// text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Body(String);

impl Body {
    /// The resource.
    ///
    /// # Errors
    /// When the text is no JSON or of another shape than `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&Value> for Body {
    fn from(value: &Value) -> Self {
        Self(value.to_string())
    }
}
