//! The agent's own page: live picture, events, health, numbers. It runs on two threads of its
//! own, one that answers and one that makes live pictures; the loop that brings the frames only
//! publishes into a [`Watchpoint`] and waits for nothing here. Off without `http.listen`.
//!
//! Bounded in everything: connections, streams, time, and memory: the events with their
//! pictures (50 KiB for each of `http.events`), one live picture while somebody watches (at most
//! 10 MB), 64 KiB a connection. Measured as resident memory on x86-64 with 640 x 360 pixels: 1 MiB
//! until somebody watches; up to 19 MiB, most of it the network a second time, while one to four
//! do; 4 MiB some seconds after the last has left.

mod config;
mod connection;
mod guard;
mod host;
#[cfg(any(test, feature = "fuzzing"))]
pub mod input;
mod ledger;
mod live;
mod metrics;
mod refusal;
mod site;
mod stream;
mod thin;
mod times;
mod token;
mod watchpoint;

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

use crate::config::{BadValue, Config};
pub use config::HttpConfig;
use guard::Guard;
use live::Live;
pub use live::MakeEye;
use token::Token;
use watchpoint::State;
pub use watchpoint::{Facts, Watchpoint};

/// Connections besides streams; further ones wait with the system.
const MOST_CONNECTIONS: usize = 24;
/// Threads that ask the system for its state.
const READERS: usize = 2;
/// A peer that acknowledges nothing for longer is out of reach. Streams send something each ten
/// seconds.
static OUT_OF_REACH_MS: libc::c_uint = 20_000;
/// Pause before a port that could not be had is tried again, or after the system refused a
/// connection.
const PORT_PAUSE: Duration = Duration::from_secs(5);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The page while it is there; dropping it ends it.
pub struct Web {
    state: Arc<State>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Web {
    /// Starts it, if the config asks for it. `say` tells the operator where it is.
    pub fn start(
        config: &HttpConfig,
        facts: Facts,
        make_eye: MakeEye,
        say: fn(&str),
    ) -> anyhow::Result<Option<Self>> {
        let Some(address) = config.address()? else {
            return Ok(None);
        };
        let token = token(config)?;
        let machine = host::name(Path::new("/"));
        let names = config.host_names.clone();
        let guard = Guard::new(address, names, machine.as_deref(), token);
        let live = Arc::new(Live::new(config.live_fps));
        let room = MOST_CONNECTIONS + 2 * facts.most_watchers;
        let state = State::new(facts, Arc::clone(&live), config.events as usize);
        let state = Arc::new(state);
        let router = site::router(Arc::clone(&state), guard);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(READERS)
            .build()
            .context("cannot start the page (http.listen)")?;
        let (stop, stopped) = watch::channel(false);
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name.into())
                .spawn(work)
                .context("cannot start a thread for the page")
        };
        let painter = Arc::clone(&live);
        let threads = vec![
            spawn("live", Box::new(move || painter.work(&make_eye)))?,
            spawn(
                "web",
                Box::new(move || {
                    runtime.block_on(serve(address, router, room, stopped, say));
                    // A disk that does not answer is not waited for.
                    runtime.shutdown_background();
                }),
            )?,
        ];
        Ok(Some(Self {
            state,
            stop,
            threads,
        }))
    }

    /// The loop's end of it.
    pub fn watchpoint(&self) -> Watchpoint {
        Watchpoint::new(Arc::clone(&self.state))
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.state.live.stop();
        let _ = self.stop.send(true);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// Whether the page could be where the config wants it now: the address, or what is in the way.
/// A token that cannot be used is refused.
pub fn look(config: &HttpConfig) -> Result<Option<Result<SocketAddr, String>>, BadValue> {
    token(config)?;
    let look = |address| match std::net::TcpListener::bind(address) {
        Ok(_) => Ok(address),
        Err(error) => Err(refusal(address, &error)),
    };
    Ok(config.address()?.map(look))
}

fn token(config: &HttpConfig) -> Result<Option<Token>, BadValue> {
    let token = config.token_file.as_deref().map(Token::read).transpose();
    token.map_err(|problem| BadValue::new("http.token_file:", problem))
}

/// What of the config the page draws into the picture.
pub fn scene(config: &Config) -> Value {
    let roi = matches!(config.mode, crate::config::Mode::Roi);
    json!({
        "lanes": config.lanes,
        "region_px": config.gate.region_px,
        "ignore_px": config.gate.ignore_px,
        "place_px": if roi { config.roi.rect_px } else { None },
    })
}

async fn serve(
    address: SocketAddr,
    router: axum::Router,
    room: usize,
    mut stop: watch::Receiver<bool>,
    say: fn(&str),
) {
    let ended = stop.clone();
    tokio::select! {
        () = accept(address, router, room, ended, say) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

async fn accept(
    address: SocketAddr,
    router: axum::Router,
    room: usize,
    stop: watch::Receiver<bool>,
    say: fn(&str),
) {
    let listener = listen(address, say).await;
    if let Ok(address) = listener.local_addr() {
        say(&format!("page at http://{address}/"));
    }
    let room = Arc::new(Semaphore::new(room));
    loop {
        let permit = Arc::clone(&room).acquire_owned().await;
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Answers are written whole.
        let _ = stream.set_nodelay(true);
        give_up_late_peer(&stream);
        let connection = connection::serve(stream, router.clone(), stop.clone());
        tokio::spawn(async move {
            connection.await;
            drop(permit);
        });
    }
}

/// Has the system end a connection whose peer is out of reach: without this it goes on sending to
/// a phone that was carried off for a quarter of an hour, and the phone's place is taken.
fn give_up_late_peer(socket: &impl AsRawFd) {
    // SAFETY: the socket is open during the call, which reads one number of the size that it is
    // told. Where the system refuses it, the connection is as good as before.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_USER_TIMEOUT,
            (&raw const OUT_OF_REACH_MS).cast(),
            size_of::<libc::c_uint>() as libc::socklen_t,
        );
    }
}

/// Takes the port; waits for it as long as it takes, because the road is watched meanwhile.
async fn listen(address: SocketAddr, say: fn(&str)) -> TcpListener {
    let mut told = String::new();
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => {
                let why = refusal(address, &error);
                let told_now = format!("http.listen: {why}; trying again");
                if told_now != told {
                    say(&told_now);
                    told = told_now;
                }
                sleep(PORT_PAUSE).await;
            }
        }
    }
}

