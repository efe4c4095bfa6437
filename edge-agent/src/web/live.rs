//! The live picture: one thread presses frames to JPEG for all who watch, and asks the network
//! what it says of the vehicles in them. While nobody watches it sleeps and holds nothing, and
//! the thread that brings the frames copies one only when it is asked for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use models::{Rect, RgbFrame, picture};
use serde_json::json;
use tokio::sync::watch;

use super::thin::thinned;
use crate::source::Frame;
use crate::track::Sighting;
use crate::vote::Classify;

/// Sides of a live picture, pixels.
const MOST_PX: u32 = 1280;
/// Quality of its JPEG.
const QUALITY: u8 = 75;
/// Vehicles that are told of a picture.
const MOST_TRACKS: usize = 32;
/// Vehicles that the network is asked about in one picture.
const MOST_ASKED: usize = 6;
/// What was made for watchers is kept for so long after the last of them.
const LINGER: Duration = Duration::from_secs(3);
/// Niceness of the thread: frames come first.
const NICENESS: libc::c_int = 10;

/// Makes what names colours; only called when somebody watches.
pub type MakeEye = Box<dyn Fn() -> Option<Box<dyn Classify>> + Send>;

/// A frame as the pipeline saw it.
struct Shot {
    image: RgbFrame,
    /// Pixels of the frame that one of the copy stands for.
    step: u32,
    size_px: (u32, u32),
    index: u64,
    t_ms: u64,
    tracks: Vec<Sighting>,
}

/// A picture for watchers.
#[derive(Debug)]
pub struct Picture {
    /// JPEG.
    pub jpeg: Bytes,
    /// Frame, time, size and vehicles, in JSON that is plain ASCII.
    pub told: String,
    /// When it was made.
    pub made: Instant,
}

#[derive(Default)]
struct Desk {
    watchers: usize,
    shot: Option<Shot>,
    stopping: bool,
}

/// Where frames are left and pictures taken.
pub struct Live {
    gap: Duration,
    desk: Mutex<Desk>,
    changed: Condvar,
    wanted: AtomicBool,
    pictures: watch::Sender<Option<Arc<Picture>>>,
}

/// One who watches; dropping it ends that.
pub struct Watcher {
    live: Arc<Live>,
    /// The newest picture.
    pub pictures: watch::Receiver<Option<Arc<Picture>>>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.live.desk().watchers -= 1;
    }
}

