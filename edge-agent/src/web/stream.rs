//! Answers without an end: a producer hands pieces to a client that takes them at its own speed.
//! One piece waits at most; a client that takes nothing for a while is cut off.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A client that takes nothing for longer is cut off.
const STALL: Duration = Duration::from_secs(10);

/// Marks an answer that goes on: its connection is not cut while this says so.
#[derive(Clone, Debug)]
pub struct Lasting(Arc<AtomicBool>);

impl Lasting {
    /// Whether the producer is still at it.
    pub fn goes_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The producer's end.
pub struct Pipe {
    sender: mpsc::Sender<Bytes>,
    lasting: Lasting,
}

impl Pipe {
    /// Hands a piece over; whether the client still takes any.
    pub async fn send(&self, piece: Bytes) -> bool {
        matches!(timeout(STALL, self.sender.send(piece)).await, Ok(Ok(())))
    }

    /// Waits until the client has left.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.lasting.0.store(false, Ordering::Relaxed);
    }
}

struct Pieces(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.0.poll_recv(cx);
        piece.map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// An answer of that content type, made by the producer on a task of its own.
pub fn answer<P>(kind: &'static str, producer: impl FnOnce(Pipe) -> P) -> Response
where
    P: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(1);
    let lasting = Lasting(Arc::new(AtomicBool::new(true)));
    let pipe = Pipe {
        sender,
        lasting: lasting.clone(),
    };
    tokio::spawn(producer(pipe));
    let body = Body::new(Pieces(receiver));
    let mut response = ([(header::CONTENT_TYPE, kind)], body).into_response();
    response.extensions_mut().insert(lasting);
    response
}
