//! `squall load`: siege's loads and siege's report, for any server over TCP.

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use squall_kit::{
    net::{Net, tcp::Tcp},
    stop::Stop,
};
use squall_sim::load::{MOST_FAILURES, MOST_USERS};
use tokio::time::timeout;

use super::{Ending, output, serve};
use crate::load::{Drive, Pace, Report, Span, Target};

/// How to load what. The exit code is 0 when requests were made and none failed by siege's rules
/// (no answer, 408, 500 to 509), 1 when some failed or none was made, 2 for a target that makes no
/// sense or cannot be reached.
#[derive(Clone, Debug, Args)]
pub struct LoadArgs {
    /// `http://host:port/path`, or, as siege has it, `'URL POST body'`.
    pub url: String,
    /// Users of the closed loop, at most 255 (siege's limit).
    #[arg(short, long, value_name = "N", default_value_t = 25,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_USERS)))]
    pub concurrent: u32,
    /// How long: 30S, 1M, 2H; a number alone is minutes (siege). It lasts so long exactly, where
    /// siege 4.0 ends up to a second earlier. Without this and --reps until Ctrl-C.
    #[arg(short, long, value_name = "TIME", value_parser = time)]
    pub time: Option<Duration>,
    /// The longest pause of a user after a request, in seconds; drawn anew each time, and in whole
    /// seconds from 1 on.
    #[arg(short, long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub delay: Duration,
    /// Requests of each user; with --rate, of all. --time wins over it.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub reps: Option<u64>,
    /// No pauses, whatever --delay says.
    #[arg(short, long)]
    pub benchmark: bool,
    /// An open loop: so many requests a second, whatever comes back. Times are counted from when a
    /// request was to be sent.
    #[arg(long, value_name = "PER_SECOND", value_parser = rate,
          conflicts_with_all = ["concurrent", "delay", "benchmark"])]
    pub rate: Option<f64>,
    /// A header, `'Name: value'`; may be there more than once.
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub headers: Vec<String>,
    /// Keeps connections for the next request. Otherwise each has one of its own (siege).
    #[arg(long)]
    pub keep_alive: bool,
    /// Each request is given up after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub timeout: Duration,
    /// Gives up after so many failed requests. Those that are under way then end and count, too.
    #[arg(long, value_name = "N", default_value_t = MOST_FAILURES,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub failures: u64,
}

/// Loads a server until the time is up or Ctrl-C, and prints what it did.
pub fn load(args: &LoadArgs) -> Ending {
    match try_load(args) {
        Ok(report) if report.siege.failed == 0 && report.siege.transactions > 0 => Ending::Pass,
        Ok(_) => Ending::Failed,
        Err(error) => {
            eprintln!("squall: {error:#}");
            Ending::Usage
        }
    }
}

fn try_load(args: &LoadArgs) -> Result<Report> {
    let drive = drive(args)?;
    let runtime = serve::runtime()?;
    let _entered = runtime.enter();
    let asked = serve::Asked::listen().context("cannot listen for Ctrl-C")?;
    let report = runtime.block_on(async {
        reach(&drive.target, args.timeout).await?;
        let end = Stop::new();
        let run = drive.run(end.clone());
        Ok::<_, anyhow::Error>(tokio::select! {
            biased;
            report = run => report,
            () = asked.twice(&end) => std::process::exit(serve::GIVEN_UP),
        })
    })?;
    if report.gave_up {
        eprintln!(
            "squall: gave up after {} failures (--failures)",
            args.failures
        );
    }
    output::print(&report.to_string())?;
    Ok(report)
}

fn drive(args: &LoadArgs) -> Result<Drive> {
    let target = Target::read(&args.url, &args.headers, args.timeout)?;
    let delay = if args.benchmark {
        Duration::ZERO
    } else {
        args.delay
    };
    let pace = match args.rate {
        Some(per_s) => Pace::Rate(per_s),
        None => Pace::Users {
            count: args.concurrent,
            delay,
        },
    };
    if args.time.is_some() && args.reps.is_some() {
        eprintln!("squall: both --time and --reps; as with siege, the time counts");
    }
    let span = args.time.map(Span::For).or(args.reps.map(Span::Requests));
    Ok(Drive {
        target,
        pace,
        span,
        keep_alive: args.keep_alive,
        most_failures: args.failures,
        seed: getrandom::u64().context("the operating system gives no random numbers")?,
    })
}

/// Nobody wants a report of 1024 refused connections: one connection first.
async fn reach(target: &Target, within: Duration) -> Result<()> {
    let Target { host, port, .. } = target;
    let net = Net::new(Tcp::default());
    let connected = timeout(within, net.connect(host, *port)).await;
    let silent = || format!("{host}:{port} does not answer within {within:?}");
    let connected = connected.with_context(silent)?;
    connected.with_context(|| format!("cannot connect to {host}:{port}"))?;
    Ok(())
}

/// Siege's times.
fn time(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text.get(number.len()..).unwrap_or_default() {
        "s" | "S" => 1,
        "" | "m" | "M" => 60,
        "h" | "H" => 3_600,
        _ => return Err("expected a number with S, M or H".to_owned()),
    };
    let count: u32 = number
        .parse()
        .map_err(|_| "expected 30S, 1M or 2H".to_owned())?;
    if count == 0 {
        return Err("expected 1 or more".to_owned());
    }
    Ok(Duration::from_secs(u64::from(count) * unit))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix(['s', 'S']).unwrap_or(text);
    let count: f64 = number.parse().map_err(|_| "expected seconds".to_owned())?;
    // A day.
    if !(0.0..=86_400.0).contains(&count) {
        return Err("expected 0 to 86400 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(count))
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text
        .parse()
        .map_err(|_| "expected requests a second".to_owned())?;
    if !(0.001..=1_000_000.0).contains(&rate) {
        return Err("expected 0.001 to 1000000 requests a second".to_owned());
    }
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_sieges() {
        let s = |count| Ok(Duration::from_secs(count));
        assert_eq!(
            (time("60S"), time("2m"), time("1H")),
            (s(60), s(120), s(3_600))
        );
        assert_eq!(time("3"), s(180), "minutes, as siege has it");
        assert!(
            ["", "S", "1x", "-1S", "0S", "1.5S"]
                .iter()
                .all(|text| time(text).is_err())
        );
        assert_eq!(seconds("0.5S"), Ok(Duration::from_millis(500)));
        assert!(["NaN", "-1", "x"].iter().all(|text| seconds(text).is_err()));
        assert!(
            ["0", "NaN", "inf", "-3"]
                .iter()
                .all(|text| rate(text).is_err())
        );
    }
}
