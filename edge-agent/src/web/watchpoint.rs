//! What the page knows: the loop that brings the frames publishes into it, and the page's thread
//! reads it. Locks are held for a few instructions; nothing here waits, draws or writes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use models::{RgbFrame, RgbView};
use tokio::sync::watch;

use super::ledger::{CROP_PX, Ledger};
use super::live::Live;
use super::thin::thinned;
use super::times::{Histogram, Times};
use crate::clock::{Clock, SystemClock};
use crate::event::{Event, Reason};
use crate::gauge::Gauge;
use crate::laps::{Laps, Stage};
use crate::onlooker::Onlooker;
use crate::source::Frame;
use crate::track::Sighting;
use crate::watch::Counts;

/// Crops that wait for their events.
const MOST_CROPS: usize = 16;

/// What does not change while the agent runs.
pub struct Facts {
    /// The camera's name.
    pub camera: String,
    /// The bundle's id.
    pub bundle: String,
    /// Its labels, and "unknown".
    pub colours: Vec<String>,
    /// Lanes, region and place, for the page.
    pub scene: serde_json::Value,
    /// Without a frame for longer the agent is not healthy.
    pub stale: Duration,
    /// The sinks.
    pub sinks: Vec<Arc<dyn Gauge>>,
    /// Folders whose disks matter.
    pub folders: Vec<PathBuf>,
    /// Most clients of each kind of stream.
    pub most_watchers: usize,
}

/// Everything the page shows.
pub struct State {
    /// What does not change.
    pub facts: Facts,
    /// The live picture.
    pub live: Arc<Live>,
    /// How long stages take.
    pub times: Times,
    /// How long frames take from decoding to the last event.
    pub whole: Histogram,
    /// The number of the newest event.
    pub news: watch::Sender<u64>,
    started: Duration,
    frames: AtomicU64,
    dropped: AtomicU64,
    losses: AtomicU64,
    failed: AtomicU64,
    /// Milliseconds of the system's monotonic clock, and one; 0 before the first frame.
    last_frame: AtomicU64,
    /// Width and height.
    size_px: AtomicU64,
    tracks: AtomicU64,
    told: Mutex<String>,
    ledger: Mutex<Ledger>,
}

/// How the camera does.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    /// Frames handed on.
    pub frames: u64,
    /// Damaged or missing ones.
    pub dropped: u64,
    /// How often the source was lost.
    pub losses: u64,
    /// Time since the last frame.
    pub age: Option<Duration>,
    /// Width and height.
    pub size_px: (u32, u32),
    /// Vehicles in the last frame.
    pub tracks: u64,
    /// What was last told of it.
    pub told: String,
}

impl State {
    /// Nothing was seen yet.
    pub fn new(facts: Facts, live: Arc<Live>, events: usize) -> Self {
        Self {
            ledger: Mutex::new(Ledger::new(events, &facts.colours)),
            facts,
            live,
            times: Times::default(),
            whole: Histogram::default(),
            news: watch::Sender::new(0),
            started: SystemClock.now(),
            frames: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            losses: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            last_frame: AtomicU64::new(0),
            size_px: AtomicU64::new(0),
            tracks: AtomicU64::new(0),
            told: Mutex::default(),
        }
    }

    /// The ledger, for one short operation.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the start.
    pub fn uptime(&self) -> Duration {
        SystemClock.now().saturating_sub(self.started)
    }

