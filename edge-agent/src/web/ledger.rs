//! The latest events with a small picture each, and counts by colour and by hour. Bounded;
//! time is an argument.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use axum::body::Bytes;
use models::{RgbFrame, picture};
use serde::Serialize;

/// Sides of the kept pictures, pixels: at most 48 KiB each.
pub const CROP_PX: u32 = 128;
/// Quality of the pictures' JPEG.
const QUALITY: u8 = 80;
/// Hours that are kept.
const HOURS: usize = 24;

/// Counts of one hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hour {
    /// Hours since 1970, by the wall clock.
    pub hour: u64,
    /// Events of each colour.
    pub counts: BTreeMap<String, u64>,
}

/// A picture, pressed when it is first asked for.
#[derive(Clone, Debug)]
enum Crop {
    None,
    Raw(RgbFrame),
    Jpeg(Bytes),
}

/// An event as it is told.
#[derive(Clone, Debug)]
struct Entry {
    sequence: u64,
    json: Arc<str>,
    crop: Crop,
}

/// What the page remembers.
#[derive(Debug)]
pub struct Ledger {
    room: usize,
    entries: VecDeque<Entry>,
    counts: BTreeMap<String, u64>,
    hours: VecDeque<Hour>,
}

impl Ledger {
    /// Room for so many events; the colours are counted from zero.
    pub fn new(room: usize, colours: &[String]) -> Self {
        Self {
            room: room.max(1),
            entries: VecDeque::new(),
            counts: colours.iter().map(|colour| (colour.clone(), 0)).collect(),
            hours: VecDeque::new(),
        }
    }

    /// Takes an event. The oldest makes room for it.
    pub fn add(
        &mut self,
        sequence: u64,
        colour: &str,
        json: Arc<str>,
        crop: Option<RgbFrame>,
        unix_s: u64,
    ) {
        while self.entries.len() >= self.room {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            sequence,
            json,
            crop: crop.map_or(Crop::None, Crop::Raw),
        });
        *self.counts.entry(colour.into()).or_default() += 1;
        let hour = unix_s / 3600;
        let known = self.hours.iter().position(|known| known.hour == hour);
        let index = known.unwrap_or_else(|| {
            // A clock that jumps begins a new hour; the one that was begun first goes.
            if self.hours.len() >= HOURS {
                self.hours.pop_front();
            }
            self.hours.push_back(Hour {
                hour,
                counts: BTreeMap::new(),
            });
            self.hours.len() - 1
        });
        *self.hours[index].counts.entry(colour.into()).or_default() += 1;
    }

    /// The JSON of the latest events, oldest first, each with its number: those after `sequence`,
    /// at most `most` of them.
    pub fn after(&self, sequence: u64, most: usize) -> Vec<(u64, Arc<str>)> {
        let newer = |entry: &&Entry| entry.sequence > sequence;
        let mut found: Vec<_> = self.entries.iter().rev().take_while(newer).collect();
        found.truncate(most);
        let told = |entry: &Entry| (entry.sequence, Arc::clone(&entry.json));
        found.into_iter().rev().map(told).collect()
    }

    /// The picture of an event, as JPEG.
    pub fn crop(&mut self, sequence: u64) -> Option<Bytes> {
        let mut entries = self.entries.iter_mut();
        let entry = entries.find(|entry| entry.sequence == sequence)?;
        if let Crop::Raw(frame) = &entry.crop {
            let pressed = picture::jpeg(frame.view(), QUALITY);
            entry.crop = pressed.map_or(Crop::None, |bytes| Crop::Jpeg(bytes.into()));
        }
        match &entry.crop {
            Crop::Jpeg(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }

    /// Events of each colour since the start.
    pub fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    /// The hours, oldest first.
    pub fn hours(&self) -> Vec<Hour> {
        let mut hours: Vec<Hour> = self.hours.iter().cloned().collect();
        hours.sort_by_key(|hour| hour.hour);
        hours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(room: usize, events: &[(u64, &str, u64)]) -> Ledger {
        let mut ledger = Ledger::new(room, &["red".into(), "blue".into()]);
        for (sequence, colour, unix_s) in events {
            let crop = RgbFrame::filled(8, 8, [200, 0, 0]).ok();
            let json = format!("{sequence}").into();
            ledger.add(*sequence, colour, json, crop, *unix_s);
        }
        ledger
    }

    fn numbers(told: Vec<(u64, Arc<str>)>) -> Vec<u64> {
        told.into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut ledger = ledger(2, &[(1, "red", 0), (2, "red", 0), (3, "blue", 3600)]);
        assert_eq!(numbers(ledger.after(0, 9)), [2, 3]);
        assert_eq!(numbers(ledger.after(0, 1)), [3]);
        assert_eq!(numbers(ledger.after(2, 9)), [3]);
        assert!(ledger.after(3, 9).is_empty());
        assert_eq!(ledger.crop(1), None);
        let jpeg = ledger.crop(2).unwrap();
        assert_eq!(picture::decode(&jpeg).unwrap().width(), 8);
        assert_eq!(ledger.crop(2), Some(jpeg));
        // The counts are of all, not of the kept ones.
        let counts: Vec<u64> = ledger.counts().values().copied().collect();
        assert_eq!(counts, [1, 2]);
    }

    #[test]
    fn hours_stay_few_although_the_clock_jumps() {
        let events: Vec<_> = (0..100).map(|n| (n, "red", 3600 * (n * 7 % 50))).collect();
        let hours = ledger(5, &events).hours();
        assert_eq!(hours.len(), HOURS);
        assert!(hours.is_sorted_by_key(|hour| hour.hour));
        let back = ledger(5, &[(1, "red", 7200), (2, "red", 0), (3, "red", 7201)]);
        let counts: Vec<(u64, u64)> = back
            .hours()
            .iter()
            .map(|hour| (hour.hour, hour.counts["red"]))
            .collect();
        assert_eq!(counts, [(0, 1), (2, 2)]);
    }
}
