//! One vehicle over time: where it was, how fast it is, where it should be. It is measured from
//! boxes; which box is its own is decided elsewhere.

use super::boxes::Bounds;
use super::parts::Part;

/// Weight of a new measurement in speed, of one in a shared blob, and in size.
const SPEED_BLEND: f32 = 0.3;
const SHARED_SPEED_BLEND: f32 = 0.06;
const SIZE_BLEND: f32 = 0.25;

/// Weight of a new measurement in speed across the vehicle's way: what comes and goes there from
/// frame to frame is its shadow, its light or its mirror image on a wet road.
const ACROSS_BLEND: f32 = 0.06;

/// How far a shared blob's outline moves a vehicle from where it is expected.
const SHARED_PLACE_BLEND: f32 = 0.5;

/// The same across the vehicle's way, and for its speed.
const ACROSS_PLACE_BLEND: f32 = 0.2;
const ACROSS_SPEED_BLEND: f32 = 0.02;

/// An outline farther from the expected one, as a share of the side and in pixels, is another
/// thing's.
const OUTLINE_SHARE: f32 = 0.15;
const OUTLINE_PX: f32 = 10.0;

/// Pieces put together may make a vehicle this much larger than it was.
const MOST_GROWTH: f32 = 1.3;

/// The same for one that enters, from frame to frame, in pixels.
pub(super) const MOST_STEP_PX: f32 = 16.0;

/// Sightings after which a vehicle that was not seen whole has stopped to enter fast.
const GROWING_HITS: u32 = 25;

/// Edges whose motion differs by more do not move as one, pixels: more than a cell of the gate.
const ALONE_PX: f32 = 6.0;

/// What stays within this share of its sides, or as many pixels, stands.
const STILL_SHARE: f32 = 0.1;
const STILL_PX: f32 = 4.0;

/// One vehicle over time.
#[derive(Clone, Debug)]
pub struct Track {
    /// Counts from 0 in the order of birth.
    pub number: u64,
    /// Frame and time of the first sighting.
    pub first_frame: u64,
    /// Milliseconds.
    pub first_t_ms: u64,
    /// Frame of the last sighting.
    pub last_frame: u64,
    /// Milliseconds.
    pub last_t_ms: u64,
    /// Frames in which it was seen.
    pub hits: u32,
    pub(super) bounds: Bounds,
    /// Width and height when it is whole and alone, slowly following.
    pub(super) whole: Option<(f32, f32)>,
    pub(super) cut: bool,
    /// Which of the picture's edges it touches: left, top, right, bottom.
    pub(super) touches: [bool; 4],
    /// The same when it was first seen.
    pub(super) first_touches: [bool; 4],
    pub(super) shared: bool,
    /// Pixels a millisecond.
    pub(super) velocity: (f32, f32),
    pub(super) first_centre: (f32, f32),
    /// Where it stands, and since when.
    pub(super) anchor: ((f32, f32), u64),
    /// Sum of the motion, free of the growth of a box that enters the picture.
    pub(super) moved: (f32, f32),
    pub(super) farthest_px: f32,
    pub(super) largest: (f32, f32),
    /// Widths of the widest thing in its box where it was whole and alone, each times the way that it
    /// went there, and that way: in one place what is behind it may hide a part for long.
    pub(super) widest: (f32, f32),
    /// Frames in which no other thing was in its blob.
    pub(super) alone_hits: u32,
}

impl Track {
    /// A track of one sighting.
    pub(super) fn new(number: u64, part: &Part, picture: &Bounds, frame: u64, t_ms: u64) -> Self {
        let (bounds, cut) = (part.bounds, part.cut);
        Self {
            number,
            first_frame: frame,
            first_t_ms: t_ms,
            last_frame: frame,
            last_t_ms: t_ms,
            hits: 1,
            bounds,
            whole: None,
            cut,
            touches: bounds.touches(picture),
            first_touches: bounds.touches(picture),
            shared: false,
            velocity: (0.0, 0.0),
            first_centre: bounds.centre(),
            anchor: (bounds.centre(), t_ms),
            moved: (0.0, 0.0),
            farthest_px: 0.0,
            largest: (bounds.width(), bounds.height()),
            widest: (0.0, 0.0),
            alone_hits: u32::from(!part.shared),
        }
    }