impl Live {
    /// No pictures yet; later at most `fps` a second.
    pub fn new(fps: f32) -> Self {
        Self {
            gap: Duration::from_secs_f32(1.0 / fps.max(0.01)),
            desk: Mutex::default(),
            changed: Condvar::new(),
            wanted: AtomicBool::new(false),
            pictures: watch::Sender::new(None),
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shortest time between two pictures.
    pub fn gap(&self) -> Duration {
        self.gap
    }

    /// Clients that watch now.
    pub fn watchers(&self) -> usize {
        self.desk().watchers
    }

    /// Begins to watch.
    pub fn watch(self: &Arc<Self>) -> Watcher {
        self.desk().watchers += 1;
        self.changed.notify_all();
        Watcher {
            live: Arc::clone(self),
            pictures: self.pictures.subscribe(),
        }
    }

    /// Takes a frame, if one is wanted.
    pub fn offer(&self, frame: &Frame, tracks: &[Sighting]) {
        if !self.wanted.swap(false, Ordering::Relaxed) {
            return;
        }
        let view = frame.image.view();
        // Copied before the lock is taken.
        let shot = thinned(view, MOST_PX).map(|(image, step)| Shot {
            image,
            step,
            size_px: (view.width(), view.height()),
            index: frame.index,
            t_ms: frame.t_ms,
            tracks: tracks.iter().take(MOST_TRACKS).copied().collect(),
        });
        self.desk().shot = shot;
        self.changed.notify_all();
    }

    /// Ends the thread.
    pub fn stop(&self) {
        self.desk().stopping = true;
        self.changed.notify_all();
    }

    /// Makes pictures until the stop.
    pub fn work(&self, make_eye: &MakeEye) {
        // SAFETY: changes the priority of this thread alone, which needs no right to do so.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
        let mut eye: Option<Option<Box<dyn Classify>>> = None;
        let mut votes = BTreeMap::new();
        let mut left: Option<Instant> = None;
        loop {
            let mut desk = self.desk();
            if desk.stopping {
                return;
            }
            if desk.watchers == 0 {
                let since = *left.get_or_insert_with(Instant::now);
                if since.elapsed() < LINGER {
                    drop(self.nap(desk, LINGER));
                    continue;
                }
                desk.shot = None;
                self.wanted.store(false, Ordering::Relaxed);
                (eye, votes) = (None, BTreeMap::new());
                self.pictures.send_replace(None);
                give_back();
                let waiting = |desk: &mut Desk| desk.watchers == 0 && !desk.stopping;
                drop(self.changed.wait_while(desk, waiting));
                continue;
            }
            left = None;
            self.wanted.store(true, Ordering::Relaxed);
            let Some(shot) = desk.shot.take() else {
                drop(self.nap(desk, LINGER));
                continue;
            };
            drop(desk);
            let begun = Instant::now();
            if let Some(Some(eye)) = &mut eye {
                ask(&shot, eye.as_mut(), &mut votes);
            }
            if let Ok(jpeg) = picture::jpeg(shot.image.view(), QUALITY) {
                self.pictures.send_replace(Some(Arc::new(Picture {
                    jpeg: jpeg.into(),
                    told: tell(&shot, &votes),
                    made: Instant::now(),
                })));
            }
            // Loading the network takes a while: after the first picture, which does without.
            eye.get_or_insert_with(make_eye);
            // A shot that came meanwhile would be old by then.
            let due = begun + self.gap;
            let mut desk = self.desk();
            while !desk.stopping && Instant::now() < due {
                desk = self.nap(desk, due.saturating_duration_since(Instant::now()));
            }
            desk.shot = None;
        }
    }

    fn nap<'a>(&self, desk: MutexGuard<'a, Desk>, time: Duration) -> MutexGuard<'a, Desk> {
        match self.changed.wait_timeout(desk, time) {
            Ok((desk, _)) => desk,
            Err(poisoned) => poisoned.into_inner().0,
        }
    }
}

