//! `squall explore`, `merge` and `replay`, as scripts and people meet them.

mod support;

use std::{fs, path::Path, sync::atomic::AtomicBool};

use serde_json::Value;
use squall::{
    catalogue::REGISTRY,
    explore::{
        campaign::Finding,
        repro::Repro,
        trial::{self, Broken},
        workers::{Made, Program, Workers},
    },
};
use squall_chaos::plan::Plan;
use support::program::{Said, squall};

fn explore(out: &Path, arguments: &[&str]) -> Said {
    let out = out.to_str().expect("a temporary directory has a name");
    let arguments = [&["explore", "--out", out], arguments].concat();
    squall(arguments)
}

fn summary(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("explore.json")).expect("a campaign writes it");
    let mut summary: Value = serde_json::from_str(&text).expect("JSON");
    assert!(summary["wall_s"].take().as_f64() > Some(0.0));
    summary
}

#[test]
fn a_campaign_is_the_same_however_many_processes_share_it() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    let said = explore(&one, &["--runs", "10", "--seed", "5", "--jobs", "1"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.out.starts_with("shop/explore: 10 runs in "),
        "{said:?}"
    );
    assert!(said.out.contains("never reached: "), "{said:?}");
    explore(&two, &["--runs", "10", "--seed", "5", "--jobs", "3"]);
    assert_eq!(summary(&one), summary(&two));
    let runs = |folder: &Path| fs::read_to_string(folder.join("runs.jsonl")).expect("written");
    assert_eq!(runs(&one).lines().count(), 10);
    assert_eq!(runs(&one), runs(&two));
}

#[test]
fn a_finding_is_shrunk_to_the_same_however_many_processes_share_it() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    let search = ["--plant", "no-expected-version", "--findings", "1"];
    for (out, jobs) in [(&one, "1"), (&two, "3")] {
        let limits = ["--shrink", "7", "--jobs", jobs];
        let said = explore(out, &[&search[..], &limits].concat());
        assert_eq!(said.code, Some(1), "{said:?}");
    }
    assert_eq!(summary(&one), summary(&two));
    assert_eq!(summary(&one)["tally"]["findings"][0]["shrinking"], 7);
    // Its repro goes where the whole campaign's are joined.
    let joined = folder.path().join("joined");
    let [one, out] = [&one, &joined].map(|path| path.to_str().expect("a name"));
    let merged = squall(["merge", one, "--out", out]);
    assert_eq!(merged.code, Some(1), "{merged:?}");
    assert!(joined.join("shard-1-finding-1.repro.json").exists());
}

#[test]
fn shards_are_joined_once_each() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let folders = ["1/2", "2/2"].map(|shard| {
        let out = folder.path().join(shard.replace('/', "-"));
        explore(&out, &["--runs", "3", "--shard", shard]);
        out
    });
    let [one, two] = folders.each_ref().map(|out| out.to_str().expect("a name"));
    let said = squall(["merge", one, two]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.starts_with("shop/explore: 6 runs in "), "{said:?}");
    let plans = |out: &Path| summary(out)["tally"]["coverage"].clone();
    assert_ne!(plans(&folders[0]), plans(&folders[1]), "shards differ");
    let part = squall(["merge", one]);
    assert!(part.err.contains("1 of 2 shards"), "{part:?}");
    let twice = squall(["merge", one, one]);
    assert_eq!(twice.code, Some(2), "{twice:?}");
    assert!(twice.err.contains("shard 1 is in both"), "{twice:?}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for (arguments, word) in [
        (&["--shard", "3/2"][..], "no part"),
        (&["--for", "soon"], "no time"),
        (&["--runs", "0"], "error: "),
        (&["warehouse"], "warehouse"),
        (&["--plant", "no-bug-of-this-name"], "no-bug-of-this-name"),
    ] {
        let said = explore(folder.path(), arguments);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains(word), "{said:?}");
    }
    let taken = folder.path().join("taken");
    fs::write(&taken, []).expect("a file");
    let said = explore(&taken.join("below"), &["--runs", "1"]);
    assert_eq!(
        (said.code, said.err.lines().count()),
        (Some(2), 1),
        "{said:?}"
    );
}

/// The repro of this check, whose plan breaks nothing.
fn repro(check: &str) -> Repro {
    let arena = REGISTRY.arena("shop/explore").expect("an arena");
    let mut plan = arena.calm();
    plan.users.truncate(1);
    plan.users[0].journeys = 1;
    (plan.aftermath, plan.calm_from_ms) = (0, 2_000);
    let finding = Finding {
        broken: Broken {
            check: check.to_owned(),
            observed: "no".to_owned(),
            bound: "yes".to_owned(),
            evidence: vec!["because".to_owned()],
        },
        shard: 1,
        run: 1,
        times: 1,
        original: plan.clone(),
        plan,
        fingerprint: String::new(),
        shrinking: 0,
    };
    Repro::new(&arena, &finding).expect("the plan can be run")
}

/// One that the plan gives something to judge.
const JUDGED: &str = "order/orders are settled";

