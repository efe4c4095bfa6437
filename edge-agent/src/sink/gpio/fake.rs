//! Lines that only write down what is done to them, and fail when a test wants it.

use std::sync::{Arc, Mutex};

use embedded_hal::digital::{ErrorType, OutputPin, PinState};

use super::line::{Line, LineError};

/// An error to come.
pub type Fails = Option<fn() -> LineError>;

/// What happens to the lines of a test.
#[derive(Clone, Default)]
pub struct Bench(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    log: Vec<String>,
    take: Fails,
    set: Fails,
    /// How many more failures there are.
    left: u32,
}

impl Bench {
    /// A line that belongs to it.
    pub fn line(&self, name: &'static str, active_low: bool) -> Line {
        let bench = self.clone();
        let take = move |state| {
            bench.fails(|inner| inner.take)?;
            bench.note(format!("{name} taken {}", word(state)));
            let bench = bench.clone();
            Ok(Box::new(Output { name, bench }) as super::line::Output)
        };
        Line::new(format!("pin {name}"), active_low, Box::new(take))
    }

    /// Whether lines can be taken and set from now on.
    pub fn fail(&self, take: Fails, set: Fails) {
        let mut inner = self.0.lock().unwrap();
        (inner.take, inner.set) = (take, set);
        inner.left = u32::MAX;
    }

    /// What is done to lines fails this often from now on.
    pub fn fail_next(&self, times: u32, error: fn() -> LineError) {
        self.fail(Some(error), Some(error));
        self.0.lock().unwrap().left = times;
    }

    /// What was done since the last call.
    pub fn done(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().log)
    }

    fn note(&self, line: String) {
        self.0.lock().unwrap().log.push(line);
    }

    fn fails(&self, which: impl Fn(&Inner) -> Fails) -> Result<(), LineError> {
        let mut inner = self.0.lock().unwrap();
        let Some(error) = which(&inner) else {
            return Ok(());
        };
        inner.left -= 1;
        if inner.left == 0 {
            (inner.take, inner.set) = (None, None);
        }
        Err(error())
    }
}

fn word(state: PinState) -> &'static str {
    match state {
        PinState::Low => "low",
        PinState::High => "high",
    }
}

struct Output {
    name: &'static str,
    bench: Bench,
}

impl ErrorType for Output {
    type Error = LineError;
}

impl OutputPin for Output {
    fn set_low(&mut self) -> Result<(), LineError> {
        self.set_state(PinState::Low)
    }

    fn set_high(&mut self) -> Result<(), LineError> {
        self.set_state(PinState::High)
    }

    fn set_state(&mut self, state: PinState) -> Result<(), LineError> {
        self.bench.fails(|inner| inner.set)?;
        self.bench.note(format!("{} {}", self.name, word(state)));
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.bench.note(format!("{} let go", self.name));
    }
}
