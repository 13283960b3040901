//! Histories as files beside results.json, so that a comparison can say where two runs part.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use squall_reports::history::History;

/// The folder in `--out`.
const FOLDER: &str = "histories";

/// Where the history of a run is.
pub(super) fn path(out: &Path, scenario: &str, seed: u64) -> PathBuf {
    let name = format!("{}.{seed}.jsonl", scenario.replace('/', "."));
    out.join(FOLDER).join(name)
}

/// Writes a history, an entry a line.
pub(super) fn write(path: &Path, history: &History) -> Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(cannot)?;
    }
    let mut file = BufWriter::new(File::create(path).with_context(cannot)?);
    for entry in &history.entries {
        serde_json::to_writer(&mut file, entry).with_context(cannot)?;
        file.write_all(b"\n").with_context(cannot)?;
    }
    file.flush().with_context(cannot)
}

/// Reads a history; `None` when there is none.
pub(super) fn read(path: &Path) -> Result<Option<History>> {
    let cannot = || format!("cannot read {}", path.display());
    if !path.exists() {
        return Ok(None);
    }
    let file = BufReader::new(File::open(path).with_context(cannot)?);
    let entries = file.lines().map(|line| {
        let line = line.with_context(cannot)?;
        serde_json::from_str(&line).with_context(cannot)
    });
    let entries = entries.collect::<Result<_>>()?;
    Ok(Some(History { entries }))
}