#[test]
fn a_repro_is_replayed_and_traced() {
    let repro = repro(JUDGED);
    Repro::assert_mended(&repro.to_json(), &REGISTRY);
    let test = repro.test("a.repro.json", &REGISTRY);
    let call = "include_str!(\"a.repro.json\"),\n        &squall::catalogue::REGISTRY,\n";
    assert!(
        test.contains("fn order_orders_are_settled()") && test.contains(call),
        "{test}"
    );
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("a.repro.json");
    let replay = |repro: &Repro| {
        fs::write(&path, repro.to_json()).expect("written");
        squall(["replay", path.to_str().expect("a name"), "--trace"])
    };
    let said = replay(&repro);
    assert_eq!(said.code, Some(0), "{said:?}");
    let same = format!(
        "passes now: {JUDGED}\nfingerprint {}, the same\n",
        repro.fingerprint
    );
    assert!(said.out.ends_with(&same), "{said:?}");
    assert!(said.out.contains("● "), "a trace has lanes: {said:?}");
    // Somebody else's build did something else in the middle.
    let mut other = repro.clone();
    let middle = other.history.len() / 2;
    other.history[middle].at_us += 1;
    let said = replay(&other);
    let place = format!("the histories part at entry {middle}");
    assert!(
        said.out.contains("another build") && said.out.contains(&place),
        "{said:?}"
    );
}

#[test]
fn a_check_that_says_nothing_mends_nothing() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("a.repro.json");
    // The plan has nobody who cancels; and no check has the other name.
    for (check, word) in [
        ("exactly once in pay", "VACUOUS"),
        ("a check of old", "no check"),
    ] {
        let repro = repro(check);
        fs::write(&path, repro.to_json()).expect("written");
        let said = squall(["replay", path.to_str().expect("a name")]);
        assert_eq!(said.code, Some(4), "{said:?}");
        assert!(said.out.starts_with("says nothing now: "), "{said:?}");
        assert!(said.out.contains(word), "{said:?}");
        let mended = std::panic::catch_unwind(|| Repro::assert_mended(&repro.to_json(), &REGISTRY));
        assert!(mended.is_err(), "{check} is no proof");
    }
}

#[test]
fn a_file_that_is_no_repro_gets_one_clear_line() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let good = repro(JUDGED).to_json();
    let path = folder.path().join("bad.repro.json");
    for (text, word) in [
        (good[..good.len() / 2].to_owned(), "ends in the middle"),
        ("# notes".to_owned(), "not a JSON file"),
        (
            "{\"schema\": \"squall.results/1\"}".to_owned(),
            "not a repro of squall",
        ),
        (
            good.replace("squall.repro/1", "squall.repro/2"),
            "use a newer one",
        ),
        (good.replace("shop/explore", "bank/explore"), "bank/explore"),
        (
            good.replace("\"journeys\":1", "\"journeys\":-1"),
            "not a readable repro",
        ),
        (
            good.replace("\"journeys\":1", "\"journeys\":0"),
            "0 journeys",
        ),
    ] {
        fs::write(&path, text).expect("written");
        let said = squall(["replay", path.to_str().expect("a name")]);
        assert_eq!((said.code, &*said.out), (Some(2), ""), "{word}: {said:?}");
        assert_eq!(said.err.lines().count(), 1, "{said:?}");
        assert!(said.err.contains(word), "{word}: {said:?}");
    }
    let said = squall(["replay", "/nowhere/at/all"]);
    assert_eq!(said.code, Some(2), "{said:?}");
}

/// A plan that takes a moment: nobody comes but one group of users.
fn short() -> Plan {
    let mut plan = REGISTRY.arena("shop/explore").expect("an arena").calm();
    plan.users.truncate(1);
    (plan.aftermath, plan.calm_from_ms) = (0, 2_000);
    plan
}

/// Two processes, each started by this script.
fn workers(script: String) -> Workers {
    let program = Program {
        path: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script],
    };
    Workers::new(program, 2)
}

const SQUALL: &str = env!("CARGO_BIN_EXE_squall");

#[test]
fn a_process_that_dies_takes_no_run_with_it() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let first = folder.path().join("first");
    let plan = short();
    let run = |script: String| {
        let plans = [plan.clone(), plan.clone()];
        let goes_on = AtomicBool::new(false);
        workers(script).run("shop/explore", &plans, &goes_on, |_| false)
    };
    let arena = REGISTRY.arena("shop/explore").expect("an arena");
    let (_, observed) = trial::run(&arena, &plan).expect("the plan can be run");
    let made = Some(Made::Run(Box::new(observed)));
    let first = first.display();
    let mended = format!("mkdir {first} 2>/dev/null && kill -9 $$; exec {SQUALL} explore-worker");
    assert_eq!(run(mended), [made.clone(), made]);
    for made in run("read order; kill -9 $$".to_owned()) {
        let Some(Made::Lost(why)) = made else {
            panic!("{made:?}");
        };
        assert!(why.contains("signal: 9"), "{why}");
    }
}

#[test]
fn nothing_counts_that_comes_after_what_was_enough() {
    let workers = workers(format!("exec {SQUALL} explore-worker"));
    let plans: Vec<Plan> = (0..6).map(|seed| Plan { seed, ..short() }).collect();
    let goes_on = AtomicBool::new(false);
    let all = workers.run("shop/explore", &plans, &goes_on, |_| false);
    assert!(all.iter().all(Option::is_some), "{all:?}");
    for last in [0, 3] {
        let some = workers.run("shop/explore", &plans, &goes_on, |made| {
            Some(made) == all[last].as_ref()
        });
        assert_eq!(some[..=last], all[..=last]);
        assert!(some[last + 1..].iter().all(Option::is_none), "{some:?}");
    }
}