/// Gives freed memory back to the system; glibc keeps it for later otherwise.
fn give_back() {
    // SAFETY: takes nothing, and the allocator locks itself.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// What the network has said of one vehicle so far.
#[derive(Clone, Debug, Default)]
struct Votes {
    labels: Vec<String>,
    sums: Vec<f32>,
    views: u32,
}

impl Votes {
    fn leader(&self) -> Option<(&str, f32)> {
        let best = (0..self.sums.len()).max_by(|a, b| self.sums[*a].total_cmp(&self.sums[*b]))?;
        Some((self.labels.get(best)?, self.sums[best] / self.views as f32))
    }
}

/// Asks about the vehicles in the picture; those that were asked about least come first.
fn ask(shot: &Shot, eye: &mut dyn Classify, votes: &mut BTreeMap<u64, Votes>) {
    votes.retain(|number, _| shot.tracks.iter().any(|track| track.track == *number));
    let clear = |track: &&Sighting| !track.cut && !track.shared;
    let mut tracks: Vec<_> = shot.tracks.iter().filter(clear).collect();
    tracks.sort_by_key(|track| votes.get(&track.track).map_or(0, |votes| votes.views));
    for track in tracks.into_iter().take(MOST_ASKED) {
        let Rect {
            x,
            y,
            width,
            height,
        } = track.rect;
        let rect = Rect {
            x: x / shot.step,
            y: y / shot.step,
            width: (width / shot.step).max(1),
            height: (height / shot.step).max(1),
        };
        let Some(scores) = shot
            .image
            .view()
            .crop(rect)
            .ok()
            .and_then(|view| eye.classify(view).ok())
        else {
            continue;
        };
        let entry = votes.entry(track.track).or_default();
        entry.labels = scores.labels().to_vec();
        entry.sums.resize(scores.probabilities().len(), 0.0);
        for (sum, p) in entry.sums.iter_mut().zip(scores.probabilities()) {
            *sum += p;
        }
        entry.views += 1;
    }
}

fn tell(shot: &Shot, votes: &BTreeMap<u64, Votes>) -> String {
    let tracks = shot.tracks.iter().map(|track| {
        let votes = votes.get(&track.track);
        let leader = votes.and_then(Votes::leader);
        json!({
            "track": track.track,
            "box": track.rect,
            "colour": leader.map(|(colour, _)| colour),
            "score": leader.map(|(_, score)| (score * 100.0).round() / 100.0),
            "views": votes.map_or(0, |votes| votes.views),
        })
    });
    let (width, height) = shot.size_px;
    ascii(&json!({
        "frame": shot.index,
        "t_ms": shot.t_ms,
        "width": width,
        "height": height,
        "tracks": tracks.collect::<Vec<_>>(),
    }))
}

/// JSON that may stand in a header.
fn ascii(value: &serde_json::Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii() {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NearestColour, Scene};

    fn frame(index: u64) -> Frame {
        let car = Rect {
            x: 100,
            y: 80,
            width: 90,
            height: 50,
        };
        Frame {
            image: Scene::new(index).car(car, [200, 20, 20]).draw(),
            index,
            t_ms: index * 40,
        }
    }

    fn sighting() -> Sighting {
        Sighting {
            track: 7,
            rect: Rect {
                x: 100,
                y: 80,
                width: 90,
                height: 50,
            },
            cut: false,
            shared: false,
        }
    }

    #[tokio::test]
    async fn a_picture_is_made_only_while_somebody_watches() {
        let live = Arc::new(Live::new(30.0));
        live.offer(&frame(0), &[sighting()]);
        assert!(live.desk().shot.is_none());
        let worker = Arc::clone(&live);
        let worker = std::thread::spawn(move || {
            worker.work(&(Box::new(|| Some(Box::new(NearestColour) as Box<dyn Classify>)) as _));
        });
        let mut watcher = live.watch();
        let mut index = 1;
        // The first picture comes before the network was asked.
        let asked = |picture: &Option<Arc<Picture>>| {
            let told = picture.as_ref().map(|picture| picture.told.as_str());
            told.is_some_and(|told| !told.contains("\"views\":0"))
        };
        while !asked(&watcher.pictures.borrow()) {
            live.offer(&frame(index), &[sighting()]);
            index += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let picture = watcher.pictures.borrow_and_update().clone().unwrap();
        let told: serde_json::Value = serde_json::from_str(&picture.told).unwrap();
        assert_eq!(told["tracks"][0]["colour"], "red", "{told}");
        assert_eq!(told["tracks"][0]["track"], 7);
        assert_eq!(
            (&told["width"], &told["height"]),
            (&320.into(), &200.into())
        );
        assert_eq!(picture::decode(&picture.jpeg).unwrap().width(), 320);
        drop(watcher);
        assert_eq!(live.watchers(), 0);
        // What was made is let go of once the last one has left.
        let mut after = live.pictures.subscribe();
        while after.borrow_and_update().is_some() {
            after.changed().await.unwrap();
        }
        live.stop();
        worker.join().unwrap();
        live.offer(&frame(999), &[sighting()]);
        assert!(live.desk().shot.is_none());
    }

    #[test]
    fn a_header_is_plain() {
        assert_eq!(
            ascii(&json!({ "a": "grün 🚗" })),
            r#"{"a":"gr\u00fcn \ud83d\ude97"}"#
        );
    }
}
