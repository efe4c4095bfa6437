//! Keeps a small picture of vehicles for labelling, if the `[crops]` table asks for it: the table,
//! and what carries pictures from the pipeline to the sink. Which are kept is in `choice`, what
//! happens on the disk in `sink`.

mod choice;
mod sink;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use models::resample::resize;
use models::{RgbFrame, RgbView};
use serde::{Deserialize, Serialize};

use crate::config::{BadValue, within};
use crate::disk::{self, Disk};
use crate::laps::{Laps, Stage};
use crate::onlooker::Onlooker;
use choice::Limits;
pub use sink::Crops;

/// Pictures that wait for their events to reach the sink; some 5 MB.
const MOST_WAITING: usize = 64;

/// The `[crops]` table.
#[derive(schemars::JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CropsConfig {
    /// Folder that pictures are kept in; without it none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// Longest side of a kept picture.
    pub max_side_px: u32,
    /// Most pictures of one day (UTC).
    pub per_day: u32,
    /// Most pictures in all.
    pub max_count: u32,
    /// Size of all pictures together.
    pub max_mib: u32,
    /// With less free space on that disk none is added.
    pub min_free_mib: u32,
}

impl Default for CropsConfig {
    fn default() -> Self {
        Self {
            dir: None,
            max_side_px: 128,
            per_day: 100,
            max_count: 2000,
            max_mib: 32,
            min_free_mib: 128,
        }
    }
}

impl CropsConfig {
    /// Refuses values that cannot be.
    pub fn check(&self) -> Result<(), BadValue> {
        within("crops.max_side_px", self.max_side_px, 32, 160)?;
        within("crops.per_day", self.per_day, 1, 10_000)?;
        within("crops.max_count", self.max_count, 1, 100_000)?;
        within("crops.max_mib", self.max_mib, 1, 4096)?;
        within("crops.min_free_mib", self.min_free_mib, 0, 1 << 20)
    }

    fn limits(&self) -> Limits {
        Limits {
            per_day: self.per_day as usize,
            count: self.max_count as usize,
            bytes: u64::from(self.max_mib) << 20,
        }
    }
}

/// The pipeline's end and the sink, if the table names a folder. Errors when the folder cannot be
/// used and waiting does not mend that.
pub fn start(config: &CropsConfig) -> Result<Option<(Keeper, Crops)>, BadValue> {
    let Some(dir) = &config.dir else {
        return Ok(None);
    };
    let keeper = Keeper {
        shelf: Shelf::default(),
        side_px: config.max_side_px,
    };
    let shelf = keeper.shelf.clone();
    let pictures = Box::new(move |sequence| shelf.take(sequence));
    let free = u64::from(config.min_free_mib) << 20;
    match Crops::open(Disk::default(), dir, config.limits(), free, pictures) {
        Ok(crops) => Ok(Some((keeper, crops))),
        Err(error) => {
            let remedy = disk::remedy(&error);
            let problem = format!("cannot use {}: {error}; {remedy}", dir.display());
            Err(BadValue::new("crops.dir:", problem))
        }
    }
}

/// Pictures on their way, with their events' sequence numbers. The oldest go when the sink is
/// too slow.
#[derive(Clone, Debug, Default)]
struct Shelf(Arc<Mutex<VecDeque<(u64, RgbFrame)>>>);

impl Shelf {
    fn pictures(&self) -> MutexGuard<'_, VecDeque<(u64, RgbFrame)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, sequence: u64, picture: RgbFrame) {
        let mut pictures = self.pictures();
        if pictures.len() >= MOST_WAITING {
            pictures.pop_front();
        }
        pictures.push_back((sequence, picture));
    }

    fn take(&self, sequence: u64) -> Option<RgbFrame> {
        let mut pictures = self.pictures();
        let index = pictures.iter().position(|(found, _)| *found == sequence)?;
        Some(pictures.remove(index)?.1)
    }
}

/// Hears of the view behind each event and keeps a small copy for the sink.
#[derive(Debug)]
pub struct Keeper {
    shelf: Shelf,
    side_px: u32,
}

impl Laps for Keeper {
    fn lap(&mut self, _: Stage) {}
}

impl Onlooker for Keeper {
    fn judged(&mut self, sequence: u64, view: RgbView<'_>) {
        self.shelf.put(sequence, small(view, self.side_px));
    }
}

/// A copy with its longest side at most `side_px`, by the filter that the network's input is made
/// with.
fn small(view: RgbView<'_>, side_px: u32) -> RgbFrame {
    let longest = view.width().max(view.height());
    if longest <= side_px {
        return view.to_frame();
    }
    let scaled = |side: u32| (side * side_px).div_ceil(longest);
    resize(view, scaled(view.width()), scaled(view.height()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_made_small_and_a_small_one_is_left_alone() {
        let size = |width, height| {
            let picture = RgbFrame::filled(width, height, [9, 9, 9]).unwrap();
            let small = small(picture.view(), 128);
            (small.width(), small.height())
        };
        assert_eq!(size(512, 250), (128, 63));
        assert_eq!(size(3, 512), (1, 128));
        assert_eq!(size(100, 128), (100, 128));
    }

    #[test]
    fn a_sink_that_is_behind_gets_the_newest_pictures() {
        let shelf = Shelf::default();
        for sequence in 0..MOST_WAITING as u64 + 10 {
            shelf.put(sequence, RgbFrame::filled(1, 1, [1, 2, 3]).unwrap());
        }
        assert_eq!(shelf.take(9), None);
        assert!(shelf.take(10).is_some() && shelf.take(73).is_some());
        assert_eq!(shelf.take(10), None);
    }

    #[test]
    fn a_table_with_sides_on_which_plates_could_be_read_is_refused() {
        let config = CropsConfig {
            max_side_px: 640,
            ..CropsConfig::default()
        };
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "crops.max_side_px = 640 is out of range; allowed: 32 to 160"
        );
    }
}
