//! A scripted camera against the watch and the true pipeline: nothing is lost but frames.

use std::path::Path;
use std::rc::Rc;

use super::*;
use crate::clock::SimulatedClock;
use crate::config::Config;
use crate::event::Event;
use crate::pipeline::{Identity, Pipeline};
use crate::source::scripted::{Act, Opening, Script};
use crate::testing::NearestColour;
use models::{Rect, RgbFrame};

/// Collects what it is given; done when the script is played and the camera stays away.
#[derive(Default)]
struct Notebook {
    frames: Vec<(u64, u64)>,
    lines: Vec<String>,
    losses_ms: Vec<u64>,
    enough: usize,
}

impl Viewer for Notebook {
    fn frame(&mut self, frame: &Frame) -> anyhow::Result<()> {
        self.frames.push((frame.index, frame.t_ms));
        Ok(())
    }

    fn lost(&mut self, now_ms: u64) -> anyhow::Result<()> {
        self.losses_ms.push(now_ms);
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.losses_ms.len() >= self.enough
    }

    fn tell(&mut self, line: &str) {
        self.lines.push(line.to_string());
    }
}

fn picture() -> Act {
    Act::Picture(RgbFrame::filled(8, 8, [90; 3]).unwrap(), 40)
}

/// Plays a script until the camera was lost `enough` times.
fn play(openings: Vec<Opening>, enough: usize, anew: bool) -> (Notebook, Counts, Duration) {
    let held = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let clock = Rc::new(SimulatedClock::default());
    clock.sleep(Duration::from_secs(1));
    let mut script = Script::new(openings, Rc::clone(&clock), held.to_path_buf());
    script.time_begins_anew = anew;
    let mut book = Notebook {
        enough,
        ..Notebook::default()
    };
    let stop = Stop::default();
    let mut watch = Watch::new(clock.as_ref(), &stop, None);
    let lines = &mut book.lines;
    let source = watch
        .open(&mut script, &mut |line| lines.push(line.to_string()))
        .unwrap();
    let counts = watch.run(source, &mut script, &mut book).unwrap();
    assert_eq!(open_descriptors(&held), 0);
    for line in &mut book.lines {
        *line = line.replace(&held.display().to_string(), "CAMERA");
    }
    (book, counts, clock.now())
}

fn open_descriptors(path: &Path) -> usize {
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target == path)
        .count()
}

#[test]
fn a_camera_that_comes_back_goes_on_in_one_line() {
    let openings = vec![
        Ok(vec![picture(), picture(), Act::Silence]),
        Err(libc::ENOENT),
        Err(libc::ENOENT),
        Err(libc::EBUSY),
        Ok(vec![
            picture(),
            Act::Skip(3),
            picture(),
            Act::Fails(libc::EIO),
        ]),
    ];
    let (book, counts, _) = play(openings, 2, false);
    // Lost at 1080 + 2100; pauses of 0.25, 0.5, 1 and 2 s.
    assert_eq!(book.frames, [(0, 1040), (1, 1080), (2, 6970), (6, 7010)]);
    // What was seen last in the frame at 1080 is told 2.1 s later.
    assert_eq!(book.losses_ms, [1080 + 2100, 7010]);
    assert_eq!(
        book.lines,
        [
            "camera lost: no frame for 2100 ms; opening it again until it is back",
            "camera still away: source.device: CAMERA is not there; plug the camera in, or take a name that `edge-agent devices` lists",
            "camera still away: source.device: CAMERA is in use by another program; end that one (`fuser -v` names it)",
            "camera gives frames, after 3.8 s without",
            "camera lost: Input/output error (os error 5); opening it again until it is back",
        ]
    );
    let expected = Counts {
        frames: 4,
        dropped: 3,
        losses: 2,
        busy: counts.busy,
    };
    assert_eq!(counts, expected);
}

#[test]
fn a_camera_that_is_not_there_yet_is_waited_for() {
    let openings = vec![
        Err(libc::EACCES),
        Err(libc::EACCES),
        Ok(vec![picture(), Act::Fails(libc::ENODEV)]),
    ];
    let (book, counts, _) = play(openings, 1, false);
    assert_eq!(counts.frames, 1);
    assert_eq!(
        book.lines,
        [
            "source.device: CAMERA: permission denied; add this user to the group video (`sudo usermod -aG video USER`) and log in again; waiting for it",
            "camera gives frames, after 0.8 s without",
            "camera lost: No such device (os error 19); opening it again until it is back",
        ]
    );
}

#[test]
fn times_rise_although_the_camera_s_clock_begins_anew() {
    let opening = || Ok(vec![picture(), picture(), Act::Fails(libc::ENODEV)]);
    let (book, ..) = play(vec![opening(), opening(), opening()], 3, true);
    assert_eq!(
        book.frames,
        [(0, 40), (1, 80), (2, 370), (3, 410), (4, 700), (5, 740)]
    );
    assert_eq!(book.losses_ms, [80, 410, 740]);
}

