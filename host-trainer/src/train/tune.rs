//! A network's last modules moved a little towards a few pictures. The modules before them are
//! run once for each picture; what they give is kept, so that the moving itself costs little.
//! Knows no files.

use std::f64::consts::PI;

use fastrand::Rng;
use tch::{Kind, TchError, Tensor};

use super::batch;
use super::flat::{Role, flatten};
use super::optimiser::{Memory, Optimiser, descend};
use crate::loader::Batch;
use crate::net::{self, Net};

/// Pictures of one pass.
const CHUNK: usize = 64;

/// How the last modules are moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// The first module that is moved; as many as there are: the classifier alone.
    pub from: usize,
    /// Steps.
    pub steps: u32,
    /// Examples of each kind in a step.
    pub batch_size: usize,
    /// Highest learning rate; falls along a half cosine to nothing.
    pub lr: f64,
    /// At each step weights go back towards where they began by `lr` times this share (L2-SP, Li
    /// et al. 2018, apart from the gradient as AdamW has its decay).
    pub pull: f64,
    /// Where order and dropout start from.
    pub seed: u64,
}

/// What the modules before the moved ones make of pictures.
#[derive(Debug)]
pub struct Fronts(Tensor);

impl Fronts {
    /// Runs `net` up to module `from` over inputs of `side` (height, width), each interleaved.
    pub fn of(
        net: &Net,
        from: usize,
        inputs: &[Vec<f32>],
        side: [u32; 2],
    ) -> Result<Self, TchError> {
        let mut fronts = Vec::new();
        for chunk in inputs.chunks(CHUNK) {
            let batch = Batch {
                inputs: chunk.concat(),
                classes: vec![0; chunk.len()],
            };
            let input = batch::on_device(&batch, side, net.device())?.input;
            fronts.push(tch::no_grad(|| net.front(&input, from))?);
        }
        Tensor::f_cat(&fronts, 0).map(Self)
    }

    /// Several, one after another.
    pub fn join(parts: Vec<Self>) -> Result<Self, TchError> {
        let parts: Vec<Tensor> = parts.into_iter().map(|part| part.0).collect();
        Tensor::f_cat(&parts, 0).map(Self)
    }

    /// How many pictures.
    pub fn count(&self) -> usize {
        self.0.size()[0] as usize
    }

    fn some(&self, places: &[i64]) -> Result<Tensor, TchError> {
        let places = Tensor::f_from_slice(places)?.f_to_device(self.0.device())?;
        self.0.f_index_select(0, &places)
    }

    /// The logits that `net` gives for the pictures at `places`.
    pub fn logits(
        &self,
        net: &Net,
        from: usize,
        places: &[usize],
    ) -> Result<Vec<Vec<f32>>, TchError> {
        let mut rows = Vec::new();
        for chunk in places.chunks(CHUNK) {
            let places: Vec<i64> = chunk.iter().map(|place| *place as i64).collect();
            let front = self.some(&places)?;
            rows.extend(net::rows(&tch::no_grad(|| net.back(&front, from, false))?));
        }
        Ok(rows)
    }
}

/// Pictures with what is wanted of them.
#[derive(Debug)]
pub struct Examples<'a> {
    /// The pictures.
    pub fronts: &'a Fronts,
    /// Which of them, and the probability that is wanted of each class.
    pub wanted: Vec<(usize, Vec<f32>)>,
    /// How likely each is drawn, in any unit.
    pub chances: Vec<f64>,
    /// How much a step of these counts beside the others.
    pub weight: f64,
}

