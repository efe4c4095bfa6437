//! One run with one config: frames go into the pipeline, events to the outbox; a bundle on trial
//! is judged, and a new config is looked for between two frames. Opens no source.

use std::path::PathBuf;
use std::time::Duration;

use models::Runner;

use super::Life;
use crate::bundles::{self, Counted, Ruling, Trial};
use crate::config::{Config, ConfigError};
use crate::decide::Action;
use crate::event::{Event, Reason};
use crate::keep::Keeper;
use crate::log;
use crate::outbox::Outbox;
use crate::pipeline::Pipeline;
use crate::plan::{self, Plan};
use crate::sink::gpio::Pins;
use crate::source::Frame;
use crate::watch::{Counts, Viewer};
use crate::web::Watchpoint;

/// Frames in, events out.
pub struct Road<'a> {
    path: PathBuf,
    config: Config,
    /// Size of the pictures that the config was held against.
    fitted_px: Option<(u32, u32)>,
    pipeline: Pipeline<Runner>,
    trial: Option<Trial>,
    /// Before the outbox: a panic drops it first, and that one waits for its peers.
    pins: Pins,
    outbox: Outbox,
    watchpoint: Option<Watchpoint>,
    keeper: Option<Keeper>,
    life: &'a mut Life,
    /// The time on the frames' clock: the newest frame's, or that of the loss after it.
    newest_t_ms: u64,
    vehicles: u64,
    next: Option<Plan>,
}

impl<'a> Road<'a> {
    /// A run that has seen nothing yet.
    pub fn new(
        plan: Plan,
        outbox: Outbox,
        pins: Pins,
        watchpoint: Option<Watchpoint>,
        keeper: Option<Keeper>,
        life: &'a mut Life,
    ) -> Self {
        let identity = plan::identity(&plan.config, &plan.active.bundle);
        Self {
            pipeline: Pipeline::new(identity, &plan.config, plan.active.runner).after(life.told),
            trial: plan.active.trial,
            path: plan.path,
            config: plan.config,
            fitted_px: None,
            outbox,
            pins,
            watchpoint,
            keeper,
            life,
            newest_t_ms: 0,
            vehicles: 0,
            next: None,
        }
    }

    /// Tells the events of the vehicles that are still in the picture.
    pub fn end_tracks(&mut self) {
        let mut onlookers = (&mut self.watchpoint, &mut self.keeper);
        let events = self.pipeline.finish_timed(&mut onlookers);
        self.send(events);
    }

    /// Makes every pin safe and lets go of it.
    pub fn end_pins(&mut self) {
        self.pins.end();
    }

    /// What outlives the run: where events go, how many vehicles there were, and what comes next.
    pub fn into_parts(self) -> (Outbox, u64, Option<Plan>) {
        (self.outbox, self.vehicles, self.next)
    }

    fn send(&mut self, events: Vec<Event>) {
        for mut event in events {
            self.vehicles += 1;
            self.life.told += 1;
            if event.reason == Some(Reason::Failed) {
                let why = self.pipeline.failure().map(ToString::to_string);
                let why = why.unwrap_or_else(|| "the model does not run".into());
                log::warning(format_args!("vehicle {}: {why}", event.sequence));
            }
            for action in self.outbox.tell(&mut event, self.newest_t_ms) {
                match action {
                    Action::Log { text } => log::notice(format_args!("{text}")),
                    pin => self.pins.act(&pin),
                }
            }
            if let Some(watchpoint) = &mut self.watchpoint {
                watchpoint.event(&event);
            }
        }
    }