fn refusal(address: SocketAddr, error: &std::io::Error) -> String {
    let advice = match error.kind() {
        std::io::ErrorKind::AddrInUse => "another program has this port; end it or choose another",
        std::io::ErrorKind::PermissionDenied => "choose a port from 1024 on",
        std::io::ErrorKind::AddrNotAvailable => {
            "this machine does not have that address now; choose one that it has"
        }
        _ => "choose another address",
    };
    format!("cannot listen on {address}: {error}; {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_told_with_advice() {
        let error = std::io::Error::from_raw_os_error(libc::EADDRINUSE);
        assert_eq!(
            refusal("127.0.0.1:80".parse().unwrap(), &error),
            "cannot listen on 127.0.0.1:80: Address already in use (os error 98); another program \
             has this port; end it or choose another"
        );
    }

    #[test]
    fn a_peer_out_of_reach_is_given_up_in_time() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let _peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        give_up_late_peer(&socket);
        let mut ms: libc::c_uint = 0;
        let mut length = size_of::<libc::c_uint>() as libc::socklen_t;
        // SAFETY: the socket is open, and both places are as large as is told.
        let got = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_USER_TIMEOUT,
                (&raw mut ms).cast(),
                &raw mut length,
            )
        };
        assert_eq!((got, ms), (0, OUT_OF_REACH_MS));
    }
}
