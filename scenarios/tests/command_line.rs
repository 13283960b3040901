//! The `squall` command, as scripts and people meet it.

mod support;

use std::{fs, io, path::Path, process::Command};

use serde_json::Value;
use squall_reports::fingerprint::Fingerprint;
use support::program::{Running, Said, squall};

fn assert_refused(said: &Said, words: &[&str]) {
    assert_eq!(said.code, Some(2), "{said:?}");
    assert_eq!(said.out, "", "nothing was run");
    for word in words {
        assert!(said.err.contains(word), "{word:?} is missing: {said:?}");
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&text(path)).expect("JSON")
}

/// The command line, and `--out` with its directory.
fn with_out(args: &[&str], out: &Path) -> Vec<String> {
    let out = out.to_str().expect("a temporary directory has a name");
    let args = args.iter().copied().chain(["--out", out]);
    args.map(str::to_owned).collect()
}

#[test]
fn a_name_that_matches_nothing_gets_its_neighbours() {
    let out = tempfile::tempdir().expect("a temporary directory");
    for (name, neighbour) in [
        ("pay-outrage", "shop/pay-outage"),
        ("shop/stok", "shop/stock"),
        ("gatway", "shop/gateway"),
        ("shop/yaer-hardened", "shop/year-hardened"),
    ] {
        for args in [&["run", name][..], &[name], &["run", "stock", name]] {
            let said = squall(with_out(args, &out.path().join("never")));
            assert_refused(&said, &[&format!("{name:?}"), neighbour]);
            assert_eq!(said.err.lines().count(), 1, "{said:?}");
        }
    }
    assert!(!out.path().join("never").exists(), "nothing was written");
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    for args in [
        &["run", "stock", "--seeds", "0"][..],
        &["--seeds", "0"],
        &["--seeds", "18446744073709551615"],
        &["--seeds", "9..=3"],
        &["--seeds", "0..=1000000"],
        &["--seeds", "3..9"],
        &["run", "stock", "--seed", "1", "--seeds", "2"],
        &["run", "stock", "--seed", "one"],
        &["run", "stock", "--jobs", "0"],
        &["run", "stock", "--engine", "steam"],
        &["run", "stock", "--faster"],
        &["run", "shop/year", "--horizon", "decade"],
        &["list", "--yaml"],
    ] {
        assert_refused(&squall(args), &["error: "]);
    }
}

#[test]
fn a_year_is_neither_for_many_seeds_nor_for_a_slow_engine() {
    for args in [
        &["run", "shop/year", "--seeds", "2"][..],
        &["run", "stock", "shop/year-hardened", "--seeds", "2"],
        &["shop/year-documented", "--engine", "turmoil"],
    ] {
        assert_refused(&squall(args), &["a year is long"]);
    }
}

#[test]
fn an_out_that_cannot_be_written_is_refused_before_any_run() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let occupied = folder.path().join("occupied");
    fs::create_dir_all(occupied.join("results.json")).expect("a directory");
    // The whole catalogue: had it run, there would be a table.
    for out in [&file, &file.join("below"), &occupied] {
        let said = squall(with_out(&["run"], out));
        assert_refused(&said, &["cannot write", &out.display().to_string()]);
        assert_eq!(said.err.lines().count(), 1, "{said:?}");
    }
}

#[test]
fn a_reader_who_has_seen_enough_is_no_panic() {
    let out = tempfile::tempdir().expect("a temporary directory");
    let run = with_out(&["run", "stock"], out.path());
    let run: Vec<_> = run.iter().map(String::as_str).collect();
    for args in [&["list"][..], &["list", "--json"], &["--help"], &run] {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let mut program = Command::new(env!("CARGO_BIN_EXE_squall"));
        let ended = program.args(args).stdout(writer).output().expect("it runs");
        assert_eq!(ended.status.code(), Some(0), "{args:?}: {ended:?}");
        assert!(ended.stderr.is_empty(), "{args:?}: {ended:?}");
    }
}

