//! A fixed number of threads that classify, behind a queue of bounded length. A picture that
//! makes a decoder or the network panic costs its own answer and nothing else. No HTTP.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use axum::body::Bytes;
use tokio::sync::oneshot;

use super::answer::Answer;
use super::problem::Problem;

/// Answers one picture's bytes. Lives in one thread.
pub type Classify = Box<dyn FnMut(&[u8]) -> Result<Answer, Problem>>;

/// The way to the threads. They end when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Pool {
    queue: SyncSender<Job>,
}

#[derive(Debug)]
struct Job {
    bytes: Bytes,
    reply: oneshot::Sender<Result<Answer, Problem>>,
}

impl Pool {
    /// Starts `workers` threads with what `make` makes in each, and room for `waiting` pictures
    /// before them. Returns when all are ready; errors when one cannot be made.
    pub fn start(
        workers: usize,
        waiting: usize,
        make: impl Fn() -> anyhow::Result<Classify> + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let (queue, jobs) = sync_channel(waiting);
        let jobs = Arc::new(Mutex::new(jobs));
        let make = Arc::new(make);
        let (ready, started) = sync_channel(workers);
        for index in 0..workers {
            let (jobs, make, ready) = (jobs.clone(), make.clone(), ready.clone());
            thread::Builder::new()
                .name(format!("classify-{index}"))
                .spawn(move || match make() {
                    Ok(classify) => {
                        // Nobody listens any more when another thread could not be made.
                        let _ = ready.send(Ok(()));
                        work(&jobs, classify, &*make);
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                    }
                })?;
        }
        drop(ready);
        for _ in 0..workers {
            started
                .recv()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("a thread ended while it started")))?;
        }
        Ok(Self { queue })
    }

    /// The answer for a picture's bytes. [`Problem::Busy`] at once when the queue is full.
    pub async fn classify(&self, bytes: Bytes) -> Result<Answer, Problem> {
        let (reply, answer) = oneshot::channel();
        self.queue
            .try_send(Job { bytes, reply })
            .map_err(|error| match error {
                TrySendError::Full(_) => Problem::Busy,
                TrySendError::Disconnected(_) => gone(),
            })?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn gone() -> Problem {
    Problem::Failed("the classifying thread is gone; restart host-trainer serve".into())
}

fn work(
    jobs: &Mutex<Receiver<Job>>,
    mut classify: Classify,
    make: &dyn Fn() -> anyhow::Result<Classify>,
) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // Whoever asked has left: the picture need not be looked at.
        if job.reply.is_closed() {
            continue;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| classify(&job.bytes)));
        let answer = outcome.unwrap_or_else(|_| {
            // What panicked half-way may be in any state.
            if let Ok(fresh) = make() {
                classify = fresh;
            }
            Err(Problem::Failed(
                "this picture made the program stumble; the others are not affected".into(),
            ))
        });
        // An error means that whoever asked has left.
        let _ = job.reply.send(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(future)
    }

    #[test]
    fn a_full_queue_says_busy_at_once_and_recovers() {
        let (go, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let (started, starts) = mpsc::channel();
        let started = Mutex::new(started);
        let pool = Pool::start(1, 1, move || {
            let (gate, started) = (gate.clone(), started.lock().unwrap().clone());
            Ok(Box::new(move |_| {
                started.send(()).unwrap();
                gate.lock().unwrap().recv().unwrap();
                Ok(Answer::example())
            }))
        })
        .unwrap();
        let ask = || {
            let pool = pool.clone();
            thread::spawn(move || block_on(pool.classify(Bytes::new())))
        };
        let first = ask();
        starts.recv().unwrap();
        // The thread is busy; one more may wait, and whichever comes later is turned away.
        let (second, third) = (ask(), ask());
        let turned_away = loop {
            if second.is_finished() || third.is_finished() {
                break true;
            }
            thread::yield_now();
        };
        assert!(turned_away);
        go.send(()).unwrap();
        go.send(()).unwrap();
        let outcomes = [first, second, third].map(|asked| asked.join().unwrap());
        let busy = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Err(Problem::Busy)))
            .count();
        assert_eq!(
            (busy, outcomes.iter().filter(|o| o.is_ok()).count()),
            (1, 2)
        );
    }

    #[test]
    fn a_panic_costs_one_answer() {
        let pool = Pool::start(1, 4, || {
            Ok(Box::new(|bytes: &[u8]| {
                assert!(!bytes.is_empty(), "the panic this test wants");
                Ok(Answer::example())
            }))
        })
        .unwrap();
        let failed = block_on(pool.classify(Bytes::new()));
        assert!(matches!(failed, Err(Problem::Failed(_))), "{failed:?}");
        assert!(block_on(pool.classify(Bytes::from_static(b"x"))).is_ok());
    }

    #[test]
    fn a_network_that_does_not_load_stops_the_start() {
        let error = Pool::start(2, 1, || anyhow::bail!("no network")).unwrap_err();
        assert_eq!(error.to_string(), "no network");
    }
}
