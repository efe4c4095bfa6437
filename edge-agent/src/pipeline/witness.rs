//! What is remembered of one vehicle while it is seen: its best views, where its foot was,
//! where it began. Asks the network about views and comes to a verdict; tells nobody.

use models::{Rect, RgbView, RunnerError};

use crate::event::{Direction, Reason, UNKNOWN};
use crate::glance::{Moment, Subject};
use crate::lane::{Footing, LaneConfig};
use crate::shape::ShapeConfig;
use crate::track::Sighting;
use crate::views::{Candidate, Fitness, View, Views, brightened};
use crate::vote::{Ballot, Classify, Verdict, VoteConfig, count};

/// How verdicts are come to.
#[derive(Clone, Debug)]
pub struct Judging {
    /// The vote's limits.
    pub vote: VoteConfig,
    /// Sizes of vehicles.
    pub shape: ShapeConfig,
    /// The bundle's own least probability of a colour that is told.
    pub reject_below: f32,
}

/// A verdict and the view that shows the vehicle best.
#[derive(Debug)]
pub struct Judged {
    /// The colour.
    pub verdict: Verdict,
    /// The vehicle's box in that view.
    pub bounds: Rect,
    /// That view's frame.
    pub frame: u64,
}

/// What is known of one vehicle so far.
#[derive(Debug)]
pub struct Witness {
    views: Views,
    footing: Footing,
    /// Whether its event was told; then nothing more is kept.
    told: bool,
    /// Views that the network was asked about before the end.
    asked: u32,
    /// First and last sighting: frame, time, middle of the box.
    first: (u64, u64, (f32, f32)),
    last: (u64, u64, (f32, f32)),
    seen: u32,
}

impl Witness {
    /// Takes the first sighting.
    pub fn new(moment: &Moment<'_>, sighting: &Sighting) -> Self {
        let at = (moment.frame, moment.t_ms, centre(&sighting.rect));
        Self {
            views: Views::default(),
            footing: Footing::default(),
            told: false,
            asked: 0,
            first: at,
            last: at,
            seen: 0,
        }
    }

    /// Remembers a sighting, the first among them; `shown` is where the picture shows it.
    pub fn see(
        &mut self,
        moment: &Moment<'_>,
        sighting: &Sighting,
        shown: Rect,
        lanes: &[LaneConfig],
        vote: &VoteConfig,
    ) {
        if self.told {
            return;
        }
        let flawed = sighting.cut || sighting.shared;
        self.seen += 1;
        self.last = (moment.frame, moment.t_ms, centre(&sighting.rect));
        self.footing.count(lanes, &sighting.rect, flawed);
        let candidate = Candidate {
            picture: moment.picture,
            rect: shown,
            flawed,
            frame: moment.frame,
            t_ms: moment.t_ms,
        };
        self.views.offer(&candidate, vote);
    }

