//! `report.html`: the runs for people, in one file that needs nothing else.
//!
//! The file is a page's shell with two blocks of JSON: what `results.json` says, whole, and beside
//! each run what only people want (claim, evidence, timeline). The page's own script (`page/`)
//! draws from these alone, so every figure is the one in `results.json`. Observable Plot, vendored
//! in `vendor/`, makes the plots.

mod asset;

pub(crate) use asset::escaped;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    check::RunVerdict,
    comparison::{Reproduction, reproductions},
    report::Report,
    results::{Results, Wall},
    timeline::Timeline,
};

/// Timelines take at most so many bytes together; of what is over it, failing runs come first.
pub const TIMELINE_BYTES: usize = 3_500_000;

/// A run as the file shows it.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Its figures and judgements.
    pub report: &'a Report,
    /// What happened over time, if that was kept.
    pub timeline: Option<&'a Timeline>,
}

/// What the file has besides results.
#[derive(Serialize)]
struct Extra<'a> {
    title: &'a str,
    /// What was left out, in words.
    notes: Vec<String>,
    documented: Vec<Reproduction>,
    pages: Vec<Notes<'a>>,
}

/// What a run has besides its result.
#[derive(Serialize)]
struct Notes<'a> {
    /// In words: JavaScript's numbers are not exact so far up.
    seed: String,
    claim: &'a str,
    command: &'a str,
    broken: Vec<Broken<'a>>,
    panics: &'a [String],
    /// Of a run that did not pass.
    last_events: &'a [String],
    timeline: Option<&'a Timeline>,
    /// Why there is none.
    without_timeline: &'static str,
}

/// A check that did not pass.
#[derive(Serialize)]
struct Broken<'a> {
    name: &'a str,
    verdict: crate::check::Verdict,
    observed: &'a str,
    bound: &'a str,
    evidence: &'a [String],
}

