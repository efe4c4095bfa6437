//! A linear classifier on features, cross-validated: for every picture the probabilities of a
//! classifier that did not see it. Trains no network and keeps no weights.

use tch::{Kind, TchError, Tensor};

use super::events::first_line;

/// Full-batch steps of Adam: enough for the loss on held-out pictures to be flat.
const STEPS: u32 = 100;
/// Its learning rate at the start; a cosine leads it to zero.
const RATE: f64 = 0.02;
/// Weight decay on standardised features. Of 0.001 to 0.03, tried on 6,412 photographs with
/// planted errors, all from 0.01 up find about as many.
const DECAY: f64 = 0.02;

/// libtorch could not look or fit: most often memory.
#[derive(Debug, thiserror::Error)]
#[error("libtorch: {}", first_line(.0))]
pub struct ProbeError(#[from] TchError);

/// Labelled features and how they are divided.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// `[pictures, width]`, row-major.
    pub features: &'a [f32],
    /// Numbers of each picture.
    pub width: usize,
    /// Class of each picture, below `classes`.
    pub class: &'a [usize],
    /// Classes.
    pub classes: usize,
    /// Fold of each picture, below `folds`.
    pub fold: &'a [usize],
    /// Folds, at least 2.
    pub folds: usize,
}

/// For each picture the probabilities of its classes by softmax regression on the pictures of
/// the other folds. The same numbers for the same input and number of threads; `progress` is
/// called after each of [`steps`] steps.
pub fn out_of_fold(
    samples: &Samples<'_>,
    device: tch::Device,
    progress: &dyn Fn(),
) -> Result<Vec<Vec<f32>>, ProbeError> {
    Ok(tch::no_grad(|| fit(samples, device, progress))?)
}

/// How often `progress` is called.
pub fn steps() -> u64 {
    u64::from(STEPS)
}

fn fit(
    samples: &Samples<'_>,
    device: tch::Device,
    progress: &dyn Fn(),
) -> Result<Vec<Vec<f32>>, TchError> {
    // One column more than features: the constant one.
    let (count, width) = (samples.class.len() as i64, samples.width as i64 + 1);
    let (classes, folds) = (samples.classes as i64, samples.folds as i64);
    let indices = |values: &[usize]| {
        let values: Vec<i64> = values.iter().map(|v| *v as i64).collect();
        Tensor::f_from_slice(&values)?.f_to_device(device)
    };
    let features = standardised(
        &Tensor::f_from_slice(samples.features)?
            .f_view([count, width - 1])?
            .f_to_device(device)?,
    )?;
    let truth = indices(samples.class)?
        .f_one_hot(classes)?
        .f_to_kind(Kind::Float)?;
    let truth = truth.f_unsqueeze(1)?;
    // `seen[n, f]`: weight of picture n in the training of fold f, 0 for its own.
    let own = indices(samples.fold)?
        .f_one_hot(folds)?
        .f_to_kind(Kind::Float)?;
    let seen = own.f_rsub_scalar(1.0)?;
    let totals = seen
        .f_sum_dim_intlist(0i64, true, Kind::Float)?
        .f_clamp_min(1.0)?;
    let seen = seen.f_div(&totals)?.f_unsqueeze(2)?;
    // All folds at once: one matrix product reads the features for all of them.
    let columns = folds * classes;
    let zeros = || Tensor::f_zeros([width, columns], (Kind::Float, device));
    let (mut weights, mut mean, mut square) = (zeros()?, zeros()?, zeros()?);
    let transposed = features.f_transpose(0, 1)?;
    for step in 0..STEPS {
        let probabilities = probabilities(&features, &weights, folds, classes)?;
        let error = probabilities
            .f_sub(&truth)?
            .f_mul(&seen)?
            .f_view([count, columns])?;
        let slope = transposed
            .f_matmul(&error)?
            .f_add(&weights.f_mul_scalar(DECAY)?)?;
        mean = mean.f_lerp(&slope, 0.1)?;
        square = square.f_lerp(&slope.f_square()?, 0.01)?;
        let done = f64::from(step) / f64::from(STEPS);
        let rate = RATE * 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
        let age = f64::from(step) + 1.0;
        let mean_now = mean.f_div_scalar(1.0 - 0.9f64.powf(age))?;
        let spread = square.f_div_scalar(1.0 - 0.99f64.powf(age))?.f_sqrt()?;
        let change = mean_now
            .f_div(&spread.f_add_scalar(1e-8)?)?
            .f_mul_scalar(rate)?;
        weights = weights.f_sub(&change)?;
        progress();
    }
    let probabilities = probabilities(&features, &weights, folds, classes)?;
    let own = own.f_unsqueeze(2)?;
    let held_out = probabilities
        .f_mul(&own)?
        .f_sum_dim_intlist(1i64, false, Kind::Float)?;
    Ok(crate::net::rows(&held_out))
}

