//! What siege 4.0.5 would have printed of a run, line by line by siege's own rules.
//!
//! Siege's lines do not mean what they say: a 404 is a hit, a 503 is not, the response time divides
//! the time of *all* answers by the hits alone. The rules are those of `src/data.c`,
//! `src/browser.c` and `src/response.c`, not those of the manual, which contradicts them. Siege
//! also counts each hop of a redirect and each element of a page as a hit; users here follow
//! neither, as the systems' APIs have none, so that an answer is a hit.

use std::{collections::BTreeMap, fmt, ops::Range};

use serde::{Deserialize, Serialize};

use crate::{
    history::{History, What},
    requests::{Request, requests},
    window::{Window, end_us},
};

/// Siege times with `times(2)`: in clock ticks of 10 ms.
const TICK_US: u64 = 10_000;
const TICKS_PER_S: f64 = 100.0;
const MB: f64 = 1_048_576.0;

/// Siege's twelve lines, unrounded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Siege {
    /// Hits: answers other than 408 and 500–509.
    pub transactions: u64,
    /// Hits of hits and failures, in percent; 0 without a hit.
    pub availability_percent: f64,
    /// From the load's start until every user has stopped, in seconds.
    pub elapsed_s: f64,
    /// Bytes of the bodies of all answers, failed ones too, in units of 2^20.
    pub data_mb: f64,
    /// The time of all answers, failed ones too, divided by the hits, in seconds.
    pub response_s: f64,
    /// Hits per second.
    pub rate_per_s: f64,
    /// 2^20 bytes per second.
    pub throughput_mb_s: f64,
    /// The time of all answers divided by the elapsed time.
    pub concurrency: f64,
    /// Answers below 400, and 401 and 407.
    pub successful: u64,
    /// Requests without an answer, and 408 and 500–509.
    pub failed: u64,
    /// The longest time of an answer, in seconds.
    pub longest_s: f64,
    /// The shortest.
    pub shortest_s: f64,
}

/// The sums that siege keeps: also for a load that leaves no history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    hits: u64,
    successful: u64,
    failed: u64,
    bytes: u64,
    ticks: u64,
    longest: u64,
    shortest: Option<u64>,
    elapsed: u64,
}

/// The siege block of a run: over the requests of its loads that are runs of siege; without such a
/// load over the requests sent in phase `load`, or over all of them when the run has no such phase.
/// What the end of the load cut off is counted nowhere.
pub fn siege(history: &History) -> Siege {
    let camps = camps(history);
    if !camps.is_empty() {
        return of_camps(history, &camps);
    }
    let load = Window::Phase("load".into()).range(history);
    let counted = load.clone().unwrap_or(0..end_us(history));
    let mut requests = requests(history);
    requests.retain(|request| counted.contains(&request.sent_us));
    let mut sums = Sums::default();
    requests.iter().for_each(|request| sums.add(request));
    sums.elapsed = elapsed(load, &requests);
    sums.siege()
}

impl Sums {
    /// A request sent at one time and answered at another, both in µs, its body of so many bytes.
    pub fn answered(&mut self, status: u16, bytes: u64, sent_us: u64, at_us: u64) {
        if is_failure(Some(status)) {
            self.failed += 1;
        } else {
            self.hits += 1;
        }
        if is_success(status) {
            self.successful += 1;
        }
        let ticks = (at_us / TICK_US).saturating_sub(sent_us / TICK_US);
        self.bytes += bytes;
        self.ticks += ticks;
        self.longest = self.longest.max(ticks);
        self.shortest = Some(self.shortest.map_or(ticks, |shortest| shortest.min(ticks)));
    }

    /// A request that got no answer.
    pub fn unanswered(&mut self) {
        self.failed += 1;
    }

    /// From when to when everything lasted, in µs.
    pub fn lasted(&mut self, from_us: u64, to_us: u64) {
        self.elapsed = (to_us / TICK_US).saturating_sub(from_us / TICK_US);
    }

