//! `junit.xml`: the runs as test cases, for continuous integration.

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::{
    check::{Check, RunVerdict},
    report::Report,
};

/// One suite for every scenario in the order of its first run, one case for every seed. Broken
/// promises are failures; panics, and runs that judged nothing, are errors. No times: they would
/// differ from run to run.
pub fn junit(reports: &[Report]) -> String {
    let mut suites: Vec<TestSuite> = Vec::new();
    for report in reports {
        let scenario = report.result.scenario.as_str();
        let place = suites
            .iter()
            .position(|suite| suite.name.as_str() == scenario);
        let place = place.unwrap_or_else(|| {
            suites.push(TestSuite::new(scenario));
            suites.len() - 1
        });
        if let Some(suite) = suites.get_mut(place) {
            suite.add_test_case(case(report));
        }
    }
    let mut file = quick_junit::Report::new("squall");
    file.add_test_suites(suites);
    file.to_string()
        .expect("a report of strings is written to memory")
}

fn case(report: &Report) -> TestCase {
    let verdict = report.result.verdict;
    let kind = match verdict {
        RunVerdict::Pass => None,
        RunVerdict::Fail | RunVerdict::NotDeterministic => Some(NonSuccessKind::Failure),
        RunVerdict::Vacuous | RunVerdict::Unknown | RunVerdict::Panic => {
            Some(NonSuccessKind::Error)
        }
    };
    let mut status = kind.map_or_else(TestCaseStatus::success, TestCaseStatus::non_success);
    if kind.is_some() {
        status
            .set_type(verdict.to_string())
            .set_message(message(report));
        status.set_description(description(report));
    }
    let mut case = TestCase::new(format!("seed {}", report.result.seed), status);
    case.set_classname(report.result.scenario.as_str());
    case
}

fn message(report: &Report) -> String {
    let broken = report.broken();
    let check = broken.first().map(|check| {
        format!(
            "{}: observed {}, promised {}",
            check.name, check.observed, check.bound
        )
    });
    let panic = report.panics.first().map(|panic| format!("panic: {panic}"));
    panic
        .or(check)
        .unwrap_or_else(|| "nothing was judged".to_owned())
}

fn description(report: &Report) -> String {
    let mut lines = vec![report.claim.clone(), format!("repeat: {}", report.command)];
    lines.extend(report.panics.iter().map(|panic| format!("panic: {panic}")));
    for check in report.broken() {
        let Check {
            name,
            verdict,
            observed,
            bound,
            evidence,
        } = check;
        lines.push(format!("{verdict} {name}"));
        lines.push(format!("  observed {observed}"));
        lines.push(format!("  promised {bound}"));
        lines.extend(evidence.iter().map(|line| format!("  {line}")));
    }
    lines.push("last events:".to_owned());
    lines.extend(report.last_events.iter().map(|line| format!("  {line}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hand::Hand, report::by_hand};

    #[test]
    fn junit_xml() {
        insta::assert_snapshot!(junit(&by_hand::reports()));
    }

    #[test]
    fn seeds_of_one_scenario_share_a_suite() {
        let history = Hand::new().history();
        let reports = [1, 2].map(|seed| by_hand::report("shop/calm", seed, &history));
        let text = junit(&reports);
        assert_eq!(
            (
                text.matches("<testsuite ").count(),
                text.matches("<testcase").count()
            ),
            (1, 2)
        );
    }

    #[test]
    fn control_characters_do_not_break_the_file() {
        let history = Hand::new()
            .panicked("pay-1", "\u{1b}[31mred\u{0} & ]]>")
            .history();
        let text = junit(&[by_hand::report("shop/calm", 1, &history)]);
        assert!(!text.contains(['\u{1b}', '\u{0}']), "{text}");
        assert!(text.contains("red &amp; ]]&gt;"), "{text}");
    }
}
