//! Keeps a source going: opens it, hands its frames on in one unbroken line of numbers and
//! times, and opens it again whenever it is lost. Knows nothing of devices, pictures or events.
//! Only `run` tries again; `run_once` gives up at the first error.

mod complaints;
mod timeline;

use std::time::Duration;

use crate::clock::{Clock, Pace};
use crate::lifecycle::Stop;
use crate::source::{Frame, FrameSource, OpenError, Opener, SourceError};
use complaints::Complaints;
use timeline::Timeline;

/// First and longest pause before a lost source is opened again. With the time that opening
/// takes, frames come again within five seconds of a camera's return.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Whom frames are for.
pub trait Viewer {
    /// Takes the next frame.
    fn frame(&mut self, frame: &Frame) -> anyhow::Result<()>;

    /// The source was lost and nobody knows for how long: what was begun is to be ended, and
    /// whatever moves is to be made safe. On the frames' clock it is `now_ms`: the newest frame may
    /// be from long before.
    fn lost(&mut self, now_ms: u64) -> anyhow::Result<()>;

    /// The next frame was decoded, in so much time.
    fn decoded(&mut self, _took: Duration) {}

    /// What was done so far; told after each change.
    fn counted(&mut self, _counts: &Counts) {}

    /// No frame has come for a while, or its time has not; called at least every few seconds as
    /// long as that lasts.
    fn waiting(&mut self) {}

    /// Whether no more frames are wanted.
    fn is_done(&self) -> bool;

    /// One line for the log.
    fn tell(&mut self, line: &str);
}

/// What a watch did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that were handed on.
    pub frames: u64,
    /// Frames that were damaged, or that the camera counted and never gave.
    pub dropped: u64,
    /// How often the source was lost.
    pub losses: u64,
    /// Time spent on frames: decoding and whatever the viewer does, without waiting for them.
    pub busy: Duration,
}

impl Counts {
    /// Adds what another watch did.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.dropped += other.dropped;
        self.losses += other.losses;
        self.busy += other.busy;
    }
}

/// Why a source stopped giving frames.
enum Ended {
    /// It has no more, or no more are wanted.
    Done,
    /// It was lost.
    Lost(SourceError),
}

/// A watch over one source.
pub struct Watch<'a> {
    clock: &'a dyn Clock,
    stop: &'a Stop,
    pace: Option<Pace>,
    timeline: Timeline,
    complaints: Complaints,
    counts: Counts,
    /// Since when the source is away, and what was last told about that.
    away: Option<(Duration, String)>,
}

impl<'a> Watch<'a> {
    /// A watch that has seen nothing. With a pace, frames are held back until their time.
    pub fn new(clock: &'a dyn Clock, stop: &'a Stop, pace: Option<Pace>) -> Self {
        Self {
            clock,
            stop,
            pace,
            timeline: Timeline::default(),
            complaints: Complaints::default(),
            counts: Counts::default(),
            away: None,
        }
    }

