//! The site's pictures with their labels, as the network's moved modules see them.

use std::path::Path;

use anyhow::bail;
use models::picture;

use super::examples::{self, Label};
use super::views::Views;
use super::{Base, Lesson};
use crate::commands::report_unreadable;
use crate::crops::labels::{Labels, NOT_A_VEHICLE};
use crate::crops::{self, Crop};
use crate::loader::in_parallel;
use crate::net::Net;
use crate::train::tune::Examples;

/// Changed versions of each picture.
const CHANGED: usize = 5;

/// A site.
#[derive(Debug)]
pub struct Site {
    /// Pictures that could be read.
    pub crops: Vec<Crop>,
    /// What was said of each.
    pub labels: Vec<Option<Label>>,
    classes: usize,
    views: Views,
    /// What the bundle answers on each, with its temperature.
    probabilities: Vec<Vec<f32>>,
}

impl Site {
    /// Reads the pictures of `folder`. Errors when there is none, or a label belongs to none.
    pub fn read(
        folder: &Path,
        labels: &Labels,
        classes: &[String],
        base: &Base,
        temperature: f32,
        workers: usize,
    ) -> anyhow::Result<Self> {
        let listed = crops::list(folder).map_err(crate::commands::usage)?;
        let read = in_parallel(listed.len(), workers, |index| {
            picture::read(&listed[index].path)
        });
        let (mut crops, mut frames, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
        for (crop, read) in listed.into_iter().zip(read) {
            match read {
                Ok(frame) => {
                    crops.push(crop);
                    frames.push(frame);
                }
                Err(error) => unreadable.push(error),
            }
        }
        report_unreadable(&unreadable);
        let given = crops.iter().map(|crop| labels.get(&crop.id));
        let label = |label: Option<&String>| match label?.as_str() {
            NOT_A_VEHICLE => Some(Label::Nothing),
            name => classes
                .iter()
                .position(|class| class == name)
                .map(Label::Class),
        };
        let given: Vec<Option<Label>> = given.map(label).collect();
        let found = given.iter().flatten().count();
        if crops.is_empty() || (found == 0 && !labels.is_empty()) {
            bail!(
                "none of the {} labels belongs to a picture in {} that can be read",
                labels.len(),
                folder.display()
            );
        }
        if found < labels.len() {
            println!(
                "labels       {} belong to no picture here",
                labels.len() - found
            );
        }
        let net = base.net()?;
        let from = base.moves_from(&net);
        let views = Views::of(&net, from, &base.spec, &frames, CHANGED, workers, 0)?;
        let mut site = Self {
            labels: given,
            classes: classes.len(),
            views,
            probabilities: Vec::new(),
            crops,
        };
        let all: Vec<usize> = (0..site.crops.len()).collect();
        let rows = site.logits(&net, from, &all)?;
        site.probabilities = rows.iter().map(|row| softmax(row, temperature)).collect();
        Ok(site)
    }

    /// The logits that a network, moved from module `from` on, gives for some of the pictures.
    pub fn logits(
        &self,
        net: &Net,
        from: usize,
        pictures: &[usize],
    ) -> anyhow::Result<Vec<Vec<f32>>> {
        let places = pictures
            .iter()
            .map(|picture| self.views.places(*picture).start);
        let places: Vec<usize> = places.collect();
        Ok(self.views.fronts.logits(net, from, &places)?)
    }

    /// The pictures with a class, and which.
    pub fn with_class(&self) -> Vec<(usize, usize)> {
        let labels = self.labels.iter().enumerate();
        labels
            .filter_map(|(picture, label)| match label {
                Some(Label::Class(class)) => Some((picture, *class)),
                _ => None,
            })
            .collect()
    }

    /// How many pictures the bundle is sure enough of to learn from them.
    pub fn sure(&self) -> usize {
        examples::sure(&self.probabilities, self.classes).len()
    }

    /// What a lesson shows.
    pub(super) fn examples(&self, lesson: &Lesson<'_>) -> Examples<'_> {
        let chosen = match lesson.labelled {
            Some(may) => {
                let vehicles: Vec<&str> = self.crops.iter().map(Crop::vehicle).collect();
                examples::labelled(&self.labels, &vehicles, may, self.classes)
            }
            None => examples::sure(&self.probabilities, self.classes),
        };
        let (mut wanted, mut chances) = (Vec::new(), Vec::new());
        for one in chosen {
            for place in self.views.places(one.picture) {
                wanted.push((place, one.wanted.clone()));
                chances.push(one.chance);
            }
        }
        Examples {
            fronts: &self.views.fronts,
            wanted,
            chances,
            weight: 1.0,
        }
    }
}

/// Probabilities of logits.
pub(super) fn softmax(row: &[f32], temperature: f32) -> Vec<f32> {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let raised: Vec<f32> = row
        .iter()
        .map(|v| ((v - top) / temperature).exp())
        .collect();
    let sum: f32 = raised.iter().sum();
    raised.iter().map(|v| v / sum).collect()
}
