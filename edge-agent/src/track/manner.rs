//! What a track's motion says: whether it stands, moves like another, may be seen in a place,
//! and how far and where to it went. Measures nothing.

use super::Track;
use super::boxes::Bounds;
use super::motion::{MOST_STEP_PX, motion};
use super::parts::Part;
use super::tracker::{PIECE_COVERED, PIECE_GAP_PX};
use crate::event::Direction;

/// A track is a duplicate of an older one when it was seen for less than this share of it.
const YOUNG_SHARE: f32 = 0.7;

/// A track that was seen apart from an older one in no more frames than the first, when both
/// came, and together with it in the second, is a part of it.
const APART_HITS: u32 = 20;
const TOGETHER_HITS: u32 = 10;

/// A mirror image has its vehicle's columns: this share of its own.
const BELOW_SHARE: f32 = 0.8;

/// Sightings after which a track's speed can be relied on.
const NEW_HITS: u32 = 6;

/// The rear of a leaving vehicle may be so far off, as a share of its length and in pixels.
const REAR_SHARE: f32 = 0.2;
const REAR_PX: f32 = 20.0;
/// Both of its sides farther off than this share of its breadth are another vehicle's.
const LANE_SHARE: f32 = 0.3;

/// A box that ends so near to an edge of the picture may be cut by it, pixels: two cells of the
/// gate and a little.
const EDGE_PX: f32 = 10.0;

/// A part that lies in an entering vehicle's last place with this share of itself may be it.
const ENTERING_COVERED: f32 = 0.8;

/// Least share of the lost one's last box that it has: less is a piece, a reflection or a shadow.
const GOES_ON_SHARE: f32 = 0.5;
/// Fewer sightings are no vehicle yet.
const LEAST_HITS: u32 = 2;
/// Frames between the last sighting of a lost track and the first of the one that it goes on as.
const GOES_ON_FRAMES: u64 = 15;

impl Track {
    /// How long it has been standing.
    pub(super) fn still_ms(&self, t_ms: u64) -> u64 {
        t_ms.saturating_sub(self.anchor.1)
    }

    /// Whether it ever moved by a good part of itself: a vehicle, not a change of the scene.
    pub(super) fn has_moved(&self) -> bool {
        self.farthest_px > 0.5 * self.bounds.width().min(self.bounds.height())
    }

    /// Whether both move alike: less than a third of the faster one's speed apart. Speeds of
    /// new tracks are rough; for them it is enough not to move apart.
    pub(super) fn moves_like(&self, other: &Track) -> bool {
        let apart = (self.velocity.0 - other.velocity.0).hypot(self.velocity.1 - other.velocity.1);
        let speed = |track: &Track| track.velocity.0.hypot(track.velocity.1);
        let tolerance = if self.hits.min(other.hits) < NEW_HITS {
            0.8
        } else {
            0.33
        };
        let fastest = speed(self).max(speed(other));
        fastest > 0.0 && apart <= tolerance * fastest
    }

    /// Whether it is a piece of an older track's vehicle, both lying in one blob: they move as one,
    /// and together they are no larger than the older one can be, or it was hardly seen without the
    /// older one and lies level with it, as its mirror image below it, or around it. What is lost
    /// itself has no pieces.
    pub(super) fn is_piece_of(&self, older: &Track, t_ms: u64) -> bool {
        if !self.moves_like(older) || older.last_t_ms < self.last_t_ms {
            return false;
        }
        let (place, whole) = (self.expected(t_ms), older.expected_whole(t_ms));
        if (self.hits as f32) < YOUNG_SHARE * older.hits as f32 && older.fits(&whole.union(&place))
        {
            return true;
        }
        let never_apart =
            self.alone_hits <= APART_HITS && self.hits >= self.alone_hits + TOGETHER_HITS;
        let level = (whole.bottom - place.bottom).abs() < 0.35 * whole.height()
            || (whole.top - place.top).abs() < 0.35 * whole.height();
        let columns = place.right.min(whole.right) - place.left.max(whole.left);
        let below = place.top >= whole.centre().1 && columns >= BELOW_SHARE * place.width();
        let around = older.alone_hits <= APART_HITS && whole.covered_by(&place) >= PIECE_COVERED;
        never_apart && whole.gap(&place) <= PIECE_GAP_PX && (level || below || around)
    }

