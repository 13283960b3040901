//! `squall load` against a server that counts, over real TCP.
#![expect(clippy::disallowed_types, reason = "a real server")]

use std::{
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use squall::load::{Drive, Pace, Report, Span, Target};
use squall_kit::{spawn::Spawn, stop::Stop};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A server that answers 200 with the body `ok`; `/503` is refused. Nothing is answered before it
/// has `held` requests.
struct Server {
    port: u16,
    requests: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    #[expect(clippy::disallowed_methods, reason = "a real server")]
    fn holding(held: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let requests = Arc::new(AtomicU64::new(0));
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (count, open) = (Arc::clone(&requests), Stop::new());
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (count, open) = (Arc::clone(&count), open.clone());
                Spawn::tokio().task("connection", async move {
                    let _ = answer(stream, &count, held, &open).await;
                });
            }
        });
        Self {
            port,
            requests,
            _runtime: runtime,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

async fn answer(
    mut stream: TcpStream,
    count: &AtomicU64,
    held: u64,
    open: &Stop,
) -> std::io::Result<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        if count.fetch_add(1, Ordering::SeqCst) + 1 >= held {
            open.raise();
        }
        open.raised().await;
        let head = String::from_utf8_lossy(&head).to_lowercase();
        let status = if head.contains(" /503 ") {
            "503 Service Unavailable"
        } else {
            "200 OK"
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok");
        stream.write_all(answer.as_bytes()).await?;
        if head.contains("connection: close") {
            return Ok(());
        }
    }
}

fn drive(url: &str, pace: Pace, span: Span, most_failures: u64) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let drive = Drive {
        target: Target::read(url, &[], Duration::from_secs(60)).expect("a URL"),
        pace,
        span: Some(span),
        keep_alive: false,
        most_failures,
        seed: 1,
    };
    runtime.block_on(drive.run(Stop::new()))
}

fn squall(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command
        .arg("load")
        .args(arguments)
        .output()
        .expect("squall runs")
}

#[test]
fn repetitions_are_exact_and_the_labels_are_sieges() {
    let server = Server::holding(0);
    let url = server.url("/");
    for keep in [&[][..], &["--keep-alive"]] {
        let before = server.requests.load(Ordering::SeqCst);
        let output = squall(&[&["-c", "3", "-r", "7", &*url], keep].concat());
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(server.requests.load(Ordering::SeqCst) - before, 21);
        let labels: Vec<_> = text
            .lines()
            .take(12)
            .map(|line| line.split(':').next())
            .collect();
        let expected = [
            "Transactions",
            "Availability",
            "Elapsed time",
            "Data transferred",
            "Response time",
            "Transaction rate",
            "Throughput",
            "Concurrency",
            "Successful transactions",
            "Failed transactions",
            "Longest transaction",
            "Shortest transaction",
        ];
        assert_eq!(labels, expected.map(Some));
        assert!(
            text.starts_with("Transactions:\t\t          21 hits\n"),
            "{text}"
        );
        assert!(text.contains("Availability:\t\t      100.00 %\n"), "{text}");
        assert!(text.contains("Answers 200: 21\n"), "{text}");
    }
}

#[test]
fn a_closed_loop_gives_up_when_too_much_fails() {
    let server = Server::holding(0);
    let output = squall(&[
        "-c",
        "1",
        "-r",
        "50",
        "--failures",
        "9",
        &server.url("/503"),
    ]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(server.requests.load(Ordering::SeqCst), 9);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("gave up after 9 failures"), "{said}");
}

/// platform §8: up to `failures` + users − 1 failures.
#[test]
fn what_is_under_way_when_it_gives_up_counts() {
    let delay = Duration::ZERO;
    for pace in [Pace::Users { count: 20, delay }, Pace::Rate(1_000.0)] {
        let server = Server::holding(20);
        let report = drive(&server.url("/503"), pace, Span::Requests(20), 1);
        assert_eq!(
            (report.siege.failed, report.gave_up),
            (20, true),
            "{report}"
        );
        assert_eq!(server.requests.load(Ordering::SeqCst), 20);
    }
}

#[test]
fn an_open_loop_sends_rate_by_time() {
    let server = Server::holding(0);
    let span = Span::For(Duration::from_millis(500));
    let report = drive(&server.url("/"), Pace::Rate(101.0), span, 1_024);
    // 50.5: the last one is due before the end.
    assert_eq!(report.siege.transactions, 51);
    assert_eq!(server.requests.load(Ordering::SeqCst), 51);
}

/// All but the last of the held ones wait for it. Each lower bound holds however slow the machine.
#[test]
fn a_stall_shows_in_every_request_that_was_due_in_it() {
    let server = Server::holding(20);
    let pace = Pace::Rate(200.0);
    let report = drive(&server.url("/"), pace, Span::Requests(40), 1_024);
    assert_eq!(report.siege.transactions, 40);
    // The request that is 20th waits for nobody, the one before it 5 ms, the first one 95 ms: five
    // of forty wait 75 ms or more.
    assert!(report.response.p90 >= 70.0, "{report}");
    assert!(report.response.max >= 95.0, "{report}");
}

#[test]
fn what_cannot_be_loaded_is_said() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let refused = format!("http://{}/", nobody.local_addr().expect("an address"));
    drop(nobody);
    for (arguments, words) in [
        (&["https://shop/"][..], "only http is spoken"),
        (&["http://"], "is no URL"),
        (&["shop oops"], "is no method"),
        (&[&*refused], "cannot connect to 127.0.0.1:"),
        (
            &["http://nobody.invalid/"],
            "cannot connect to nobody.invalid:80",
        ),
        (
            &["-t", "nonsense", "http://shop/"],
            "expected a number with S",
        ),
        (
            &["--rate", "5", "-c", "2", "http://shop/"],
            "cannot be used with",
        ),
    ] {
        let output = squall(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}
