//! An entry of a history as one line of text.

use std::fmt;

use serde_json::{Map, Value};

use crate::{history::Entry, requests::seconds};

/// `1.250000 s order-1 call_sent target=pay:8080 method=POST path=/pays`; what is absent is left
/// out. For people; nothing parses it.
impl fmt::Display for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", seconds(self.at_us), self.host)?;
        let mut members = match serde_json::to_value(&self.what) {
            Ok(Value::Object(members)) => members,
            // Every kind of entry is a JSON object, see the fingerprint.
            _ => Map::new(),
        };
        let what = members.shift_remove("what").unwrap_or_default();
        write!(out, " {}", what.as_str().unwrap_or_default())?;
        for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            match value {
                Value::String(text) => write!(out, " {name}={text}")?,
                value => write!(out, " {name}={value}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::hand::Hand;

    #[test]
    fn a_line_says_when_where_and_what() {
        let history = Hand::new()
            .at(1_250)
            .on("order-1")
            .call_ended("pay:8080", Some(201), None)
            .fault_ended(0, 3)
            .history();
        let lines: Vec<String> = history.entries.iter().map(ToString::to_string).collect();
        let call = "1.250000 s order-1 call_ended target=pay:8080 method=POST path=/pays \
                    status=201 key=1";
        let fault = r#"1.250000 s order-1 fault_ended fault=0 effect={"packets_held":3}"#;
        assert_eq!(lines, [call, fault]);
    }
}
