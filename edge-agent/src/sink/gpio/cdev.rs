//! The kernel's character device, on any board: what chips and lines there are, and lines in
//! hand. The kernel gives a line to one program at a time, and takes it back when its file is
//! closed, however the program ends. Decides nothing.

use std::io;
use std::path::Path;

use embedded_hal::digital::{ErrorType, OutputPin, PinState};
use gpiocdev::line::{Direction, Info, Value};
use gpiocdev::{Error, Request, chip};

use super::chips::{Chip, LineInfo};
use super::line::{LineError, Output};

/// What this program calls itself as the holder of a line.
pub const CONSUMER: &str = "edge-agent";

/// The chips of this machine.
pub fn list() -> Vec<Chip> {
    // A machine without chips is no error; neither is one without /dev.
    let paths = chip::chips().unwrap_or_default();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Chip {
    let mut found = Chip {
        path: path.to_path_buf(),
        name: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        ..Chip::default()
    };
    let mut fill = || -> Result<(), Error> {
        let chip = gpiocdev::Chip::from_path(path)?;
        found.label = chip.info()?.label;
        for info in chip.line_info_iter()? {
            found.lines.push(line(info?));
        }
        Ok(())
    };
    if let Err(error) = fill() {
        found.problem = Some(explained(path, error).to_string());
    }
    found
}

fn line(info: Info) -> LineInfo {
    LineInfo {
        number: info.offset,
        name: info.name,
        consumer: info.consumer,
        used: info.used,
        direction: match info.direction {
            Direction::Input => "input",
            Direction::Output => "output",
        },
        pin: None,
    }
}

/// Takes a line as an output that has this voltage from the start.
pub fn take(path: &Path, number: u32, state: PinState) -> Result<Output, LineError> {
    let request = Request::builder()
        .on_chip(path)
        .with_consumer(CONSUMER)
        .with_line(number)
        .as_output(value(state))
        .request();
    match request {
        Ok(request) => Ok(Box::new(Held { request, number })),
        Err(error) => Err(holder(path, number).unwrap_or_else(|| explained(path, error))),
    }
}

/// Who holds the line, as far as the kernel knows.
pub fn holder(path: &Path, number: u32) -> Option<LineError> {
    let chip = gpiocdev::Chip::from_path(path).ok()?;
    let info = chip.line_info(number).ok().filter(|info| info.used)?;
    let holder = match info.consumer.as_str() {
        "" => "the kernel or a program that does not say its name".into(),
        consumer => format!("{consumer:?}"),
    };
    Some(LineError::Held { holder })
}

fn value(state: PinState) -> Value {
    match state {
        PinState::Low => Value::Inactive,
        PinState::High => Value::Active,
    }
}

/// The system's own words without those of the library around them.
fn explained(path: &Path, error: Error) -> LineError {
    let path = path.display();
    match error {
        Error::Os(code) if code.0 == libc::EACCES || code.0 == libc::EPERM => LineError::Denied {
            what: path.to_string(),
        },
        Error::Os(code) => {
            let error = io::Error::from_raw_os_error(code.0);
            LineError::Driver(format!("{path}: {error}"))
        }
        Error::Uapi(_, error) => LineError::Driver(format!("{path}: {error}")),
        error => LineError::Driver(format!("{path}: {error}")),
    }
}

struct Held {
    request: Request,
    number: u32,
}

impl ErrorType for Held {
    type Error = LineError;
}

impl OutputPin for Held {
    fn set_low(&mut self) -> Result<(), LineError> {
        self.set_state(PinState::Low)
    }

    fn set_high(&mut self) -> Result<(), LineError> {
        self.set_state(PinState::High)
    }

    fn set_state(&mut self, state: PinState) -> Result<(), LineError> {
        let set = self.request.set_value(self.number, value(state));
        set.map_err(|error| explained(&self.request.chip_path(), error))
    }
}
