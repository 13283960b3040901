//! Where users are sent.

use super::Sla;
use crate::{
    check::{Check, Findings},
    history::History,
    requests::Requests,
    window::Window,
};

/// Every `Location` of an answer begins so: shows which address a service was given. Vacuous when
/// no answer has one.
#[derive(Clone, Debug)]
pub struct Locations {
    /// Which requests.
    pub requests: Requests,
    /// Sent when.
    pub window: Window,
    /// How each begins.
    pub prefix: String,
}

impl Sla for Locations {
    fn judge(&self, history: &History) -> Check {
        let name = format!("locations of {} {}", self.requests, self.window);
        let bound = format!("each at {}", self.prefix);
        let requests = self.requests.within(history, &self.window);
        let answers = requests.iter().filter_map(|request| request.answer());
        let locations: Vec<&str> = answers.filter_map(|answer| answer.location).collect();
        if locations.is_empty() {
            let why = format!("none in {} answers", requests.len());
            return Check::vacuous(name, why, bound);
        }
        let mut wrong = Findings::default();
        for location in locations.iter().filter(|l| !l.starts_with(&self.prefix)) {
            wrong.add(|| (*location).to_owned());
        }
        let right = locations.len() - wrong.count();
        Check::judged(
            name,
            format!("{right} of {}", locations.len()),
            bound,
            wrong,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{check::Verdict, hand::Hand};

    fn judge(hand: Hand) -> Check {
        let promise = Locations {
            requests: Requests::to("POST", "/orders"),
            window: Window::Run,
            prefix: "http://new".to_owned(),
        };
        promise.judge(&hand.history())
    }

    fn two() -> Hand {
        let hand = Hand::new()
            .request("POST", "/orders")
            .request("POST", "/orders");
        hand.created(1, "http://new/orders/1")
    }

    #[test]
    fn another_address_fails() {
        assert_eq!(judge(two().answered(2, 503)).verdict, Verdict::Pass);
        let check = judge(two().created(2, "http://old/orders/2"));
        assert_eq!((check.verdict, &*check.observed), (Verdict::Fail, "1 of 2"));
        assert_eq!(check.evidence, ["http://old/orders/2"]);
    }

    #[test]
    fn is_vacuous_without_any() {
        let refused = Hand::new().request("POST", "/orders").answered(1, 503);
        assert_eq!(judge(refused).verdict, Verdict::Vacuous);
    }
}
