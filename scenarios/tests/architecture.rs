//! The import picture of README's code map and the size rules, held against the code itself.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which crate may know which. Whoever needs a new arrow argues for it here.
const PICTURE: &[(&str, &[&str])] = &[
    ("squall-kit", &[]),
    ("squall-reports", &[]),
    ("squall-sim", &["squall-kit", "squall-reports"]),
    ("squall-chaos", &["squall-reports", "squall-sim"]),
    ("squall-shop", &["squall-kit"]),
    (
        "squall",
        &[
            "squall-chaos",
            "squall-kit",
            "squall-reports",
            "squall-shop",
            "squall-sim",
        ],
    ),
];

/// The examples ("T:") of the platform's rules by their section, and the test that each of them is.
const VECTORS: &str = "
§1 fails from t on, detected after 20 to 31 s: detection_time_is_within_its_bounds
§1 exits 1 s after every start: start_times_of_a_container_that_lives_for_a_second
§1 preStop, alone: a_pre_stop_longer_than_the_propagation_closes_the_race
§1 preStop 5 s: news_of_an_endpoint_that_comes_late_loses_requests_unless_the_pod_waits_for_it
§1 grace 3 s, preStop 5 s: a_pre_stop_longer_than_the_grace_gets_two_seconds_once
§2 25 % of 1 to 10: surge_is_rounded_up_and_unavailable_down
§2 desired 4: four_replicas_roll_one_by_one
§2 desired 10: ten_replicas_start_with_three_and_five
§2 desired 1, no readiness probe: one_replica_without_a_readiness_probe_is_away_for_its_start_up
§2 desired 1, readiness probe: one_replica_is_replaced_when_the_new_one_is_ready
§2 crash-looping template: a_bad_template_sticks_and_undo_recovers
§3 60 % of 15 %, no behavior: without_behavior_it_at_most_doubles_or_goes_to_four
§3 the same, with behavior: with_behavior_it_adds_four_or_doubles_in_each_period
§3 109 % and 111 %: a_change_within_the_tolerance_is_none
§3 two of four young: young_pods_that_are_not_ready_count_as_idle_when_it_would_grow
§3 load drops: it_shrinks_in_one_step_when_the_window_is_over
§4 30 000 connections: platform_4_connections_are_spread_evenly_at_random
§4 one slow pod: platform_4_least_request_spares_the_slow_pod_and_random_does_not
§5 pool of 1 and 1: platform_5_one_connection_one_pending_three_requests
§5 the same, in a cluster: platform_5_one_active_one_queued_one_overflow_at_once
§5 always 503: platform_5_ejected_after_the_fifth_503_back_at_a_sweep_and_twice_as_long_next_time
§5 10 % of two pods: platform_5_ten_percent_of_two_pods_is_none_and_was_one
§6 19 failures: platform_6_nineteen_failures_stay_closed
§6 20 failures: platform_6_twenty_failures_open_at_the_next_500_ms_tick
§6 100 at once: platform_6_a_hundred_calls_at_once_run_10_reject_90_and_open_within_500_ms
§6 t + 5000 ms: platform_6_the_sleep_window_is_over_strictly_after_5000_ms
§7 murmur2: kafkas_own_vectors_hold
§7 partitions: keys_fall_where_kafka_puts_them
§7 a crash: platform_7_a_crash_after_the_effect_delivers_it_twice_and_applies_it_once
§8 90 × 200, 5 × 404, 5 × 503: a_404_is_a_hit_and_a_503_is_not
";

const LINES_PER_FILE: usize = 600;
const LINES_PER_FUNCTION: usize = 70;
const COLUMNS: usize = 100;
const MEDIAN_LINES: usize = 150;

#[test]
fn crates_know_only_whom_the_picture_allows() {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata reads this workspace");
    let members: Vec<_> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let allowed: BTreeMap<_, _> = PICTURE.iter().copied().collect();
    for package in &metadata.packages {
        let mut knows: Vec<_> = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind == DependencyKind::Normal)
            .map(|dependency| dependency.name.as_str())
            .filter(|name| members.contains(name))
            .collect();
        knows.sort_unstable();
        let name = package.name.as_str();
        let expected = allowed
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in the picture"));
        assert_eq!(
            &knows, expected,
            "{name} knows other crates than the picture says"
        );
    }
    let binaries = metadata
        .packages
        .iter()
        .flat_map(|package| &package.targets)
        .filter(|target| target.is_bin())
        .count();
    assert_eq!(binaries, 1, "there is exactly one binary, `squall`");
}