    /// Where its visible part should be at `t_ms`.
    pub(super) fn expected(&self, t_ms: u64) -> Bounds {
        let elapsed = t_ms.saturating_sub(self.last_t_ms) as f32;
        let (dx, dy) = (self.velocity.0 * elapsed, self.velocity.1 * elapsed);
        let mut bounds = self.bounds.shifted(dx, dy);
        if self.whole.is_none() {
            // It enters: the edge that it comes from still hides a part.
            let [left, top, right, bottom] = self.touches;
            let was = &self.bounds;
            if left && dx > 0.0 {
                bounds.left = was.left;
            }
            if right && dx < 0.0 {
                bounds.right = was.right;
            }
            if top && dy > 0.0 {
                bounds.top = was.top;
            }
            if bottom && dy < 0.0 {
                bounds.bottom = was.bottom;
            }
        }
        bounds
    }

    /// Whether it has just come and may grow by much from one frame to the next.
    pub(super) fn grows(&self) -> bool {
        self.whole.is_none() && self.hits < GROWING_HITS
    }

    /// Where the whole vehicle should be at `t_ms`, also the part that an edge hides; the visible
    /// part until it was seen whole.
    pub(super) fn expected_whole(&self, t_ms: u64) -> Bounds {
        let mut bounds = self.expected(t_ms);
        if let (Some((width, height)), true) = (self.whole, self.cut) {
            // It leaves: what is missing lies ahead.
            let (dx, dy) = self.velocity;
            let low = |ahead: f32, low: f32, high: f32, side: f32| {
                if high - low >= side {
                    (low, high)
                } else if ahead > 0.0 {
                    (low, low + side)
                } else {
                    (high - side, high)
                }
            };
            (bounds.left, bounds.right) = low(dx, bounds.left, bounds.right, width);
            if dy.abs() > dx.abs() {
                (bounds.top, bounds.bottom) = low(dy, bounds.top, bounds.bottom, height);
            }
        }
        bounds
    }

    /// Whether the box is no larger than the vehicle can be.
    pub(super) fn fits(&self, bounds: &Bounds) -> bool {
        let (width, height) = self
            .whole
            .unwrap_or((self.largest.0 + MOST_STEP_PX, self.largest.1 + MOST_STEP_PX));
        bounds.width() <= MOST_GROWTH * width && bounds.height() <= MOST_GROWTH * height
    }

    /// Takes its part of a blob.
    pub(super) fn take(&mut self, part: &Part, picture: &Bounds, frame: u64, t_ms: u64) {
        let part = &self.growing(&self.leaving(part, picture, t_ms), t_ms);
        let incomplete = part.shared || part.cut && !self.is_cut_aside(part, picture);
        match (self.whole, incomplete) {
            (Some(size), true) => self.fit(part, size, picture, frame, t_ms),
            _ => self.measure(part, picture, frame, t_ms),
        }
        self.shared = part.shared;
        self.alone_hits += u32::from(!part.shared);
        self.touches = self.bounds.touches(picture);
    }

