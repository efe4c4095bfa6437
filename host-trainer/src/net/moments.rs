//! What the layers that mix channels are given: mean and covariance of their inputs over training
//! pictures.

use std::collections::BTreeMap;

use tch::{Device, Kind, TchError, Tensor};

use super::Net;
use crate::arch::{Conv, Step};
use crate::loader::Batch;
use crate::train;

/// So many places of a batch are counted at most; early layers have a hundred thousand that are
/// much alike.
const PLACES: i64 = 8192;

/// Of one layer's input, in 64-bit floats.
#[derive(Debug)]
pub struct Moment {
    /// `[channels]`
    pub mean: Tensor,
    /// `[channels, channels]`
    pub covariance: Tensor,
}

/// Of every 1 x 1 convolution and fully connected layer, by the name of its parameters.
pub type Moments = BTreeMap<String, Moment>;

/// Sums over what was seen, less the first batch's mean: squares of numbers that hardly vary would
/// lose the variance.
struct Sums {
    middle: Tensor,
    places: f64,
    first: Tensor,
    second: Tensor,
}

impl Sums {
    /// None yet, around `middle` `[channels]`.
    fn around(middle: Tensor) -> Result<Self, TchError> {
        let channels = middle.size()[0];
        let zeros = |shape: &[i64]| Tensor::f_zeros(shape, (Kind::Double, Device::Cpu));
        Ok(Self {
            middle,
            places: 0.0,
            first: zeros(&[channels])?,
            second: zeros(&[channels, channels])?,
        })
    }

    /// Counts `[places, channels]`.
    fn count(&mut self, x: &Tensor) -> Result<(), TchError> {
        let x = x.f_sub(&self.middle)?;
        let squares = x.f_transpose(0, 1)?.f_matmul(&x)?;
        self.places += x.size()[0] as f64;
        let sum = x.f_sum_dim_intlist(0i64, false, Kind::Double)?;
        self.first = self.first.f_add(&sum)?;
        self.second = self.second.f_add(&squares.f_to_kind(Kind::Double)?)?;
        Ok(())
    }

    fn moment(&self) -> Result<Moment, TchError> {
        let off = self.first.f_div_scalar(self.places)?;
        let squares = self.second.f_div_scalar(self.places)?;
        Ok(Moment {
            mean: self.middle.f_to_kind(Kind::Double)?.f_add(&off)?,
            covariance: squares.f_sub(&off.f_outer(&off)?)?,
        })
    }
}

/// Those of `net` for network inputs of `side` (height, width).
pub fn moments(net: &Net, inputs: &[Batch], side: [u32; 2]) -> Result<Moments, TchError> {
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    let mut watch = |step: &Step, x: &Tensor| {
        let Some(name) = mixer(step) else {
            return Ok(());
        };
        let x = places(x)?;
        if !sums.contains_key(name) {
            let middle = x.f_mean_dim(0i64, false, Kind::Float)?;
            sums.insert(name.to_owned(), Sums::around(middle)?);
        }
        sums.get_mut(name).map_or(Ok(()), |sums| sums.count(&x))
    };
    for batch in inputs {
        let input = train::input(batch, side, net.device())?;
        tch::no_grad(|| net.watched(&input, &mut watch))?;
    }
    let moments = sums.into_iter();
    moments
        .map(|(name, sums)| Ok((name, sums.moment()?)))
        .collect()
}

/// The parameters' name of a step that mixes channels place by place.
pub(super) fn mixer(step: &Step) -> Option<&str> {
    match step {
        Step::Conv(Conv {
            name,
            kernel: 1,
            groups: 1,
            ..
        })
        | Step::Linear { name, .. } => Some(name),
        _ => None,
    }
}

/// `[n, channels]` or `[n, channels, height, width]` as `[places, channels]`.
fn places(x: &Tensor) -> Result<Tensor, TchError> {
    let x = match x.dim() {
        4 => x.f_permute([0, 2, 3, 1])?.f_flatten(0, 2)?,
        _ => x.shallow_clone(),
    };
    let all = x.size()[0];
    let every = (all + PLACES - 1) / PLACES;
    x.f_slice(0, 0, all, every.max(1))?
        .f_to_kind(Kind::Float)?
        .f_to_device(Device::Cpu)
}
