//! Keeps the pins at what is wanted of them, turn by turn: orders in, levels out, everything
//! safe when the camera is lost or the loop is stuck. The time is an argument; a thread that
//! calls it, and the queue of orders, are elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::demand::Demand;
use super::line::Line;
use crate::clock::Clock;
use crate::decide::Action;
use crate::pin::Level;

/// How often a stuck loop is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// At the end a line that fails is tried this often, with this pause.
const LAST_TRIES: u32 = 20;
const LAST_PAUSE: Duration = Duration::from_millis(50);

/// Not a time.
const NEVER: u64 = u64::MAX;

/// What the loop shows of itself without waiting for anybody.
#[derive(Debug)]
pub struct Signs {
    /// When a frame came last, microseconds on the clock; [`NEVER`] while none is expected.
    alive_us: AtomicU64,
    /// How often the source was lost. Orders from before are void.
    losses: AtomicU64,
}

impl Default for Signs {
    fn default() -> Self {
        Self {
            alive_us: AtomicU64::new(NEVER),
            losses: AtomicU64::new(0),
        }
    }
}

impl Signs {
    /// A frame came.
    pub fn alive(&self, now: Duration) {
        self.alive_us
            .store(now.as_micros() as u64, Ordering::SeqCst);
    }

    /// The source is lost: no frame is expected.
    pub fn lost(&self) {
        self.alive_us.store(NEVER, Ordering::SeqCst);
        self.losses.fetch_add(1, Ordering::SeqCst);
    }

    /// How often it was lost.
    pub fn losses(&self) -> u64 {
        self.losses.load(Ordering::SeqCst)
    }

    fn last(&self) -> Option<Duration> {
        match self.alive_us.load(Ordering::SeqCst) {
            NEVER => None,
            us => Some(Duration::from_micros(us)),
        }
    }
}

/// Something to do.
#[derive(Clone, Debug)]
pub struct Order {
    /// What.
    pub action: Action,
    /// [`Signs::losses`] when it was given.
    pub losses: u64,
}

/// Where lines for the log go.
pub type Tell = Box<dyn FnMut(&str) + Send>;

/// The pins of a run.
pub struct Keeper {
    pins: BTreeMap<String, (Demand, Line)>,
    dead_man: Option<Duration>,
    signs: Arc<Signs>,
    losses: u64,
    /// Since when the loop is stuck.
    stuck: Option<Duration>,
    tell: Tell,
}

impl Keeper {
    /// Pins with their safe levels. With `dead_man` they are made safe when no frame came for
    /// so long.
    pub fn new(
        pins: Vec<(String, Level, Line)>,
        dead_man: Option<Duration>,
        signs: Arc<Signs>,
        tell: Tell,
    ) -> Self {
        let pin = |(name, safe, line)| (name, (Demand::new(safe), line));
        Self {
            pins: pins.into_iter().map(pin).collect(),
            dead_man,
            losses: signs.losses(),
            signs,
            stuck: None,
            tell,
        }
    }

    /// Does what is due, and the order if there is one. The time of the next turn comes back,
    /// if nothing is ordered before.
    pub fn turn(&mut self, now: Duration, order: Option<&Order>) -> Option<Duration> {
        self.look(now);
        if let Some(order) = order.filter(|order| order.losses == self.losses) {
            self.obey(now, &order.action);
        }
        self.drive(now);
        let pins = self.pins.values();
        let changes = pins
            .flat_map(|(demand, line)| [demand.due(now), line.due()])
            .flatten();
        let watch = match (self.stuck, self.dead_man, self.signs.last()) {
            (Some(_), ..) => Some(now + LOOK_AGAIN),
            // A moment later than the limit: only then it is over.
            (None, Some(limit), Some(last)) => Some(last + limit + Duration::from_millis(1)),
            _ => None,
        };
        changes.chain(watch).min()
    }

    /// Makes everything safe, for good. A line that fails is tried for a second: nobody will make
    /// it safe after that.
    pub fn end(mut self, clock: &dyn Clock) {
        self.make_safe();
        for _ in 0..LAST_TRIES {
            let now = clock.now();
            self.pins.values_mut().for_each(|(_, line)| line.hurry());
            self.drive(now);
            let mut pins = self.pins.values();
            if pins.all(|(demand, line)| line.has(demand.level(now))) {
                return;
            }
            clock.sleep(LAST_PAUSE);
        }
        let now = clock.now();
        for (demand, line) in self.pins.values() {
            if !line.has(demand.level(now)) {
                let called = line.called();
                (self.tell)(&format!(
                    "{called}: cannot be made safe; it is left as it is"
                ));
            }
        }
    }

    /// Makes everything safe when the loop is lost or stuck.
    fn look(&mut self, now: Duration) {
        let losses = self.signs.losses();
        let silent = match (self.dead_man, self.signs.last()) {
            (Some(limit), Some(last)) if now.saturating_sub(last) > limit => Some(last),
            _ => None,
        };
        match (silent, self.stuck) {
            (Some(last), None) => {
                let ms = now.saturating_sub(last).as_millis();
                (self.tell)(&format!(
                    "pins are safe: no frame was done for {ms} ms; they follow the rules again \
                     with the next one"
                ));
                self.stuck = Some(last);
                self.make_safe();
            }
            (None, Some(since)) => {
                let seconds = now.saturating_sub(since).as_secs_f64();
                (self.tell)(&format!(
                    "pins follow the rules again, after {seconds:.1} s"
                ));
                self.stuck = None;
            }
            _ => {}
        }
        if losses != self.losses {
            self.losses = losses;
            self.make_safe();
        }
    }

    fn obey(&mut self, now: Duration, action: &Action) {
        let time = |ms: u32| Duration::from_millis(ms.into());
        let (Action::Pulse { pin, .. } | Action::Hold { pin, .. } | Action::Set { pin, .. }) =
            action
        else {
            return;
        };
        if self.stuck.is_some() {
            (self.tell)(&format!("{action}: not done, the pins are safe"));
            return;
        }
        let Some((demand, _)) = self.pins.get_mut(pin) else {
            return;
        };
        match action {
            Action::Pulse { hold_ms, .. } => demand.pulse(now, time(*hold_ms)),
            Action::Hold { hold_ms, .. } => demand.hold(now, time(*hold_ms)),
            Action::Set { level, .. } => demand.set(*level),
            Action::Log { .. } => {}
        }
    }

    fn make_safe(&mut self) {
        self.pins
            .values_mut()
            .for_each(|(demand, _)| demand.make_safe());
    }

    fn drive(&mut self, now: Duration) {
        for (demand, line) in self.pins.values_mut() {
            line.drive(demand.level(now), now, &mut self.tell);
        }
    }
}

#[cfg(test)]
mod tests;
