//! Processes that carry plans out. A run that hangs, overflows its stack or is killed from outside
//! takes its own process with it and nothing else.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use squall_chaos::plan::Plan;

use super::trial::Observed;
use crate::pool;

/// A run takes a fraction of a second. One that takes so long never ends.
const LIMIT: Duration = Duration::from_secs(120);

/// What a worker is asked, one JSON line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// The arena's name.
    pub arena: String,
    /// What to carry out.
    pub plan: Plan,
}

/// What a worker answers, one JSON line: what was seen, or why the plan cannot be run.
pub type Answer = Result<Observed, String>;

/// How to start a worker.
#[derive(Clone, Debug)]
pub struct Program {
    /// The `squall` command.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// A pool of worker processes.
#[derive(Debug)]
pub struct Workers {
    program: Program,
    jobs: usize,
    idle: Mutex<Vec<Worker>>,
}

/// What became of a plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Made {
    /// It was run.
    Run(Box<Observed>),
    /// Two processes in a row died of it, or never ended: how the last one did.
    Lost(String),
}

#[derive(Debug)]
struct Worker {
    child: Child,
    input: ChildStdin,
    answers: mpsc::Receiver<String>,
}

// === impl Workers ===

impl Workers {
    /// So many processes, each started when it is first needed.
    pub fn new(program: Program, jobs: usize) -> Self {
        Self {
            program,
            jobs,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// How many plans run at one time.
    pub fn jobs(&self) -> usize {
        self.jobs
    }

    /// Carries plans out up to the first whose result is `enough`; the results are in their order.
    /// Once `stop` is set no further one begins. What is not carried out has no result, nor has
    /// what comes after the one that was enough, whether it had begun or not: the results are the
    /// same for any number of jobs.
    pub fn run(
        &self,
        arena: &str,
        plans: &[Plan],
        stop: &AtomicBool,
        enough: impl Fn(&Made) -> bool + Sync,
    ) -> Vec<Option<Made>> {
        let last = AtomicUsize::new(usize::MAX);
        let work = |(place, plan): &(usize, &Plan)| {
            if *place > last.load(Ordering::Relaxed) {
                return None;
            }
            let order = Order {
                arena: arena.to_owned(),
                plan: (*plan).clone(),
            };
            let made = self.carry_out(&order);
            if enough(&made) {
                last.fetch_min(*place, Ordering::Relaxed);
            }
            Some(made)
        };
        let places: Vec<(usize, &Plan)> = plans.iter().enumerate().collect();
        let made = pool::map(&places, self.jobs, stop, |_| 0, work, |_| {});
        let last = last.into_inner();
        let until =
            |(place, made): (usize, Option<Option<Made>>)| made.flatten().filter(|_| place <= last);
        made.into_iter().enumerate().map(until).collect()
    }

    fn carry_out(&self, order: &Order) -> Made {
        let mut why = String::new();
        for _ in 0..2 {
            let taken = self
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            let worker = taken.map_or_else(|| Worker::start(&self.program), Ok);
            let answered = worker.and_then(|mut worker| {
                let answer = worker.ask(order)?;
                self.idle
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(worker);
                Ok(answer)
            });
            match answered {
                Ok(Ok(observed)) => return Made::Run(Box::new(observed)),
                Ok(Err(error)) => return Made::Lost(error),
                Err(died) => {
                    eprintln!("squall: a job's process {died}; its run is made by another");
                    why = died;
                }
            }
        }
        Made::Lost(why)
    }
}

// === impl Worker ===

#[expect(
    clippy::disallowed_methods,
    reason = "waits for a process; what that does is simulated there"
)]
impl Worker {
    fn start(program: &Program) -> Result<Self, String> {
        let mut child = Command::new(&program.path)
            .args(&program.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Panics are told in the answer; their traces would bury everything else.
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot be started: {error}"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("has no pipes".to_owned());
        };
        let (sender, answers) = mpsc::channel();
        thread::Builder::new()
            .spawn(move || {
                let lines = BufReader::new(output).lines();
                // The last sender goes with this thread: whoever waits learns of the end.
                let _ = lines
                    .map_while(Result::ok)
                    .try_for_each(|line| sender.send(line));
            })
            .map_err(|error| format!("cannot be listened to: {error}"))?;
        Ok(Self {
            child,
            input,
            answers,
        })
    }

    /// The answer, or how the process ended.
    fn ask(&mut self, order: &Order) -> Result<Answer, String> {
        let mut line = serde_json::to_string(order).map_err(|error| error.to_string())?;
        line.push('\n');
        if self.input.write_all(line.as_bytes()).is_err() {
            return Err(self.ended());
        }
        match self.answers.recv_timeout(LIMIT) {
            Ok(answer) => serde_json::from_str(&answer)
                .map_err(|error| format!("answered what is no answer: {error}")),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(self.ended()),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                // An error says that it has just ended by itself.
                let _ = self.child.kill();
                Err(format!("had not ended a run after {LIMIT:?}"))
            }
        }
    }

    fn ended(&mut self) -> String {
        match self.child.wait() {
            Ok(status) => format!("ended ({status})"),
            Err(error) => format!("is lost: {error}"),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It ends by itself at the end of its input; one that hangs does not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
