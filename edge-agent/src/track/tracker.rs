//! One step of tracking: parts of blobs go to the vehicles that are expected there, what is
//! left starts new tracks, what is not seen any more ends. Pure: boxes and times in, tracks out.

use models::Rect;

use super::assign::assign;
use super::boxes::Bounds;
use super::parts::{Known, Part, divide};
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
    /// Of those the ones whose vehicle is followed under another number: theirs, and that one.
    pub merged: Vec<(u64, u64)>,
    /// Where vehicles are, moving or standing.
    pub held: Vec<Rect>,
    /// Where a vehicle stands that is not followed any longer.
    pub given_up: Vec<Rect>,
}

/// All tracks of one camera.
#[derive(Debug)]
pub struct Tracker {
    config: TrackConfig,
    tracks: Vec<Track>,
    next_number: u64,
    size_px: (u32, u32),
}

/// A piece belongs to a vehicle when the vehicle's expected box covers this share of it …
pub(super) const PIECE_COVERED: f32 = 0.6;

/// … and when it is no farther from the rest of it, pixels.
pub(super) const PIECE_GAP_PX: f32 = 24.0;

/// A box that no other rule gives to a track is the vehicle again that was lost there, from this
/// overlap (intersection over union) with its expected box.
const AGAIN_OVERLAP: f32 = 0.3;
/// … or when it covers this share of that box.
const AGAIN_COVERED: f32 = 0.5;