    /// Vehicles without a colour because the network could not be run.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// How the camera does now.
    pub fn camera(&self) -> Camera {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let size = count(&self.size_px);
        let last = count(&self.last_frame).checked_sub(1);
        Camera {
            frames: count(&self.frames),
            dropped: count(&self.dropped),
            losses: count(&self.losses),
            age: last.map(|ms| {
                let last = Duration::from_millis(ms);
                SystemClock.now().saturating_sub(last)
            }),
            size_px: ((size >> 32) as u32, size as u32),
            tracks: count(&self.tracks),
            told: self
                .told
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    /// Whether frames come; else why not.
    pub fn health(&self) -> Result<(), String> {
        judge(&self.camera(), self.facts.stale)
    }
}

fn judge(camera: &Camera, stale: Duration) -> Result<(), String> {
    let problem = match camera.age {
        Some(age) if age <= stale => return Ok(()),
        Some(age) => format!(
            "no frame for {:.1} s (more than {:.1} s)",
            age.as_secs_f64(),
            stale.as_secs_f64()
        ),
        None => "no frame yet".into(),
    };
    Err(match camera.told.as_str() {
        "" => problem,
        told => format!("{problem}; last told of the camera: {told}"),
    })
}

/// The loop's end.
pub struct Watchpoint {
    state: Arc<State>,
    begun: Duration,
    since: Duration,
    decoding: Duration,
    tracks: Vec<Sighting>,
    crops: Vec<(u64, RgbFrame)>,
}

impl Watchpoint {
    /// Publishes into that.
    pub fn new(state: Arc<State>) -> Self {
        Self {
            state,
            begun: Duration::ZERO,
            since: Duration::ZERO,
            decoding: Duration::ZERO,
            tracks: Vec::new(),
            crops: Vec::new(),
        }
    }

    /// The next frame was decoded.
    pub fn decoded(&mut self, took: Duration) {
        self.decoding = took;
    }

    /// A frame goes into the pipeline.
    pub fn begin(&mut self) {
        self.begun = SystemClock.now();
        self.since = self.begun;
        self.tracks.clear();
    }

    /// It came out.
    pub fn end(&mut self, frame: &Frame) {
        let now = SystemClock.now();
        let state = &self.state;
        state.times.of(Stage::Decode).add(self.decoding);
        let spent = now.saturating_sub(self.begun);
        state.whole.add(spent + self.decoding);
        let ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX - 1);
        state.last_frame.store(ms + 1, Ordering::Relaxed);
        let size = u64::from(frame.image.width()) << 32 | u64::from(frame.image.height());
        state.size_px.store(size, Ordering::Relaxed);
        let tracks = self.tracks.len() as u64;
        state.tracks.store(tracks, Ordering::Relaxed);
        state.live.offer(frame, &self.tracks);
    }

    /// An event was told.
    pub fn event(&mut self, event: &Event) {
        let Ok(json) = serde_json::to_string(event) else {
            return;
        };
        if event.reason == Some(Reason::Failed) {
            self.state.failed.fetch_add(1, Ordering::Relaxed);
        }
        let own = self.crops.iter().position(|crop| crop.0 == event.sequence);
        let crop = own.map(|index| self.crops.swap_remove(index).1);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        let unix_s = unix.map_or(0, |time| time.as_secs());
        let (number, colour) = (event.sequence, event.colour.as_str());
        let mut ledger = self.state.ledger();
        ledger.add(number, colour, json.into(), crop, unix_s);
        drop(ledger);
        self.state.news.send_replace(number);
    }

    /// What was done so far.
    pub fn counted(&mut self, counts: &Counts) {
        let state = &self.state;
        state.frames.store(counts.frames, Ordering::Relaxed);
        state.dropped.store(counts.dropped, Ordering::Relaxed);
        state.losses.store(counts.losses, Ordering::Relaxed);
    }

    /// Something was told of the camera.
    pub fn told(&mut self, line: &str) {
        let told = self.state.told.lock();
        line.clone_into(&mut told.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Laps for Watchpoint {
    fn lap(&mut self, stage: Stage) {
        let now = SystemClock.now();
        self.state
            .times
            .of(stage)
            .add(now.saturating_sub(self.since));
        self.since = now;
    }
}

impl Onlooker for Watchpoint {
    fn seen(&mut self, sightings: &[Sighting]) {
        self.tracks.extend_from_slice(sightings);
    }

    fn judged(&mut self, sequence: u64, view: RgbView<'_>) {
        if self.crops.len() >= MOST_CROPS {
            self.crops.remove(0);
        }
        let thin = thinned(view, CROP_PX);
        self.crops.extend(thin.map(|(crop, _)| (sequence, crop)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_says_why_not() {
        let mut camera = Camera {
            frames: 0,
            dropped: 0,
            losses: 0,
            age: None,
            size_px: (0, 0),
            tracks: 0,
            told: String::new(),
        };
        let stale = Duration::from_secs(5);
        assert_eq!(judge(&camera, stale), Err("no frame yet".into()));
        camera.age = Some(Duration::from_millis(5000));
        assert_eq!(judge(&camera, stale), Ok(()));
        camera.age = Some(Duration::from_millis(7250));
        camera.told = "camera lost: No such device".into();
        assert_eq!(
            judge(&camera, stale),
            Err(
                "no frame for 7.2 s (more than 5.0 s); last told of the camera: camera lost: No \
                 such device"
                    .into()
            )
        );
    }
}
