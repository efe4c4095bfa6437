//! One step of tracking: which box belongs to which track, which boxes are pieces of one
//! vehicle, which box hides several vehicles. Pure: boxes and times in, tracks out.

use models::Rect;

use super::boxes::Bounds;
use super::split::{Place, split};
use super::{Sighting, Track, TrackConfig};
use crate::gate::Blob;

/// What one frame did to the tracks.
#[derive(Debug, Default)]
pub struct Step {
    /// Every confirmed or hoped-for vehicle that was seen in this frame.
    pub sightings: Vec<Sighting>,
    /// Vehicles that left: each moved far enough and was seen often enough.
    pub passed: Vec<Track>,
    /// Numbers of tracks that ended as nothing worth an event.
    pub dropped: Vec<u64>,
}

/// All tracks of one camera.
#[derive(Debug)]
pub struct Tracker {
    config: TrackConfig,
    tracks: Vec<Track>,
    next_number: u64,
    size_px: (u32, u32),
}

/// A track is a duplicate of an older one when it was seen for less than this share of it.
const YOUNG_SHARE: f32 = 0.7;

/// A piece belongs to a vehicle when the vehicle's expected box covers this share of it.
const PIECE_COVERED: f32 = 0.6;

/// A vehicle may be hidden in another's box when that covers this share of its expected box.
const HIDDEN_COVERED: f32 = 0.5;

/// Thinner rests of a box are its own ragged edge.
const LEAST_PART_PX: f32 = 12.0;

impl Tracker {
    /// No tracks yet.
    pub fn new(config: TrackConfig) -> Self {
        Self {
            config,
            tracks: Vec::new(),
            next_number: 0,
            size_px: (0, 0),
        }
    }

    /// Takes the boxes of frame `frame` at `t_ms` of a picture of `size_px`.
    pub fn step(&mut self, blobs: &[Blob], frame: u64, t_ms: u64, size_px: (u32, u32)) -> Step {
        self.size_px = size_px;
        let now = (frame, t_ms);
        let expected: Vec<Bounds> = self
            .tracks
            .iter()
            .map(|track| track.expected(t_ms))
            .collect();
        let (bounds, cut) = self.parts(blobs, t_ms);
        let owner = self.assign(&expected, &bounds);
        let claims = self.claims(&expected, &bounds, &owner);
        let mut taken: Vec<bool> = claims
            .iter()
            .map(|claimants| !claimants.is_empty())
            .collect();
        let mut step = Step::default();
        let mut measured: Vec<Option<(Bounds, bool)>> = vec![None; self.tracks.len()];
        for (blob, claimants) in claims.iter().enumerate() {
            match claimants[..] {
                [] => {}
                [track] => measured[track] = Some((bounds[blob], cut[blob])),
                _ => step
                    .dropped
                    .extend(self.share(&bounds[blob], claimants, &expected, now)),
            }
        }
        // A box that no track took may be a piece of a vehicle that another box already met.
        for blob in (0..bounds.len())
            .filter(|blob| !taken[*blob])
            .collect::<Vec<_>>()
        {
            let home = (0..self.tracks.len())
                .filter(|track| measured[*track].is_some() && self.tracks[*track].hits > 1)
                .find(|track| bounds[blob].covered_by(&expected[*track]) >= PIECE_COVERED)
                .filter(|track| {
                    let known = measured[*track].map_or(bounds[blob], |known| known.0);
                    self.tracks[*track].fits(&known.union(&bounds[blob]))
                });
            if let Some(known) = home.and_then(|track| measured[track].as_mut()) {
                taken[blob] = true;
                *known = (known.0.union(&bounds[blob]), known.1 || cut[blob]);
            }
        }
        for (track, measured) in measured.iter().enumerate() {
            if let Some((bounds, cut)) = measured {
                self.tracks[track].measure(*bounds, *cut, frame, t_ms);
            }
        }
        for blob in (0..bounds.len()).filter(|blob| !taken[*blob]) {
            if self.tracks.len() < self.config.max_tracks as usize {
                let number = self.next_number;
                self.next_number += 1;
                self.tracks
                    .push(Track::new(number, bounds[blob], cut[blob], frame, t_ms));
            }
        }
        self.tracks
            .retain(|track| !step.dropped.contains(&track.number));
        step.sightings = self
            .tracks
            .iter()
            .filter_map(|track| self.sighting(track, t_ms))
            .collect();
        self.bury(t_ms, &mut step);
        step
    }

