//! The web page: classifies pictures in a browser and shows runs with their mistakes. Listens,
//! takes connections in and ends when asked; what the addresses answer is in `site`.
//!
//! Meant for the machine it runs on. It keeps nothing, writes nothing but the labels of
//! `--crops`, and holds every resource within bounds: connections, bytes in memory, pictures waiting, threads and time. A
//! connection carries one request, so one deadline covers all that a slow client can do.

mod answer;
mod confined;
mod connection;
mod guard;
pub mod label;
mod memory;
mod mistakes;
pub mod model;
mod pool;
mod problem;
pub mod runs;
mod site;
mod upload;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use answer::Answer;
use guard::Names;
use label::Bench;
use memory::Memory;
use mistakes::Mistakes;
use model::Model;
use pool::{Classify, Pool};
use runs::Runs;
use site::Site;
use upload::Intake;

/// Most connections at one time; further ones wait with the system.
const MAX_CONNECTIONS: usize = 128;
/// Most pictures that wait for a thread.
const MAX_WAITING: usize = 64;
/// Most bytes of requests and files in memory at one time.
const MAX_HELD_BYTES: u64 = 512 << 20;
/// Threads that read files.
const READERS: usize = 4;
/// How long answers under way may take when the program ends.
const DRAIN: Duration = Duration::from_secs(10);
/// Pause after the system refused a connection, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What to serve and how.
#[derive(Debug)]
pub struct Settings {
    /// What answers.
    pub model: Model,
    /// What can be browsed.
    pub runs: Runs,
    /// Names of the page besides localhost.
    pub host_names: Vec<String>,
    /// Threads that classify, at least 1.
    pub workers: usize,
    /// Pictures to label.
    pub bench: Option<Bench>,
    /// How long a client may take to send its request.
    pub upload: Duration,
}

/// Takes the port. Errors say what to do.
pub fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another program, perhaps another host-trainer serve, has this port; end it or \
                 choose another with --listen (port 0 takes a free one)"
            }
            std::io::ErrorKind::PermissionDenied => {
                "ports below 1024 are for the system; choose a higher one with --listen"
            }
            std::io::ErrorKind::AddrNotAvailable => {
                "this machine does not have that address; choose one that it has with --listen"
            }
            _ => "choose another address with --listen",
        };
        anyhow!("cannot listen on {address}: {error}; {advice}")
    })
}

/// Serves until SIGINT or SIGTERM, then finishes the answers under way.
pub fn run(listener: TcpListener, settings: Settings) -> anyhow::Result<()> {
    // A client that leaves while it is being answered must not end the program.
    // SAFETY: sets a signal's disposition; no thread depends on the former one.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let address = listener.local_addr()?;
    let facts = settings.model.facts().clone();
    let reject_below = facts.reject_below;
    let model = settings.model;
    let pool = Pool::start(settings.workers, MAX_WAITING, move || {
        let mut runner = model.runner()?;
        Ok(Box::new(move |bytes: &[u8]| Answer::of(bytes, &mut runner, reject_below)) as Classify)
    })?;
    introduce(&facts, &settings.runs, address);
    if let Some(bench) = &settings.bench {
        let (pictures, labelled) = bench.counts();
        let file = bench.file().display();
        say(&format!(
            "crops        {pictures} pictures, {labelled} labelled, in {file}"
        ));
        say(&format!("labelling    http://{address}/label"));
    }
    let memory = Memory::new(MAX_HELD_BYTES);
    let site = Arc::new(Site {
        facts,
        pool,
        intake: Intake::new(memory.clone(), settings.upload),
        memory,
        runs: settings.runs,
        mistakes: Mistakes::default(),
        bench: settings.bench,
    });
    let router = site::router(site, Names::new(address, settings.host_names));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(READERS)
        .build()
        .context("cannot start the web server")?;
    runtime.block_on(async {
        let mut signals = Signals::new().context("cannot listen for signals")?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        // The last line: whoever reads it may ask from now on.
        say(&format!("listening    http://{address}/"));
        accept(listener, router, settings.upload, &mut signals).await;
        Ok(())
    })
}

async fn accept(
    listener: tokio::net::TcpListener,
    router: axum::Router,
    patience: Duration,
    signals: &mut Signals,
) {
    let (stop, stopped) = watch::channel(false);
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let permit = room.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            () = signals.next() => break,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let connection = connection::serve(stream, router.clone(), patience, stopped.clone());
        connections.spawn(async move {
            connection.await;
            drop(permit);
        });
    }
    drop(listener);
    let _ = stop.send(true);
    let finished = async { while connections.join_next().await.is_some() {} };
    // A second signal does not wait.
    tokio::select! {
        _ = tokio::time::timeout(DRAIN, finished) => {}
        () = signals.next() => {}
    }
}

/// What asks the program to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn introduce(facts: &model::Facts, runs: &Runs, address: SocketAddr) {
    let id = facts.id.as_ref().map(|id| format!(", {id}"));
    say(&format!(
        "model        {} ({}{})",
        facts.title,
        facts.origin,
        id.unwrap_or_default()
    ));
    say(&format!(
        "classes      {}: {}",
        facts.labels.len(),
        facts.labels.join(" ")
    ));
    say(&format!(
        "temperature  {:.3}, {}",
        facts.temperature, facts.calibration
    ));
    say(&format!("runs         {}", runs.place()));
    if !address.ip().is_loopback() {
        eprintln!(
            "host-trainer: warning: {address} is open to the network: whoever reaches it can \
             have pictures classified, see the runs and their pictures and change the labels of \
             --crops, unencrypted; without --listen only this machine can"
        );
    }
}

/// Prints a line. Whoever started the program may have closed its output and still want the
/// page.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
