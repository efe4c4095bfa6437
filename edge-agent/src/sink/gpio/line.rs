//! One line of a chip, kept in hand for as long as the agent runs: driven to a level, and taken
//! again with growing pauses when it fails. Knows embedded-hal's seam, no driver.

use std::io;
use std::time::Duration;

use embedded_hal::digital::{self, OutputPin, PinState};

use crate::pin::Level;

/// First and longest pause before a line that failed is taken again.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A line that is in hand.
pub type Output = Box<dyn OutputPin<Error = LineError> + Send>;

/// Takes a line; it has the voltage from the first moment.
pub type Take = Box<dyn FnMut(PinState) -> Result<Output, LineError> + Send>;

/// Why a line cannot be driven.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Somebody else has it.
    #[error("held by {holder}; end that program, or take another line")]
    Held {
        /// How it calls itself.
        holder: String,
    },
    /// This user may not.
    #[error(
        "permission denied for {what}; add this user to the group gpio \
         (`sudo usermod -aG gpio USER`) and log in again"
    )]
    Denied {
        /// The device.
        what: String,
    },
    /// The system refuses.
    #[error("{0}")]
    System(#[from] io::Error),
    /// The driver refuses.
    #[error("{0}")]
    Driver(String),
}

impl digital::Error for LineError {
    fn kind(&self) -> digital::ErrorKind {
        digital::ErrorKind::Other
    }
}

/// A line, in hand or not.
pub struct Line {
    /// Pin and place, as messages call it.
    called: String,
    active_low: bool,
    take: Take,
    state: State,
    /// Since when it is away, and what was last told about that.
    told: Option<(Duration, String)>,
}

enum State {
    Held { output: Output, level: Level },
    Away { retry_at: Duration, pause: Duration },
}

impl Line {
    /// A line that is taken when it is first driven.
    pub fn new(called: String, active_low: bool, take: Take) -> Self {
        Self {
            called,
            active_low,
            take,
            state: State::Away {
                retry_at: Duration::ZERO,
                pause: FIRST_PAUSE,
            },
            told: None,
        }
    }

    /// Gives the line its level, if it has another one. What fails is told once.
    pub fn drive(&mut self, level: Level, now: Duration, tell: &mut dyn FnMut(&str)) {
        let voltage = self.voltage(level);
        let pause = match &mut self.state {
            State::Held { level: has, .. } if *has == level => return,
            State::Held { output, level: has } => match output.set_state(voltage) {
                Ok(()) => {
                    *has = level;
                    return;
                }
                Err(error) => {
                    self.failed(&error, now, tell);
                    FIRST_PAUSE
                }
            },
            State::Away { retry_at, .. } if *retry_at > now => return,
            State::Away { pause, .. } => {
                let longer = (*pause * 2).min(LONGEST_PAUSE);
                match (self.take)(voltage) {
                    Ok(output) => {
                        self.state = State::Held { output, level };
                        if let Some((since, _)) = self.told.take() {
                            let seconds = now.saturating_sub(since).as_secs_f64();
                            tell(&format!(
                                "{}: works again, after {seconds:.1} s",
                                self.called
                            ));
                        }
                        return;
                    }
                    Err(error) => {
                        self.failed(&error, now, tell);
                        longer
                    }
                }
            }
        };
        // A line that failed is let go of here: it can only be taken anew.
        self.state = State::Away {
            retry_at: now + pause,
            pause,
        };
    }

    /// When it is to be driven again although nobody wants another level.
    pub fn due(&self) -> Option<Duration> {
        match self.state {
            State::Away { retry_at, .. } => Some(retry_at),
            State::Held { .. } => None,
        }
    }

    /// Whether it is in hand and has this level.
    pub fn has(&self, level: Level) -> bool {
        matches!(&self.state, State::Held { level: has, .. } if *has == level)
    }

    /// Ends the pause, if it is in one: it is taken again when it is next driven.
    pub fn hurry(&mut self) {
        if let State::Away { retry_at, .. } = &mut self.state {
            *retry_at = Duration::ZERO;
        }
    }

    /// Takes it at this level, or says why not.
    pub fn take(&mut self, level: Level) -> Result<(), LineError> {
        let voltage = self.voltage(level);
        let output = (self.take)(voltage)?;
        self.state = State::Held { output, level };
        Ok(())
    }

    /// Gives it this level, or says why not; it must be in hand.
    pub fn put(&mut self, level: Level) -> Result<(), LineError> {
        let voltage = self.voltage(level);
        if let State::Held { output, level: has } = &mut self.state {
            output.set_state(voltage)?;
            *has = level;
        }
        Ok(())
    }

    /// How messages call it.
    pub fn called(&self) -> &str {
        &self.called
    }

    /// The voltage of a level.
    pub fn voltage(&self, level: Level) -> PinState {
        PinState::from((level == Level::On) != self.active_low)
    }

    fn failed(&mut self, error: &LineError, now: Duration, tell: &mut dyn FnMut(&str)) {
        let problem = error.to_string();
        let since = self.told.as_ref().map_or(now, |(since, _)| *since);
        if self.told.as_ref().is_none_or(|(_, told)| *told != problem) {
            tell(&format!(
                "{}: {problem}; trying again until it works",
                self.called
            ));
        }
        self.told = Some((since, problem));
    }
}

#[cfg(test)]
mod tests;