#[test]
fn a_stop_ends_the_wait_for_a_camera() {
    let clock = SimulatedClock::default();
    let stop = Stop::default();
    stop.request();
    let held = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let path = held.to_path_buf();
    let mut script = Script::new(Vec::new(), Rc::new(SimulatedClock::default()), path);
    let mut watch = Watch::new(&clock, &stop, None);
    let source = watch.open(&mut script, &mut |_| {}).unwrap();
    let mut book = Notebook {
        enough: 1,
        ..Notebook::default()
    };
    let counts = watch.run(source, &mut script, &mut book).unwrap();
    assert_eq!((counts, clock.now()), (Counts::default(), Duration::ZERO));
}

/// Notes when it is told that a frame's time has not come.
struct Patient {
    clock: Rc<SimulatedClock>,
    told: Vec<Duration>,
    frames: usize,
    /// After so many words no more is wanted.
    enough: usize,
}

impl Viewer for Patient {
    fn frame(&mut self, _: &Frame) -> anyhow::Result<()> {
        self.frames += 1;
        Ok(())
    }

    fn lost(&mut self, _: u64) -> anyhow::Result<()> {
        Ok(())
    }

    fn waiting(&mut self) {
        self.told.push(self.clock.now());
    }

    fn is_done(&self) -> bool {
        self.frames == 2 || self.told.len() == self.enough
    }

    fn tell(&mut self, _: &str) {}
}

#[test]
fn the_viewer_hears_of_a_frame_that_is_held_back_for_long_and_may_end_that() {
    let seconds = |to: u64| (1..=to).map(Duration::from_secs).collect::<Vec<_>>();
    for (enough, frames, told, end_ms) in [(99, 2, seconds(14), 14_500), (3, 1, seconds(3), 3000)] {
        let clock = Rc::new(SimulatedClock::default());
        let held = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let late = Act::Picture(RgbFrame::filled(8, 8, [90; 3]).unwrap(), 14_500);
        // A recording has a clock of its own.
        let recorded = Rc::new(SimulatedClock::default());
        let acts = vec![picture(), late, Act::Fails(libc::EIO)];
        let mut script = Script::new(vec![Ok(acts)], recorded, held.to_path_buf());
        script.is_live = false;
        let stop = Stop::default();
        let mut watch = Watch::new(clock.as_ref(), &stop, Some(Pace::default()));
        let source = watch.open(&mut script, &mut |_| {}).unwrap();
        let mut viewer = Patient {
            clock: Rc::clone(&clock),
            told: Vec::new(),
            frames: 0,
            enough,
        };
        let counts = watch.run(source, &mut script, &mut viewer).unwrap();
        assert_eq!(counts.frames, frames);
        assert_eq!(viewer.told, told);
        assert_eq!(clock.now(), Duration::from_millis(end_ms));
    }
}

#[test]
fn a_recording_that_breaks_off_is_an_error_after_its_tracks_were_ended() {
    let clock = Rc::new(SimulatedClock::default());
    let held = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let acts = vec![picture(), Act::Fails(libc::EIO), picture()];
    let mut script = Script::new(vec![Ok(acts)], Rc::clone(&clock), held.to_path_buf());
    script.is_live = false;
    let stop = Stop::default();
    let mut watch = Watch::new(clock.as_ref(), &stop, None);
    let source = watch.open(&mut script, &mut |_| {}).unwrap();
    let mut book = Notebook {
        enough: 9,
        ..Notebook::default()
    };
    let error = watch.run(source, &mut script, &mut book).unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "the source broke off: Input/output error (os error 5)"
    );
    assert_eq!(book.frames, [(0, 40)]);
    assert_eq!(book.losses_ms, [40]);
}

#[test]
fn a_camera_that_never_mends_is_asked_every_two_seconds_and_told_once() {
    let stuck: Vec<Opening> = (0..1000).map(|_| Ok(vec![Act::Silence])).collect();
    let (book, counts, time) = play(stuck, 1000, false);
    assert_eq!(counts.losses, 1000);
    assert_eq!(book.lines.len(), 1, "{:?}", book.lines);
    // Each time 2.1 s of silence and 2 s of pause, but for the first pauses.
    let expected = Duration::from_millis(1000 + 1000 * 2100 + 998 * 2000 - 2250);
    assert!(time.abs_diff(expected) < Duration::from_secs(5), "{time:?}");
}