/// `[pictures, folds, classes]`.
fn probabilities(
    features: &Tensor,
    weights: &Tensor,
    folds: i64,
    classes: i64,
) -> Result<Tensor, TchError> {
    features
        .f_matmul(weights)?
        .f_view([-1, folds, classes])?
        .f_softmax(2, Kind::Float)
}

/// Each feature with mean 0 and variance 1, and a last one that is always 1.
fn standardised(features: &Tensor) -> Result<Tensor, TchError> {
    let mean = features.f_mean_dim(0i64, true, Kind::Float)?;
    let centred = features.f_sub(&mean)?;
    let variance = centred.f_square()?.f_mean_dim(0i64, true, Kind::Float)?;
    let scaled = centred.f_div(&variance.f_add_scalar(1e-6)?.f_sqrt()?)?;
    let ones = Tensor::f_ones([features.size()[0], 1], (Kind::Float, features.device()))?;
    Tensor::f_cat(&[scaled, ones], 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 300 pictures of three classes: one feature tells the class, one is noise; every tenth
    /// label is wrong.
    fn probe(features: &mut Vec<f32>) -> (Vec<usize>, Vec<Vec<f32>>) {
        let mut rng = fastrand::Rng::with_seed(1);
        let class: Vec<usize> = (0..300).map(|n| n % 3).collect();
        *features = class
            .iter()
            .flat_map(|c| {
                [
                    *c as f32 + 0.2 * rng.f32(),
                    (*c == 1) as u8 as f32,
                    rng.f32(),
                ]
            })
            .collect();
        let given: Vec<usize> = class
            .iter()
            .enumerate()
            .map(|(n, c)| if n % 10 == 0 { (c + 1) % 3 } else { *c })
            .collect();
        let fold: Vec<usize> = (0..300).map(|n| n / 3 % 5).collect();
        let samples = Samples {
            features,
            width: 3,
            class: &given,
            classes: 3,
            fold: &fold,
            folds: 5,
        };
        let rows = out_of_fold(&samples, tch::Device::Cpu, &|| ()).unwrap();
        (class, rows)
    }

    #[test]
    fn wrong_labels_do_not_vote_for_themselves() {
        let (class, rows) = probe(&mut Vec::new());
        for (class, row) in class.iter().zip(&rows) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{row:?}");
            assert!(row.iter().all(|p| *p <= row[*class]), "{class}: {row:?}");
        }
    }

    #[test]
    fn the_same_features_give_the_same_numbers() {
        assert_eq!(probe(&mut Vec::new()), probe(&mut Vec::new()));
    }

    #[test]
    fn a_failure_is_one_line() {
        let samples = Samples {
            features: &[1.0],
            width: 3,
            class: &[0],
            classes: 1,
            fold: &[0],
            folds: 2,
        };
        let error = out_of_fold(&samples, tch::Device::Cpu, &|| ()).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("libtorch: ") && text.lines().count() == 1,
            "{text}"
        );
    }
}
