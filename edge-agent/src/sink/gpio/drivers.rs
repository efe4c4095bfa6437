//! Which driver switches which pin, and where each pin is on this machine. Switches nothing
//! itself.

use super::chips::{self, Chip, Place};
use super::config::{Driver, GpioConfig};
use super::line::{Line, LineError, Take};
use super::pi::Board;
use super::{cdev, line};
use crate::pin::PinConfig;

/// The chips of this machine.
pub fn list() -> Vec<Chip> {
    cdev::list()
}

/// A pin that was found.
pub struct Found {
    /// Who switches it.
    pub driver: &'static str,
    /// Its line, not yet taken.
    pub line: Line,
}

/// The lines of the pins, in their order; or the sentence that refuses the config.
pub fn find(
    pins: &[PinConfig],
    gpio: &GpioConfig,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Found>, String> {
    let places = chips::places(pins, &list())?;
    let board = match gpio.driver {
        Driver::Rppal => {
            Some(Board::open().map_err(|error| format!("gpio.driver = \"rppal\": {error}"))?)
        }
        Driver::Auto if places.iter().any(Place::is_header) && Board::is_here() => {
            let board = Board::open();
            let told = |error: &LineError| {
                tell(&format!(
                    "rppal cannot be used: {error}; the kernel switches the pins"
                ));
            };
            board.inspect_err(told).ok()
        }
        Driver::Auto | Driver::Gpiocdev | Driver::None => None,
    };
    let found = pins.iter().zip(places).map(|(pin, place)| {
        let (driver, take): (_, Take) = match board.clone() {
            Some(board) if place.is_header() => ("rppal", registers(board, &place)),
            Some(_) if gpio.driver == Driver::Rppal => {
                return Err(format!(
                    "pin {:?}: {place} is not on the Raspberry Pi's header, the only one that \
                     gpio.driver = \"rppal\" switches; give \"auto\"",
                    pin.name
                ));
            }
            _ => ("gpiocdev", kernel(pin, &place)),
        };
        let called = format!("pin {} ({place})", pin.name);
        Ok(Found {
            driver,
            line: Line::new(called, pin.active_low, take),
        })
    });
    found.collect()
}

/// The registers would also drive what the kernel or another program uses. Nobody plugs a header
/// in again: its chip stays where it is.
fn registers(board: Board, place: &Place) -> Take {
    let (path, number) = (place.path.clone(), place.number);
    Box::new(move |state| match cdev::holder(&path, number) {
        Some(held) => Err(held),
        None => board.take(number, state),
    })
}

/// Looks for the chip each time: one on a cable may have been plugged in again.
fn kernel(pin: &PinConfig, place: &Place) -> Take {
    let (pin, before) = (pin.clone(), place.clone());
    Box::new(move |state| -> Result<line::Output, LineError> {
        let now = chips::again(&pin, &before, &list()).map_err(LineError::Driver)?;
        cdev::take(&now.path, now.number, state)
    })
}
