//! Pictures as what the moved modules are given: each as it is and changed a few times, run
//! through the network's other modules once.

use fastrand::Rng;
use models::{PreprocessSpec, Preprocessor, RgbFrame, RgbView};

use crate::augment::Augment;
use crate::loader::{in_parallel, spread};
use crate::net::Net;
use crate::train::tune::Fronts;

/// Pictures that are in memory as inputs at a time.
const CHUNK: usize = 32;

/// Pictures as fronts; picture `p` as it is is number `p * (1 + changed)`, its changed versions
/// follow.
#[derive(Debug)]
pub struct Views {
    /// All of them.
    pub fronts: Fronts,
    /// Changed versions of each picture.
    pub changed: usize,
}

impl Views {
    /// Runs `net` up to module `from` over all versions of `frames`, of which the first is picture
    /// `first` of those that belong together: how a picture is changed depends on its number.
    pub fn of(
        net: &Net,
        from: usize,
        spec: &PreprocessSpec,
        frames: &[RgbFrame],
        changed: usize,
        workers: usize,
        first: usize,
    ) -> anyhow::Result<Self> {
        let augment = Augment::site();
        let preprocessor = Preprocessor::new(spec).map_err(anyhow::Error::msg)?;
        let mut parts = Vec::new();
        for (chunk, frames) in frames.chunks(CHUNK).enumerate() {
            let inputs = in_parallel(frames.len(), workers, |index| {
                let frame = &frames[index];
                let mut preprocessor = preprocessor.clone();
                let mut input = |view: RgbView<'_>| {
                    let mut input = Vec::with_capacity(spec.len());
                    preprocessor.input_interleaved(view, &mut input);
                    input
                };
                let mut inputs = vec![input(frame.view())];
                let picture = (first + chunk * CHUNK + index) as u64;
                for version in 0..changed {
                    let mut rng = Rng::with_seed(spread(0, version as u64, picture));
                    let changes = augment.draw(spec.width, &mut rng);
                    let changed = changes.apply(frame.view());
                    inputs.push(input(changed.view()));
                }
                inputs
            });
            let side = [spec.height, spec.width];
            parts.push(Fronts::of(net, from, &inputs.concat(), side)?);
        }
        Ok(Self {
            fronts: Fronts::join(parts)?,
            changed,
        })
    }

    /// Several, one after another, with as many changed versions each.
    pub fn join(parts: Vec<Self>) -> anyhow::Result<Self> {
        let changed = parts.first().map_or(0, |part| part.changed);
        let fronts = parts.into_iter().map(|part| part.fronts).collect();
        Ok(Self {
            fronts: Fronts::join(fronts)?,
            changed,
        })
    }

    /// The places of picture `picture`'s versions, the unchanged one first.
    pub fn places(&self, picture: usize) -> std::ops::Range<usize> {
        let each = 1 + self.changed;
        picture * each..(picture + 1) * each
    }
}