/// The file's text for these runs, in their order.
pub fn render(title: &str, pages: &[Page<'_>], wall: &Wall) -> String {
    let runs = pages.iter().map(|page| page.report.result.clone());
    let results = Results::new(runs.collect(), wall.clone());
    let extra = extra(title, pages, &results);
    let fill = |name: &str| match name {
        "TITLE" => asset::escaped(title),
        "STYLE" => asset::STYLE.to_owned(),
        "LICENCES" => asset::LICENCES.to_owned(),
        "LIBRARIES" => asset::LIBRARIES.to_owned(),
        "SCRIPT" => asset::SCRIPT.to_owned(),
        "RESULTS" => asset::script_json(&results),
        "PAGES" => asset::script_json(&extra),
        other => unreachable!("the shell has no place called {other}"),
    };
    asset::filled(asset::SHELL, fill)
}

fn extra<'a>(title: &'a str, pages: &[Page<'a>], results: &Results) -> Extra<'a> {
    let shown = shown(pages);
    let left_out = pages.len() - shown.iter().filter(|shown| **shown).count();
    let mut notes = Vec::new();
    if left_out > 0 {
        notes.push(format!(
            "Plots are shown for {} of {} runs: those that did not pass and the first of each \
             scenario. `squall run SCENARIO --seed N` makes those of any other.",
            pages.len() - left_out,
            pages.len()
        ));
    }
    let pages = pages.iter().zip(shown);
    Extra {
        title,
        notes,
        documented: reproductions(&results.runs),
        pages: pages.map(|(page, shown)| Notes::of(*page, shown)).collect(),
    }
}

/// Which timelines fit: those of runs that did not pass first, then the first of every scenario,
/// then the second, …
fn shown(pages: &[Page<'_>]) -> Vec<bool> {
    let mut runs: BTreeMap<&str, usize> = BTreeMap::new();
    let turns = pages.iter().map(|page| {
        let result = &page.report.result;
        let turn = runs.entry(&result.scenario).or_default();
        *turn += 1;
        (result.verdict == RunVerdict::Pass, *turn)
    });
    let mut order: Vec<_> = turns.enumerate().collect();
    order.sort_by_key(|(_, turn)| *turn);
    let mut shown = vec![false; pages.len()];
    let mut room = TIMELINE_BYTES;
    for (place, _) in order {
        let Some(timeline) = pages[place].timeline else {
            continue;
        };
        let size = asset::script_json(timeline).len();
        if size <= room {
            room -= size;
            shown[place] = true;
        }
    }
    shown
}

impl<'a> Notes<'a> {
    fn of(page: Page<'a>, shown: bool) -> Self {
        let report = page.report;
        let broken = report.broken().into_iter().map(|check| Broken {
            name: &check.name,
            verdict: check.verdict,
            observed: &check.observed,
            bound: &check.bound,
            evidence: &check.evidence,
        });
        let passed = report.result.verdict == RunVerdict::Pass;
        Self {
            seed: report.result.seed.to_string(),
            claim: &report.claim,
            command: &report.command,
            broken: broken.collect(),
            panics: &report.panics,
            last_events: if passed { &[] } else { &report.last_events },
            timeline: page.timeline.filter(|_| shown),
            without_timeline: if page.timeline.is_some() {
                "Left out to keep this file small; the command above makes it."
            } else {
                "Of this run only the figures above were kept."
            },
        }
    }
}

/// How pages look: for other pages that are to look alike.
pub(crate) fn style() -> &'static str {
    asset::STYLE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        hand::Hand,
        history::{Consumption, History},
        report::by_hand,
    };

    fn wall() -> Wall {
        Wall {
            total_s: 1.5,
            ..Wall::default()
        }
    }

    /// What the page's script sees of a block.
    fn block(text: &str, id: &str) -> serde_json::Value {
        let start = format!("<script type=\"application/json\" id=\"{id}\">");
        let (_, rest) = text.split_once(&start).expect("the block is there");
        let (json, _) = rest.split_once("</script>").expect("it ends");
        serde_json::from_str(json).expect("it is JSON")
    }

    #[test]
    fn page() {
        let reports = by_hand::reports();
        let timeline = Timeline::of(&by_hand::lost(), &reports[1].checks);
        let pages: Vec<Page<'_>> = reports
            .iter()
            .map(|report| Page {
                report,
                timeline: (report.result.seed == 7).then_some(&timeline),
            })
            .collect();
        let text = render("squall run", &pages, &wall());
        // What is the same in every file is read in its own.
        let text = text
            .replace(asset::LIBRARIES, "(libraries)")
            .replace(asset::LICENCES, "(licences)")
            .replace(asset::SCRIPT, "(script)")
            .replace(asset::STYLE, "(style)");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_file_holds_results_json_whole() {
        let reports = by_hand::reports();
        let pages: Vec<Page<'_>> = reports
            .iter()
            .map(|report| Page {
                report,
                timeline: None,
            })
            .collect();
        let text = render("squall", &pages, &wall());
        let runs = reports.iter().map(|report| report.result.clone()).collect();
        let results = Results::new(runs, wall()).to_json();
        let results: serde_json::Value = serde_json::from_str(&results).expect("JSON");
        assert_eq!(block(&text, "results"), results);
    }

    /// 200 000 requests in 200 s, one in 1 000 of them failed; every tenth states an event.
    fn busy() -> History {
        let hand = Hand::new().phase("load").each(0..200_000, |hand, n| {
            let hand = hand
                .on("load-1")
                .at_us(n * 1_000)
                .request("POST", "/orders");
            let hand = hand.at_us(n * 1_000 + 100 + n % 700);
            let (order, event) = ((n + 1).to_string(), format!("c{n}#0"));
            match n {
                _ if n % 1_000 == 999 => hand.answered(n + 1, 503),
                _ if n % 10 != 0 => hand.created(n + 1, &format!("/orders/{order}")),
                _ => hand
                    .created(n + 1, &format!("/orders/{order}"))
                    .on("order-1")
                    .published(&event, "Ordered", &order, n / 10)
                    .on("notice-1")
                    .consumed("notice", &event, &order, Consumption::Applied),
            }
        });
        hand.history()
    }

    #[test]
    fn a_run_of_200_000_requests_is_a_small_page_with_the_results_figures() {
        let history = busy();
        let report = by_hand::report("shop/busy", 1, &history);
        let timeline = Timeline::of(&history, &report.checks);
        let page = Page {
            report: &report,
            timeline: Some(&timeline),
        };
        let text = render("squall run", &[page], &wall());
        let nothing = render("squall run", &[], &wall());
        let size = text.len() - nothing.len();
        assert!(size < 200_000, "{size} bytes for one run");

        let run = &block(&text, "results")["runs"][0];
        let timeline = &block(&text, "pages")["pages"][0]["timeline"];
        let total = |counts: &str| {
            let bins = timeline["traffic"][counts].as_array().expect("bins");
            bins.iter()
                .filter_map(serde_json::Value::as_u64)
                .sum::<u64>()
        };
        let (requests, max) = (&run["requests"], &run["latency_ms"]["max"]);
        assert_eq!(requests["issued"], 200_000);
        for counts in ["ok", "failed", "unknown"] {
            assert_eq!(requests[counts], total(counts), "{counts}");
        }
        let curve = timeline["percentiles"].as_array().expect("a curve");
        let last = curve.last().and_then(|point| point[1].as_f64());
        assert_eq!(last.map(|us| us / 1_000.0), max.as_f64());
        // What is not shown is said.
        let left_out = timeline["left_out"][0].as_str().expect("a sentence");
        assert!(left_out.contains("chains of 6 of 20000 keys"), "{left_out}");
    }

    #[test]
    fn nothing_of_a_run_becomes_markup() {
        let mut report = by_hand::reports().remove(1);
        report.claim = "</script><script>alert(1)</script><!-- {{SCRIPT}}".to_owned();
        let page = Page {
            report: &report,
            timeline: None,
        };
        let text = render("<b>&\"", &[page], &wall());
        assert!(!text.contains("alert(1)</script>") && !text.contains("<b>"));
        assert!(text.contains("<title>&lt;b&gt;&amp;&quot;</title>"));
        assert_eq!(block(&text, "pages")["pages"][0]["claim"], report.claim);
    }

    #[test]
    fn timelines_that_do_not_fit_are_left_out_and_failing_runs_come_first() {
        let reports = by_hand::reports();
        let large = Timeline {
            left_out: vec!["x".repeat(TIMELINE_BYTES / 2)],
            ..Timeline::default()
        };
        let pages: Vec<Page<'_>> = reports
            .iter()
            .map(|report| Page {
                report,
                timeline: Some(&large),
            })
            .collect();
        // The first one passes.
        assert_eq!(shown(&pages), [false, true, false, false]);
        let text = render("squall", &pages, &wall());
        let extra = block(&text, "pages");
        assert!(
            extra["notes"][0]
                .as_str()
                .expect("a note")
                .starts_with("Plots are shown for 1 of 4")
        );
        assert!(extra["pages"][0]["timeline"].is_null());
    }
}
