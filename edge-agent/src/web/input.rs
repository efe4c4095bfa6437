//! A client that sends any bytes: it gets an answer or none, and nothing without the token.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use models::RgbFrame;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::yield_now;

use super::guard::Guard;
use super::live::Live;
use super::token::Token;
use super::watchpoint::State;
use super::{Facts, connection, site};

/// Room for what is sent and for what is answered, bytes.
const PIPE: usize = 256 << 10;
/// How often the server is asked to go on: an answer that needs nothing from outside is there
/// by then, one without an end is cut off.
const ROUNDS: usize = 100;

/// What lasts from input to input: starting it takes longer than serving one.
struct Page {
    runtime: Runtime,
    open: Router,
    guarded: Router,
}

/// See the head of this file.
pub fn http(bytes: &[u8]) {
    static PAGE: OnceLock<Option<Page>> = OnceLock::new();
    let Some(page) = PAGE.get_or_init(page) else {
        assert!(bytes.is_empty(), "the page cannot be made");
        return;
    };
    let answer = page.runtime.block_on(ask(page.open.clone(), bytes));
    hold(&answer);
    let answer = page.runtime.block_on(ask(page.guarded.clone(), bytes));
    hold(&answer);
    // The token is not known to whoever made the input.
    assert!(!answer.starts_with(b"HTTP/1.1 2"));
}

fn hold(answer: &[u8]) {
    let text = String::from_utf8_lossy(answer);
    assert!(text.is_empty() || text.starts_with("HTTP/1."), "{text}");
    // The server's own refusals of what is no request have no more than a status.
    let status = text.split(' ').nth(1).unwrap_or_default();
    let refused = ["400", "414", "431", "505"].contains(&status);
    assert!(
        text.is_empty() || refused || text.contains("nosniff"),
        "{text}"
    );
}

async fn ask(router: Router, bytes: &[u8]) -> Vec<u8> {
    let (mut client, server) = duplex(PIPE);
    let (_stop, stopped) = watch::channel(false);
    // The pipe takes it all at once.
    let _ = client.write_all(&bytes[..bytes.len().min(PIPE)]).await;
    {
        let mut served = pin!(connection::serve(server, router, stopped));
        for _ in 0..ROUNDS {
            tokio::select! {
                biased;
                () = served.as_mut() => break,
                () = yield_now() => {}
            }
        }
    }
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    answer
}

/// One event with its picture, an open page and one with a token.
fn page() -> Option<Page> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let facts = Facts {
        camera: "camera".into(),
        bundle: "bundle".into(),
        colours: vec!["red".into()],
        scene: serde_json::Value::Null,
        stale: Duration::from_secs(5),
        sinks: Vec::new(),
        folders: Vec::new(),
        most_watchers: 4,
    };
    let state = State::new(facts, Arc::new(Live::new(5.0)), 8);
    let crop = RgbFrame::filled(8, 8, [200, 0, 0]).ok();
    state.ledger().add(1, "red", "{}".into(), crop, 0);
    let state = Arc::new(state);
    let address = ([127, 0, 0, 1], 80).into();
    let guard = |token| Guard::new(address, vec!["camera.local".into()], None, token);
    Some(Page {
        runtime,
        open: site::router(Arc::clone(&state), guard(None)),
        guarded: site::router(state, guard(Some(Token::unguessable()))),
    })
}
