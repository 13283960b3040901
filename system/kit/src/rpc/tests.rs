use std::time::Duration;

use super::{Client, Frame, Kind, MAX_CALLS, MAX_FRAME_BYTES, RpcError, Settings, serve};
use crate::{
    BoxFuture,
    net::{Net, memory::Memory, tcp::Tcp},
    spawn::Spawn,
    stop::Stop,
};

const PORT: u16 = 5000;
const SECOND: Duration = Duration::from_secs(1);

/// Answers a number of milliseconds with itself, that much later; 0 with a text too large to send.
fn echo_later(wait_ms: u64) -> BoxFuture<'static, String> {
    Box::pin(async move {
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        match wait_ms {
            0 => "x".repeat(MAX_FRAME_BYTES),
            wait_ms => wait_ms.to_string(),
        }
    })
}

fn client(net: &Net) -> Client {
    let settings = Settings {
        connect_timeout: SECOND,
    };
    Client::new(net.clone(), Spawn::tokio(), "store", PORT, settings)
}

/// Starts a server; the returned future is its end.
fn server(net: &Net, stop: &Stop) -> BoxFuture<'static, Option<()>> {
    let (net, stop) = (net.clone(), stop.clone());
    Spawn::tokio().result("server", async move {
        let served = serve(&net, &Spawn::tokio(), &stop, PORT, echo_later).await;
        served.expect("the port is free");
    })
}

async fn echo(client: &Client, wait_ms: u64, limit: Duration) -> Result<String, RpcError> {
    client.call(&wait_ms, limit).await
}

#[test]
fn a_frame_is_what_the_module_says() {
    let content = Frame::content(7, Kind::Message, "ok").expect("it fits");
    assert_eq!(content, b"\0\0\0\0\0\0\0\x07\0\xa2ok"[..]);
}

#[tokio::test(start_paused = true)]
async fn replies_come_as_they_are_ready() {
    let (net, stop) = (Net::new(Memory::default()), Stop::new());
    let end = server(&net, &stop);
    tokio::task::yield_now().await;
    let client = client(&net);
    let start = tokio::time::Instant::now();
    let (slow, fast) = tokio::join!(
        async { (echo(&client, 500, SECOND).await, start.elapsed()) },
        async { (echo(&client, 20, SECOND).await, start.elapsed()) },
    );
    assert_eq!(slow, (Ok("500".to_owned()), Duration::from_millis(500)));
    assert_eq!(fast, (Ok("20".to_owned()), Duration::from_millis(20)));
    stop.raise();
    assert_eq!(end.await, Some(()));
}

#[tokio::test(start_paused = true)]
async fn nobody_listening_is_surely_not_sent() {
    let net = Net::new(Memory::default());
    let answer = echo(&client(&net), 1, SECOND).await;
    assert!(matches!(answer, Err(RpcError::NotSent(_))), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_unknown_and_the_next_call_gets_a_new_connection() {
    let (net, stop) = (Net::new(Memory::default()), Stop::new());
    let _end = server(&net, &stop);
    tokio::task::yield_now().await;
    let client = client(&net);
    let answer = echo(&client, 5_000, SECOND).await;
    assert!(matches!(answer, Err(RpcError::Unknown(_))), "{answer:?}");
    assert_eq!(echo(&client, 1, SECOND).await, Ok("1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_caller_in_a_hurry_does_not_keep_a_dead_connection() {
    let net = Net::new(Memory::default());
    let client = client(&net);
    let mut listener = net.bind(PORT).await.expect("the port is free");
    let hurried = tokio::time::timeout(SECOND, echo(&client, 1, 60 * SECOND));
    let (hurried, accepted) = tokio::join!(hurried, listener.accept());
    assert!(hurried.is_err());
    let _silent = accepted.expect("a call connects").0;
    drop(listener);
    let _end = server(&net, &Stop::new());
    tokio::task::yield_now().await;
    assert_eq!(echo(&client, 1, SECOND).await, Ok("1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_server_ends_its_calls_and_a_new_one_is_found() {
    let (net, stop) = (Net::new(Memory::default()), Stop::new());
    let end = server(&net, &stop);
    tokio::task::yield_now().await;
    let client = client(&net);
    let (short, long, ()) = tokio::join!(
        echo(&client, 600, 60 * SECOND),
        echo(&client, 30_000, 60 * SECOND),
        async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            stop.raise();
        },
    );
    assert_eq!(short, Ok("600".to_owned()));
    assert!(matches!(long, Err(RpcError::Unknown(_))), "{long:?}");
    assert_eq!(end.await, Some(()));
    let gone = echo(&client, 1, SECOND).await;
    assert!(matches!(gone, Err(RpcError::NotSent(_))), "{gone:?}");
    let _end = server(&net, &Stop::new());
    tokio::task::yield_now().await;
    assert_eq!(echo(&client, 1, SECOND).await, Ok("1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_or_parse_is_refused_and_harms_no_other_call() {
    let (net, stop) = (Net::new(Memory::default()), Stop::new());
    let _end = server(&net, &stop);
    tokio::task::yield_now().await;
    let client = client(&net);
    let large = "x".repeat(MAX_FRAME_BYTES);
    let (other, large_reply, large_request, misfit) = tokio::join!(
        echo(&client, 100, SECOND),
        echo(&client, 0, SECOND),
        client.call::<str, String>(&large, 10 * SECOND),
        client.call::<str, String>("no number", SECOND),
    );
    assert_eq!(other, Ok("100".to_owned()));
    for refused in [large_reply, large_request, misfit] {
        assert!(matches!(refused, Err(RpcError::Refused(_))), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_bound_wait_their_turn_and_are_surely_not_sent_when_it_never_comes() {
    let (net, stop) = (Net::new(Memory::default()), Stop::new());
    let _end = server(&net, &stop);
    tokio::task::yield_now().await;
    let client = client(&net);
    let mut tasks = Vec::new();
    for _ in 0..MAX_CALLS {
        let client = client.clone();
        tasks.push(Spawn::tokio().result(
            "call",
            async move { echo(&client, 2_000, 5 * SECOND).await },
        ));
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    let early = echo(&client, 1, SECOND).await;
    assert!(matches!(early, Err(RpcError::NotSent(_))), "{early:?}");
    assert_eq!(echo(&client, 1, 2 * SECOND).await, Ok("1".to_owned()));
    for task in tasks {
        assert_eq!(task.await, Some(Ok("2000".to_owned())));
    }
}

#[tokio::test]
async fn it_works_over_tcp() {
    #[expect(clippy::disallowed_types, reason = "finds a free port")]
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    let address = free.expect("some port is free");
    let mut tcp = Tcp::default();
    tcp.binds.insert(PORT, address.port());
    tcp.services.insert(("store".to_owned(), PORT), address);
    let (net, stop) = (Net::new(tcp), Stop::new());
    let end = server(&net, &stop);
    tokio::task::yield_now().await;
    let client = client(&net);
    let (one, two) = tokio::join!(echo(&client, 1, 60 * SECOND), echo(&client, 2, 60 * SECOND));
    assert_eq!((one, two), (Ok("1".to_owned()), Ok("2".to_owned())));
    stop.raise();
    assert_eq!(end.await, Some(()));
}
