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