    /// The lane it drove in.
    pub fn lane<'a>(&self, lanes: &'a [LaneConfig]) -> Option<&'a LaneConfig> {
        self.footing.lane(lanes)
    }

    /// The view of that frame, if it was kept.
    pub fn view_of(&self, frame: u64) -> Option<RgbView<'_>> {
        self.views.of_frame(frame)
    }

    /// Whether its event was told.
    pub fn told(&self) -> bool {
        self.told
    }

    /// Notes that its event was told.
    pub fn set_told(&mut self) {
        self.told = true;
        self.views = Views::default();
    }

    /// The vehicle as far as it was seen until now.
    pub fn so_far(&self, number: u64) -> Subject {
        let (dx, dy) = self.moved();
        Subject {
            number,
            first_frame: self.first.0,
            first_t_ms: self.first.1,
            last_frame: self.last.0,
            last_t_ms: self.last.1,
            frames_seen: self.seen,
            direction: Direction::of(dx, dy),
        }
    }

    /// How far its middle is from where it was first seen.
    pub fn moved(&self) -> (f32, f32) {
        let ((x, y), (first_x, first_y)) = (self.last.2, self.first.2);
        (x - first_x, y - first_y)
    }

    /// The verdict of all kept views, at the end. Views that show no colour, or by night another
    /// one in more light, are left out where others do not; of a vehicle that gets no colour anyway only the best view is asked about.
    pub fn judge<C: Classify>(
        &mut self,
        classifier: &mut C,
        judging: &Judging,
    ) -> Result<Option<Judged>, RunnerError> {
        let views = self.views.best_first();
        let flaws: Vec<Option<Reason>> = views
            .iter()
            .map(|view| Fitness::of(view.crop.view()).flaw(&judging.vote))
            .collect();
        let fit = |index: &usize| flaws[*index].is_none();
        let best = (0..views.len()).find(fit).unwrap_or(0);
        let Some(view) = views.get(best) else {
            return Ok(None);
        };
        let flaw = judging.size_flaw(&view.rect).or(flaws[best]);
        let chosen: Vec<usize> = match flaw {
            Some(_) => vec![best],
            None => (0..views.len()).filter(fit).collect(),
        };
        for index in &chosen {
            let doubt = flaw.is_none() && judging.vote.min_light > 0;
            ask(&mut views[*index], classifier, doubt)?;
        }
        let steady = |index: &&usize| !views[**index].wavers;
        let (kept, flaw) = match (flaw, chosen.iter().any(|index| steady(&index))) {
            (None, true) => (chosen.iter().filter(steady).collect(), None),
            (None, false) => (Vec::from_iter(&chosen), Some(Reason::Dark)),
            (Some(flaw), _) => (Vec::from_iter(&chosen), Some(flaw)),
        };
        let kept = kept.into_iter().map(|index| &views[*index]);
        Ok(verdict(kept, flaw, judging))
    }

    /// What is told when the network cannot be asked: the best view, and no colour.
    pub fn unjudged(&mut self) -> Option<Judged> {
        let best = self.views.best_first().first()?;
        Some(Judged {
            verdict: Verdict {
                colour: UNKNOWN.into(),
                score: 0.0,
                top3: Vec::new(),
                reason: Some(Reason::Failed),
                ballots: 0,
            },
            bounds: best.rect,
            frame: best.frame,
        })
    }

    /// The verdict of the views asked about so far, when it is firm. Asks about the clear views
    /// of the stretches of time before the present one, of no more than `vote.views` in all.
    pub fn judge_early<C: Classify>(
        &mut self,
        classifier: &mut C,
        judging: &Judging,
    ) -> Result<Option<Judged>, RunnerError> {
        let now = judging.vote.slot(self.last.1);
        let mut news = false;
        for view in self.views.best_first() {
            let due = !view.flawed && view.scores.is_none() && judging.vote.slot(view.t_ms) < now;
            if !due || self.asked >= judging.vote.views {
                continue;
            }
            if Fitness::of(view.crop.view()).flaw(&judging.vote).is_none() {
                ask(view, classifier, judging.vote.min_light > 0)?;
                self.asked += 1;
                news = true;
            }
        }
        if !news {
            return Ok(None);
        }
        let asked = |view: &&View| view.scores.is_some() && !view.wavers;
        let views = self.views.best_first();
        let best = views.iter().find(asked);
        let flaw = best.and_then(|view| judging.size_flaw(&view.rect));
        let judged = verdict(views.iter().filter(asked), flaw, judging);
        Ok(judged.filter(|judged| judged.verdict.firm(&judging.vote)))
    }
}

impl Judging {
    /// Why a box of this size gets no colour.
    fn size_flaw(&self, rect: &Rect) -> Option<Reason> {
        if !self.shape.fits(rect) {
            Some(Reason::Shape)
        } else if rect.width.min(rect.height) < self.vote.min_side_px {
            Some(Reason::Small)
        } else {
            None
        }
    }
}

/// Asks about a view once; with `doubt`, about one by night also whether it wavers. By night black, grey, silver and white differ by nothing but light,
/// and so do orange and brown: a colour that more light would change is none to tell.
fn ask<C: Classify>(view: &mut View, classifier: &mut C, doubt: bool) -> Result<(), RunnerError> {
    if view.scores.is_some() {
        return Ok(());
    }
    let scores = classifier.classify(view.crop.view())?;
    if view.dim && doubt {
        let brighter = classifier.classify(brightened(view.crop.view()).view())?;
        view.wavers = brighter.best_index() != scores.best_index();
    }
    view.scores = Some(scores);
    Ok(())
}

/// Counts the views' scores; the views come best first and are counted in the order of time.
fn verdict<'a>(
    views: impl Iterator<Item = &'a View>,
    flaw: Option<Reason>,
    judging: &Judging,
) -> Option<Judged> {
    let mut views: Vec<&View> = views.collect();
    let best = *views.first()?;
    views.sort_by_key(|view| view.frame);
    let ballots: Vec<Ballot> = views
        .iter()
        .filter_map(|view| {
            Some(Ballot {
                scores: view.scores.clone()?,
                weight: view.quality.max(1e-3),
            })
        })
        .collect();
    let verdict = count(&ballots, flaw, judging.reject_below, &judging.vote)?;
    Some(Judged {
        verdict,
        bounds: best.rect,
        frame: best.frame,
    })
}

fn centre(rect: &Rect) -> (f32, f32) {
    (
        rect.x as f32 + rect.width as f32 / 2.0,
        rect.y as f32 + rect.height as f32 / 2.0,
    )
}

#[cfg(test)]
mod tests;
