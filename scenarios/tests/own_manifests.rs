//! `squall run --manifests DIR`: somebody's own files for a system of the catalogue.

mod support;

use std::{fs, path::Path};

use support::program::{Said, squall};
use tempfile::TempDir;

/// The shop's own manifests in a folder, with `old` text of `file` replaced.
fn folder(file: &str, old: &str, new: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in squall_shop::MANIFESTS.iter().chain([&squall_shop::MODEL]) {
        let text = match *name == file {
            true => {
                assert!(text.contains(old), "{old:?} is not in {file}");
                text.replacen(old, new, 1)
            }
            false => (*text).to_owned(),
        };
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

fn run(filter: &str, folder: Option<&Path>, out: &Path) -> Said {
    let mut args = vec!["run".to_owned(), filter.to_owned()];
    args.extend(["--out".to_owned(), out.display().to_string()]);
    if let Some(folder) = folder {
        args.extend(["--manifests".to_owned(), folder.display().to_string()]);
    }
    squall(args)
}

/// One line that ends with `expected`, exit code 2, nothing written.
fn assert_refused(folder: &Path, expected: &str) {
    let out = tempfile::tempdir().expect("a temporary directory");
    let out = out.path().join("never");
    let said = run("shop/stock", Some(folder), &out);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert_eq!(said.out, "", "nothing was run");
    assert_eq!(said.err.trim_end(), format!("squall: {expected}"));
    assert!(!out.exists(), "nothing was written");
}

#[test]
fn what_is_wrong_is_said_with_file_and_path_before_any_run() {
    let order = "document 1 (Deployment/order)";
    let table = [
        (
            "      terminationGracePeriodSeconds: 30",
            "      hostNetwork: true",
            format!("{order}: spec.template.spec.hostNetwork: not a field that is modelled"),
        ),
        (
            "replicas: 1",
            "replicas: one",
            format!("{order}: spec.replicas: invalid type: string \"one\", expected i32"),
        ),
        (
            "configMapKeyRef: {name: order-config",
            "configMapKeyRef: {name: orders-config",
            format!(
                "{order}: spec.template.spec.containers[0].env[0].valueFrom.configMapKeyRef.name: \
                 there is no ConfigMap \"orders-config\""
            ),
        ),
        (
            "  name: order\n  labels",
            "  name: pay\n  labels",
            "document 1 (Deployment/pay): metadata.name: the name is taken by ".to_owned(),
        ),
        (
            "  selector: {app: order}",
            "  selector: {app: orders}",
            "document 2 (Service/order): spec.selector: no Deployment or StatefulSet has pods \
             labelled {\"app\": \"orders\"}"
                .to_owned(),
        ),
    ];
    for (old, new, expected) in table {
        let folder = folder("order.yaml", old, new);
        let path = |file| folder.path().join(file).display().to_string();
        let expected = match expected.contains("is taken by") {
            // Files are read in the order of their names.
            true => format!(
                "{}: {}{}: document 1 (Deployment/pay)",
                path("pay.yaml"),
                expected,
                path("order.yaml")
            ),
            false => format!("{}: {expected}", path("order.yaml")),
        };
        assert_refused(folder.path(), &expected);
    }
}

#[test]
fn a_folder_without_manifests_a_wrong_model_and_a_foreign_deployment_are_refused() {
    let empty = tempfile::tempdir().expect("a temporary directory");
    let path = empty.path().display();
    assert_refused(
        empty.path(),
        &format!("{path}: no *.yaml or *.yml file in this folder"),
    );

    let wrong = folder("model.yaml", "workers: 200", "workers: 0");
    let path = wrong.path().join("model.yaml").display().to_string();
    let expected = "programs.order.workers: 0, nothing would ever be served";
    assert_refused(wrong.path(), &format!("{path}: {expected}"));

    let foreign = folder("notice.yaml", "name: notice\n", "name: notices\n");
    let model = foreign.path().join("model.yaml").display().to_string();
    let expected = "programs.notices: missing: Deployment/notices runs it";
    assert_refused(foreign.path(), &format!("{model}: {expected}"));
}

#[test]
fn fail_fast_begins_no_further_run_after_one_that_did_not_pass() {
    let without_pages = folder("customercenter.yaml", "replicas: 1", "replicas: 0");
    let out = tempfile::tempdir().expect("a temporary directory");
    let path = |folder: &Path| folder.to_str().expect("a name").to_owned();
    let (manifests, out) = (path(without_pages.path()), path(out.path()));
    let line = "run shop/stock --fail-fast --jobs 1 --seeds 1000 --manifests";
    let line = line.split(' ').chain([&*manifests, "--out", &*out]);
    let said = squall(line);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("a run did not pass; 99"), "{said:?}");
}

#[test]
fn the_systems_own_files_give_the_systems_own_results() {
    let fingerprint = |folder: Option<&Path>| {
        let out = tempfile::tempdir().expect("a temporary directory");
        let said = run("shop/stock", folder, out.path());
        assert_ne!(said.code, Some(2), "{said:?}");
        let results = fs::read_to_string(out.path().join("results.json")).expect("results");
        let results: serde_json::Value = serde_json::from_str(&results).expect("JSON");
        results["runs"][0]["fingerprint"].clone()
    };
    let same = folder("model.yaml", "workers: 200", "workers: 200");
    let built_in = fingerprint(None);
    assert!(built_in.is_string());
    assert_eq!(fingerprint(Some(same.path())), built_in);
    let slower = folder("model.yaml", "latency_ms: [1, 2]", "latency_ms: [3, 4]");
    assert_ne!(fingerprint(Some(slower.path())), built_in);
}

#[test]
fn a_payment_that_takes_longer_is_a_regression_that_a_comparison_names() {
    let line = "{method: POST, route: /pays, cpu_ms: [1, 2], wait_ms: [50, 150]}";
    let slower = folder("model.yaml", line, &line.replace("[50, 150]", "[250, 350]"));
    let outs = [None, Some(slower.path())].map(|manifests| {
        let out = tempfile::tempdir().expect("a temporary directory");
        let said = run("shop/stock", manifests, out.path());
        assert_eq!(
            said.code,
            Some(0),
            "what it costs breaks no promise: {said:?}"
        );
        out
    });
    let [before, after] = outs.each_ref().map(|out| out.path().join("results.json"));
    let same = squall([Path::new("compare"), &before, &before]);
    let nothing = "  in all    0 worse, 0 changed, 0 better, 0 other; 0 missing, 0 new; ";
    assert_eq!(same.code, Some(0), "{same:?}");
    assert!(
        same.out.starts_with(nothing) && same.out.lines().count() == 1,
        "{same:?}"
    );

    let said = squall([Path::new("compare"), &before, &after]);
    assert_eq!(said.code, Some(1), "{said:?}");
    for metric in ["siege.response_s", "latency_ms.p99"] {
        let names = |line: &str| {
            let mut words = line.split_whitespace();
            let words = [words.next(), words.next(), words.next()];
            words == [Some("worse"), Some("shop/stock"), Some(metric)]
        };
        assert!(said.out.lines().any(names), "{metric}: {said:?}");
    }
}