/// Moves the last modules of `net` towards all kinds of `examples` at once. An empty kind is left
/// out.
pub fn tune(net: &mut Net, tuning: &Tuning, examples: &[Examples<'_>]) -> Result<(), TchError> {
    net.train_from(tuning.from);
    let mut memories = Vec::new();
    for flat in flatten(net, |module| {
        module
            .is_none_or(|module| module >= tuning.from)
            .then_some(0)
    })? {
        if flat.role != Role::Statistic {
            let start = flat.buffer.copy();
            memories.extend(Memory::new(flat, Optimiser::AdamW)?.map(|memory| (memory, start)));
        }
    }
    net::seed(tuning.seed);
    let mut rng = Rng::with_seed(tuning.seed);
    let kinds: Vec<(&Examples<'_>, Vec<f64>)> = examples
        .iter()
        .filter(|examples| !examples.wanted.is_empty())
        .map(|examples| (examples, sums(&examples.chances)))
        .collect();
    let steps = if kinds.is_empty() { 0 } else { tuning.steps };
    for step in 0..steps {
        let lr = tuning.lr * 0.5 * (1.0 + (PI * f64::from(step) / f64::from(tuning.steps)).cos());
        let loss = loss(net, tuning, &kinds, &mut rng)?;
        let mut active: Vec<&mut Memory> = memories.iter_mut().map(|(memory, _)| memory).collect();
        descend(&loss, &mut active, Optimiser::AdamW, lr, 0.0)?;
        tch::no_grad(|| {
            for (memory, start) in &mut memories {
                let _ = memory
                    .flat
                    .buffer
                    .f_lerp_(start, (lr * tuning.pull).min(1.0))?;
            }
            Ok::<(), TchError>(())
        })?;
    }
    Ok(())
}

/// Mean cross entropy of pictures drawn by chance, with replacement, as many of each kind; the
/// kinds' means are weighted and added.
fn loss(
    net: &Net,
    tuning: &Tuning,
    kinds: &[(&Examples<'_>, Vec<f64>)],
    rng: &mut Rng,
) -> Result<Tensor, TchError> {
    let (mut fronts, mut wanted) = (Vec::new(), Vec::new());
    for (examples, sums) in kinds {
        let whole = sums.last().copied().unwrap_or(0.0);
        let weight = examples.weight as f32;
        let mut places = Vec::new();
        for _ in 0..tuning.batch_size {
            let at = rng.f64() * whole;
            let drawn = sums.partition_point(|sum| *sum <= at).min(sums.len() - 1);
            let (place, target) = &examples.wanted[drawn];
            places.push(*place as i64);
            wanted.extend(target.iter().map(|share| share * weight));
        }
        fronts.push(examples.fronts.some(&places)?);
    }
    let logits = net.back(&Tensor::f_cat(&fronts, 0)?, tuning.from, true)?;
    let wanted = Tensor::f_from_slice(&wanted)?
        .f_view(logits.size().as_slice())?
        .f_to_device(net.device())?;
    logits
        .f_log_softmax(-1, Kind::Float)?
        .f_mul(&wanted)?
        .f_sum(Kind::Float)?
        .f_mul_scalar(-1.0 / tuning.batch_size as f64)
}

fn sums(chances: &[f64]) -> Vec<f64> {
    let running = chances.iter().scan(0.0, |sum, chance| {
        *sum += chance;
        Some(*sum)
    });
    running.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Arch, Variant};
    use crate::loader::Pictures;
    use models::{PreprocessSpec, Preprocessor};

    const SIDE: u32 = 32;

    fn tuning(net: &Net, pull: f64) -> Tuning {
        Tuning {
            from: net.feature_modules() - 2,
            steps: 40,
            batch_size: 8,
            lr: 3e-3,
            pull,
            seed: 1,
        }
    }

    /// A network, drawn cars of two colours, and the share that it answers right once tuned.
    fn tuned(pull: f64) -> (f64, f64) {
        crate::net::seed(4);
        let mut net = Net::on_processor(&Arch::new(Variant::Small, 2));
        let preprocessor = Preprocessor::new(&PreprocessSpec::imagenet(SIDE)).unwrap();
        let inputs = Pictures::drawn(&["red", "white"], 8).inputs(&preprocessor);
        let batch = Batch {
            inputs: inputs.iter().flat_map(|(input, _)| input.clone()).collect(),
            classes: vec![0; inputs.len()],
        };
        let batch = batch::on_device(&batch, [SIDE; 2], net.device()).unwrap();
        // Random layers hand on almost nothing until their statistics are those of pictures.
        net.set_step(0);
        for _ in 0..20 {
            let _ = net.forward(&batch.input, true).unwrap();
        }
        let tuning = tuning(&net, pull);
        let pictures: Vec<Vec<f32>> = inputs.iter().map(|(input, _)| input.clone()).collect();
        let fronts = Fronts::of(&net, tuning.from, &pictures, [SIDE; 2]).unwrap();
        let places: Vec<usize> = (0..inputs.len()).collect();
        let wanted = inputs.iter().enumerate();
        let examples = Examples {
            fronts: &fronts,
            wanted: wanted
                .map(|(place, (_, class))| (place, [[1.0, 0.0], [0.0, 1.0]][*class].to_vec()))
                .collect(),
            chances: vec![1.0; inputs.len()],
            weight: 1.0,
        };
        let before = net.weights();
        tune(&mut net, &tuning, &[examples]).unwrap();
        let after = net.weights();
        let mut moved = 0f64;
        for (name, array) in &before {
            let frozen = crate::arch::feature_module(name).is_some_and(|m| m < tuning.from)
                || name.contains(".running_");
            for (a, b) in array.values.iter().zip(&after[name].values) {
                assert!(!frozen || a == b, "{name} was moved");
                moved += f64::from(a - b).powi(2);
            }
        }
        let rows = fronts.logits(&net, tuning.from, &places).unwrap();
        let right = rows
            .iter()
            .zip(&inputs)
            .filter(|(row, (_, class))| (row[1] > row[0]) == (*class == 1));
        (right.count() as f64 / inputs.len() as f64, moved.sqrt())
    }

    #[test]
    fn the_last_modules_learn_and_the_others_stay() {
        let (right, moved) = tuned(0.0);
        assert!(right > 0.9, "{right}");
        let (_, held) = tuned(300.0);
        assert!(held < moved / 4.0, "{held} {moved}");
    }

    #[test]
    fn chances_decide_what_is_drawn() {
        let sums = sums(&[0.0, 1.0, 0.0, 3.0]);
        assert_eq!(sums, [0.0, 1.0, 1.0, 4.0]);
        let drawn = |at: f64| sums.partition_point(|sum| *sum <= at);
        assert_eq!(
            (drawn(0.0), drawn(0.99), drawn(1.0), drawn(3.9)),
            (1, 1, 3, 3)
        );
    }
}
