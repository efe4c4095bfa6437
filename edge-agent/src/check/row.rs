//! One line of `check`: how it stands with one thing, and what to do about it.

use std::fmt::{Display, Formatter, Result};

/// How it stands, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Ok,
    /// A run can begin, and may miss something.
    Warn,
    /// A run begins without what the config asks for.
    Lack,
    /// A run refuses the config.
    Fail,
}

/// One thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// How it stands.
    pub state: State,
    what: &'static str,
    detail: String,
    advice: &'static str,
}

impl Row {
    /// As it should be.
    pub fn ok(what: &'static str, detail: impl Into<String>) -> Self {
        Self::new(State::Ok, what, detail.into(), "")
    }

    /// Not quite.
    pub fn warn(what: &'static str, detail: impl Into<String>, advice: &'static str) -> Self {
        Self::new(State::Warn, what, detail.into(), advice)
    }

    /// Not at all: a run refuses the config for it.
    pub fn fail(what: &'static str, detail: impl Into<String>, advice: &'static str) -> Self {
        Self::new(State::Fail, what, detail.into(), advice)
    }

    /// The same of what a run does without: a failure then refuses no config.
    pub fn bearable(mut self) -> Self {
        self.state = self.state.min(State::Lack);
        self
    }

    fn new(state: State, what: &'static str, detail: String, advice: &'static str) -> Self {
        Self {
            state,
            what,
            detail,
            advice,
        }
    }
}

impl Display for Row {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        let state = match self.state {
            State::Ok => "ok  ",
            State::Warn => "warn",
            State::Lack | State::Fail => "FAIL",
        };
        write!(out, "{state} {}: {}", self.what, self.detail)?;
        match self.advice {
            "" => Ok(()),
            advice => write!(out, "; {advice}"),
        }
    }
}
