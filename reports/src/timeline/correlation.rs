//! Which requests, calls, commits and events are about one thing.
//!
//! The thing is what events are keyed by (an order), and its key is the only name it has
//! everywhere: the events' key, the last segment of the `Location` that created it, a segment of
//! the paths that ask for it, and the idempotency key of calls on its behalf.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    history::{Entry, History, What},
    requests::Request,
};

/// The keys of a history, and where they stand.
#[derive(Debug, Default)]
pub(super) struct Correlation<'a> {
    /// All keys of events.
    keys: BTreeSet<&'a str>,
    /// The key of each event.
    events: BTreeMap<&'a str, &'a str>,
    /// The kind of each published event.
    kinds: BTreeMap<&'a str, &'a str>,
    /// The key that a request is about.
    requests: BTreeMap<u64, &'a str>,
    /// The paths of the things that have the keys, `/orders/`.
    front: String,
}

impl<'a> Correlation<'a> {
    pub(super) fn of(history: &'a History, requests: &[Request<'a>]) -> Self {
        let mut found = Self::default();
        for entry in &history.entries {
            let (event, kind, key) = match &entry.what {
                What::Published {
                    event, kind, key, ..
                }
                | What::Consumed {
                    event, kind, key, ..
                } => (event, kind, key),
                _ => continue,
            };
            found.keys.insert(key);
            found.events.insert(event, key);
            found.kinds.insert(event, kind);
        }
        found.front = found.front(requests);
        for request in requests {
            let location = request.answer().and_then(|answer| answer.location);
            let named = location.and_then(|location| found.of_path(path(location)));
            if let Some(key) = named.or_else(|| found.of_path(request.path)) {
                found.requests.insert(request.number, key);
            }
        }
        found
    }

    /// The key that an entry is about, if it is about one.
    pub(super) fn key_of(&self, entry: &'a Entry) -> Option<&'a str> {
        match &entry.what {
            What::Requested { request, .. } | What::Answered { request, .. } => {
                self.requests.get(request).copied()
            }
            What::CallSent { key, path, .. } | What::CallEnded { key, path, .. } => {
                let by_key = key.as_deref().and_then(|key| self.known(key));
                by_key.or_else(|| self.of_path(path))
            }
            What::Committed { events, .. } => events
                .iter()
                .find_map(|event| self.events.get(event.as_str()).copied()),
            What::Published { key, .. } | What::Consumed { key, .. } => Some(key),
            _ => None,
        }
    }

    /// The keys that a line of evidence names: by a request's number, by an event's id, by a
    /// record's path (`order/orders/12`), or as `of 12`.
    pub(super) fn named_in(&self, line: &str) -> Vec<&'a str> {
        let mut found = Vec::new();
        let mut before = "";
        for word in line.split_whitespace() {
            let bare = word.trim_matches(|letter: char| ",.:;()".contains(letter));
            let key = match before {
                "request" => bare
                    .parse()
                    .ok()
                    .and_then(|n| self.requests.get(&n).copied()),
                "of" => self.known(bare),
                _ => None,
            };
            let event = || self.events.get(bare).copied();
            let record = || {
                let (front, key) = bare.rsplit_once('/')?;
                let named = self.front.trim_matches('/').rsplit('/').next()?;
                (front.rsplit('/').next()? == named).then(|| self.known(key))?
            };
            found.extend(key.or_else(event).or_else(record));
            before = bare;
        }
        found
    }

    /// The kind of an event, if it was ever published or handled.
    pub(super) fn kind(&self, event: &str) -> Option<&'a str> {
        self.kinds.get(event).copied()
    }

    fn known(&self, key: &str) -> Option<&'a str> {
        self.keys.get(key).copied()
    }

    /// The key that a path below the front's names.
    fn of_path(&self, path: &str) -> Option<&'a str> {
        let rest = path.strip_prefix(self.front.as_str())?;
        let segment = rest.split(['/', '?']).next()?;
        self.known(segment).filter(|_| !self.front.is_empty())
    }

    /// Of the collections that requests created something in, the one that most keys are from.
    fn front(&self, requests: &[Request<'_>]) -> String {
        let mut ids: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let locations = requests
            .iter()
            .filter_map(|request| request.answer()?.location);
        for location in locations {
            let path = path(location);
            let Some(slash) = path.rfind('/') else {
                continue;
            };
            let (front, id) = path.split_at(slash + 1);
            if self.keys.contains(id) {
                ids.entry(front).or_default().insert(id);
            }
        }
        // Of equals the last by name: any rule does, as long as it is one.
        let most = ids.into_iter().max_by_key(|(_, ids)| ids.len());
        most.map_or_else(String::new, |(front, _)| front.to_owned())
    }
}

/// The path of a URL, or the path itself.
fn path(location: &str) -> &str {
    let Some((_, rest)) = location.split_once("://") else {
        return location;
    };
    rest.find('/').map_or("", |slash| &rest[slash..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hand::Hand, history::Consumption, requests::requests};

    fn history() -> History {
        Hand::new()
            .request("POST", "/orders")
            .created(1, "http://gateway:8080/orders/7")
            .request("POST", "/products")
            .created(2, "http://gateway:8080/products/9")
            .request("GET", "/orders/7?full=yes")
            .call_sent("pay:8080")
            .published("c1#0", "Ordered", "7", 0)
            .consumed("notice", "c1#0", "7", Consumption::Applied)
            .note("nothing")
            .history()
    }

    #[test]
    fn everything_about_an_order_has_its_key() {
        let history = history();
        let requests = requests(&history);
        let found = Correlation::of(&history, &requests);
        let keys: Vec<_> = history.entries.iter().map(|e| found.key_of(e)).collect();
        let seven = Some("7");
        // The call's idempotency key is 1, which is no order's.
        let expected = [seven, seven, None, None, seven, None, seven, seven, None];
        assert_eq!(keys, expected);
        assert_eq!(found.kind("c1#0"), Some("Ordered"));
    }

    #[test]
    fn evidence_names_keys_in_many_ways() {
        let history = history();
        let requests = requests(&history);
        let found = Correlation::of(&history, &requests);
        for line in [
            "request 1 of user-1 at 0.000000 s: POST gateway:8080/orders",
            "no effect of Ordered c1#0 of nobody",
            "Ordered c9#0 of 7 by order in the log at 0/0",
            "order/orders/7 is not kept: something",
        ] {
            assert_eq!(found.named_in(line), ["7"], "{line}");
        }
        for line in ["7 of 8", "pay/pays/7 {}", "request 2 of user-2", ""] {
            assert!(found.named_in(line).is_empty(), "{line}");
        }
    }
}
