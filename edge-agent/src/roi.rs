//! One place instead of a road: a barrier, a garage, a parking bay. Something is there while
//! the place differs from how it looks empty; one presence is one vehicle, and nothing is
//! followed. Frames and times in, presences out; no colours, no I/O.

mod ground;

use models::Rect;
use serde::{Deserialize, Serialize};

use crate::config::{BadValue, within};
use crate::event::Direction;
use crate::glance::{Glance, Moment, Subject};
use crate::track::Sighting;
use ground::{Change, Grid};

/// The place was seen for so long before anything on it counts.
const WARM_UP_MS: u64 = 1000;

/// What differs for less than this at the end has not left: a wiper, a dropped frame.
const GONE_MS: u64 = 400;

/// How long a new light takes to become the usual one.
const RELIGHT_MS: f32 = 700.0;

/// What lies about becomes part of the place this much slower than light does.
const LITTER_SPEED: f32 = 0.25;

/// More time than this between two frames says nothing of what was between them.
const MOST_ELAPSED_MS: u64 = 1000;

/// When the first thing that happens makes the place so much plainer, it stood there from the
/// start and has left.
const PLAINER: f32 = 2.0;

/// With more than this share of the cells in motion a view is none to judge by.
const MOVING_SHARE: f32 = 0.1;

/// The `[roi]` table.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoiConfig {
    /// The place, in pixels; clipped to the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<crate::config::schema::Place>")]
    pub rect_px: Option<Rect>,
    /// With this share of it changed, something is there.
    pub enter_share: f32,
    /// With less than this share changed, it has left.
    pub leave_share: f32,
    /// What stays for less gives no event.
    pub min_present_ms: u32,
    /// What stays for longer gives its event then and becomes part of the place.
    pub max_present_ms: u32,
    /// How fast the look of the empty place follows weather and daylight.
    pub memory_ms: u32,
}

impl Default for RoiConfig {
    fn default() -> Self {
        Self {
            rect_px: None,
            enter_share: 0.3,
            leave_share: 0.12,
            min_present_ms: 1000,
            max_present_ms: 600_000,
            memory_ms: 60_000,
        }
    }
}

impl RoiConfig {
    /// Refuses values out of range.
    pub fn check(&self) -> Result<(), BadValue> {
        if let Some(rect) = self.rect_px {
            for (key, value) in [
                ("roi.rect_px.width", rect.width),
                ("roi.rect_px.height", rect.height),
            ] {
                within(key, value, 16, 100_000)?;
            }
        }
        within("roi.enter_share", self.enter_share, 0.05, 1.0)?;
        within("roi.leave_share", self.leave_share, 0.01, self.enter_share)?;
        within("roi.min_present_ms", self.min_present_ms, 0, 600_000)?;
        let least = self.min_present_ms.max(1000);
        within("roi.max_present_ms", self.max_present_ms, least, 86_400_000)?;
        within("roi.memory_ms", self.memory_ms, 1000, 86_400_000)
    }
}

/// Something that is there.
#[derive(Clone, Debug)]
struct Presence {
    first: (u64, u64),
    last: (u64, u64),
    frames_seen: u32,
}

/// The place and what is on it.
#[derive(Debug)]
pub struct Roi {
    config: RoiConfig,
    rect: Rect,
    ground: Option<Grid>,
    /// The look before the last thing that stayed became part of the place: when it leaves
    /// after all, that is not a new thing.
    former: Option<Grid>,
    before: Option<Grid>,
    /// Whether something came and went, so that the ground is known to be the empty place.
    proven: bool,
    learned_ms: u64,
    last_t_ms: u64,
    presence: Option<Presence>,
    next_number: u64,
}

impl Roi {
    /// A place that was not seen yet.
    pub fn new(config: &RoiConfig) -> Self {
        Self {
            rect: config.rect_px.unwrap_or(Rect {
                x: 0,
                y: 0,
                width: u32::MAX,
                height: u32::MAX,
            }),
            config: config.clone(),
            ground: None,
            former: None,
            before: None,
            proven: false,
            learned_ms: 0,
            last_t_ms: 0,
            presence: None,
            next_number: 0,
        }
    }

