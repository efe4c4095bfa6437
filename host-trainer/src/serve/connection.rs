//! One connection: one request, one answer, and an end within a set time whatever the client
//! does. Knows no addresses.

use std::future::poll_fn;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Time for the classifying and for the client to take the answer in, after the upload.
const ANSWER: Duration = Duration::from_secs(60);
/// Time in which a client that was refused may go on sending before the connection is cut: cut
/// at once, it would see a broken connection instead of the reason.
const LINGER: Duration = Duration::from_secs(5);
/// The same once the program ends.
const LAST_LINGER: Duration = Duration::from_millis(200);

/// Serves the connection. `patience` is the time that the request's head and its body may take
/// each; `stop` tells that the program ends.
pub async fn serve(
    stream: TcpStream,
    router: Router,
    patience: Duration,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are small and written whole.
    let _ = stream.set_nodelay(true);
    let whole = 2 * patience + ANSWER;
    let answered = timeout(whole, answer(stream, router, patience, stop.clone())).await;
    let Ok(Some(stream)) = answered else { return };
    let ending = async {
        let _ = stop.wait_for(|stop| *stop).await;
        sleep(LAST_LINGER).await;
    };
    tokio::select! {
        _ = timeout(LINGER, drain(stream)) => {}
        () = ending => {}
    }
}

/// One request and its answer; gives the stream back when the answer is out.
async fn answer(
    stream: TcpStream,
    router: Router,
    patience: Duration,
    mut stop: watch::Receiver<bool>,
) -> Option<TcpStream> {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| Box::pin(router.call(request)));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .keep_alive(false)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), service);
    let done = tokio::select! {
        done = poll_fn(|cx| connection.poll_without_shutdown(cx)) => done,
        _ = stop.changed() => {
            Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    // An error is the client's: it left, or spoke something else than HTTP.
    done.ok()?;
    Some(connection.into_parts().io.into_inner())
}

/// Ends the sending side and throws away what still comes.
async fn drain(stream: TcpStream) -> Option<()> {
    let stream = stream.into_std().ok()?;
    stream.shutdown(std::net::Shutdown::Write).ok()?;
    let stream = TcpStream::from_std(stream).ok()?;
    let mut scratch = vec![0; 64 << 10];
    loop {
        stream.readable().await.ok()?;
        match stream.try_read(&mut scratch) {
            Ok(0) => return Some(()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}
