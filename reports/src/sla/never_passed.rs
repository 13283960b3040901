//! Places in the code where a sound system never comes.

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::{History, Name, What},
    requests::seconds,
};

/// No process ever passes this place, which its code names by a hint.
#[derive(Clone, Debug)]
pub struct NeverPassed {
    /// The place.
    pub place: Name,
}

impl Sla for NeverPassed {
    fn judge(&self, history: &History) -> Check {
        let name = format!("never passed: {}", self.place);
        let mut passed = Findings::default();
        for entry in &history.entries {
            if matches!(&entry.what, What::Hint { name } if *name == self.place) {
                passed.add(|| format!("{} at {}", entry.host, seconds(entry.at_us)));
            }
        }
        Check::judged(name, format!("{} times", passed.count()), "never", passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn at(place: &str) -> Check {
        let never = NeverPassed {
            place: "below zero".into(),
        };
        let name = place.into();
        let hand = Hand::new().on("order-1").add(What::Hint { name });
        never.judge(&hand.history())
    }

    #[test]
    fn whoever_comes_there_is_named() {
        assert_eq!(at("above zero").verdict, Verdict::Pass);
        let check = at("below zero");
        assert_eq!(
            (check.verdict, &*check.observed),
            (Verdict::Fail, "1 times")
        );
        assert!(check.evidence[0].starts_with("order-1 at "), "{check:?}");
    }
}
