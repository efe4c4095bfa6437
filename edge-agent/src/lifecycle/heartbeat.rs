//! What the service manager is told of a run: ready with the first frame, alive as long as the
//! loop turns, a status line, stopping, reloading. The only room that knows sd_notify. Without a
//! service manager nothing is sent. The loop's beats come from outside; here is no thread that
//! could beat for a loop that is stuck.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use crate::log;

/// Time between two status lines.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// How much longer a start may take each time that its loop shows that it turns.
const START_EXTENSION: Duration = Duration::from_secs(60);

/// One message to the service manager.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Message {
    Ready,
    Watchdog,
    Status(String),
    ExtendStart(Duration),
    Reloading,
    Stopping,
}

/// When which message is due. Pure: time is since the beginning.
#[derive(Debug, Default)]
struct Beat {
    watchdog_every: Option<Duration>,
    ready: bool,
    last_watchdog: Option<Duration>,
    last_status: Option<Duration>,
    frames: u64,
    vehicles: u64,
}

impl Beat {
    fn frame(&mut self, now: Duration, vehicles: u64) -> Vec<Message> {
        self.frames += 1;
        self.vehicles += vehicles;
        let mut due = Vec::new();
        if !self.ready {
            self.ready = true;
            due.push(Message::Ready);
        }
        self.alive(now, &mut due);
        if let Some(since) = self.status_due(now) {
            let rate = match since.as_secs_f64() {
                0.0 => String::new(),
                seconds => format!("{:.1} frames/s, ", self.frames as f64 / seconds),
            };
            self.frames = 0;
            due.push(Message::Status(format!(
                "{rate}{} vehicles so far",
                self.vehicles
            )));
        }
        due
    }

    fn waiting(&mut self, now: Duration) -> Vec<Message> {
        let mut due = Vec::new();
        self.alive(now, &mut due);
        if let Some(since) = self.status_due(now) {
            if !self.ready {
                due.push(Message::ExtendStart(START_EXTENSION));
            }
            if self.frames == 0 && !since.is_zero() || !self.ready {
                due.push(Message::Status("waiting for frames".into()));
            }
            self.frames = 0;
        }
        due
    }

    fn alive(&mut self, now: Duration, due: &mut Vec<Message>) {
        let Some(every) = self.watchdog_every else {
            return;
        };
        if self.last_watchdog.is_none_or(|last| now - last >= every) {
            self.last_watchdog = Some(now);
            due.push(Message::Watchdog);
        }
    }

    /// The time since the last status, if another is due.
    fn status_due(&mut self, now: Duration) -> Option<Duration> {
        let since = self.last_status.map(|last| now - last);
        if since.is_some_and(|since| since < STATUS_EVERY) {
            return None;
        }
        self.last_status = Some(now);
        Some(since.unwrap_or_default())
    }
}

/// The heartbeat of a run.
#[derive(Debug)]
pub struct Heartbeat {
    beat: Beat,
    begun: Instant,
    told_failure: bool,
}

impl Heartbeat {
    /// A heartbeat for whoever started this process.
    pub fn from_environment() -> Self {
        let beat = Beat {
            // Systemd's advice is half of the limit; a quarter forgives a slow frame.
            watchdog_every: sd_notify::watchdog_enabled().map(|limit| limit / 4),
            ..Beat::default()
        };
        Self {
            beat,
            begun: Instant::now(),
            told_failure: false,
        }
    }

    /// A frame went all the way through and gave this many events.
    pub fn frame(&mut self, vehicles: u64) {
        let due = self.beat.frame(self.begun.elapsed(), vehicles);
        self.send(&due);
    }

    /// No frame has come, and the loop goes on: a source that is away is no stuck loop.
    pub fn waiting(&mut self) {
        let due = self.beat.waiting(self.begun.elapsed());
        self.send(&due);
    }

    /// The config is being read again; [`Self::reloaded`] must follow.
    pub fn reloading(&mut self) {
        self.send(&[Message::Reloading]);
    }

    /// The run goes on, with whichever config.
    pub fn reloaded(&mut self) {
        if self.beat.ready {
            self.send(&[Message::Ready]);
        }
    }

    /// The run is about to end.
    pub fn stopping(&mut self) {
        self.send(&[Message::Stopping]);
    }

    fn send(&mut self, messages: &[Message]) {
        if messages.is_empty() {
            return;
        }
        let mut states = Vec::new();
        for message in messages {
            states.push(match message {
                Message::Ready => NotifyState::Ready,
                Message::Watchdog => NotifyState::Watchdog,
                Message::Status(text) => NotifyState::Status(text),
                Message::ExtendStart(by) => {
                    NotifyState::ExtendTimeoutUsec(by.as_micros().try_into().unwrap_or(u32::MAX))
                }
                Message::Reloading => NotifyState::Reloading,
                Message::Stopping => NotifyState::Stopping,
            });
            if *message == Message::Reloading {
                states.extend(NotifyState::monotonic_usec_now());
            }
        }
        if let Err(error) = sd_notify::notify(&states)
            && !self.told_failure
        {
            self.told_failure = true;
            log::warning(format_args!("cannot tell the service manager: {error}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat() -> Beat {
        Beat {
            watchdog_every: Some(Duration::from_secs(7)),
            ..Beat::default()
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_frame_makes_ready_and_the_loop_keeps_alive() {
        let mut beat = beat();
        let status = |text: &str| Message::Status(text.into());
        let first = [
            Message::Ready,
            Message::Watchdog,
            status("0 vehicles so far"),
        ];
        assert_eq!(beat.frame(at(0), 0), first);
        assert_eq!(beat.frame(at(1), 1), []);
        assert_eq!(
            beat.frame(at(5), 1),
            [status("0.4 frames/s, 2 vehicles so far")]
        );
        assert_eq!(beat.frame(at(7), 0), [Message::Watchdog]);
        assert_eq!(beat.waiting(at(13)), []);
        assert_eq!(beat.waiting(at(14)), [Message::Watchdog]);
        assert_eq!(beat.waiting(at(20)), [status("waiting for frames")]);
    }

    #[test]
    fn a_start_without_frames_is_extended_and_never_ready() {
        let mut beat = beat();
        let told: Vec<Message> = (0..=60).flat_map(|now| beat.waiting(at(now))).collect();
        let count = |wanted: &Message| told.iter().filter(|message| *message == wanted).count();
        assert_eq!(count(&Message::Ready), 0);
        assert_eq!(count(&Message::Watchdog), 9);
        assert_eq!(count(&Message::ExtendStart(START_EXTENSION)), 13);
        assert_eq!(count(&Message::Status("waiting for frames".into())), 13);
        assert_eq!(beat.frame(at(61), 0)[0], Message::Ready);
    }

    #[test]
    fn without_a_watchdog_none_is_sent() {
        let mut beat = Beat::default();
        for now in 0..100 {
            let told = beat.frame(at(now), 0);
            assert!(!told.contains(&Message::Watchdog), "{told:?}");
        }
    }
}
