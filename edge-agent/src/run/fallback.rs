//! What a run goes on with when a config cannot be carried out: the last one that was. What is in
//! the way of that one is of the world and may pass: it is tried until it works, a stop comes, or
//! the config is read again.

use std::path::PathBuf;
use std::time::Duration;

use super::Life;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::log;
use crate::plan::Plan;

/// First and longest pause before it is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often it is looked meanwhile what is asked for.
const LOOK: Duration = Duration::from_millis(50);

/// A config that was carried out.
pub struct Fallback {
    config: Config,
    path: PathBuf,
    /// Whether it is tried already, and not another one.
    tried: bool,
    pause: Duration,
    /// What was last said to be in its way.
    told: Option<String>,
}

impl Fallback {
    /// The config that was read from `path`.
    pub fn new(config: Config, path: PathBuf) -> Self {
        Self {
            config,
            path,
            tried: false,
            pause: FIRST_PAUSE,
            told: None,
        }
    }

    /// What comes in place of a plan that cannot be carried out; none if a stop comes first.
    pub fn instead(&mut self, mut problem: String, life: &mut Life) -> Option<Plan> {
        if !self.tried {
            log::error(format_args!("{problem}; the config before it goes on"));
            *self = Self {
                tried: true,
                ..Self::new(self.config.clone(), self.path.clone())
            };
            match self.plan(life) {
                Ok(plan) => return Some(plan),
                Err(again) => problem = again,
            }
        }
        loop {
            if self.told.as_ref() != Some(&problem) {
                log::error(format_args!("{problem}; trying again until it works"));
                self.told = Some(problem);
            }
            if let Some(plan) = life.rest(self.pause) {
                self.tried = false;
                return Some(plan);
            }
            if life.stop.requested() {
                return None;
            }
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            match self.plan(life) {
                Ok(plan) => return Some(plan),
                Err(again) => problem = again,
            }
        }
    }

    fn plan(&self, life: &mut Life) -> Result<Plan, String> {
        let plan = Plan::of(self.config.clone(), self.path.clone(), &mut life.counted);
        plan.map_err(|error| error.to_string())
    }
}

impl Life {
    /// Lets a while pass in which nothing is watched; ends early on a stop. What comes back is a
    /// config that was read meanwhile.
    fn rest(&mut self, pause: Duration) -> Option<Plan> {
        let until = SystemClock.now() + pause;
        while SystemClock.now() < until && !self.stop.requested() {
            self.heartbeat.waiting();
            if let Some(plan) = self.read_again() {
                return Some(plan);
            }
            let look = SystemClock.now() + LOOK;
            SystemClock.sleep_until(look.min(until), &self.stop);
        }
        None
    }
}
