//! Pins: lines that rules switch, on their own thread. The loop hands actions over, shows that
//! it is alive, and waits for nobody.
//!
//! Every pin is at its safe level from the start until the first action, while the camera is
//! lost, while the loop is stuck, and from the end of the run on; a panic unwinds, so it ends
//! the run in the same way. No program can set a level when it is killed or the power fails:
//! a line of the character device is given back to the kernel then, which makes an input of it
//! on some boards and leaves it as it is on others; a line that rppal drove stays as it is.
//! What must be safe even so needs a pull resistor to the safe level (10 kΩ at the input of the
//! relay), and a relay that rests in the safe position.

mod cdev;
pub mod chips;
mod config;
mod demand;
mod drivers;
#[cfg(test)]
mod fake;
mod keeper;
mod line;
mod pi;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use crate::clock::{Clock, SystemClock};
use crate::decide::Action;
use crate::pin::PinConfig;
use crate::source::SourceConfig;
pub use config::{Driver, GpioConfig};
pub use drivers::{Found, find, list};
use keeper::{Keeper, Order, Signs};
pub use line::{Line, LineError};

/// Actions that may wait for a slow line.
const QUEUE: usize = 256;

/// Where one-line messages go.
pub type Tell = fn(&str);

/// The pins of a run.
pub struct Pins {
    /// `None`: there are no pins, or nobody switches them.
    worker: Option<Worker>,
    signs: Arc<Signs>,
    /// Why no action is carried out.
    idle: Option<&'static str>,
    /// Actions since the queue was last seen to have room.
    dropped: u64,
    tell: Tell,
}

struct Worker {
    sender: SyncSender<Message>,
    thread: JoinHandle<()>,
}

enum Message {
    Order(Order),
    /// Look at the signs.
    Look,
}

/// Why an action waits or is not done.
const NO_DRIVER: &str = "gpio.driver is \"none\"";
const NO_CAMERA: &str = "not done, the camera is lost";
const ENDED: &str = "not done, the run ends";

impl Pins {
    /// Takes the lines and makes them safe. The error refuses the config; a line that is there
    /// and cannot be had yet is told, and waited for.
    pub fn open(
        pins: &[PinConfig],
        gpio: &GpioConfig,
        source: &SourceConfig,
        tell: Tell,
    ) -> Result<Self, String> {
        if pins.is_empty() || gpio.driver == Driver::None {
            return Ok(Self::without_lines(tell));
        }
        let found = find(pins, gpio, &mut |line| tell(line))?;
        let with_pin = |(pin, found): (&PinConfig, Found)| (pin.name.clone(), pin.safe, found.line);
        let lines = pins.iter().zip(found).map(with_pin).collect();
        let signs = Arc::new(Signs::default());
        let told = Box::new(tell);
        let keeper = Keeper::new(lines, gpio.dead_man(source), Arc::clone(&signs), told);
        Self::start(keeper, signs, tell).map_err(|error| format!("cannot start a thread: {error}"))
    }

    /// Nobody switches anything; what would be done is told.
    fn without_lines(tell: Tell) -> Self {
        Self {
            worker: None,
            signs: Arc::default(),
            idle: Some(NO_DRIVER),
            dropped: 0,
            tell,
        }
    }

    fn start(mut keeper: Keeper, signs: Arc<Signs>, tell: Tell) -> io::Result<Self> {
        // Here and not on the thread: the pins are safe when this returns.
        keeper.turn(SystemClock.now(), None);
        let (sender, receiver) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("pins".into())
            .spawn(move || serve(keeper, &receiver, &SystemClock))?;
        Ok(Self {
            worker: Some(Worker { sender, thread }),
            signs,
            idle: None,
            dropped: 0,
            tell,
        })
    }

    /// Has an action carried out.
    pub fn act(&mut self, action: &Action) {
        if let Some(why) = self.idle {
            (self.tell)(&format!("{action} ({why})"));
            return;
        }
        let order = Order {
            action: action.clone(),
            losses: self.signs.losses(),
        };
        let Some(worker) = &self.worker else { return };
        match worker.sender.try_send(Message::Order(order)) {
            Ok(()) => self.dropped = 0,
            Err(error) => {
                let why = match error {
                    TrySendError::Full(_) => "a line takes too long",
                    TrySendError::Disconnected(_) => "the pins' thread has ended",
                };
                if self.dropped == 0 {
                    (self.tell)(&format!(
                        "{action}: not done, {why}; nor are those after it"
                    ));
                }
                self.dropped += 1;
            }
        }
    }

    /// A frame came.
    pub fn alive(&mut self) {
        self.signs.alive(SystemClock.now());
        if self.idle == Some(NO_CAMERA) {
            self.idle = None;
        }
    }

    /// The camera is lost: everything is safe at once, and stays so until a frame comes.
    pub fn lost(&mut self) {
        self.signs.lost();
        if let Some(worker) = &self.worker {
            self.idle = self.idle.or(Some(NO_CAMERA));
            // With a full queue the thread is awake and sees the sign by itself.
            let _ = worker.sender.try_send(Message::Look);
        }
    }

    /// Makes everything safe and lets go of the lines.
    pub fn end(&mut self) {
        let Some(worker) = self.worker.take() else {
            return;
        };
        self.idle = Some(ENDED);
        // Orders that still wait are void.
        self.signs.lost();
        drop(worker.sender);
        // A thread that panicked has dropped its lines; there is nothing left to do.
        let _ = worker.thread.join();
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        self.end();
    }
}

fn serve(mut keeper: Keeper, orders: &Receiver<Message>, clock: &dyn Clock) {
    let mut due = keeper.turn(clock.now(), None);
    loop {
        let received = match due {
            Some(due) => orders.recv_timeout(due.saturating_sub(clock.now())),
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let order = match received {
            Ok(Message::Order(order)) => Some(order),
            Ok(Message::Look) | Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        due = keeper.turn(clock.now(), order.as_ref());
    }
    keeper.end(clock);
}

#[cfg(test)]
mod tests;
