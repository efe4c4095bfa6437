//! Frames in, events out: gate, tracks, views, vote. No I/O and no clock: the same frames
//! give the same events.

use std::collections::BTreeMap;

use models::RunnerError;

use crate::config::Config;
use crate::event::{self, Event};
use crate::gate::Gate;
use crate::source::Frame;
use crate::track::{Step, Track, Tracker};
use crate::views::{Candidate, Views};
use crate::vote::{Ballot, Classify, VoteConfig, count};

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
    gate: Gate,
    tracker: Tracker,
    vote: VoteConfig,
    classifier: C,
    views: BTreeMap<u64, Views>,
    sequence: u64,
    size_px: (u32, u32),
}

impl<C: Classify> Pipeline<C> {
    /// A pipeline that has seen nothing yet.
    pub fn new(identity: Identity, config: &Config, classifier: C) -> Self {
        Self {
            identity,
            gate: Gate::new(config.gate.clone()),
            tracker: Tracker::new(config.track.clone()),
            vote: config.vote.clone(),
            classifier,
            views: BTreeMap::new(),
            sequence: 0,
            size_px: (0, 0),
        }
    }

    /// Takes the next frame; the events of the vehicles that have now passed.
    pub fn push(&mut self, frame: &Frame) -> Result<Vec<Event>, RunnerError> {
        let picture = frame.image.view();
        let size_px = (picture.width(), picture.height());
        let mut events = Vec::new();
        if self.size_px != size_px {
            // Places in pictures of another size mean nothing here.
            events = self.finish()?;
            self.size_px = size_px;
        }
        let blobs = self.gate.observe(picture, frame.t_ms);
        let step = self.tracker.step(&blobs, frame.index, frame.t_ms, size_px);
        self.gate.hold(&step.held, &step.given_up);
        for seen in &step.sightings {
            let candidate = Candidate {
                picture,
                rect: seen.rect,
                flawed: seen.cut || seen.shared,
                frame: frame.index,
                t_ms: frame.t_ms,
            };
            self.views
                .entry(seen.track)
                .or_default()
                .offer(&candidate, &self.vote);
        }
        events.extend(self.conclude(step)?);
        Ok(events)
    }

    /// Ends all tracks; the events of the vehicles still in the picture.
    pub fn finish(&mut self) -> Result<Vec<Event>, RunnerError> {
        let step = self.tracker.finish();
        let events = self.conclude(step)?;
        self.views.clear();
        Ok(events)
    }

    fn conclude(&mut self, step: Step) -> Result<Vec<Event>, RunnerError> {
        for number in step.dropped {
            self.views.remove(&number);
        }
        let mut events = Vec::new();
        for track in step.passed {
            events.extend(self.event(&track)?);
        }
        Ok(events)
    }

    fn event(&mut self, track: &Track) -> Result<Option<Event>, RunnerError> {
        let views = self
            .views
            .remove(&track.number)
            .unwrap_or_default()
            .best_first();
        let mut ballots = Vec::with_capacity(views.len());
        for view in &views {
            let scores = self.classifier.classify(view.crop.view())?;
            ballots.push(Ballot {
                scores,
                weight: view.quality.max(1e-3),
            });
        }
        let Some(best) = views.first() else {
            return Ok(None);
        };
        let side_px = best.rect.width.min(best.rect.height);
        let Some(verdict) = count(&ballots, side_px, self.identity.reject_below, &self.vote) else {
            return Ok(None);
        };
        self.sequence += 1;
        let Identity { camera, bundle, .. } = &self.identity;
        Ok(Some(Event {
            schema: event::SCHEMA,
            id: event::id(
                bundle,
                camera,
                track.first_frame,
                track.first_t_ms,
                track.number,
            ),
            sequence: self.sequence,
            camera: camera.clone(),
            bundle: bundle.clone(),
            first_frame: track.first_frame,
            last_frame: track.last_frame,
            first_t_ms: track.first_t_ms,
            last_t_ms: track.last_t_ms,
            direction: track.direction(),
            colour: verdict.colour,
            score: verdict.score,
            top3: verdict.top3,
            reason: verdict.reason,
            bounds: best.rect,
            best_frame: best.frame,
            frames_seen: track.hits,
        }))
    }
}

#[cfg(test)]
mod tests;