#[test]
fn only_the_engine_names_turmoil() {
    for (path, text) in sources() {
        let inside = path.starts_with(root().join("sim/src/engine"))
            || path.starts_with(root().join("sim/benches"))
            || path.ends_with("scenarios/tests/architecture.rs");
        let names_it = text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains("turmoil::") || code.contains("turmoil_net::")
        });
        assert!(inside || !names_it, "{} names turmoil", path.display());
    }
}

#[test]
fn files_functions_and_lines_stay_small() {
    let mut lengths = Vec::new();
    let mut broken = Vec::new();
    for (path, text) in sources() {
        let lines: Vec<_> = text.lines().collect();
        lengths.push(lines.len());
        let name = path
            .strip_prefix(root())
            .unwrap_or(&path)
            .display()
            .to_string();
        if lines.len() > LINES_PER_FILE {
            broken.push(format!("{name}: {} lines", lines.len()));
        }
        for (number, line) in (1..).zip(&lines) {
            if line.chars().count() > COLUMNS {
                broken.push(format!("{name}:{number}: wider than {COLUMNS} columns"));
            }
        }
        for (start, length) in functions(&lines) {
            if length > LINES_PER_FUNCTION {
                broken.push(format!("{name}:{start}: a function of {length} lines"));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "over the size rules:\n{}",
        broken.join("\n")
    );
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= MEDIAN_LINES, "the median file has {median} lines");
}

/// A hint that nobody tells could never be reached; one that is not listed would never be looked
/// for.
#[test]
fn every_hint_is_listed_and_told() {
    let sources = sources();
    let mut texts = Vec::new();
    for (folder, listed) in [
        ("system/kit/src", squall_kit::hints::ALL),
        ("system/shop/src", squall_shop::hints::ALL),
    ] {
        let folder = root().join(folder);
        let (declaring, telling): (Vec<_>, Vec<_>) = sources
            .iter()
            .filter(|(path, _)| path.starts_with(&folder))
            .partition(|(path, _)| path.ends_with("hints.rs"));
        let names: Vec<&str> = declaring[0]
            .1
            .lines()
            .filter_map(|line| line.strip_suffix("\";")?.trim().split_once(" = \""))
            .map(|(name, _)| name)
            .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
            .collect();
        assert_eq!(names.len(), listed.len(), "{}", folder.display());
        for name in names {
            let told = format!("hints::{name}");
            let is_told = telling.iter().any(|(_, text)| {
                let mut places = text.match_indices(&told);
                places.any(|(at, _)| {
                    let next = text[at + told.len()..].chars().next();
                    next.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_')
                })
            });
            assert!(is_told, "nobody tells {told} in {}", folder.display());
        }
        for (path, text) in telling {
            let unlisted = text.contains(".hint(\"") || text.contains("Signal::Hint(\"");
            assert!(!unlisted, "a hint without a name in {}", path.display());
        }
        texts.extend_from_slice(listed);
    }
    let all = texts.len();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), all, "two hints have one text");
}

#[test]
fn every_published_example_has_its_test() {
    let sources = sources();
    for vector in VECTORS.trim().lines() {
        let (section, test) = vector.split_once(' ').expect("a section");
        let (_, test) = test.rsplit_once(": ").expect("the name of a test");
        let head = format!("fn {test}(");
        let found = sources.iter().find_map(|(_, text)| text.split_once(&head));
        let (before, _) = found.unwrap_or_else(|| panic!("no such test: {vector}"));
        let above = before.lines().rev().map(str::trim_start);
        let mut above = above
            .skip(1)
            .take_while(|line| line.starts_with(['/', '#']));
        let named = format!("platform_{}_", section.trim_start_matches('§'));
        let said = format!("platform {section}");
        let says = test.starts_with(&named) || above.any(|line| line.contains(&said));
        assert!(says, "the test does not say where it is from: {vector}");
    }
}

/// First line and length of every function: from `fn` to the closing brace of the same indent,
/// which rustfmt guarantees.
fn functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let words: Vec<_> = code.split_whitespace().take(6).collect();
        let is_function = words.contains(&"fn")
            && !code.starts_with("//")
            && words.iter().take_while(|word| **word != "fn").all(|word| {
                ["pub", "async", "const", "extern"].contains(word) || word.starts_with("pub(")
            });
        if !is_function {
            continue;
        }
        let indent = line.len() - code.len();
        let closing = format!("{}}}", " ".repeat(indent));
        let end = lines[start..].iter().position(|line| {
            *line == closing
                || (line.ends_with(';') && line.len() - line.trim_start().len() == indent)
        });
        found.push((start + 1, end.map_or(0, |end| end + 1)));
    }
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<_> = ["system", "sim", "chaos", "reports", "scenarios"]
        .iter()
        .map(|folder| root().join(folder))
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of this workspace") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is text");
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 20, "the walk finds the workspace's sources");
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("scenarios/ has a parent")
        .to_path_buf()
}
