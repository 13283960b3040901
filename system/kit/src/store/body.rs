//! A stored resource's JSON.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

/// A resource as a database keeps it: JSON that is taken apart once, by who knows its shape. On its
/// way from the database to there it is a text like any other.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Body(Box<RawValue>);

impl Body {
    /// The JSON in `text`.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text.to_owned()).map(Self)
    }

    /// The resource.
    ///
    /// # Errors
    /// When it is of another shape than `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0.get())
    }
}

impl From<&Value> for Body {
    fn from(value: &Value) -> Self {
        let raw = serde_json::value::to_raw_value(value);
        Self(raw.expect("a value has a text"))
    }
}

/// The same text; members in another order are another text.
impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Eq for Body {}
