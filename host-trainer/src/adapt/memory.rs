//! What the bundle knew before: pictures of its own training, or drawn cars where there are none,
//! with the answers that it gave. Learning a site must not change them.

use fastrand::Rng;
use models::{RgbFrame, picture};

use super::Base;
use super::site::softmax;
use super::views::Views;
use crate::dataset::{Dataset, Item};
use crate::loader::in_parallel;
use crate::net::Net;
use crate::train::tune::Examples;

/// Pictures of each class, at most.
const EACH: usize = 200;
/// Pictures that are in memory as frames at a time.
const CHUNK: usize = 64;
/// Changed versions of each picture.
const CHANGED: usize = 1;
/// How much they count beside the site's pictures.
const WEIGHT: f64 = 3.0;

/// Pictures with the answers that are to stay.
#[derive(Debug)]
pub struct Memory {
    views: Views,
    answers: Vec<Vec<f32>>,
}

impl Memory {
    /// Of the bundle's own training pictures, as many of each class.
    pub fn of_pictures(
        base: &Base,
        own: &Dataset,
        seed: u64,
        workers: usize,
    ) -> anyhow::Result<Self> {
        let mut items: Vec<&Item> = own.items.iter().collect();
        Rng::with_seed(seed).shuffle(&mut items);
        let mut counts = vec![0; own.classes.len()];
        items.retain(|item| {
            counts[item.class] += 1;
            counts[item.class] <= EACH
        });
        let net = base.net()?;
        let (mut parts, mut count) = (Vec::new(), 0);
        for chunk in items.chunks(CHUNK) {
            let read = in_parallel(chunk.len(), workers, |index| {
                picture::read(&own.file(chunk[index]))
            });
            let frames: Vec<RgbFrame> = read.into_iter().flatten().collect();
            if frames.is_empty() {
                continue;
            }
            parts.push(views(base, &net, &frames, workers, count)?);
            count += frames.len();
        }
        Self::of(base, &net, Views::join(parts)?)
    }

    /// Of drawn cars, in those of `labels` that are plain colours.
    pub fn drawn(base: &Base, labels: &[String], workers: usize) -> anyhow::Result<Self> {
        let mut frames = Vec::new();
        for label in labels {
            let drawn = (0..EACH as u64).map(|seed| road_sim::portrait(label, seed, 96, 64));
            frames.extend(drawn.flatten());
        }
        let net = base.net()?;
        let views = views(base, &net, &frames, workers, 0)?;
        Self::of(base, &net, views)
    }

    fn of(base: &Base, net: &Net, views: Views) -> anyhow::Result<Self> {
        let from = base.moves_from(net);
        let all: Vec<usize> = (0..views.fronts.count()).collect();
        let rows = views.fronts.logits(net, from, &all)?;
        let answers = rows.iter().map(|row| softmax(row, 1.0)).collect();
        Ok(Self { views, answers })
    }

    /// How many pictures.
    pub fn count(&self) -> usize {
        self.views.fronts.count() / (1 + CHANGED)
    }

    /// What a lesson shows of them.
    pub(super) fn examples(&self) -> Examples<'_> {
        Examples {
            fronts: &self.views.fronts,
            wanted: self.answers.iter().cloned().enumerate().collect(),
            chances: vec![1.0; self.answers.len()],
            weight: WEIGHT,
        }
    }
}

fn views(
    base: &Base,
    net: &Net,
    frames: &[RgbFrame],
    workers: usize,
    first: usize,
) -> anyhow::Result<Views> {
    let from = base.moves_from(net);
    Views::of(net, from, &base.spec, frames, CHANGED, workers, first)
}
