//! The page's addresses: which path gives what. All are read with GET; nothing can be changed
//! from here.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path as Segment, Query, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use super::guard::{self, Guard};
use super::host::Host;
use super::live::{Live, Picture};
use super::metrics;
use super::refusal::Refusal;
use super::stream::{self, Pipe};
use super::watchpoint::State;
use crate::laps::Stage;
use crate::stamp::clock_synced;

/// What keeps a silent stream alive, and shows whether its client is.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Longest wait for a live picture.
const PICTURE: Duration = Duration::from_secs(10);
/// Stands between the pictures of the stream.
const BOUNDARY: &str = "edge-agent-picture";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const ASSETS: [(&str, &str, &str); 4] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/page.css", CSS, include_str!("page/page.css")),
    ("/live.js", SCRIPT, include_str!("page/live.js")),
    ("/page.js", SCRIPT, include_str!("page/page.js")),
];

/// What the addresses answer from.
#[derive(Clone)]
pub struct Site {
    state: Arc<State>,
    /// Room for live pictures, and for those who follow the events.
    watchers: Arc<Semaphore>,
    followers: Arc<Semaphore>,
}

/// All addresses, guarded.
pub fn router(state: Arc<State>, guard: Guard) -> Router {
    let most = state.facts.most_watchers;
    let site = Site {
        state,
        watchers: Arc::new(Semaphore::new(most)),
        followers: Arc::new(Semaphore::new(most)),
    };
    let mut router = Router::new()
        .route("/live.jpg", get(live_jpg))
        .route("/live.mjpg", get(live_mjpg))
        .route("/events", get(events))
        .route("/events/stream", get(follow))
        .route("/crops/{sequence}", get(crop))
        .route("/state", get(told_state))
        .route("/healthz", get(healthz))
        .route("/metrics", get(numbers));
    for (path, kind, content) in ASSETS {
        let answer = move || async move { ([(header::CONTENT_TYPE, kind)], content) };
        router = router.route(path, get(answer));
    }
    router
        .fallback(async || Refusal::new(StatusCode::NOT_FOUND, "there is nothing here; try /"))
        .method_not_allowed_fallback(async || {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "everything here is read with GET",
            )
        })
        .with_state(site)
        .layer(middleware::from_fn_with_state(
            Arc::new(guard),
            guard::watch,
        ))
}

/// A place among those who watch or follow, or the refusal.
fn place(room: &Arc<Semaphore>, most: usize) -> Result<OwnedSemaphorePermit, Refusal> {
    Arc::clone(room).try_acquire_owned().map_err(|_| {
        let told =
            format!("{most} clients are at it already; close one or raise http.max_watchers");
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, told).with(header::RETRY_AFTER, "2")
    })
}

async fn live_jpg(Shared(site): Shared<Site>) -> Result<Response, Refusal> {
    let most = site.state.facts.most_watchers;
    let _permit = place(&site.watchers, most)?;
    let mut watcher = site.state.live.watch();
    let recent = |picture: &Option<Arc<Picture>>| {
        let gap = site.state.live.gap();
        picture
            .as_ref()
            .is_some_and(|picture| picture.made.elapsed() < gap)
    };
    let found = timeout(PICTURE, watcher.pictures.wait_for(recent)).await;
    let picture = match found {
        Ok(Ok(picture)) => picture.clone(),
        _ => None,
    };
    let Some(picture) = picture else {
        let why = site.state.health().err();
        let why = why.unwrap_or_else(|| "no picture came in time".into());
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why));
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    if let Ok(told) = HeaderValue::from_str(&picture.told) {
        headers.insert("x-live", told);
    }
    Ok((headers, picture.jpeg.clone()).into_response())
}

async fn live_mjpg(Shared(site): Shared<Site>) -> Result<Response, Refusal> {
    const KIND: &str = "multipart/x-mixed-replace; boundary=edge-agent-picture";
    let permit = place(&site.watchers, site.state.facts.most_watchers)?;
    Ok(stream::answer(KIND, move |pipe| {
        pictures(pipe, Arc::clone(&site.state.live), permit)
    }))
}

async fn pictures(pipe: Pipe, live: Arc<Live>, _permit: OwnedSemaphorePermit) {
    let mut watcher = live.watch();
    loop {
        tokio::select! {
            changed = watcher.pictures.changed() => if changed.is_err() {
                return;
            },
            () = pipe.closed() => return,
            // The last one again: else nobody would notice that the client is gone.
            () = sleep(KEEP_ALIVE) => {}
        }
        let picture = watcher.pictures.borrow_and_update().clone();
        let Some(picture) = picture else { continue };
        let length = picture.jpeg.len();
        let mut piece =
            format!("--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n")
                .into_bytes();
        piece.extend_from_slice(&picture.jpeg);
        piece.extend_from_slice(b"\r\n");
        if !pipe.send(piece.into()).await {
            return;
        }
    }
}