    /// Whether going to this box would be a jump against the known motion: at an edge of the
    /// picture one vehicle comes where another leaves.
    pub(super) fn would_turn_back(&self, bounds: &Bounds) -> bool {
        let dx = motion(
            (bounds.left - self.bounds.left, true),
            (bounds.right - self.bounds.right, true),
        );
        let dy = motion(
            (bounds.top - self.bounds.top, true),
            (bounds.bottom - self.bounds.bottom, true),
        );
        let along = dx * self.velocity.0 + dy * self.velocity.1;
        let jump = dx.abs() > 0.3 * self.bounds.width() || dy.abs() > 0.3 * self.bounds.height();
        self.has_moved() && along < 0.0 && jump
    }

    /// Whether a part can be what is still to be seen of it while it leaves the picture: its rear
    /// is where it should be. At an edge of the picture one vehicle comes where another leaves.
    pub(super) fn may_leave_as(&self, part: &Part, t_ms: u64) -> bool {
        if self.whole.is_none() {
            return true;
        }
        let expected = self.expected_whole(t_ms);
        let (dx, dy) = self.velocity;
        let along = dx.abs() >= dy.abs();
        let (side, now, expected, length) = match (along, along && dx < 0.0, !along && dy < 0.0) {
            (true, true, _) => (2, part.bounds.right, expected.right, expected.width()),
            (true, false, _) => (0, part.bounds.left, expected.left, expected.width()),
            (false, _, true) => (3, part.bounds.bottom, expected.bottom, expected.height()),
            (false, _, false) => (1, part.bounds.top, expected.top, expected.height()),
        };
        if !self.touches[(side + 2) % 4] {
            return true;
        }
        // The sides along its way: both far off is another lane.
        let [left, top, right, bottom] = [
            part.bounds.left - self.expected(t_ms).left,
            part.bounds.top - self.expected(t_ms).top,
            part.bounds.right - self.expected(t_ms).right,
            part.bounds.bottom - self.expected(t_ms).bottom,
        ];
        let (low, high, breadth) = if along {
            (top, bottom, self.bounds.height())
        } else {
            (left, right, self.bounds.width())
        };
        let elsewhere = low.abs().min(high.abs()) > REAR_PX.max(LANE_SHARE * breadth);
        let rear = (now - expected).abs() <= REAR_PX.max(REAR_SHARE * length);
        !elsewhere && (rear || !part.clear[side])
    }

    /// The part up to the edge of the picture that the vehicle is crossing. Its last cells often
    /// look like the scene, as a bright side does like a lit road by night: what ends just short of
    /// the edge is cut by it and no smaller vehicle.
    pub(super) fn leaving(&self, part: &Part, picture: &Bounds, t_ms: u64) -> Part {
        let mut part = part.clone();
        if self.whole.is_none() {
            return part;
        }
        let expected = self.expected_whole(t_ms);
        let bounds = &mut part.bounds;
        let low = |now: &mut f32, expected: f32, edge: f32| {
            let crosses = expected < edge && (edge..edge + EDGE_PX).contains(now);
            if crosses {
                *now = edge;
            }
            crosses
        };
        let high = |now: &mut f32, expected: f32, edge: f32| {
            let mut from_edge = -*now;
            let crosses = low(&mut from_edge, -expected, -edge);
            *now = -from_edge;
            crosses
        };
        part.cut |= low(&mut bounds.left, expected.left, picture.left)
            | low(&mut bounds.top, expected.top, picture.top)
            | high(&mut bounds.right, expected.right, picture.right)
            | high(&mut bounds.bottom, expected.bottom, picture.bottom);
        part
    }

    /// The part without what beside other things may be theirs: one that was not seen whole yet
    /// grows by no more than a step from frame to frame.
    pub(super) fn growing(&self, part: &Part, t_ms: u64) -> Part {
        let expected = self.expected(t_ms);
        let room = Bounds {
            left: expected.left - MOST_STEP_PX,
            top: expected.top - MOST_STEP_PX,
            right: expected.right + MOST_STEP_PX,
            bottom: expected.bottom + MOST_STEP_PX,
        };
        match part.bounds.clipped(&room) {
            Some(bounds) if part.shared && self.whole.is_none() && self.hits > 1 => {
                let was = &part.bounds;
                let kept = [
                    bounds.left == was.left,
                    bounds.top == was.top,
                    bounds.right == was.right,
                    bounds.bottom == was.bottom,
                ];
                Part {
                    bounds,
                    clear: std::array::from_fn(|side| part.clear[side] && kept[side]),
                    ..part.clone()
                }
            }
            _ => part.clone(),
        }
    }