    /// Takes a box that is this vehicle's alone, or as much of it as has entered the picture.
    fn measure(&mut self, part: &Part, picture: &Bounds, frame: u64, t_ms: u64) {
        let (bounds, cut) = (part.bounds, part.cut);
        let elapsed = t_ms.saturating_sub(self.last_t_ms).max(1) as f32;
        let now = bounds.touches(picture);
        let touches: [bool; 4] = std::array::from_fn(|side| now[side] || self.touches[side]);
        // An edge of the region may run in any direction.
        let by_region = (cut || self.cut) && !touches.contains(&true);
        let [left, top, right, bottom] = touches.map(|touches| touches || by_region);
        let dx = (
            (bounds.left - self.bounds.left, left),
            (bounds.right - self.bounds.right, right),
        );
        let dy = (
            (bounds.top - self.bounds.top, top),
            (bounds.bottom - self.bounds.bottom, bottom),
        );
        let (dx, dy) = match self.velocity.0.abs() >= self.velocity.1.abs() {
            true => (motion(dx.0, dx.1), motion_across(dy.0, dy.1)),
            false => (motion_across(dx.0, dx.1), motion(dy.0, dy.1)),
        };
        // Beside other things its speed shows where its front is its own outline.
        let front = match self.velocity.0.abs() >= self.velocity.1.abs() {
            true => part.clear[if self.velocity.0 < 0.0 { 0 } else { 2 }],
            false => part.clear[if self.velocity.1 < 0.0 { 1 } else { 3 }],
        };
        if !self.shared || front {
            let along = if self.hits == 1 { 1.0 } else { SPEED_BLEND };
            let across = ACROSS_BLEND.max(1.0 / self.hits as f32).min(along);
            let (x, y) = if self.velocity.0.abs() >= self.velocity.1.abs() {
                (along, across)
            } else {
                (across, along)
            };
            self.velocity.0 += (dx / elapsed - self.velocity.0) * x;
            self.velocity.1 += (dy / elapsed - self.velocity.1) * y;
        }
        // Beside other things the size shows when two opposite sides are its own.
        let [left, top, right, bottom] = part.clear;
        let complete = !cut || self.is_cut_aside(part, picture);
        if complete && (left && right || top && bottom) {
            let (width, height) = (bounds.width(), bounds.height());
            let known = self.whole.get_or_insert((width, height));
            known.0 += (width - known.0) * SIZE_BLEND;
            known.1 += (height - known.1) * SIZE_BLEND;
            if !part.shared {
                let way_px = self.velocity.0.hypot(self.velocity.1) * elapsed;
                self.widest.0 += part.widest * way_px;
                self.widest.1 += way_px;
            }
        }
        let largest = &mut self.largest;
        *largest = (
            largest.0.max(bounds.width()),
            largest.1.max(bounds.height()),
        );
        self.place(bounds, cut, (dx, dy), frame, t_ms);
    }

    /// Takes a part that shows the vehicle incompletely or beside other things: the sides that
    /// are its own outline correct place and speed, the size is kept.
    fn fit(
        &mut self,
        part: &Part,
        (width, height): (f32, f32),
        picture: &Bounds,
        frame: u64,
        t_ms: u64,
    ) {
        let elapsed = t_ms.saturating_sub(self.last_t_ms).max(1) as f32;
        let expected = self.expected_whole(t_ms);
        let bounds = &part.bounds;
        let off = |side: usize, inside: bool, now: f32, expected: f32, length: f32| {
            // What leaves shows little of itself, and other things come where it goes.
            let share = if part.shared { OUTLINE_SHARE } else { 0.0 };
            let near = (now - expected).abs() <= OUTLINE_PX.max(share * length);
            (part.clear[side] && inside && near).then_some(now - expected)
        };
        let dx = mean(
            off(
                0,
                bounds.left > picture.left + 1.0,
                bounds.left,
                expected.left,
                width,
            ),
            off(
                2,
                bounds.right < picture.right - 1.0,
                bounds.right,
                expected.right,
                width,
            ),
        );
        let dy = mean(
            off(
                1,
                bounds.top > picture.top + 1.0,
                bounds.top,
                expected.top,
                height,
            ),
            off(
                3,
                bounds.bottom < picture.bottom - 1.0,
                bounds.bottom,
                expected.bottom,
                height,
            ),
        );
        let along = if part.shared {
            (SHARED_PLACE_BLEND, SHARED_SPEED_BLEND)
        } else {
            (1.0, SPEED_BLEND)
        };
        // Across its way a vehicle hardly moves; an outline that does is not its own.
        let across = (ACROSS_PLACE_BLEND, ACROSS_SPEED_BLEND);
        let (x, y) = if self.velocity.0.abs() >= self.velocity.1.abs() {
            (along, across)
        } else {
            (across, along)
        };
        self.velocity.0 += dx / elapsed * x.1;
        self.velocity.1 += dy / elapsed * y.1;
        let place = expected.shifted(dx * x.0, dy * y.0);
        let visible = place.clipped(picture).unwrap_or(part.bounds);
        let before = self.expected_whole(self.last_t_ms);
        let by = (place.left - before.left, place.top - before.top);
        let cut = part.cut || visible.area() < 0.98 * place.area();
        self.place(visible, cut, by, frame, t_ms);
    }

