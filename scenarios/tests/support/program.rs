//! The program as a child process.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use tempfile::TempDir;

use super::{client, eventually};

/// Everything a run of the program said, and its exit code (`None`: ended by a signal).
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the program to its end.
pub(crate) fn squall<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Said {
    Running::start(args).end()
}

/// A run under way, its words in files. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    words: TempDir,
}

impl Running {
    /// Starts the program.
    pub(crate) fn start<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Self {
        let words = tempfile::tempdir().expect("a temporary directory");
        let file = |name| File::create(words.path().join(name)).expect("a file for its words");
        let child = Command::new(env!("CARGO_BIN_EXE_squall"))
            .args(args)
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .expect("the program starts");
        Self { child, words }
    }

    /// Sends it a signal, named as for `kill`: `INT`, `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &command]).status();
        assert!(sent.expect("a shell").success(), "{command}");
    }

    /// SIGKILL: no last words.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        let status = self.child.wait().expect("it has ended");
        assert_eq!(status.code(), None, "it ended before it was killed");
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually(|| self.child.try_wait().expect("it can be waited for"))
            .expect("the program ends within a minute")
    }

    /// Waits for its end, however long a campaign takes, and gives what it said.
    pub(crate) fn end(mut self) -> Said {
        let status = self.child.wait().expect("it can be waited for");
        Said {
            code: status.code(),
            out: self.out(),
            err: self.err(),
        }
    }

    /// True once it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        let ended = self.child.try_wait().expect("it can be waited for");
        ended.is_some()
    }

    /// What it wrote to standard output so far.
    pub(crate) fn out(&self) -> String {
        self.word("out")
    }

    /// What it wrote to standard error so far.
    pub(crate) fn err(&self) -> String {
        self.word("err")
    }

    fn word(&self, name: &str) -> String {
        fs::read_to_string(self.words.path().join(name)).expect("its words are text")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `squall serve shop`, ready.
pub(crate) struct Shop {
    pub(crate) running: Running,
    /// Added to every documented port.
    pub(crate) offset: u16,
    data: PathBuf,
}

impl Shop {
    /// Serves the shop from `data` on free ports.
    pub(crate) fn serve(data: &Path) -> Self {
        let offset = free_offset();
        let mut running = Running::start(serve_args(data, offset));
        let ready = eventually(|| {
            let ready = running.out().contains("gateway");
            (ready || running.has_ended()).then_some(ready)
        });
        assert_eq!(ready, Some(true), "not served: {}", running.err());
        Self {
            running,
            offset,
            data: data.to_path_buf(),
        }
    }

    /// Kills it, then serves the same data again.
    pub(crate) fn kill_and_serve_again_after(self, killed: impl FnOnce()) -> Self {
        self.running.kill();
        killed();
        Self::serve(&self.data)
    }

    /// Ends it by a signal and gives what it said.
    pub(crate) fn end(self, signal: &str) -> Said {
        self.running.signal(signal);
        self.running.end()
    }

    /// Asks the service with this documented port.
    pub(crate) fn call(&self, method: &str, port: u16, path: &str, body: &str) -> client::Reply {
        client::call(method, port + self.offset, path, body.as_bytes())
            .unwrap_or_else(|error| panic!("{method} :{port}{path}: {error}"))
    }

    pub(crate) fn get(&self, port: u16, path: &str) -> client::Reply {
        self.call("GET", port, path, "")
    }
}

/// The command line of `squall serve shop`.
pub(crate) fn serve_args(data: &Path, offset: u16) -> [String; 6] {
    let data = data.to_str().expect("a temporary directory has a name");
    [
        "serve",
        "shop",
        "--port-offset",
        &offset.to_string(),
        "--data",
        data,
    ]
    .map(str::to_owned)
}

/// An offset that moves 8081 to 8088 to ports that nobody has. Below the ports that the system
/// gives to outgoing connections (Linux: from 32768).
#[expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a look at the real network, in an order of this process's own"
)]
pub(crate) fn free_offset() -> u16 {
    const FIRST: u16 = 3_000;
    const STEP: u16 = 10;
    const PLACES: u16 = 2_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % u32::from(PLACES)).expect("less than 2000");
    for _ in 0..PLACES {
        let next = NEXT.fetch_add(1, Ordering::Relaxed) + own;
        let offset = FIRST + next % PLACES * STEP;
        let free = |port| std::net::TcpListener::bind(("127.0.0.1", port + offset)).is_ok();
        if (8081..=8088).all(free) {
            return offset;
        }
    }
    panic!("no eight free ports between 11000 and 31000");
}
