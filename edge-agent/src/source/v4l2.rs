//! A camera of the kernel (V4L2), read through buffers that are mapped once. It waits in small
//! pieces, drops damaged frames, and reports itself lost when nothing good comes any more;
//! opening it again is not its work. Sensors that need libcamera are explained, not read.

mod config;
mod controls;
mod error;
mod kernel;
mod list;
mod probe;
mod setup;
mod stream;

use std::time::Duration;

use models::RgbFrame;

pub use config::{CameraConfig, Setting};
pub use controls::Control;
pub use error::CameraError;
pub use list::{Found, Places, list};
pub use probe::{Mode, Offer};

use super::{Flaw, Frame, FrameSource, Loss, SourceError};
use crate::clock::{Clock, SystemClock};
use crate::decode::Decoder;
use stream::{Filled, Stream};

/// Longest wait in one piece, so that a stop is noticed soon.
const SLICE: Duration = Duration::from_millis(100);

/// A slow camera is not lost before so many frames did not come.
const FRAMES_MISSED: f32 = 3.0;

/// A camera may take longer for its first frame, times `lost_after_ms`.
const FIRST_FRAME: u32 = 2;

/// A time stamp that is older than this, or of the future, is not believed.
const OLDEST_STAMP: Duration = Duration::from_secs(5);

/// Larger leaps in the driver's count are no dropped frames but a new count.
const MOST_SKIPPED: u32 = 10_000;

/// An opened camera.
pub struct Camera {
    stream: Stream,
    decoder: Decoder,
    notes: Vec<String>,
    filled: Option<Filled>,
    spare: Vec<u8>,
    index: u64,
    sequence: Option<u32>,
    lost_after: Duration,
    /// When the last good frame came; before the first one, when the stream started.
    good_at: Duration,
    seen_good: bool,
}

impl Camera {
    /// Opens, sets and starts it.
    pub fn open(config: &CameraConfig) -> Result<Self, CameraError> {
        let path = config.device.as_path();
        let probe = probe::probe(path)?;
        let mut notes = Vec::new();
        let chosen = setup::choose(&probe.offers, config).ok_or_else(|| CameraError::NoFormat {
            path: path.to_path_buf(),
            found: "nothing".into(),
        })?;
        let layout = setup::set_format(&probe.node, path, config, chosen, &mut notes)?;
        setup::set_rate(&probe.node, config, &mut notes);
        notes.extend(controls::apply(&probe.node, config));
        let decoder = Decoder::new(layout, config.max_width_px).map_err(|source| {
            let path = path.to_path_buf();
            CameraError::Layout { path, source }
        })?;
        Ok(Self {
            stream: Stream::start(probe.node, path)?,
            decoder,
            notes,
            filled: None,
            spare: Vec::new(),
            index: 0,
            sequence: None,
            lost_after: Duration::from_millis(config.lost_after_ms.into())
                .max(Duration::from_secs_f32(FRAMES_MISSED / config.fps)),
            good_at: SystemClock.now(),
            seen_good: false,
        })
    }

    /// How long ago the last good frame came, if that is too long.
    fn overdue(&self) -> Option<u64> {
        let patience = match self.seen_good {
            true => self.lost_after,
            false => self.lost_after * FIRST_FRAME,
        };
        let since = SystemClock.now().saturating_sub(self.good_at);
        (since > patience).then_some(since.as_millis() as u64)
    }

    /// The number of this frame: those that the driver dropped keep theirs.
    fn number(&mut self, sequence: u32) -> u64 {
        let skipped = self
            .sequence
            .map_or(0, |last| sequence.wrapping_sub(last).wrapping_sub(1));
        if skipped < MOST_SKIPPED {
            self.index += u64::from(skipped);
        }
        self.sequence = Some(sequence);
        self.index += 1;
        self.index - 1
    }

    fn picture(&mut self, filled: &Filled) -> Result<RgbFrame, Flaw> {
        if filled.is_flawed {
            return Err(Flaw::Marked);
        }
        let bytes = self.stream.bytes(filled);
        self.decoder
            .decode(bytes, &mut self.spare)
            .map_err(Flaw::Decode)
    }
}

impl FrameSource for Camera {
    fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn wait(&mut self) -> Result<bool, SourceError> {
        let gone = |error| SourceError::Lost(Loss::Gone(error));
        if self.filled.is_none() && self.stream.wait(SLICE).map_err(gone)? {
            self.filled = self.stream.take().map_err(gone)?;
        }
        if self.filled.is_some() {
            return Ok(true);
        }
        match self.overdue() {
            Some(ms) => Err(SourceError::Lost(Loss::Silent { ms })),
            None => Ok(false),
        }
    }

    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        let filled = loop {
            match self.filled.take() {
                Some(filled) => break filled,
                None => self.wait()?,
            };
        };
        let index = self.number(filled.sequence);
        let now = SystemClock.now();
        let believed = |time: &Duration| *time <= now && now - *time <= OLDEST_STAMP;
        let time = filled.time.filter(believed).unwrap_or(now);
        let picture = self.picture(&filled);
        self.stream
            .give_back(filled)
            .map_err(|error| SourceError::Lost(Loss::Gone(error)))?;
        match picture {
            Ok(image) => {
                self.good_at = now;
                self.seen_good = true;
                Ok(Some(Frame {
                    image,
                    index,
                    t_ms: time.as_millis() as u64,
                }))
            }
            Err(flaw) => Err(match self.overdue() {
                Some(ms) => SourceError::Lost(Loss::Flawed { ms, flaw }),
                None => SourceError::Flawed { index, flaw },
            }),
        }
    }

    fn recycle(&mut self, frame: Frame) {
        self.spare = frame.image.into_data();
    }
}