/// A vehicle is hidden when others cover this share of where it is expected …
const HIDDEN_COVERED: f32 = 0.5;
/// … and may then be unseen this many times longer.
const HIDDEN_PATIENCE: u64 = 5;

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
        let mut step = Step::default();
        self.fuse(blobs, t_ms, &mut step);
        let parts = self.parts(blobs, t_ms);
        let mut found = self.owned(&parts);
        let mut free: Vec<usize> = (0..parts.len())
            .filter(|at| parts[*at].owner.is_none())
            .collect();
        let open: Vec<usize> = (0..found.len())
            .filter(|track| found[*track].is_none())
            .collect();
        for (track, part) in assign(&self.tracks, &open, &parts, &free, t_ms, &self.config) {
            found[track] = Some(parts[part].clone());
            free.retain(|at| *at != part);
        }
        // A box that no track took may be a piece of a vehicle that another box already met, or
        // a vehicle whose outline was mistaken so far.
        free.retain(|at| !self.add_piece(&parts[*at], &mut found, t_ms));
        let picture = self.picture();
        for (track, part) in self.tracks.iter_mut().zip(&found) {
            if let Some(part) = part {
                track.take(part, &picture, frame, t_ms);
            }
        }
        free.retain(|at| !self.find_again(&parts[*at], &mut found, frame, t_ms));
        for at in free {
            if self.tracks.len() < self.config.max_tracks as usize {
                let number = self.next_number;
                self.next_number += 1;
                self.tracks
                    .push(Track::new(number, &parts[at], &picture, frame, t_ms));
            }
        }
        step.sightings = self
            .tracks
            .iter()
            .filter_map(|track| self.sighting(track, t_ms))
            .collect();
        self.bury(t_ms, &mut step);
        step.held = self
            .tracks
            .iter()
            .filter(|track| track.hits >= self.config.min_hits && track.has_moved())
            .filter_map(|track| self.rect(&track.bounds))
            .collect();
        step
    }

    /// Ends every track.
    pub fn finish(&mut self) -> Step {
        let mut step = Step::default();
        for track in std::mem::take(&mut self.tracks) {
            self.close(track, &mut step);
        }
        step
    }

    /// The blobs divided among the confirmed tracks; owners are numbers of tracks.
    fn parts(&self, blobs: &[Blob], t_ms: u64) -> Vec<Part> {
        let picture = self.picture();
        let (numbers, known): (Vec<usize>, Vec<Known>) = self
            .tracks
            .iter()
            .enumerate()
            .filter(|(_, track)| track.hits >= self.config.min_hits)
            .filter_map(|(number, track)| {
                let visible = track.expected_whole(t_ms).clipped(&picture)?;
                let grows = track.grows();
                Some((number, Known { visible, grows }))
            })
            .unzip();
        let mut parts = divide(blobs, &known, &picture);
        for part in &mut parts {
            part.owner = part.owner.map(|at| numbers[at]);
            let turns = |at: usize| {
                let track: &Track = &self.tracks[at];
                !part.shared && track.would_turn_back(&part.bounds)
                    || !track.may_leave_as(part, t_ms)
            };
            if part.owner.is_some_and(turns) {
                part.owner = None;
            }
        }
        parts
    }

    /// For each track its part, its pieces put together.
    fn owned(&self, parts: &[Part]) -> Vec<Option<Part>> {
        let mut found: Vec<Option<Part>> = vec![None; self.tracks.len()];
        for part in parts {
            let Some(owner) = part.owner else {
                continue;
            };
            let own = &mut found[owner];
            *own = match own.take() {
                None => Some(part.clone()),
                Some(known) => {
                    let union = known.bounds.union(&part.bounds);
                    if self.tracks[owner].fits(&union) {
                        Some(joined(known, part))
                    } else if known.bounds.area() >= part.bounds.area() {
                        Some(known)
                    } else {
                        Some(part.clone())
                    }
                }
            };
        }
        found
    }

    /// Adds the part to a vehicle that was found and in whose place it lies.
    fn add_piece(&self, part: &Part, found: &mut [Option<Part>], t_ms: u64) -> bool {
        for (track, own) in self.tracks.iter().zip(found) {
            if let Some(known) = own
                && track.hits > 1
                && part.bounds.covered_by(&track.expected_whole(t_ms)) >= PIECE_COVERED
                && part.bounds.gap(&known.bounds) <= PIECE_GAP_PX
                && track.fits(&known.bounds.union(&part.bounds))
            {
                *known = joined(known.clone(), part);
                return true;
            }
        }
        false
    }

    /// Gives the part to a vehicle in whose place it lies and which has nothing else to be seen.
    fn find_again(
        &mut self,
        part: &Part,
        found: &mut [Option<Part>],
        frame: u64,
        t_ms: u64,
    ) -> bool {
        let picture = self.picture();
        let lost = |(track, own): &(&mut Track, &mut Option<Part>)| {
            if own.is_some() || track.hits < self.config.min_hits {
                return false;
            }
            // At an edge of the picture one vehicle comes where another leaves.
            if part.cut {
                return track.enters_as(part, &picture);
            }
            let expected = track.expected(t_ms);
            track.has_moved()
                && (expected.overlap(&part.bounds) >= AGAIN_OVERLAP
                    || expected.covered_by(&part.bounds) >= AGAIN_COVERED)
        };
        let Some((track, own)) = self.tracks.iter_mut().zip(found).find(lost) else {
            return false;
        };
        track.find_again(part, &picture, frame, t_ms);
        *own = Some(part.clone());
        true
    }

    /// Ends younger tracks that turn out to be a piece of an older one's vehicle: both lie in
    /// one blob and move as one.
    fn fuse(&mut self, blobs: &[Blob], t_ms: u64, step: &mut Step) {
        let mut pairs: Vec<(u64, u64, Bounds)> = Vec::new();
        for blob in blobs {
            let outline = Bounds::of(&blob.rect);
            let member = |track: &&Track| {
                track.hits >= self.config.min_hits
                    && track.expected(t_ms).covered_by(&outline) >= 0.5
            };
            let members: Vec<&Track> = self.tracks.iter().filter(member).collect();
            for (at, young) in members.iter().enumerate() {
                let place = young.expected(t_ms);
                let piece = |older: &&&Track| young.is_piece_of(older, t_ms);
                if let Some(older) = members[..at].iter().find(piece) {
                    pairs.push((young.number, older.number, place));
                }
            }
        }
        for (young, older, place) in pairs {
            if let Some(track) = self.tracks.iter_mut().find(|track| track.number == older) {
                track.absorb(&place);
                self.tracks.retain(|track| track.number != young);
                step.dropped.push(young);
                step.merged.push((young, older));
            }
        }
    }

    fn sighting(&self, track: &Track, t_ms: u64) -> Option<Sighting> {
        let seen = Sighting {
            track: track.number,
            rect: self.rect(&track.bounds)?,
            cut: track.cut,
            shared: track.shared,
        };
        (track.last_t_ms == t_ms).then_some(seen)
    }

    fn rect(&self, bounds: &Bounds) -> Option<Rect> {
        bounds.to_rect(self.size_px.0, self.size_px.1)
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

    /// Ends the tracks that were lost for too long, have left the picture or stand for too long.
    fn bury(&mut self, t_ms: u64, step: &mut Step) {
        let picture = self.picture();
        let mut left = Vec::with_capacity(self.tracks.len());
        for track in &self.tracks {
            let unseen_ms = t_ms.saturating_sub(track.last_t_ms);
            let expected = track.expected(t_ms);
            let patience = || {
                let others = self
                    .tracks
                    .iter()
                    .filter(|other| other.number != track.number && other.last_t_ms == t_ms);
                let covered: f32 = others.map(|other| expected.covered_by(&other.bounds)).sum();
                let times = if covered >= HIDDEN_COVERED {
                    HIDDEN_PATIENCE
                } else {
                    1
                };
                u64::from(self.config.max_unseen_ms) * times
            };
            let lost = unseen_ms > 0
                && (track.hits < self.config.min_hits
                    || expected.covered_by(&picture) < 0.1
                    || unseen_ms > patience());
            let stands = track.still_ms(t_ms) > u64::from(self.config.max_still_ms);
            if stands {
                step.given_up.extend(self.rect(&track.bounds));
            }
            left.push(lost || stands);
        }
        let mut left = left.into_iter();
        let (gone, kept): (Vec<Track>, Vec<Track>) = std::mem::take(&mut self.tracks)
            .into_iter()
            .partition(|_| left.next().unwrap_or(false));
        self.tracks = kept;
        for track in gone {
            let goes_on = |other: &&mut Track| other.goes_on_from(&track);
            match self.tracks.iter_mut().find(goes_on) {
                Some(other) => {
                    other.began_as(&track);
                    step.dropped.push(track.number);
                    step.merged.push((track.number, other.number));
                }
                None => self.close(track, step),
            }
        }
    }

    /// Whether what is known of this track so far is worth an event.
    pub fn ripe(&self, number: u64) -> bool {
        let track = self.tracks.iter().find(|track| track.number == number);
        track.is_some_and(|track| self.is_vehicle(track))
    }

    /// Whether it was seen often enough, moved far enough and is no smaller than a vehicle.
    fn is_vehicle(&self, track: &Track) -> bool {
        let least = self.config.min_travel_share * self.size_px.0.max(self.size_px.1) as f32;
        let (width, height) = track.size_px();
        let [least_width, least_height] = self.config.min_vehicle_px;
        track.hits >= self.config.min_frames
            && !track.is_end()
            && track.travel_px() >= least
            && width >= least_width as f32
            && height >= least_height as f32
    }

    fn close(&self, track: Track, step: &mut Step) {
        if self.is_vehicle(&track) {
            step.passed.push(track);
        } else {
            step.dropped.push(track.number);
        }
    }
}

/// Two parts of one vehicle.
fn joined(known: Part, part: &Part) -> Part {
    let bounds = known.bounds.union(&part.bounds);
    Part {
        bounds,
        widest: bounds.width(),
        cut: known.cut || part.cut,
        shared: known.shared || part.shared,
        clear: std::array::from_fn(|side| known.clear[side] && part.clear[side]),
        ..known
    }
}

#[cfg(test)]
mod tests;
