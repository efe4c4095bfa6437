//! A Raspberry Pi's own registers, for its 40-pin header. The kernel does not know who drives a
//! line here, so the agents of one machine keep apart by locks on the device; a line keeps its
//! level when its program is gone. Decides nothing.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use embedded_hal::digital::{ErrorType, OutputPin, PinState};
use rppal::gpio::{Error, Gpio};
use rppal::system::DeviceInfo;

use super::line::{LineError, Output};

/// The registers: up to Pi 4, and Pi 5.
const DEVICES: [&str; 2] = ["/dev/gpiomem", "/dev/gpiomem0"];

/// Where rppal finds them, as root, when the kernel has no device for them alone.
const MEMORY: &str = "/dev/mem";

/// A Raspberry Pi.
#[derive(Clone)]
pub struct Board {
    gpio: Gpio,
    device: PathBuf,
}

impl Board {
    /// Whether this is one that lets its registers be used.
    pub fn is_here() -> bool {
        device().is_some() && DeviceInfo::new().is_ok()
    }

    /// Opens its registers.
    pub fn open() -> Result<Self, LineError> {
        let gpio = Gpio::new().map_err(explained)?;
        let device = device().unwrap_or_else(|| MEMORY.into());
        Ok(Self { gpio, device })
    }

    /// Takes a line as an output that has this voltage from the start.
    pub fn take(&self, number: u32, state: PinState) -> Result<Output, LineError> {
        let lock = claim(&self.device, number)?;
        let number = u8::try_from(number)
            .map_err(|_| LineError::Driver(format!("the header has no line {number}")))?;
        let pin = self.gpio.get(number).map_err(explained)?;
        let mut output = match state {
            PinState::Low => pin.into_output_low(),
            PinState::High => pin.into_output_high(),
        };
        // Let go of, it keeps its safe level instead of floating.
        output.set_reset_on_drop(false);
        Ok(Box::new(Held {
            output,
            _lock: lock,
        }))
    }
}

fn device() -> Option<PathBuf> {
    DEVICES.map(PathBuf::from).into_iter().find(|p| p.exists())
}

fn explained(error: Error) -> LineError {
    match error {
        Error::PermissionDenied(what) => LineError::Denied { what },
        Error::Io(error) => LineError::System(error),
        Error::UnknownModel => LineError::Driver(
            "this is no Raspberry Pi that rppal knows; leave gpio.driver out or give \"gpiocdev\""
                .into(),
        ),
        error => LineError::Driver(error.to_string()),
    }
}

/// Locks byte `number` of the device for as long as the file is open.
fn claim(device: &Path, number: u32) -> Result<File, LineError> {
    let file = OpenOptions::new().read(true).write(true).open(device);
    let file = file.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => LineError::Denied {
            what: device.display().to_string(),
        },
        _ => LineError::System(error),
    })?;
    // SAFETY: a `flock` of zeros is a valid value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    // A pin's number, far below 2³¹: `off_t` has 32 bits on 32-bit boards.
    lock.l_start = number as libc::off_t;
    lock.l_len = 1;
    // SAFETY: the kernel reads one `flock`; the descriptor is open.
    let locked = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) };
    if locked == 0 {
        return Ok(file);
    }
    let error = io::Error::last_os_error();
    Err(match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => LineError::Held {
            holder: "another edge-agent".into(),
        },
        _ => LineError::System(error),
    })
}

struct Held {
    output: rppal::gpio::OutputPin,
    _lock: File,
}

impl ErrorType for Held {
    type Error = LineError;
}

impl OutputPin for Held {
    fn set_low(&mut self) -> Result<(), LineError> {
        self.output.set_low();
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), LineError> {
        self.output.set_high();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_agents_share_a_board_but_no_line() {
        let device = tempfile::NamedTempFile::new().unwrap();
        let first = claim(device.path(), 17).unwrap();
        assert!(claim(device.path(), 27).is_ok());
        let told = claim(device.path(), 17).unwrap_err().to_string();
        assert_eq!(
            told,
            "held by another edge-agent; end that program, or take another line"
        );
        drop(first);
        assert!(claim(device.path(), 17).is_ok());
    }

    #[test]
    fn elsewhere_the_board_is_refused() {
        if DeviceInfo::new().is_ok() {
            eprintln!("skip: this is a Raspberry Pi");
            return;
        }
        assert!(!Board::is_here());
        let told = Board::open().err().unwrap().to_string();
        assert!(told.starts_with("this is no Raspberry Pi that rppal knows"));
    }
}
