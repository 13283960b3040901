//! The same small scenarios over simulated sockets and over real loopback TCP: what a process sees
//! must be the same. What differs by design is in the table of `squall_sim::engine`.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod engine_support;

use std::{
    collections::BTreeMap,
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use engine_support::{Lab, PORT, read_word, round_trip};
use squall_kit::net::{BoxStream, Net, tcp::Tcp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    time::sleep,
};

type Word = Pin<Box<dyn Future<Output = String> + Send>>;

/// One scenario: a server and a client, each ending in a word. Both get a signal that the server
/// raises once it listens.
struct Scenario {
    name: &'static str,
    server: fn(Net, Arc<Notify>) -> Word,
    client: fn(Net, Arc<Notify>) -> Word,
    expected: [&'static str; 2],
}

async fn accept_one(net: &Net, listening: &Notify) -> BoxStream {
    let mut listener = net.bind(PORT).await.unwrap();
    listening.notify_one();
    listener.accept().await.unwrap().0
}

async fn dial(net: &Net, listening: &Notify) -> BoxStream {
    listening.notified().await;
    net.connect("server", PORT).await.unwrap()
}

/// Writes until it is told that nobody is there; a kernel needs some real time to find out.
async fn write_until_refused(stream: &mut BoxStream) -> String {
    for _ in 0..5_000 {
        if stream.write_all(b"anyone?").await.is_err() {
            return "nobody there".to_owned();
        }
        sleep(Duration::from_millis(1)).await;
    }
    "written for ever".to_owned()
}

const SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "nobody listens",
        server: |_, listening| {
            Box::pin(async move {
                listening.notify_one();
                String::new()
            })
        },
        client: |net, listening| {
            Box::pin(async move {
                listening.notified().await;
                let refused = net.connect("server", PORT).await.err().unwrap();
                refused.kind().to_string()
            })
        },
        expected: ["", "connection refused"],
    },
    Scenario {
        name: "the server hangs up",
        server: |net, listening| {
            Box::pin(async move {
                drop(accept_one(&net, &listening).await);
                String::new()
            })
        },
        client: |net, listening| {
            Box::pin(async move { read_word(&mut dial(&net, &listening).await).await })
        },
        expected: ["", "eof"],
    },
    Scenario {
        name: "the server hangs up with bytes unread",
        server: |net, listening| {
            Box::pin(async move {
                let mut stream = accept_one(&net, &listening).await;
                read_word(&mut stream).await
            })
        },
        client: |net, listening| {
            Box::pin(async move {
                let mut stream = dial(&net, &listening).await;
                stream.write_all(b"four").await.unwrap();
                read_word(&mut stream).await
            })
        },
        expected: ["data", "connection reset"],
    },
    Scenario {
        name: "writing to a server that has hung up",
        server: |net, listening| {
            Box::pin(async move {
                drop(accept_one(&net, &listening).await);
                String::new()
            })
        },
        client: |net, listening| {
            Box::pin(async move {
                let mut stream = dial(&net, &listening).await;
                assert_eq!(read_word(&mut stream).await, "eof");
                write_until_refused(&mut stream).await
            })
        },
        expected: ["", "nobody there"],
    },
    Scenario {
        name: "half closed, answered all the same",
        server: |net, listening| {
            Box::pin(async move {
                let mut stream = accept_one(&net, &listening).await;
                let mut question = String::new();
                stream.read_to_string(&mut question).await.unwrap();
                stream.write_all(b"answer").await.unwrap();
                question
            })
        },
        client: |net, listening| {
            Box::pin(async move {
                let mut stream = dial(&net, &listening).await;
                stream.write_all(b"question").await.unwrap();
                stream.shutdown().await.unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.unwrap();
                answer
            })
        },
        expected: ["question", "answer"],
    },
    Scenario {
        name: "connected and gone before accept",
        server: |net, listening| {
            Box::pin(async move {
                let mut listener = net.bind(PORT).await.unwrap();
                listening.notify_one();
                let (mut gone, _) = listener.accept().await.unwrap();
                let word = read_word(&mut gone).await;
                let (mut next, _) = listener.accept().await.unwrap();
                next.write_all(&[1]).await.unwrap();
                word
            })
        },
        client: |net, listening| {
            Box::pin(async move {
                drop(dial(&net, &listening).await);
                let mut stream = net.connect("server", PORT).await.unwrap();
                read_word(&mut stream).await
            })
        },
        expected: ["eof", "data"],
    },
    Scenario {
        name: "a slow reader of a megabyte",
        server: |net, listening| {
            Box::pin(async move {
                let mut stream = accept_one(&net, &listening).await;
                stream.write_all(&vec![7; 1 << 20]).await.unwrap();
                String::new()
            })
        },
        client: |net, listening| {
            Box::pin(async move {
                let mut stream = dial(&net, &listening).await;
                let (mut total, mut buffer) = (0, [0; 1_000]);
                loop {
                    let read = stream.read(&mut buffer).await.unwrap();
                    if read == 0 {
                        return total.to_string();
                    }
                    assert!(buffer[..read].iter().all(|byte| *byte == 7));
                    total += read;
                    tokio::task::yield_now().await;
                }
            })
        },
        expected: ["", "1048576"],
    },
    Scenario {
        name: "many round trips on one connection",
        server: |net, listening| {
            Box::pin(async move {
                engine_support::echo(accept_one(&net, &listening).await).await;
                "client left".to_owned()
            })
        },
        client: |net, listening| {
            Box::pin(async move {
                let mut stream = dial(&net, &listening).await;
                for size in [1, 1_459, 1_461, 20_000] {
                    let bytes = vec![9; size];
                    assert_eq!(round_trip(&mut stream, &bytes).await.unwrap(), bytes);
                }
                "all echoed".to_owned()
            })
        },
        expected: ["client left", "all echoed"],
    },
];