    fn place(&mut self, bounds: Bounds, cut: bool, by: (f32, f32), frame: u64, t_ms: u64) {
        self.moved = (self.moved.0 + by.0, self.moved.1 + by.1);
        self.farthest_px = self.farthest_px.max(self.moved.0.hypot(self.moved.1));
        self.bounds = bounds;
        self.cut = cut;
        self.hits += 1;
        self.last_frame = frame;
        self.last_t_ms = t_ms;
        let room = |side: f32| STILL_PX.max(STILL_SHARE * side);
        let ((x, y), (was_x, was_y)) = (bounds.centre(), self.anchor.0);
        if (x - was_x).abs() > room(bounds.width()) || (y - was_y).abs() > room(bounds.height()) {
            self.anchor = ((x, y), t_ms);
        }
    }

    /// Takes a box that shows it in another outline than it had: place and size are the box's
    /// own, the speed is kept.
    pub(super) fn find_again(&mut self, part: &Part, picture: &Bounds, frame: u64, t_ms: u64) {
        let elapsed = t_ms.saturating_sub(self.last_t_ms) as f32;
        let by = (self.velocity.0 * elapsed, self.velocity.1 * elapsed);
        let size = (part.bounds.width(), part.bounds.height());
        self.whole = (!part.shared).then_some(size);
        self.place(part.bounds, part.cut, by, frame, t_ms);
        self.shared = part.shared;
        self.touches = self.bounds.touches(picture);
    }

    /// Becomes as large as both: the other one was a part of it.
    pub(super) fn absorb(&mut self, other: &Bounds) {
        self.bounds = self.bounds.union(other);
        if let Some(whole) = &mut self.whole {
            *whole = (
                whole.0.max(self.bounds.width()),
                whole.1.max(self.bounds.height()),
            );
        }
    }
}

/// Motion along one axis from that of both edges, each with whether the picture's edge clips it:
/// the clipped one stands still or grows, the other one shows the motion.
pub(super) fn motion((low, low_clipped): (f32, bool), (high, high_clipped): (f32, bool)) -> f32 {
    match (low_clipped, high_clipped) {
        (true, false) => high,
        (false, true) => low,
        // Both edges move apart or together: that is growth.
        (false, false) if low * high < 0.0 => 0.0,
        (false, false) => (low + high) / 2.0,
        (true, true) => {
            if low.abs() > high.abs() {
                low
            } else {
                high
            }
        }
    }
}

/// The same across the vehicle's way, where light and shadow before it and whatever it passes move
/// one edge alone: what the other edge does not do too is growth.
pub(super) fn motion_across(low: (f32, bool), high: (f32, bool)) -> f32 {
    let alone = (low.0 - high.0).abs() > ALONE_PX;
    match (low.1, high.1) {
        (false, false) if alone && low.0.abs() < high.0.abs() => low.0,
        (false, false) if alone => high.0,
        _ => motion(low, high),
    }
}

/// The shift that the given sides ask for: their mean, or none.
fn mean(low: Option<f32>, high: Option<f32>) -> f32 {
    match (low, high) {
        (Some(low), Some(high)) => (low + high) / 2.0,
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => 0.0,
    }
}