#[test]
fn the_list_names_every_scenario_its_system_and_its_claim() {
    let said = squall(["list", "--json"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let listed: Vec<Value> = serde_json::from_str(&said.out).expect("JSON");
    let of_kind = |kind: &str| listed.iter().filter(|one| one["kind"] == kind).count();
    assert_eq!(of_kind("scenario"), squall::catalogue::all().len());
    assert_eq!(of_kind("year"), squall::catalogue::years().len());
    assert_eq!(of_kind("arena"), squall::catalogue::arenas().len());
    let plain = squall(["list"]).out;
    for scenario in listed {
        for field in ["scenario", "system", "claim"] {
            let value = scenario[field].as_str().expect("a text");
            assert!(
                !value.is_empty() && plain.contains(value),
                "{field}: {value}"
            );
        }
    }
}

#[test]
fn a_run_twice_writes_the_same_bytes() {
    let (one, two) = (tempfile::tempdir(), tempfile::tempdir());
    let (one, two) = (one.expect("a directory"), two.expect("a directory"));
    let args = ["run", "shop/stock", "shop/cqrs", "--seeds", "2", "--jobs"];
    for (jobs, out) in [("1", &one), ("4", &two)] {
        let said = squall(with_out(&[&args[..], &[jobs]].concat(), out.path()));
        assert_eq!(
            (said.code, said.err.as_str()),
            (Some(0), ""),
            "{}",
            said.out
        );
        assert!(said.out.contains("4 of 4 runs passed"), "{}", said.out);
        assert!(!said.out.contains('\u{1b}'), "colours are for terminals");
        let names = fs::read_dir(out.path()).expect("a directory");
        let mut names: Vec<_> = names.map(|it| it.expect("a file").file_name()).collect();
        names.sort();
        let files = ["junit.xml", "report.html", "results.json"];
        assert_eq!(names, files, "and nothing else");
    }
    let file = |out: &tempfile::TempDir, name| text(&out.path().join(name));
    assert_eq!(file(&one, "junit.xml"), file(&two, "junit.xml"));
    let outside_wall = |out| {
        let results = file(out, "results.json");
        let wall = results.find("\"wall\"").expect("wall figures");
        // They come last, so that all before them is one piece.
        assert!(results.find("\"runs\"") < Some(wall));
        results[..wall].to_owned()
    };
    assert_eq!(outside_wall(&one), outside_wall(&two));
    let results = json(&one.path().join("results.json"));
    assert_eq!(results["schema"], "squall.results/1");
    let seeds: Vec<_> = results["runs"]
        .as_array()
        .expect("runs")
        .iter()
        .map(|run| (run["scenario"].as_str().expect("a name"), &run["seed"]))
        .collect();
    let of = |scenario| [(scenario, Value::from(1)), (scenario, Value::from(2))];
    let expected: Vec<_> = of("shop/stock")
        .into_iter()
        .chain(of("shop/cqrs"))
        .collect();
    assert!(
        seeds
            .iter()
            .map(|(name, seed)| (*name, (*seed).clone()))
            .eq(expected)
    );
}

#[test]
fn each_format_prints_what_its_file_holds() {
    let out = tempfile::tempdir().expect("a temporary directory");
    let said = |format| {
        let args = ["run", "shop/stock", "--format", format];
        squall(with_out(&args, out.path())).out
    };
    for (format, name) in [("json", "results.json"), ("junit", "junit.xml")] {
        let printed = said(format);
        assert_eq!(printed, text(&out.path().join(name)), "{format}");
    }
    let summary = said("markdown");
    assert!(summary.starts_with("## squall: 1 pass\n"), "{summary}");
    assert!(
        summary.contains("| pass | shop/stock, seed 1 |"),
        "{summary}"
    );
    let page = text(&out.path().join("report.html"));
    assert!(page.contains("\"scenario\":\"shop/stock\""));
}

#[test]
fn a_comparison_passes_or_names_what_became_worse() {
    let out = tempfile::tempdir().expect("a temporary directory");
    squall(with_out(&["run", "shop/stock"], out.path()));
    let current = out.path().join("results.json");
    let baseline = out.path().join("baseline.json");
    let compare = |more: &[&str]| {
        let files = [&baseline, &current].map(|path| path.to_str().expect("a name"));
        squall([&["compare"], &files[..], more].concat())
    };
    // Without a baseline there is nothing to compare with, until there is one.
    assert_refused(&compare(&[]), &["baseline.json", "--update"]);
    assert_eq!(compare(&["--update"]).code, Some(0));
    let same = compare(&[]);
    assert_eq!(same.code, Some(0), "{same:?}");
    assert!(
        same.out.contains("0 worse, 0 changed, 0 better"),
        "{same:?}"
    );
    assert!(same.out.contains("1 of 1 runs identical"), "{same:?}");

    // The baseline was faster: now it is slower.
    let mut results = json(&baseline);
    let p50 = results["runs"][0]["latency_ms"]["p50"]
        .as_f64()
        .expect("a figure");
    results["runs"][0]["latency_ms"]["p50"] = Value::from(p50 / 2.0);
    fs::write(&baseline, results.to_string()).expect("a file");
    let worse = compare(&[]);
    assert_eq!(worse.code, Some(1), "{worse:?}");
    for word in ["worse", "shop/stock", "latency_ms.p50", "+100.0 %"] {
        assert!(worse.out.contains(word), "{word}: {worse:?}");
    }
    assert_eq!(compare(&["--tolerance", "101%"]).code, Some(0));
    for (format, word) in [("json", "squall.compare/1"), ("markdown", "| worse |")] {
        assert!(
            compare(&["--format", format]).out.contains(word),
            "{format}"
        );
    }
    assert!(
        compare(&["--format", "html"])
            .out
            .starts_with("<!doctype html>")
    );
    assert_eq!(compare(&["--update"]).code, Some(0));
    assert_eq!(compare(&[]).code, Some(0));
}

#[test]
fn a_comparison_says_where_two_runs_part() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let one = folder.path().join("one");
    squall(with_out(&["run", "shop/stock", "--histories"], &one));
    // As if another build had named its phase otherwise.
    let other = folder.path().join("other");
    fs::create_dir_all(other.join("histories")).expect("a directory");
    let history = "histories/shop.stock.1.jsonl";
    let lines = text(&one.join(history));
    let lines = lines.replacen("\"name\":\"settle\"", "\"name\":\"calm\"", 1);
    let mut fingerprint = Fingerprint::default();
    lines.lines().for_each(|line| fingerprint.add_written(line));
    let mut results = json(&one.join("results.json"));
    results["runs"][0]["fingerprint"] = Value::from(fingerprint.finish());
    fs::write(other.join(history), lines).expect("a file");
    fs::write(other.join("results.json"), results.to_string()).expect("a file");
    let said = compared(&one, &other);
    assert_eq!(said.code, Some(0), "{said:?}");
    for words in [
        "shop/stock, seed 1: they part at entry",
        "  both     ",
        "phase name=settle",
        "phase name=calm",
    ] {
        assert!(said.out.contains(words), "{words}: {said:?}");
    }
    // What explains is not needed to judge: a history that is none, or another run's, is a note.
    for (content, words) in [
        ("{\"at_us\":0", "no parting shown: cannot read"),
        ("", "shop.stock.1.jsonl is not of the run in results.json"),
    ] {
        fs::write(other.join(history), content).expect("a file");
        let said = compared(&one, &other);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.out.contains(words), "{words}: {said:?}");
        assert!(said.out.contains("0 worse"), "{said:?}");
    }
}