/// Runs one scenario on two simulated hosts.
fn simulated(scenario: &Scenario) -> [String; 2] {
    let mut lab = Lab::new(1);
    let (server, client) = (lab.host("server"), lab.host("client"));
    let listening = Arc::new(Notify::new());
    let words = Arc::new(std::sync::Mutex::new([String::new(), String::new()]));
    for (index, host, run) in [(0, server, scenario.server), (1, client, scenario.client)] {
        let (listening, words) = (listening.clone(), words.clone());
        lab.run(host, |net, log| async move {
            let word = run(net, listening).await;
            words.lock().unwrap()[index] = word;
            log.say("ended");
        });
    }
    lab.pass(600_000);
    assert_eq!(lab.log.take().len(), 2, "{} hangs", scenario.name);
    let words = words.lock().unwrap();
    words.clone()
}

/// Runs one scenario over this machine's loopback.
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the real network is what the simulated one is compared with"
)]
fn real(scenario: &Scenario) -> [String; 2] {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    // A port that is free now. Nobody else on this machine is likely to take it meanwhile.
    let probe = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address: SocketAddr = probe.local_addr().unwrap();
    drop(probe);
    let net = Net::new(Tcp {
        services: BTreeMap::from([(("server".to_owned(), PORT), address)]),
        binds: BTreeMap::from([(PORT, address.port())]),
    });
    let listening = Arc::new(Notify::new());
    runtime.block_on(async {
        let server = tokio::spawn((scenario.server)(net.clone(), listening.clone()));
        let client = tokio::spawn((scenario.client)(net, listening));
        let limit = Duration::from_secs(60);
        let both = async { [server.await.unwrap(), client.await.unwrap()] };
        let ended = tokio::time::timeout(limit, both).await;
        ended.unwrap_or_else(|_| panic!("{} hangs on real sockets", scenario.name))
    })
}

#[test]
fn simulated_sockets_behave_as_expected() {
    for scenario in &SCENARIOS {
        assert_eq!(simulated(scenario), scenario.expected, "{}", scenario.name);
    }
}

#[test]
fn real_sockets_behave_the_same() {
    for scenario in &SCENARIOS {
        assert_eq!(real(scenario), scenario.expected, "{}", scenario.name);
    }
}
