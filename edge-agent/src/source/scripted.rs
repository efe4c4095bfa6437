//! A camera that does what a test says: frames, silence, damage, errors of the system, another
//! size after it was opened again. Holds a real descriptor while it is open, so that leaks show.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use models::RgbFrame;

use super::v4l2::CameraError;
use super::{Flaw, Frame, FrameSource, Loss, OpenError, Opener, SourceError};
use crate::clock::{Clock, SimulatedClock};
use crate::decode::segments;
use crate::decode::{DecodeError, Decoder, Layout, PixelFormat};

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Act {
    /// A picture, so long after the one before.
    Picture(RgbFrame, u64),
    /// A frame whose bytes the decoder gets.
    Bytes(Vec<u8>),
    /// A frame that the driver marks as damaged.
    Marked,
    /// Frames that the camera counts and never gives.
    Skip(u64),
    /// Nothing comes until it is too long.
    Silence,
    /// The system's error for the next call.
    Fails(i32),
}

/// What happens between opening and losing it; an error of the system for opening that fails.
pub type Opening = Result<Vec<Act>, i32>;

/// Opens one after the other; at the end of the list the camera stays away.
pub struct Script {
    openings: VecDeque<Opening>,
    clock: Rc<SimulatedClock>,
    /// A file whose descriptors are counted by the test.
    held: PathBuf,
    /// Each source begins its own time at 0, as some drivers do.
    pub time_begins_anew: bool,
}

impl Script {
    /// A script on this clock, whose sources hold `held` open.
    pub fn new(openings: Vec<Opening>, clock: Rc<SimulatedClock>, held: PathBuf) -> Self {
        Self {
            openings: openings.into(),
            clock,
            held,
            time_begins_anew: false,
        }
    }
}

impl Opener for Script {
    fn is_live(&self) -> bool {
        true
    }

    fn open(&mut self) -> Result<Box<dyn FrameSource>, OpenError> {
        let acts = self.openings.pop_front().unwrap_or(Err(libc::ENOENT));
        let acts = acts.map_err(|code| {
            let error = io::Error::from_raw_os_error(code);
            OpenError::Camera(CameraError::step(&self.held, "start the stream", error))
        })?;
        let begun_ms = self.clock.now().as_millis() as u64;
        Ok(Box::new(Scripted {
            acts: acts.into(),
            clock: Rc::clone(&self.clock),
            _held: File::open(&self.held).unwrap(),
            index: 0,
            zero_ms: if self.time_begins_anew { begun_ms } else { 0 },
        }))
    }
}

struct Scripted {
    acts: VecDeque<Act>,
    clock: Rc<SimulatedClock>,
    _held: File,
    index: u64,
    zero_ms: u64,
}

impl Scripted {
    fn flawed(&mut self, flaw: Flaw) -> SourceError {
        self.index += 1;
        let index = self.index - 1;
        SourceError::Flawed { index, flaw }
    }
}

impl FrameSource for Scripted {
    fn wait(&mut self) -> Result<bool, SourceError> {
        if matches!(self.acts.front(), Some(Act::Silence)) {
            self.clock.sleep(Duration::from_millis(2100));
            return Err(SourceError::Lost(Loss::Silent { ms: 2100 }));
        }
        Ok(true)
    }

    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        let gone = |code| SourceError::Lost(Loss::Gone(io::Error::from_raw_os_error(code)));
        match self.acts.pop_front() {
            Some(Act::Picture(image, after_ms)) => {
                self.clock.sleep(Duration::from_millis(after_ms));
                self.index += 1;
                Ok(Some(Frame {
                    image,
                    index: self.index - 1,
                    t_ms: self.clock.now().as_millis() as u64 - self.zero_ms,
                }))
            }
            Some(Act::Bytes(bytes)) => {
                let layout = match bytes.first() {
                    Some(0xff) => Layout::packed(PixelFormat::Mjpeg, 0, 0),
                    _ => Layout::packed(PixelFormat::Yuyv, 64, 48),
                };
                let mut decoder = Decoder::new(layout, None).unwrap();
                match decoder.decode(&bytes, &mut Vec::new()) {
                    Ok(image) => {
                        self.acts.push_front(Act::Picture(image, 40));
                        self.next()
                    }
                    Err(error) => Err(self.flawed(Flaw::Decode(error))),
                }
            }
            Some(Act::Marked) => Err(self.flawed(Flaw::Marked)),
            Some(Act::Skip(count)) => {
                self.index += count;
                self.next()
            }
            Some(Act::Silence) => {
                let torn = DecodeError::Torn(segments::Flaw::CutOff);
                let flaw = Flaw::Decode(torn);
                Err(SourceError::Lost(Loss::Flawed { ms: 2100, flaw }))
            }
            Some(Act::Fails(code)) => Err(gone(code)),
            None => Err(gone(libc::ENODEV)),
        }
    }
}