    /// Requests failed so far.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    fn add(&mut self, request: &Request<'_>) {
        let Some(answer) = request.answer() else {
            return;
        };
        match answer.status {
            Some(status) => self.answered(status, answer.bytes, request.sent_us, answer.at_us),
            None => self.unanswered(),
        }
    }

    /// The block that they make.
    pub fn siege(&self) -> Siege {
        let seconds = |ticks: u64| ticks as f64 / TICKS_PER_S;
        let (time, elapsed, hits) = (seconds(self.ticks), seconds(self.elapsed), self.hits as f64);
        let data_mb = self.bytes as f64 / MB;
        let attempts = (self.hits + self.failed) as f64;
        Siege {
            transactions: self.hits,
            availability_percent: ratio(hits * 100.0, attempts),
            elapsed_s: elapsed,
            data_mb,
            response_s: ratio(time, hits),
            rate_per_s: ratio(hits, elapsed),
            throughput_mb_s: ratio(data_mb, elapsed),
            concurrency: ratio(time, elapsed),
            successful: self.successful,
            failed: self.failed,
            longest_s: seconds(self.longest),
            shortest_s: seconds(self.shortest.unwrap_or(0)),
        }
    }
}

/// Whether siege counts a request as failed: no answer, 408 and 500–509.
pub fn is_failure(status: Option<u16>) -> bool {
    status.is_none_or(|status| status == 408 || (500..510).contains(&status))
}

