//! Frames in, events out: what is seen, its views, the vote. No I/O and no clock: the same
//! frames give the same events.

mod eyes;
mod failures;
mod witness;

use std::collections::BTreeMap;

use models::RunnerError;

use crate::config::Config;
use crate::event::{self, Event};
use crate::glance::{Glance, Moment, Subject};
use crate::lane::LaneConfig;
use crate::laps::{NoLaps, Stage};
use crate::onlooker::Onlooker;
use crate::source::Frame;
use crate::vote::Classify;
use eyes::Eyes;
use failures::Failures;
use witness::{Judged, Judging, Witness};

/// Whose events these are.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The camera's name.
    pub camera: String,
    /// The bundle's id.
    pub bundle: String,
    /// The bundle's own least probability of a colour that is told.
    pub reject_below: f32,
}

/// Everything between a camera and its events.
pub struct Pipeline<C> {
    identity: Identity,
    eyes: Eyes,
    judging: Judging,
    lanes: Vec<LaneConfig>,
    classifier: C,
    witnesses: BTreeMap<u64, Witness>,
    failures: Failures,
    sequence: u64,
    size_px: (u32, u32),
}

impl<C: Classify> Pipeline<C> {
    /// A pipeline that has seen nothing yet.
    pub fn new(identity: Identity, config: &Config, classifier: C) -> Self {
        let judging = Judging {
            vote: config.vote.clone(),
            shape: config.shape.clone(),
            reject_below: identity.reject_below,
        };
        Self {
            identity,
            eyes: Eyes::new(config),
            judging,
            lanes: config.lanes.clone(),
            classifier,
            witnesses: BTreeMap::new(),
            failures: Failures::default(),
            sequence: 0,
            size_px: (0, 0),
        }
    }

    /// The same, whose first event has the number after `sequence`.
    pub fn after(mut self, sequence: u64) -> Self {
        self.sequence = sequence;
        self
    }

    /// Why the newest vehicle has the reason "failed"; none if it has not.
    pub fn failure(&self) -> Option<&RunnerError> {
        self.failures.newest()
    }

    /// Takes the next frame; the events of the vehicles that have now passed, or whose colour
    /// is now sure. A network that cannot be run costs a vehicle its colour; when several
    /// vehicles in a row have none for this, the next call says so instead.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn push(&mut self, frame: &Frame) -> Result<Vec<Event>, RunnerError> {
        self.push_timed(frame, &mut NoLaps)
    }

    /// The same, told stage by stage.
    pub fn push_timed(
        &mut self,
        frame: &Frame,
        onlooker: &mut dyn Onlooker,
    ) -> Result<Vec<Event>, RunnerError> {
        self.failures.settle()?;
        let picture = frame.image.view();
        let size_px = (picture.width(), picture.height());
        let mut events = Vec::new();
        if self.size_px != size_px {
            // Places in pictures of another size mean nothing here.
            events = self.finish_timed(onlooker);
            self.size_px = size_px;
        }
        let moment = Moment {
            picture,
            frame: frame.index,
            t_ms: frame.t_ms,
        };
        let glance = self.eyes.look(&moment, onlooker);
        self.pass_on(&glance.merged);
        let shown = glance.shown(size_px.0, size_px.1);
        onlooker.seen(&shown);
        for (sighting, shown) in glance.sightings.iter().zip(&shown) {
            let witness = self
                .witnesses
                .entry(sighting.track)
                .or_insert_with(|| Witness::new(&moment, sighting));
            let vote = &self.judging.vote;
            witness.see(&moment, sighting, shown.rect, &self.lanes, vote);
            let due = self.judging.vote.early && !witness.told();
            if due && self.eyes.ripe(sighting.track, witness) {
                events.extend(self.tell_early(sighting.track, onlooker));
            }
        }
        onlooker.lap(Stage::Views);
        events.extend(self.conclude(glance, onlooker));
        onlooker.lap(Stage::Classify);
        Ok(events)
    }

    /// Ends all that is followed; the events of the vehicles still in the picture.
    pub fn finish(&mut self) -> Vec<Event> {
        self.finish_timed(&mut NoLaps)
    }

    /// The same, told to an onlooker.
    pub fn finish_timed(&mut self, onlooker: &mut dyn Onlooker) -> Vec<Event> {
        let glance = self.eyes.finish();
        let events = self.conclude(glance, onlooker);
        self.witnesses.clear();
        events
    }

    /// A vehicle that was told is not told again under another number.
    fn pass_on(&mut self, merged: &[(u64, u64)]) {
        for (gone, into) in merged {
            let told = self.witnesses.get(gone).is_some_and(Witness::told);
            if told && let Some(witness) = self.witnesses.get_mut(into) {
                witness.set_told();
            }
        }
    }

    fn conclude(&mut self, glance: Glance, onlooker: &mut dyn Onlooker) -> Vec<Event> {
        for number in glance.dropped {
            self.witnesses.remove(&number);
        }
        let mut events = Vec::new();
        for subject in glance.passed {
            let Some(mut witness) = self.witnesses.remove(&subject.number) else {
                continue;
            };
            if witness.told() {
                continue;
            }
            let judged = witness.judge(&mut self.classifier, &self.judging);
            if let Some(judged) = self.failures.note(judged, || witness.unjudged()) {
                let best_frame = judged.frame;
                events.push(self.event(&subject, &witness, judged, false));
                self.show(&witness, best_frame, onlooker);
            }
        }
        events
    }

    /// Shows the view behind the newest event.
    fn show(&self, witness: &Witness, best_frame: u64, onlooker: &mut dyn Onlooker) {
        if let Some(view) = witness.view_of(best_frame) {
            onlooker.judged(self.sequence, view);
        }
    }

    fn tell_early(&mut self, number: u64, onlooker: &mut dyn Onlooker) -> Option<Event> {
        let mut witness = self.witnesses.remove(&number)?;
        // What fails now is asked again when the vehicle has passed, and told then.
        let judged = witness.judge_early(&mut self.classifier, &self.judging);
        let event = judged.ok().flatten().map(|judged| {
            let best_frame = judged.frame;
            let event = self.event(&witness.so_far(number), &witness, judged, true);
            self.show(&witness, best_frame, onlooker);
            witness.set_told();
            event
        });
        self.witnesses.insert(number, witness);
        event
    }

    fn event(
        &mut self,
        subject: &Subject,
        witness: &Witness,
        judged: Judged,
        early: bool,
    ) -> Event {
        self.sequence += 1;
        let lane = witness.lane(&self.lanes);
        let Identity { camera, bundle, .. } = &self.identity;
        let (first_frame, first_t_ms) = (subject.first_frame, subject.first_t_ms);
        Event {
            schema: event::SCHEMA,
            id: event::id(bundle, camera, first_frame, first_t_ms, subject.number),
            sequence: self.sequence,
            camera: camera.clone(),
            bundle: bundle.clone(),
            boot_id: None,
            time: None,
            clock_synced: None,
            first_frame,
            last_frame: subject.last_frame,
            first_t_ms,
            last_t_ms: subject.last_t_ms,
            lane: lane.map(|lane| lane.number),
            lane_name: lane.and_then(|lane| lane.name.clone()),
            wrong_way: lane.and_then(|lane| lane.wrong_way(subject.direction)),
            direction: subject.direction,
            colour: judged.verdict.colour,
            score: judged.verdict.score,
            top3: judged.verdict.top3,
            reason: judged.verdict.reason,
            early,
            bounds: judged.bounds,
            best_frame: judged.frame,
            frames_seen: subject.frames_seen,
        }
    }
}

#[cfg(test)]
mod tests;