    /// Whether the picture cuts it only along its way, as where its mirror image on a wet road
    /// reaches the lower edge: its length shows. The region may still cut one that has just come.
    pub(super) fn is_cut_aside(&self, part: &Part, picture: &Bounds) -> bool {
        let [left, top, right, bottom] = part.bounds.touches(picture);
        let (ends, sides) = match self.moved.0.abs() >= self.moved.1.abs() {
            true => (left || right, top || bottom),
            false => (top || bottom, left || right),
        };
        sides && !ends && !self.grows() && self.has_moved()
    }

    /// Whether it was entering and the part is the same one, seen without what its light or shadow
    /// had added to it.
    pub(super) fn enters_as(&self, part: &Part, picture: &Bounds) -> bool {
        let same_edge = part.bounds.touches(picture) == self.first_touches;
        self.grows() && same_edge && part.bounds.covered_by(&self.bounds) >= ENTERING_COVERED
    }

    /// Whether it was first seen where and when the other, which is lost, was last seen, and goes
    /// the same way: one vehicle, whose outline changed too much to be followed.
    pub(super) fn goes_on_from(&self, lost: &Track) -> bool {
        let when =
            lost.last_frame.saturating_sub(GOES_ON_FRAMES)..=lost.last_frame + GOES_ON_FRAMES;
        let (dx, dy) = (self.moved.0 * lost.moved.0, self.moved.1 * lost.moved.1);
        self.number > lost.number
            && self.hits >= LEAST_HITS
            && when.contains(&self.first_frame)
            && lost.bounds.holds(self.first_centre)
            && self.bounds.area() >= GOES_ON_SHARE * lost.bounds.area()
            && dx + dy > 0.0
    }

    /// Takes over the beginning of the other.
    pub(super) fn began_as(&mut self, lost: &Track) {
        self.first_frame = lost.first_frame;
        self.first_t_ms = lost.first_t_ms;
        self.first_touches = lost.first_touches;
        self.first_centre = lost.first_centre;
        self.moved.0 += lost.moved.0;
        self.moved.1 += lost.moved.1;
        self.farthest_px = self.farthest_px.max(self.moved.0.hypot(self.moved.1));
        self.hits += lost.hits;
    }

    /// Whether it is only the end of a vehicle: cut, from the first to the last sighting, by the
    /// edge that it moves to. What comes into the picture comes from another edge.
    pub(super) fn is_end(&self) -> bool {
        let [left, top, right, bottom] = self.first_touches;
        let ahead = match self.direction() {
            Direction::Left => left,
            Direction::Up => top,
            Direction::Right => right,
            Direction::Down => bottom,
            Direction::None => false,
        };
        self.whole.is_none() && ahead
    }

    /// Width and height: when last seen whole, or the largest part that was seen. Of things that
    /// move side by side it is the widest one's width.
    pub fn size_px(&self) -> (f32, f32) {
        let (width, height) = self.whole.unwrap_or(self.largest);
        let (sum, way_px) = self.widest;
        match way_px > 0.0 {
            true => (width.min(sum / way_px), height),
            false => (width, height),
        }
    }

    /// The farthest it ever was from where it was first seen.
    pub fn travel_px(&self) -> f32 {
        let ((x, y), (first_x, first_y)) = (self.bounds.centre(), self.first_centre);
        // Both measures must agree: one alone may come from a box that only grew or split.
        self.farthest_px.min(
            (x - first_x)
                .hypot(y - first_y)
                .max(self.moved.0.hypot(self.moved.1)),
        )
    }

    /// Where to it moved across the picture, by the longer axis.
    pub fn direction(&self) -> Direction {
        Direction::of(self.moved.0, self.moved.1)
    }
}

#[cfg(test)]
mod tests;
