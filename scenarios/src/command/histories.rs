//! Histories as files beside results.json, so that a comparison can say where two runs part.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use squall_reports::{fingerprint::Fingerprint, history::History};

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

/// Reads the history of the run with this fingerprint; `None` when there is no file.
///
/// # Errors
/// The file cannot be read, is not whole, or is the history of another run: results are written
/// anew without `--histories` while old histories stay where they are.
pub(super) fn read(path: &Path, fingerprint: &str) -> Result<Option<History>> {
    let cannot = || format!("cannot read {}", path.display());
    if !path.exists() {
        return Ok(None);
    }
    let file = BufReader::new(File::open(path).with_context(cannot)?);
    let (mut entries, mut found) = (Vec::new(), Fingerprint::default());
    for line in file.lines() {
        let line = line.with_context(cannot)?;
        entries.push(serde_json::from_str(&line).with_context(cannot)?);
        // As it stands there: reading a number and writing it again may change its last digit.
        found.add_written(&line);
    }
    if found.finish() != fingerprint {
        bail!("{} is not of the run in results.json", path.display());
    }
    Ok(Some(History { entries }))
}