    /// Takes the next frame.
    pub fn look(&mut self, moment: &Moment<'_>) -> Glance {
        let mut glance = Glance::default();
        let whole = Rect {
            x: 0,
            y: 0,
            width: moment.picture.width(),
            height: moment.picture.height(),
        };
        let place = self.rect.intersection(&whole);
        let Some((place, view)) =
            place.and_then(|place| Some((place, moment.picture.crop(place).ok()?)))
        else {
            return glance;
        };
        let now = Grid::measure(view);
        let elapsed = moment.t_ms.saturating_sub(self.last_t_ms);
        let elapsed = elapsed.min(MOST_ELAPSED_MS);
        self.last_t_ms = moment.t_ms;
        let ground = self.ground.take().filter(|ground| ground.fits(&now));
        let Some(mut ground) = ground else {
            (self.learned_ms, self.former, self.before) = (0, None, None);
            self.ground = Some(now);
            return glance;
        };
        let change = ground.change(&now);
        self.learned_ms = self.learned_ms.saturating_add(elapsed);
        if self.learned_ms < WARM_UP_MS {
            // Every frame counts the same until then.
            let rate = elapsed as f32 / self.learned_ms.max(1) as f32;
            ground.follow(&now, &change, rate, rate);
        } else if self.presence.is_some() {
            self.continued(moment, &now, &change, place, &mut glance);
        } else if change.share >= self.config.enter_share {
            if self.left_after_all(&now) {
                ground = now.clone();
                self.former = None;
            } else if !self.proven && ground.texture() > PLAINER * now.texture() {
                ground = now.clone();
            } else {
                let at = (moment.frame, moment.t_ms);
                self.presence = Some(Presence {
                    first: at,
                    last: at,
                    frames_seen: 0,
                });
                self.continued(moment, &now, &change, place, &mut glance);
            }
        } else {
            let slow = elapsed as f32 / self.config.memory_ms as f32;
            let rate = if change.light {
                (elapsed as f32 / RELIGHT_MS).min(0.5)
            } else {
                slow
            };
            // A lamp's light on part of the place has no edges; what has is not light.
            let changed = if change.thing {
                slow * LITTER_SPEED
            } else {
                rate
            };
            ground.follow(&now, &change, rate, changed);
        }
        if self.outstayed(moment.t_ms) {
            self.former = Some(ground);
            ground = now.clone();
            self.end(&mut glance);
        }
        self.before = Some(now);
        self.ground = Some(ground);
        glance
    }

    /// Ends what is there: its event is told now, and when the next frame shows it still
    /// standing there it is not told again.
    pub fn finish(&mut self) -> Glance {
        let mut glance = Glance::default();
        if self.presence.is_some() {
            self.former = self.ground.take();
            self.ground = self.before.take();
        }
        self.end(&mut glance);
        glance
    }

    /// Whether what is there would be worth an event if it left now.
    pub fn ripe(&self, subject: &Subject) -> bool {
        subject.last_t_ms.saturating_sub(subject.first_t_ms)
            >= u64::from(self.config.min_present_ms)
    }

    /// Something was there in the frame before: is it still, and what of it is to be seen?
    fn continued(
        &mut self,
        moment: &Moment<'_>,
        now: &Grid,
        change: &Change,
        place: Rect,
        glance: &mut Glance,
    ) {
        let back = change.share < self.config.leave_share || self.left_after_all(now);
        let Some(presence) = &mut self.presence else {
            return;
        };
        if back {
            if moment.t_ms.saturating_sub(presence.last.1) >= GONE_MS {
                self.proven = true;
                self.end(glance);
            }
            return;
        }
        presence.last = (moment.frame, moment.t_ms);
        presence.frames_seen += 1;
        let rect = change.bounds.map_or(place, |bounds| Rect {
            x: place.x + bounds.x,
            y: place.y + bounds.y,
            ..bounds
        });
        let moving = self.before.as_ref().map_or(1.0, |before| now.moved(before));
        glance.sightings.push(Sighting {
            track: self.next_number,
            rect,
            cut: moving > MOVING_SHARE,
            shared: false,
        });
    }

    /// Whether the place looks again as it did before the last thing that stayed.
    fn left_after_all(&self, now: &Grid) -> bool {
        let limit = self.config.leave_share;
        let former = self.former.as_ref();
        former.is_some_and(|former| former.change(now).share < limit)
    }

    fn outstayed(&self, t_ms: u64) -> bool {
        let longest = u64::from(self.config.max_present_ms);
        let presence = self.presence.as_ref();
        presence.is_some_and(|presence| t_ms.saturating_sub(presence.first.1) >= longest)
    }

    fn end(&mut self, glance: &mut Glance) {
        let Some(presence) = self.presence.take() else {
            return;
        };
        let subject = Subject {
            number: self.next_number,
            first_frame: presence.first.0,
            first_t_ms: presence.first.1,
            last_frame: presence.last.0,
            last_t_ms: presence.last.1,
            frames_seen: presence.frames_seen,
            direction: Direction::None,
        };
        self.next_number += 1;
        if self.ripe(&subject) {
            glance.passed.push(subject);
        } else {
            glance.dropped.push(subject.number);
        }
    }
}

#[cfg(test)]
mod tests;