/// `squall compare` of what two runs wrote.
fn compared(baseline: &Path, current: &Path) -> Said {
    let files = [baseline, current].map(|out| out.join("results.json").display().to_string());
    squall(["compare", &files[0], &files[1]])
}

#[test]
fn a_history_that_cannot_be_written_is_no_success() {
    let out = tempfile::tempdir().expect("a temporary directory");
    fs::write(out.path().join("histories"), "in the way").expect("a file");
    let run = ["run", "shop/stock", "--histories"];
    let said = squall(with_out(&run, out.path()));
    assert_eq!(said.code, Some(2), "{said:?}");
    let why = "squall: a history is missing: cannot write";
    assert!(said.err.starts_with(why), "{said:?}");
    assert!(said.out.contains("1 of 1 runs passed"), "{said:?}");
}

#[test]
fn a_comparison_of_nothing_is_no_success() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let none = r#"{"schema":"squall.results/1","runs":[],"wall":{"total_s":0,"by_scenario_s":{}}}"#;
    fs::write(folder.path().join("results.json"), none).expect("a file");
    let said = compared(folder.path(), folder.path());
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.err.contains("nothing was compared"), "{said:?}");
}

#[test]
fn files_that_are_no_results_are_refused_with_one_line() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a file");
        path.to_str().expect("a name").to_owned()
    };
    let good = file(
        "good",
        br#"{"schema":"squall.results/1","runs":[],"wall":{"total_s":0.0,"by_scenario_s":{}}}"#,
    );
    for (bad, word) in [
        (
            file("truncated", br#"{"schema":"squall.results/1","ru"#),
            "ends in the middle",
        ),
        (
            file("foreign", br#"{"schema":"k6/1"}"#),
            "not a file of squall results",
        ),
        (
            file("future", br#"{"schema":"squall.results/9"}"#),
            "newer squall",
        ),
        (file("binary", &[0xff, 0xfe]), "not a text file"),
        (folder.path().display().to_string(), "directory"),
    ] {
        for files in [[&good, &bad], [&bad, &good]] {
            let said = squall(["compare", files[0], files[1]]);
            assert_refused(&said, &[&bad, word]);
            assert_eq!(said.err.lines().count(), 1, "{said:?}");
        }
    }
    assert_refused(
        &squall(["compare", &good, &good, "--tolerance=-1"]),
        &["percent"],
    );
}

#[test]
fn run_is_what_is_meant_when_nothing_is_said() {
    let out = tempfile::tempdir().expect("a temporary directory");
    let said = squall(with_out(&["--seed", "7", "stock"], out.path()));
    assert_eq!(said.code, Some(0), "{said:?}");
    let runs = json(&out.path().join("results.json"))["runs"].take();
    assert_eq!(runs.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&runs[0]["scenario"], &runs[0]["seed"]),
        (&"shop/stock".into(), &7.into())
    );

    // And the whole catalogue, when not even a name is given. It is interrupted: it has a test.
    let whole = squall::catalogue::all().len();
    let (said, kept) = interrupted(&["--jobs", "1"]);
    assert_eq!(said.code, Some(4), "{said:?}");
    let left_out = format!(
        "interrupted; {} of {whole} runs were not made",
        whole - kept
    );
    assert!(said.err.contains(&left_out), "{said:?}");
}

#[test]
fn seeds_are_counted_from_1_or_are_a_range() {
    let out = tempfile::tempdir().expect("a temporary directory");
    let seeds_of = |seeds: &str| {
        let said = squall(with_out(&["run", "stock", "--seeds", seeds], out.path()));
        assert_eq!(said.code, Some(0), "{said:?}");
        let runs = json(&out.path().join("results.json"))["runs"].take();
        let runs = runs.as_array().expect("runs").iter();
        runs.map(|run| run["seed"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(seeds_of("2"), [1, 2]);
    let last = u64::MAX;
    assert_eq!(
        seeds_of("18446744073709551614..=18446744073709551615"),
        [last - 1, last]
    );
}

#[test]
fn ctrl_c_keeps_what_is_finished_and_says_what_is_not() {
    let (said, kept) = interrupted(&["run", "stock", "--seeds", "200"]);
    // What was not run is unknown: no green build comes of it.
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!((1..200).contains(&kept), "{kept} runs: {said:?}");
    let left_out = format!("interrupted; {} of 200 runs were not made", 200 - kept);
    assert!(said.err.contains(&left_out), "{said:?}");
    assert!(
        said.out.contains(&format!("{kept} of {kept} runs passed")),
        "{said:?}"
    );
}

/// Interrupts a run in the middle, and counts the runs in its results.
#[expect(
    clippy::disallowed_methods,
    reason = "a real run is interrupted in real time"
)]
fn interrupted(args: &[&str]) -> (Said, usize) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let out = folder.path().join("out");
    let running = Running::start(with_out(args, &out));
    support::eventually(|| out.exists().then_some(())).expect("it begins");
    // The first runs have begun by then; that they have ended is not needed.
    std::thread::sleep(std::time::Duration::from_secs(1));
    running.signal("INT");
    let said = running.end();
    let results = json(&out.join("results.json"));
    assert!(text(&out.join("junit.xml")).contains("</testsuites>"));
    (said, results["runs"].as_array().map_or(0, Vec::len))
}