    /// Holds the config against the size of the pictures. The first one may show that the
    /// config is wrong; a camera that comes back with other pictures is watched all the same.
    fn fit(&mut self, frame: &Frame) -> Result<(), ConfigError> {
        let (width, height) = (frame.image.width(), frame.image.height());
        let first = self.fitted_px.is_none();
        if self.fitted_px.replace((width, height)) == Some((width, height)) {
            return Ok(());
        }
        match self.config.check_picture(width, height) {
            Err(bad) if first => Err(ConfigError::Value {
                path: self.path.clone(),
                problem: bad.to_string(),
            }),
            Err(bad) => {
                log::error(format_args!("{bad}; nothing will be told there"));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// The frame through the pipeline, and the bundle's trial. A bundle on trial that fails
    /// gives way between two frames.
    fn push(&mut self, frame: &Frame) -> anyhow::Result<u64> {
        if let Some(watchpoint) = &mut self.watchpoint {
            watchpoint.begin();
        }
        let mut onlookers = (&mut self.watchpoint, &mut self.keeper);
        let pushed = self.pipeline.push_timed(frame, &mut onlookers);
        if let Some(watchpoint) = &mut self.watchpoint {
            watchpoint.end(frame);
        }
        let events = match pushed {
            Ok(events) => events,
            Err(error) => {
                match self.trial.as_mut().filter(|trial| trial.is_open()) {
                    Some(trial) => trial.fail(&error.to_string()),
                    // The bundle has proved itself: the service manager starts the program, and
                    // with it the network, anew.
                    None => return Err(error.into()),
                }
                self.end_tracks();
                self.change_bundle()?;
                return Ok(0);
            }
        };
        let told = events.len() as u64;
        let ruling = match &mut self.trial {
            Some(trial) => trial.frame(frame.t_ms, &events),
            None => Ruling::Keep,
        };
        self.send(events);
        if ruling == Ruling::TakenBack {
            self.end_tracks();
            self.change_bundle()?;
        }
        Ok(told)
    }

    /// After a failed trial. Where that could not be written down the start is counted again: it
    /// cannot be written either, and the bundle is passed over.
    fn change_bundle(&mut self) -> anyhow::Result<()> {
        self.life.counted = Counted::default();
        let active = bundles::open(&self.config.bundle, &mut self.life.counted)?;
        let labels = &active.bundle.manifest().labels;
        if let Err(bad) = self.config.check_rules(Some(labels)) {
            log::error(format_args!("{bad}; with this bundle the rule never holds"));
        }
        let identity = plan::identity(&self.config, &active.bundle);
        self.pipeline = Pipeline::new(identity, &self.config, active.runner).after(self.life.told);
        self.trial = active.trial;
        Ok(())
    }

    /// Reads the config again if that was asked for. A wrong one changes nothing.
    fn look_for_reload(&mut self) {
        if self.next.is_none() {
            self.next = self.life.read_again();
        }
    }
}

impl Viewer for Road<'_> {
    fn frame(&mut self, frame: &Frame) -> anyhow::Result<()> {
        self.pins.alive();
        self.newest_t_ms = frame.t_ms;
        self.fit(frame)?;
        let vehicles = self.push(frame)?;
        self.life.heartbeat.frame(vehicles);
        self.look_for_reload();
        Ok(())
    }

    fn lost(&mut self, now_ms: u64) -> anyhow::Result<()> {
        self.newest_t_ms = now_ms;
        self.pins.lost();
        self.end_tracks();
        Ok(())
    }

    fn decoded(&mut self, took: Duration) {
        if let Some(watchpoint) = &mut self.watchpoint {
            watchpoint.decoded(took);
        }
    }

    fn counted(&mut self, counts: &Counts) {
        if let Some(watchpoint) = &mut self.watchpoint {
            watchpoint.counted(counts);
        }
    }

    fn waiting(&mut self) {
        self.life.heartbeat.waiting();
        self.look_for_reload();
    }

    fn is_done(&self) -> bool {
        self.next.is_some() || self.outbox.closed()
    }

    fn tell(&mut self, line: &str) {
        if let Some(watchpoint) = &mut self.watchpoint {
            watchpoint.told(line);
        }
        log::warning(format_args!("{line}"));
    }
}