    /// The boxes, those that hide a newcomer in parts, and whether an edge cuts each.
    fn parts(&self, blobs: &[Blob], t_ms: u64) -> (Vec<Bounds>, Vec<bool>) {
        let whole: Vec<Bounds> = blobs.iter().map(|blob| Bounds::of(&blob.rect)).collect();
        let picture = self.picture();
        let known: Vec<Place> = self
            .tracks
            .iter()
            .filter(|track| track.hits >= self.config.min_hits)
            .filter_map(|track| {
                let whole = track.expected_whole(t_ms)?;
                let visible = whole.clipped(&picture)?;
                Some(Place {
                    visible,
                    width: whole.width(),
                    height: whole.height(),
                })
            })
            .collect();
        split(&whole, &known, LEAST_PART_PX)
            .into_iter()
            .map(|(bounds, blob)| (bounds, blobs[blob].cut))
            .unzip()
    }

    fn sighting(&self, track: &Track, t_ms: u64) -> Option<Sighting> {
        let rect = track.bounds.to_rect(self.size_px.0, self.size_px.1)?;
        let shared = track.shared_since_ms.is_some();
        let seen = Sighting {
            track: track.number,
            rect,
            cut: track.cut,
            shared,
        };
        (track.last_t_ms == t_ms).then_some(seen)
    }

    fn picture(&self) -> Bounds {
        let (width, height) = self.size_px;
        Bounds::of(&Rect {
            x: 0,
            y: 0,
            width,
            height,
        })
    }

    /// Ends every track.
    pub fn finish(&mut self) -> Step {
        let mut step = Step::default();
        for track in std::mem::take(&mut self.tracks) {
            self.close(track, &mut step);
        }
        step
    }

