//! From listed pictures to batches: decoding once into memory, then an epoch's batches made by
//! worker threads, the same whatever their number. Plain numbers, no tensors.

mod parallel;
mod plan;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use models::resample::resize;
use models::{PictureError, PreprocessSpec, Preprocessor, RgbFrame, picture};

pub use parallel::in_parallel;
pub use plan::{EpochPlan, Sampling, spread};

use crate::dataset::{Dataset, Item};
use crate::duplicates::Fingerprint;

/// Memory for decoded pictures, in bytes; those beyond it are decoded again each time.
pub const KEPT_BYTES: usize = 4 << 30;
/// Pictures that are read at once: so many may be held beyond [`KEPT_BYTES`].
const CHUNK: usize = 256;

/// Inputs with their classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Preprocessed pictures, `[size, height, width, 3]`.
    pub inputs: Vec<f32>,
    /// Class of each; [`NO_VEHICLE`] where none is to be seen.
    pub classes: Vec<i64>,
}

/// Stands for the class of a picture without a vehicle: the one that libtorch's cross entropy
/// leaves out.
pub const NO_VEHICLE: i64 = -100;

/// A preprocessed picture, `[height, width, 3]`, and its class.
pub type Input = (Vec<f32>, usize);

/// A picture that was read.
#[derive(Debug)]
struct Kept {
    class: usize,
    /// At most [`Pictures::KEPT_SIDE`] on a side; none when the memory was full.
    frame: Option<RgbFrame>,
    path: PathBuf,
}

/// Training pictures in memory.
#[derive(Debug, Default)]
pub struct Pictures {
    kept: Vec<Kept>,
}

/// What reading a dataset gave.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The items that could be read, in order.
    pub items: Vec<Item>,
    /// Their fingerprints.
    pub fingerprints: Vec<Fingerprint>,
    /// Their pictures.
    pub pictures: Pictures,
    /// What could not be read.
    pub unreadable: Vec<PictureError>,
}

/// Reads every picture of the dataset on `workers` threads; `progress` is called after each. The
/// first are kept in memory, as long as there is `room` (bytes, of which they take).
pub fn load(
    dataset: &Dataset,
    workers: usize,
    room: &mut usize,
    progress: &(dyn Fn() + Sync),
) -> Loaded {
    let mut loaded = Loaded::default();
    for items in dataset.items.chunks(CHUNK) {
        let read = in_parallel(items.len(), workers, |index| {
            let path = dataset.file(&items[index]);
            let result = picture::read(&path).map(|frame| {
                let print = Fingerprint::of(frame.view());
                (print, shrunk(frame))
            });
            progress();
            (path, result)
        });
        for (item, (path, result)) in items.iter().zip(read) {
            match result {
                Ok((print, frame)) => loaded.add(item, print, frame, path, room),
                Err(error) => loaded.unreadable.push(error),
            }
        }
    }
    loaded
}

impl Loaded {
    fn add(
        &mut self,
        item: &Item,
        print: Fingerprint,
        frame: RgbFrame,
        path: PathBuf,
        room: &mut usize,
    ) {
        let left = room.checked_sub(frame.data().len());
        *room = left.unwrap_or(0);
        self.items.push(item.clone());
        self.fingerprints.push(print);
        self.pictures.kept.push(Kept {
            class: item.class,
            frame: left.map(|_| frame),
            path,
        });
    }
}

/// Reads pictures straight into the network's input: the contract's way, with no step between.
/// Gives `[height, width, 3]` numbers and the class for each that can be read, and why the others
/// cannot.
pub fn load_inputs(
    dataset: &Dataset,
    spec: &PreprocessSpec,
    workers: usize,
) -> Result<(Vec<Input>, Vec<PictureError>), String> {
    let preprocessor = Preprocessor::new(spec)?;
    let read = in_parallel(dataset.items.len(), workers, |index| {
        let item = &dataset.items[index];
        let frame = picture::read(&dataset.file(item))?;
        let mut input = Vec::with_capacity(spec.len());
        preprocessor
            .clone()
            .input_interleaved(frame.view(), &mut input);
        Ok((input, item.class))
    });
    let (mut inputs, mut unreadable) = (Vec::new(), Vec::new());
    for picture in read {
        match picture {
            Ok(input) => inputs.push(input),
            Err(error) => unreadable.push(error),
        }
    }
    Ok((inputs, unreadable))
}

impl Pictures {
    /// Pictures are kept no longer than this on a side: twice the largest usual input.
    pub const KEPT_SIDE: u32 = 256;

    /// How many.
    pub fn count(&self) -> usize {
        self.kept.len()
    }

    /// Pictures of each class.
    pub fn counts(&self, classes: usize) -> Vec<u32> {
        let mut counts = vec![0; classes];
        self.kept.iter().for_each(|kept| counts[kept.class] += 1);
        counts
    }

    /// Class of each.
    pub fn classes(&self) -> Vec<usize> {
        self.kept.iter().map(|kept| kept.class).collect()
    }