    /// Opens the source for the first time. `None`: it is live and not there yet, which was
    /// told. Errors are those that waiting does not mend.
    pub fn open(
        &mut self,
        opener: &mut dyn Opener,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Option<Box<dyn FrameSource>>, OpenError> {
        match opener.open() {
            Ok(source) => Ok(Some(source)),
            Err(error) if opener.is_live() && !error.is_permanent() => {
                let told = error.to_string();
                tell(&format!("{told}; waiting for it"));
                self.away = Some((self.clock.now(), told));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Hands frames on until the source ends, a stop comes, or the viewer is done. A live source
    /// has no end: it is opened again for as long as it takes.
    pub fn run(
        mut self,
        mut source: Option<Box<dyn FrameSource>>,
        opener: &mut dyn Opener,
        viewer: &mut dyn Viewer,
    ) -> anyhow::Result<Counts> {
        let mut pause = FIRST_PAUSE;
        loop {
            let frames_before = self.counts.frames;
            if let Some(mut opened) = source.take() {
                for note in opened.notes() {
                    if self.complaints.is_new(&note) {
                        viewer.tell(&note);
                    }
                }
                match self.run_once(opened.as_mut(), viewer)? {
                    Ended::Done => return Ok(self.counts),
                    Ended::Lost(error) if opener.is_live() => self.lost(&error, viewer)?,
                    Ended::Lost(error) => {
                        // What was recorded has no time beyond its frames.
                        viewer.lost(self.timeline.newest_ms())?;
                        return Err(anyhow::Error::from(error).context("the source broke off"));
                    }
                }
                // Closed before it is opened again: a camera lets itself be opened once.
                drop(opened);
            }
            if self.counts.frames > frames_before {
                pause = FIRST_PAUSE;
            }
            viewer.waiting();
            self.clock.sleep_until(self.clock.now() + pause, self.stop);
            if self.is_over(viewer) {
                return Ok(self.counts);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            self.timeline.reopened();
            match opener.open() {
                Ok(opened) => source = Some(opened),
                Err(error) => self.still_away(&error.to_string(), viewer),
            }
        }
    }

    /// Hands frames on until anything is in the way.
    fn run_once(
        &mut self,
        source: &mut dyn FrameSource,
        viewer: &mut dyn Viewer,
    ) -> anyhow::Result<Ended> {
        while !self.is_over(viewer) {
            match source.wait() {
                Ok(true) => {}
                Ok(false) => {
                    viewer.waiting();
                    continue;
                }
                Err(error) => return Ok(Ended::Lost(error)),
            }
            let begun = self.clock.now();
            let frame = match source.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(Ended::Done),
                Err(error @ SourceError::Lost(_)) => return Ok(Ended::Lost(error)),
                Err(error) => {
                    self.drop_one(&error, viewer);
                    continue;
                }
            };
            let decoding = self.clock.now().saturating_sub(begun);
            self.counts.busy += decoding;
            viewer.decoded(decoding);
            if !self.hold_back(frame.t_ms, viewer) {
                return Ok(Ended::Done);
            }
            self.hand_on(frame, source, viewer)?;
        }
        Ok(Ended::Done)
    }

    /// Holds a frame back until its time has come; false if the watch is over before that.
    fn hold_back(&mut self, t_ms: u64, viewer: &mut dyn Viewer) -> bool {
        while let Some(pace) = &mut self.pace
            && !pace.wait_for(t_ms, self.clock, self.stop)
        {
            viewer.waiting();
            if self.is_over(viewer) {
                return false;
            }
        }
        true
    }

    fn hand_on(
        &mut self,
        mut frame: Frame,
        source: &mut dyn FrameSource,
        viewer: &mut dyn Viewer,
    ) -> anyhow::Result<()> {
        let begun = self.clock.now();
        if let Some((since, _)) = self.away.take() {
            let seconds = begun.saturating_sub(since).as_secs_f64();
            viewer.tell(&format!(
                "camera gives frames, after {seconds:.1} s without"
            ));
        }
        let place = self.timeline.place(frame.index, frame.t_ms, begun);
        self.counts.dropped += place.skipped;
        (frame.index, frame.t_ms) = (place.index, place.t_ms);
        self.counts.frames += 1;
        viewer.frame(&frame)?;
        source.recycle(frame);
        self.counts.busy += self.clock.now().saturating_sub(begun);
        viewer.counted(&self.counts);
        Ok(())
    }

    fn drop_one(&mut self, error: &SourceError, viewer: &mut dyn Viewer) {
        if let SourceError::Picture { index, .. } | SourceError::Flawed { index, .. } = error {
            self.counts.dropped += self.timeline.drop(*index);
        }
        self.counts.dropped += 1;
        viewer.counted(&self.counts);
        if let Some(line) = self.complaints.dropped(error) {
            viewer.tell(&line);
        }
    }

    fn lost(&mut self, error: &SourceError, viewer: &mut dyn Viewer) -> anyhow::Result<()> {
        self.counts.losses += 1;
        viewer.counted(&self.counts);
        // Events first: what comes next may take long.
        viewer.lost(self.timeline.by_now_ms(self.clock.now()))?;
        if self.away.is_none() {
            let told = error.to_string();
            viewer.tell(&format!(
                "camera lost: {told}; opening it again until it is back"
            ));
            self.away = Some((self.clock.now(), told));
        }
        Ok(())
    }

    /// Tells why a source is still away, once for each reason.
    fn still_away(&mut self, reason: &str, viewer: &mut dyn Viewer) {
        if let Some((_, told)) = &mut self.away
            && told != reason
        {
            viewer.tell(&format!("camera still away: {reason}"));
            *told = reason.to_string();
        }
    }

    fn is_over(&self, viewer: &dyn Viewer) -> bool {
        self.stop.requested() || viewer.is_done()
    }
}

#[cfg(test)]
mod tests;