    /// For each track the box it fits best, each box given once, best overlap first.
    fn assign(&self, expected: &[Bounds], bounds: &[Bounds]) -> Vec<Option<usize>> {
        let mut pairs = Vec::new();
        for (track, expected) in expected.iter().enumerate() {
            for (blob, bounds) in bounds.iter().enumerate() {
                let overlap = expected.overlap(bounds);
                let known = &self.tracks[track];
                if known.hits >= self.config.min_hits && known.would_turn_back(bounds) {
                    continue;
                }
                let score = if overlap >= self.config.min_overlap {
                    overlap
                } else if self.near(expected, bounds) {
                    overlap * 0.1
                } else {
                    continue;
                };
                pairs.push((score, track, blob));
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        let mut owner = vec![None; expected.len()];
        let mut taken = vec![false; bounds.len()];
        for (_, track, blob) in pairs {
            if owner[track].is_none() && !taken[blob] {
                owner[track] = Some(blob);
                taken[blob] = true;
            }
        }
        owner
    }

    /// Near enough and of about the same size.
    fn near(&self, a: &Bounds, b: &Bounds) -> bool {
        let ((ax, ay), (bx, by)) = (a.centre(), b.centre());
        let reach = self.config.max_jump_sizes;
        let ratio = a.area() / b.area().max(1.0);
        (ax - bx).abs() <= reach * a.width().min(b.width())
            && (ay - by).abs() <= reach * a.height().min(b.height())
            && (0.4..=2.5).contains(&ratio)
    }

    /// For each box the tracks in it: its owner and those without a box that it hides.
    fn claims(
        &self,
        expected: &[Bounds],
        bounds: &[Bounds],
        owner: &[Option<usize>],
    ) -> Vec<Vec<usize>> {
        let mut claims = vec![Vec::new(); bounds.len()];
        for (track, blob) in owner.iter().enumerate() {
            if let Some(blob) = blob {
                claims[*blob].push(track);
            }
        }
        for (track, expected) in expected.iter().enumerate() {
            if owner[track].is_some() || self.tracks[track].hits < self.config.min_hits {
                continue;
            }
            let best = (0..bounds.len())
                .map(|blob| (expected.covered_by(&bounds[blob]), blob))
                .filter(|(covered, _)| *covered >= HIDDEN_COVERED)
                .max_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((_, blob)) = best {
                claims[blob].push(track);
            }
        }
        claims
    }

    /// Several tracks in one box: those with one motion are one vehicle, the others keep their
    /// size and are fitted into the box, the outermost to its edges. Gives the numbers of the
    /// tracks that turned out to be another one's vehicle.
    fn share(
        &mut self,
        whole: &Bounds,
        claimants: &[usize],
        expected: &[Bounds],
        (frame, t_ms): (u64, u64),
    ) -> Vec<u64> {
        let mut order = claimants.to_vec();
        order.sort_by_key(|track| self.tracks[*track].number);
        let mut keep: Vec<usize> = Vec::new();
        let mut fused = Vec::new();
        for index in order {
            let young = &self.tracks[index];
            let same = |older: &usize| {
                let older = &self.tracks[*older];
                (young.hits as f32) < YOUNG_SHARE * older.hits as f32 && young.moves_like(older)
            };
            if keep.iter().any(same) {
                fused.push(young.number);
            } else {
                keep.push(index);
            }
        }
        if let [only] = keep[..] {
            let cut = self.tracks[only].cut;
            self.tracks[only].measure(*whole, cut, frame, t_ms);
            return fused;
        }
        let least = |edge: fn(&Bounds) -> f32| {
            keep.iter()
                .map(|track| edge(&expected[*track]))
                .fold(f32::INFINITY, f32::min)
        };
        let (left, top) = (least(|b| b.left), least(|b| b.top));
        let (right, bottom) = (-least(|b| -b.right), -least(|b| -b.bottom));
        for track in keep {
            let own = expected[track];
            let dx = fit(
                (own.left <= left).then_some(whole.left - own.left),
                (own.right >= right).then_some(whole.right - own.right),
            );
            let dy = fit(
                (own.top <= top).then_some(whole.top - own.top),
                (own.bottom >= bottom).then_some(whole.bottom - own.bottom),
            );
            // Half a step: the edge of a shared box is a rough guide.
            self.tracks[track].share(own.shifted(dx * 0.5, dy * 0.5), frame, t_ms);
        }
        fused
    }

    /// Ends the tracks that were lost for too long or have left the picture.
    fn bury(&mut self, t_ms: u64, step: &mut Step) {
        let picture = self.picture();
        let config = &self.config;
        let lost = |track: &Track| {
            let unseen_ms = t_ms.saturating_sub(track.last_t_ms);
            let shared_ms = track
                .shared_since_ms
                .map_or(0, |since| t_ms.saturating_sub(since));
            unseen_ms > 0
                && (track.hits < config.min_hits
                    || unseen_ms > u64::from(config.max_unseen_ms)
                    || track.expected(t_ms).covered_by(&picture) < 0.1)
                || shared_ms > u64::from(config.max_shared_ms)
        };
        let (gone, left): (Vec<Track>, Vec<Track>) =
            std::mem::take(&mut self.tracks).into_iter().partition(lost);
        self.tracks = left;
        for track in gone {
            self.close(track, step);
        }
    }

    fn close(&self, track: Track, step: &mut Step) {
        let travel = track.travel_px();
        let least = self.config.min_travel_share * self.size_px.0.max(self.size_px.1) as f32;
        if track.hits >= self.config.min_frames && travel >= least {
            step.passed.push(track);
        } else {
            step.dropped.push(track.number);
        }
    }
}

/// The shift that the given sides ask for: their mean, or none.
fn fit(low: Option<f32>, high: Option<f32>) -> f32 {
    match (low, high) {
        (Some(low), Some(high)) => (low + high) / 2.0,
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => 0.0,
    }
}
