//! One connection: one request, one answer, and an end within a set time whatever the client
//! does; an answer that goes on by itself may last. Knows no addresses.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::sleep;

use super::stream::Lasting;

/// Time for the head of a request.
const HEAD: Duration = Duration::from_secs(5);
/// Time for request and answer.
const WHOLE: Duration = Duration::from_secs(20);
/// Most bytes of a request's head.
const MOST_HEAD: usize = 16 << 10;

/// Serves it; `stop` tells that the page ends.
pub async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let lasting: Arc<OnceLock<Lasting>> = Arc::default();
    let noted = Arc::clone(&lasting);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let answered = router.call(request);
        let noted = Arc::clone(&noted);
        Box::pin(async move {
            let answer = answered.await;
            if let Ok(response) = &answer
                && let Some(lasting) = response.extensions().get::<Lasting>()
            {
                let _ = noted.set(lasting.clone());
            }
            answer
        })
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .keep_alive(false)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    loop {
        tokio::select! {
            // An error is the client's: it left, or spoke something else than HTTP.
            _ = connection.as_mut() => return,
            _ = stop.wait_for(|stop| *stop) => return,
            () = sleep(WHOLE) => if !lasting.get().is_some_and(Lasting::goes_on) {
                return;
            }
        }
    }
}