/// A small road, empty or with a car at `x`.
fn road(x: Option<u32>, seed: u64) -> RgbFrame {
    let (width, height) = (160u32, 96u32);
    let mut frame = RgbFrame::filled(width, height, [110, 112, 115]).unwrap();
    let car = x.map(|x| Rect {
        x,
        y: 40,
        width: 44,
        height: 28,
    });
    let mut noise = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for (index, pixel) in frame.data_mut().chunks_exact_mut(3).enumerate() {
        let (px, py) = (index as u32 % width, index as u32 / width);
        let inside =
            car.is_some_and(|c| px >= c.x && px < c.right() && py >= c.y && py < c.bottom());
        if inside {
            pixel.copy_from_slice(&[200, 30, 30]);
        }
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        let step = (noise >> 40) as u8 % 5;
        pixel.iter_mut().for_each(|v| *v = v.saturating_add(step));
    }
    frame
}

/// The pipeline as the program runs it, with its events kept.
struct Road {
    pipeline: Pipeline<NearestColour>,
    events: Vec<Event>,
    losses: usize,
    enough: usize,
    events_at_loss: Vec<usize>,
}

impl Viewer for Road {
    fn frame(&mut self, frame: &Frame) -> anyhow::Result<()> {
        self.events.extend(self.pipeline.push(frame)?);
        Ok(())
    }

    fn lost(&mut self, _: u64) -> anyhow::Result<()> {
        self.events.extend(self.pipeline.finish());
        self.losses += 1;
        self.events_at_loss.push(self.events.len());
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.losses >= self.enough
    }

    fn tell(&mut self, _: &str) {}
}

#[test]
fn a_thousand_unplugs_lose_no_vehicle() {
    const CYCLES: usize = 1000;
    let empty: Vec<Act> = (0..40)
        .map(|seed| Act::Picture(road(None, seed), 40))
        .collect();
    let car: Vec<Act> = (0..12)
        .map(|step| Act::Picture(road(Some(4 + step * 8), 100 + u64::from(step)), 40))
        .collect();
    let ends = [
        Act::Silence,
        Act::Fails(libc::EIO),
        Act::Fails(libc::ENODEV),
        // What a driver answers to one who goes on after silence.
        Act::Fails(libc::EINVAL),
    ];
    let rubbish = [
        Act::Marked,
        Act::Bytes(vec![0xff, 0xd8, 0xff, 0xd9]),
        Act::Bytes(vec![7; 1000]),
        Act::Bytes(Vec::new()),
    ];
    let mut openings: Vec<Opening> = Vec::new();
    for cycle in 0..CYCLES {
        let warm_up = if cycle == 0 { 40 } else { 4 };
        let mut acts = empty[..warm_up].to_vec();
        acts.push(rubbish[cycle % 4].clone());
        // The camera is pulled out while the car is in the middle of the picture.
        acts.extend(car.iter().cloned());
        acts.insert(acts.len() - 5, rubbish[(cycle + 1) % 4].clone());
        acts.push(ends[cycle / 4 % 4].clone());
        openings.push(Ok(acts));
        if cycle % 3 == 0 {
            openings.push(Err([libc::ENOENT, libc::EBUSY, libc::EIO][cycle % 9 / 3]));
        }
    }
    let held = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    let clock = Rc::new(SimulatedClock::default());
    let mut script = Script::new(openings, Rc::clone(&clock), held.to_path_buf());
    let identity = Identity {
        camera: "test".into(),
        bundle: "plain".into(),
        reject_below: 0.0,
    };
    let mut road = Road {
        pipeline: Pipeline::new(identity, &Config::default(), NearestColour),
        events: Vec::new(),
        losses: 0,
        enough: CYCLES,
        events_at_loss: Vec::new(),
    };
    let stop = Stop::default();
    let mut watch = Watch::new(clock.as_ref(), &stop, None);
    let source = watch.open(&mut script, &mut |_| {}).unwrap();
    let counts = watch.run(source, &mut script, &mut road).unwrap();
    assert_eq!(open_descriptors(&held), 0);
    assert_eq!(counts.losses, CYCLES as u64);
    assert_eq!(counts.dropped, 2 * CYCLES as u64);
    // One car before each unplug, and its event is told at that unplug, not later.
    let expected: Vec<usize> = (1..=CYCLES).collect();
    assert_eq!(road.events_at_loss, expected);
    assert!(road.events.iter().all(|event| event.colour == "red"));
    let rising = |pair: &[Event]| pair[0].last_t_ms < pair[1].first_t_ms;
    assert!(road.events.windows(2).all(rising));
}

#[test]
fn another_size_after_the_return_is_a_new_scene() {
    let mut openings = vec![Ok(vec![picture(), Act::Fails(libc::ENODEV)])];
    let wide = RgbFrame::filled(16, 8, [90; 3]).unwrap();
    openings.push(Ok(vec![Act::Picture(wide, 40), Act::Fails(libc::ENODEV)]));
    let (book, counts, _) = play(openings, 2, false);
    assert_eq!((book.frames.len(), counts.losses), (2, 2));
}