    /// Keeps those whose index `keep` accepts, and adds all of `more`.
    pub fn select(self, keep: impl Fn(usize) -> bool, more: Pictures) -> Self {
        let kept = self
            .kept
            .into_iter()
            .enumerate()
            .filter(|(index, _)| keep(*index));
        Self {
            kept: kept.map(|(_, kept)| kept).chain(more.kept).collect(),
        }
    }

    /// Steps of an epoch: see [`Pictures::batches`].
    pub fn steps(&self, batch_size: usize) -> usize {
        let pictures = self.count();
        let lone_last = pictures > 1 && pictures % batch_size == 1;
        pictures.div_ceil(batch_size) - usize::from(lone_last)
    }

    /// `each` drawn pictures of every class, for tests.
    #[cfg(test)]
    pub fn drawn(classes: &[&str], each: u64) -> Self {
        let one = |index: u64| {
            let class = (index % classes.len() as u64) as usize;
            Kept {
                class,
                frame: road_sim::portrait(classes[class], index, 64, 48).ok(),
                path: "unused".into(),
            }
        };
        let kept = (0..each * classes.len() as u64).map(one).collect();
        Self { kept }
    }

    /// The pictures as they are, preprocessed, for tests.
    #[cfg(test)]
    pub fn inputs(&self, preprocessor: &Preprocessor) -> Vec<Input> {
        let one = |kept: &Kept| {
            let mut input = Vec::new();
            let frame = kept.frame.as_ref().unwrap();
            preprocessor
                .clone()
                .input_interleaved(frame.view(), &mut input);
            (input, kept.class)
        };
        self.kept.iter().map(one).collect()
    }

    /// The pictures by index and in order, batch for batch. A last batch of one picture is left
    /// out: it has no statistics.
    pub fn batches(&self, plan: &EpochPlan<'_>) -> Vec<Vec<usize>> {
        let order = plan.order(&self.classes());
        let batches = order.chunks(plan.batch_size);
        batches
            .filter(|batch| batch.len() > 1 || order.len() == 1)
            .map(<[usize]>::to_vec)
            .collect()
    }

    /// The pictures `range` stretched to squares of `side`; none where one is not in memory.
    pub fn squares(&self, range: Range<usize>, side: u32, workers: usize) -> Vec<Option<RgbFrame>> {
        in_parallel(range.len(), workers, |index| {
            let frame = self.kept[range.start + index].frame.as_ref()?;
            Some(resize(frame.view(), side, side))
        })
    }

    /// Runs `step` on every batch of an epoch in order. Shuffling and augmentation follow from
    /// `seed` and `epoch` alone.
    pub fn for_each_batch<E>(
        &self,
        plan: &EpochPlan<'_>,
        mut step: impl FnMut(usize, Batch) -> Result<(), E>,
    ) -> Result<(), E> {
        let batches = self.batches(plan);
        let next = AtomicUsize::new(0);
        let (sender, receiver) = mpsc::sync_channel(2 * plan.workers);
        std::thread::scope(|scope| {
            for _ in 0..plan.workers {
                let (sender, next, batches) = (sender.clone(), &next, &batches);
                scope.spawn(move || {
                    let mut preprocessor = plan.preprocessor.clone();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(indices) = batches.get(number) else {
                            break;
                        };
                        let first = number * plan.batch_size;
                        let batch = self.batch(plan, first, indices, &mut preprocessor);
                        // The receiver is gone when a step failed.
                        if sender.send((number, batch)).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            let mut waiting = BTreeMap::new();
            let mut due = 0;
            // By value, so that it is dropped, and the workers stop, when a step fails.
            for (number, batch) in receiver.into_iter() {
                waiting.insert(number, batch);
                while let Some(batch) = waiting.remove(&due) {
                    step(due, batch)?;
                    due += 1;
                }
            }
            Ok(())
        })
    }

    fn batch(
        &self,
        plan: &EpochPlan<'_>,
        first: usize,
        indices: &[usize],
        preprocessor: &mut Preprocessor,
    ) -> Batch {
        let mut batch = Batch {
            inputs: Vec::new(),
            classes: Vec::new(),
        };
        for (place, index) in (first..).zip(indices) {
            let kept = &self.kept[*index];
            let frame = match &kept.frame {
                Some(frame) => Cow::Borrowed(frame),
                // It could be read when the run started; a file that vanished since is skipped.
                None => match picture::read(&kept.path) {
                    Ok(frame) => Cow::Owned(shrunk(frame)),
                    Err(_) => continue,
                },
            };
            let changes = plan.changes(place);
            let changed = changes.apply(frame.view());
            preprocessor.input_interleaved(changed.view(), &mut batch.inputs);
            batch.classes.push(changes.class(kept.class));
        }
        batch
    }
}

fn shrunk(frame: RgbFrame) -> RgbFrame {
    let longest = frame.width().max(frame.height());
    if longest <= Pictures::KEPT_SIDE {
        return frame;
    }
    let side = |length: u32| (length * Pictures::KEPT_SIDE / longest).max(1);
    resize(frame.view(), side(frame.width()), side(frame.height()))
}

#[cfg(test)]
mod tests;