#[derive(Deserialize)]
struct Latest {
    n: Option<usize>,
}

async fn events(Shared(site): Shared<Site>, Query(latest): Query<Latest>) -> Response {
    let most = latest.n.unwrap_or(usize::MAX);
    let told = site.state.ledger().after(0, most);
    let lines: Vec<&str> = told.iter().map(|(_, json)| json.as_ref()).collect();
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, format!("[{}]", lines.join(",\n"))).into_response()
}

async fn follow(Shared(site): Shared<Site>, headers: HeaderMap) -> Result<Response, Refusal> {
    let permit = place(&site.followers, site.state.facts.most_watchers)?;
    // A client that comes back says what it has seen; a new one wants what comes.
    let seen = headers.get("last-event-id");
    let seen = seen.and_then(|value| value.to_str().ok()?.parse().ok());
    let newest = *site.state.news.borrow();
    // A number from a run before this one says nothing.
    let seen = seen.filter(|seen| *seen <= newest).unwrap_or(newest);
    Ok(stream::answer("text/event-stream", move |pipe| {
        tell_events(pipe, site.state, seen, permit)
    }))
}

async fn tell_events(pipe: Pipe, state: Arc<State>, seen: u64, _permit: OwnedSemaphorePermit) {
    let mut seen = seen;
    let mut news = state.news.subscribe();
    let mut piece = String::from("retry: 2000\n\n");
    loop {
        let told = state.ledger().after(seen, usize::MAX);
        for (number, json) in told {
            piece += &format!("id: {number}\ndata: {json}\n\n");
            seen = number;
        }
        if !piece.is_empty() && !pipe.send(Bytes::from(std::mem::take(&mut piece))).await {
            return;
        }
        tokio::select! {
            changed = news.changed() => if changed.is_err() {
                return;
            },
            () = pipe.closed() => return,
            () = sleep(KEEP_ALIVE) => piece.push_str(":\n\n"),
        }
    }
}

async fn crop(Shared(site): Shared<Site>, Segment(name): Segment<String>) -> Response {
    let number = name.strip_suffix(".jpg").and_then(|n| n.parse().ok());
    match number.and_then(|number| site.state.ledger().crop(number)) {
        Some(jpeg) => ([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response(),
        None => Refusal::new(StatusCode::NOT_FOUND, "this event has no picture any more")
            .into_response(),
    }
}

async fn healthz(Shared(site): Shared<Site>) -> Response {
    match site.state.health() {
        Ok(()) => "ok\n".into_response(),
        Err(why) => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
    }
}

/// What the machine says; a disk may take its time, so not on the thread that answers.
async fn host(state: &Arc<State>) -> Host {
    let state = Arc::clone(state);
    let read = move || Host::read(Path::new("/"), &state.facts.folders);
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_default()
}

async fn numbers(Shared(site): Shared<Site>) -> Response {
    let host = host(&site.state).await;
    let text = metrics::text(&site.state, &host, clock_synced());
    ([(header::CONTENT_TYPE, metrics::KIND)], text).into_response()
}

async fn told_state(Shared(site): Shared<Site>) -> Json<Value> {
    let host = host(&site.state).await;
    let state = &site.state;
    let camera = state.camera();
    let mean_ms = |times: &super::times::Histogram| {
        let (counts, sum) = times.cumulative();
        let count = counts.last().copied().unwrap_or(0);
        sum * 1000.0 / count.max(1) as f64
    };
    let stages = Stage::ALL.map(|stage| (stage.name(), mean_ms(state.times.of(stage))));
    let (counts, hours) = {
        let ledger = state.ledger();
        (ledger.counts().clone(), ledger.hours())
    };
    let sinks: Vec<_> = state.facts.sinks.iter().map(|sink| sink.read()).collect();
    let health = state.health();
    Json(json!({
        "camera": {
            "name": state.facts.camera,
            "up": health.is_ok(),
            "problem": health.err(),
            "frames": camera.frames,
            "dropped": camera.dropped,
            "losses": camera.losses,
            "size_px": camera.size_px,
            "vehicles": camera.tracks,
        },
        "counts": counts,
        "hours": hours,
        "sinks": sinks,
        "host": host,
        "clock_synced": clock_synced(),
        "uptime_s": state.uptime().as_secs(),
        "frame_ms": mean_ms(&state.whole),
        "stages_ms": stages.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "scene": state.facts.scene,
        "version": env!("CARGO_PKG_VERSION"),
        "bundle": state.facts.bundle,
        "live_gap_ms": state.live.gap().as_millis() as u64,
    }))
}
