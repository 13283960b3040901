//! Durations as Istio writes them (Go: `time.ParseDuration`).

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, de};

/// `10s`, `1m30s`, `500ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GoDuration(pub(super) Duration);

const UNITS: [(&str, f64); 6] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, more) = rest.split_at(end);
        let end = more
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(more.len());
        let (unit, more) = more.split_at(end);
        let unit = UNITS.iter().find(|known| known.0 == unit)?.1;
        let seconds = number.parse::<f64>().ok()? * unit;
        sum = sum.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
        rest = more;
    }
    (!text.is_empty()).then_some(sum)
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = GoDuration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"10s\", \"500ms\" or \"1m30s\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<GoDuration, E> {
                let invalid = || de::Error::invalid_value(de::Unexpected::Str(text), &self);
                parse(text).map(GoDuration).ok_or_else(invalid)
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let table = [
            ("10s", Some(10_000)),
            ("500ms", Some(500)),
            ("1m30s", Some(90_000)),
            ("1.5h", Some(5_400_000)),
            ("0s", Some(0)),
            ("", None),
            ("10", None),
            ("s", None),
            ("-1s", None),
            ("1 s", None),
            ("1d", None),
        ];
        for (text, ms) in table {
            assert_eq!(super::parse(text), ms.map(Duration::from_millis), "{text}");
        }
    }
}