fn is_success(status: u16) -> bool {
    status < 400 || status == 401 || status == 407
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

/// The runs of siege by their names, each with when it began and ended.
fn camps(history: &History) -> BTreeMap<&str, Range<u64>> {
    let end_us = end_us(history);
    let mut camps: BTreeMap<&str, Range<u64>> = BTreeMap::new();
    for entry in &history.entries {
        match &entry.what {
            What::SiegeBegan { load } => {
                camps.entry(load).or_insert(entry.at_us..end_us);
            }
            What::SiegeEnded { load, .. } => {
                if let Some(camp) = camps.get_mut(&**load) {
                    camp.end = entry.at_us;
                }
            }
            _ => {}
        }
    }
    camps
}

/// Several runs of siege add up, from the beginning of the first to the end of the last.
fn of_camps(history: &History, camps: &BTreeMap<&str, Range<u64>>) -> Siege {
    let mut sums = Sums::default();
    let requests = requests(history);
    let theirs = requests.iter().filter(|request| {
        let camp = request.user.rsplit_once('-').map(|(load, _)| load);
        camp.is_some_and(|load| camps.contains_key(load))
    });
    theirs.for_each(|request| sums.add(request));
    let began = camps.values().map(|camp| camp.start).min().unwrap_or(0);
    let ended = camps.values().map(|camp| camp.end).max().unwrap_or(0);
    sums.elapsed = (ended / TICK_US).saturating_sub(began / TICK_US);
    sums.siege()
}

/// From the load's start until its end, or until the last of its requests ended, in ticks.
fn elapsed(load: Option<Range<u64>>, requests: &[Request<'_>]) -> u64 {
    let first = requests.first().map_or(0, |request| request.sent_us);
    let last = requests
        .iter()
        .filter_map(Request::ended_us)
        .max()
        .unwrap_or(first);
    let (start, end) = load.map_or((first, last), |load| (load.start, load.end.max(last)));
    (end / TICK_US).saturating_sub(start / TICK_US)
}

/// The block as siege 4.0.5 prints it.
impl fmt::Display for Siege {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "Transactions:\t\t{:12} hits", self.transactions)?;
        writeln!(out, "Availability:\t\t{:12.2} %", self.availability_percent)?;
        writeln!(out, "Elapsed time:\t\t{:12.2} secs", self.elapsed_s)?;
        writeln!(out, "Data transferred:\t{:12.2} MB", self.data_mb)?;
        writeln!(out, "Response time:\t\t{:12.2} secs", self.response_s)?;
        writeln!(out, "Transaction rate:\t{:12.2} trans/sec", self.rate_per_s)?;
        writeln!(out, "Throughput:\t\t{:12.2} MB/sec", self.throughput_mb_s)?;
        writeln!(out, "Concurrency:\t\t{:12.2}", self.concurrency)?;
        writeln!(out, "Successful transactions:{:12}", self.successful)?;
        writeln!(out, "Failed transactions:\t{:12}", self.failed)?;
        writeln!(out, "Longest transaction:\t{:12.2}", self.longest_s)?;
        writeln!(out, "Shortest transaction:\t{:12.2}", self.shortest_s)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        hand::{Hand, histories},
        history::Outcome,
    };

    fn two_decimals(value: f64) -> String {
        format!("{value:.2}")
    }

    fn of_statuses(statuses: &[u16]) -> Siege {
        let hand = statuses
            .iter()
            .zip(1..)
            .fold(Hand::new(), |hand, (status, number)| {
                hand.get("/orders").answered(number, *status)
            });
        siege(&hand.history())
    }

    /// platform §8, T: 90×200, 5×404, 5×503.
    #[test]
    fn a_404_is_a_hit_and_a_503_is_not() {
        let statuses = [&[200; 90][..], &[404; 5], &[503; 5]].concat();
        let block = of_statuses(&statuses);
        assert_eq!(
            (block.transactions, block.successful, block.failed),
            (95, 90, 5)
        );
        assert_eq!(two_decimals(block.availability_percent), "95.00");
        assert_eq!(two_decimals(block.data_mb * MB), "20000.00");
    }

    #[test]
    fn each_status_falls_where_siege_puts_it() {
        let cases = [
            (200, (1, 1, 0)),
            (302, (1, 1, 0)),
            (401, (1, 1, 0)),
            (404, (1, 0, 0)),
            (407, (1, 1, 0)),
            (408, (0, 0, 1)),
            (429, (1, 0, 0)),
            (499, (1, 0, 0)),
            (500, (0, 0, 1)),
            (509, (0, 0, 1)),
            (510, (1, 0, 0)),
        ];
        for (status, expected) in cases {
            let block = of_statuses(&[status]);
            let seen = (block.transactions, block.successful, block.failed);
            assert_eq!(seen, expected, "{status}");
        }
    }

    #[test]
    fn availability_is_0_without_a_hit() {
        assert_eq!(of_statuses(&[]), Siege::default());
        assert_eq!(of_statuses(&[503, 503]).availability_percent, 0.0);
    }

    #[test]
    fn an_unanswered_request_fails_without_time_or_bytes_and_a_cancelled_one_counts_nowhere() {
        let hand = Hand::new().get("/orders").get("/orders").get("/orders");
        let hand = hand
            .at(100)
            .answered(1, 200)
            .at(500)
            .unanswered(2, Outcome::Unknown);
        let block = siege(&hand.at(900).cancelled(3).history());
        assert_eq!((block.transactions, block.failed), (1, 1));
        assert_eq!((block.response_s, block.elapsed_s), (0.1, 0.9));
        assert_eq!(two_decimals(block.data_mb * MB), "200.00");
    }

    #[test]
    fn failures_inflate_the_response_time() {
        let hand = Hand::new()
            .get("/orders")
            .get("/orders")
            .at(1_000)
            .answered(1, 200);
        let block = siege(&hand.at(3_000).answered(2, 503).history());
        assert_eq!(
            (block.response_s, block.longest_s, block.shortest_s),
            (4.0, 3.0, 1.0)
        );
    }

    #[test]
    fn time_has_ticks_of_10_ms() {
        let of = |sent: u64, answered: u64| {
            let hand = Hand::new()
                .at_us(sent)
                .get("/orders")
                .at_us(answered)
                .answered(1, 200);
            siege(&hand.history())
        };
        assert_eq!(of(10_000, 19_999).longest_s, 0.0);
        assert_eq!(of(19_999, 20_000).longest_s, 0.01);
        assert_eq!(of(10_000, 19_999).concurrency, 0.0);
    }

    #[test]
    fn only_the_load_counts_and_idle_users_lengthen_it() {
        let hand = Hand::new()
            .get("/warm-up")
            .answered(1, 500)
            .at(1_000)
            .phase("load");
        let hand = hand
            .get("/orders")
            .at(2_000)
            .answered(2, 200)
            .at(5_000)
            .phase("heal");
        let block = siege(&hand.get("/orders").at(9_000).answered(3, 500).history());
        assert_eq!(
            (block.transactions, block.failed, block.elapsed_s),
            (1, 0, 4.0)
        );
        let late = Hand::new()
            .phase("load")
            .get("/orders")
            .at(1_000)
            .phase("heal");
        assert_eq!(
            siege(&late.at(1_500).answered(1, 200).history()).elapsed_s,
            1.5
        );
    }

    #[test]
    fn a_run_of_siege_has_the_block_to_itself() {
        let began = |load: &str| What::SiegeBegan { load: load.into() };
        let ended = |load: &str| What::SiegeEnded {
            load: load.into(),
            gave_up: false,
        };
        // The hand calls its users user-1, user-2, …; the first one comes before the siege.
        let hand = Hand::new()
            .phase("load")
            .at(1_000)
            .add(began("user"))
            .get("/orders")
            .at(1_250)
            .answered(1, 200)
            .at(5_003)
            .add(ended("user"))
            .at(9_000)
            .phase("heal");
        let block = siege(&hand.history());
        assert_eq!((block.transactions, block.elapsed_s), (1, 4.0));
        let others = Hand::new()
            .add(began("other"))
            .get("/orders")
            .answered(1, 503);
        let block = siege(&others.at(2_000).add(ended("other")).history());
        assert_eq!((block.failed, block.elapsed_s), (0, 2.0), "of other users");
    }

    /// Sums whose quotients are the lines that teams recorded.
    #[test]
    fn recorded_runs_come_out_as_recorded() {
        let sums = Sums {
            hits: 1_025,
            failed: 588,
            bytes: 1_025 * 207 + 588 * 248,
            ticks: 574_008,
            elapsed: 5_978,
            ..Sums::default()
        };
        let block = sums.siege();
        assert_eq!(two_decimals(block.availability_percent), "63.55");
        assert_eq!(two_decimals(block.data_mb), "0.34");
        assert_eq!(two_decimals(block.response_s), "5.60");
        assert_eq!(two_decimals(block.rate_per_s), "17.15");
        assert_eq!(two_decimals(block.concurrency), "96.02");
        for (hits, failed, percent) in [(1_029, 1_026, "50.07"), (191, 1_226, "13.48")] {
            let block = Sums {
                hits,
                failed,
                ..Sums::default()
            }
            .siege();
            assert_eq!(two_decimals(block.availability_percent), percent);
        }
    }

    #[test]
    fn prints_as_siege_does() {
        let hand = Hand::new().get("/orders").at(1_250).answered(1, 200);
        insta::assert_snapshot!(siege(&hand.history()).to_string());
    }

    proptest! {
        #[test]
        fn concurrency_is_response_time_times_rate(history in histories()) {
            let block = siege(&history);
            if block.transactions > 0 && block.elapsed_s > 0.0 {
                let product = block.response_s * block.rate_per_s;
                prop_assert!((block.concurrency - product).abs() <= 1e-9 * product.max(1.0));
            }
            prop_assert!(block.shortest_s <= block.longest_s);
            prop_assert!(block.successful <= block.transactions);
            prop_assert!((0.0..=100.0).contains(&block.availability_percent));
        }
    }
}
