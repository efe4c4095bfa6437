//! One step of the table as libtorch tensors and operations. Knows its own step alone.

use tch::nn::{self, VarStore};
use tch::{Kind, TchError, Tensor};

use crate::arch::{Activation, Conv, NORM_EPSILON, Step};

/// How a pass runs.
pub(super) struct Mode {
    /// Whether dropout acts.
    pub(super) train: bool,
    /// Whether normalisation uses the batch's statistics and moves the running ones.
    pub(super) move_statistics: bool,
    /// Share of the batch in the running statistics.
    pub(super) norm_momentum: f64,
}

/// The tensors of one step.
#[derive(Debug)]
pub(super) enum Layer {
    Conv {
        conv: Conv,
        kernel: Tensor,
        scale: Tensor,
        shift: Tensor,
        mean: Tensor,
        var: Tensor,
    },
    SqueezeExcite([Tensor; 4]),
    Keep,
    AddKept,
    MeanPool,
    Linear {
        weight: Tensor,
        bias: Tensor,
    },
    HardSwish,
    Dropout(f64),
}

impl Layer {
    /// The step's tensors in `store`, as torchvision initialises them.
    pub(super) fn new(store: &VarStore, step: &Step) -> Self {
        let fan_out = nn::Init::Kaiming {
            dist: nn::init::NormalOrUniform::Normal,
            fan: nn::init::FanInOut::FanOut,
            non_linearity: nn::init::NonLinearity::ReLU,
        };
        let var = |name: &str, part: &str, shape: &[usize], init| {
            let shape: Vec<i64> = shape.iter().map(|n| *n as i64).collect();
            path(store, name).var(part, &shape, init)
        };
        match step {
            Step::Conv(c) => {
                let norm = path(store, &c.norm);
                let size = [c.output as i64];
                Layer::Conv {
                    kernel: var(
                        &c.name,
                        "weight",
                        &[c.output, c.input / c.groups, c.kernel, c.kernel],
                        fan_out,
                    ),
                    scale: var(&c.norm, "weight", &[c.output], nn::Init::Const(1.0)),
                    shift: var(&c.norm, "bias", &[c.output], nn::Init::Const(0.0)),
                    mean: norm.zeros_no_train("running_mean", &size),
                    var: norm.ones_no_train("running_var", &size),
                    conv: c.clone(),
                }
            }
            Step::SqueezeExcite {
                name,
                channels,
                squeezed,
            } => {
                let (fc1, fc2) = (format!("{name}.fc1"), format!("{name}.fc2"));
                let zero = nn::Init::Const(0.0);
                Layer::SqueezeExcite([
                    var(&fc1, "weight", &[*squeezed, *channels, 1, 1], fan_out),
                    var(&fc1, "bias", &[*squeezed], zero),
                    var(&fc2, "weight", &[*channels, *squeezed, 1, 1], fan_out),
                    var(&fc2, "bias", &[*channels], zero),
                ])
            }
            Step::Keep => Layer::Keep,
            Step::AddKept => Layer::AddKept,
            Step::MeanPool => Layer::MeanPool,
            Step::Linear {
                name,
                input,
                output,
            } => {
                let normal = nn::Init::Randn {
                    mean: 0.0,
                    stdev: 0.01,
                };
                Layer::Linear {
                    weight: var(name, "weight", &[*output, *input], normal),
                    bias: var(name, "bias", &[*output], nn::Init::Const(0.0)),
                }
            }
            Step::HardSwish => Layer::HardSwish,
            Step::Dropout { percent } => Layer::Dropout(f64::from(*percent) / 100.0),
        }
    }

    /// Gives a normalisation the statistics of what the convolution makes of `x`, and a scale and
    /// shift with which it computes what it did before.
    pub(super) fn renormalise(&mut self, x: &Tensor) -> Result<(), TchError> {
        let Layer::Conv {
            conv,
            kernel,
            scale,
            shift,
            mean,
            var,
        } = self
        else {
            return Ok(());
        };
        let y = convolved(x, conv, kernel)?;
        let axes = [0i64, 2, 3];
        let own_mean = y.f_mean_dim(axes.as_slice(), false, Kind::Float)?;
        let own_var = y.f_var_dim(axes.as_slice(), false, false)?;
        let deviation = |var: &Tensor| var.f_add_scalar(NORM_EPSILON)?.f_sqrt();
        let factor = scale.f_div(&deviation(var)?)?;
        let moved = own_mean.f_sub(mean)?.f_mul(&factor)?;
        shift.copy_(&shift.f_add(&moved)?);
        scale.copy_(&factor.f_mul(&deviation(&own_var)?)?);
        mean.copy_(&own_mean);
        var.copy_(&own_var);
        Ok(())
    }

    /// The step's output; `kept` carries a residual from its opening to its end.
    pub(super) fn forward(
        &self,
        x: Tensor,
        kept: &mut Option<Tensor>,
        mode: &Mode,
    ) -> Result<Tensor, TchError> {
        Ok(match self {
            Layer::Conv {
                conv,
                kernel,
                scale,
                shift,
                mean,
                var,
            } => {
                let y = convolved(&x, conv, kernel)?;
                let y = y.f_batch_norm(
                    Some(scale),
                    Some(shift),
                    Some(mean),
                    Some(var),
                    mode.move_statistics,
                    mode.norm_momentum,
                    NORM_EPSILON,
                    true,
                )?;
                match conv.activation {
                    Some(Activation::Relu) => y.f_relu()?,
                    Some(Activation::Relu6) => y.f_relu6()?,
                    Some(Activation::HardSwish) => y.f_hardswish()?,
                    None => y,
                }
            }
            Layer::SqueezeExcite([w1, b1, w2, b2]) => {
                let one = [1, 1];
                let s = x.f_adaptive_avg_pool2d(one)?;
                let as_x = |t: &Tensor| t.f_to_kind(x.kind());
                let (w1, b1, w2, b2) = (as_x(w1)?, as_x(b1)?, as_x(w2)?, as_x(b2)?);
                let s = s.f_conv2d(&w1, Some(&b1), one, [0, 0], one, 1)?.f_relu()?;
                let s = s.f_conv2d(&w2, Some(&b2), one, [0, 0], one, 1)?;
                x.f_mul(&s.f_hardsigmoid()?)?
            }
            Layer::Keep => {
                *kept = Some(x.shallow_clone());
                x
            }
            Layer::AddKept => match kept.take() {
                Some(kept) => x.f_add(&kept)?,
                None => unreachable!("a table closes only residuals that it opened"),
            },
            Layer::MeanPool => x.f_mean_dim([2i64, 3].as_slice(), false, Kind::Float)?,
            Layer::Linear { weight, bias } => x.f_linear(weight, Some(bias))?,
            Layer::HardSwish => x.f_hardswish()?,
            Layer::Dropout(p) => x.f_dropout(*p, mode.train)?,
        })
    }
}

fn convolved(x: &Tensor, conv: &Conv, kernel: &Tensor) -> Result<Tensor, TchError> {
    let pad = (conv.kernel / 2) as i64;
    let stride = conv.stride as i64;
    x.f_conv2d(
        &kernel.f_to_kind(x.kind())?,
        None::<Tensor>,
        [stride, stride],
        [pad, pad],
        [1, 1],
        conv.groups as i64,
    )
}

/// tch separates a path's parts with dots, as torchvision's names do.
fn path<'a>(store: &'a VarStore, name: &str) -> nn::Path<'a> {
    name.split('.')
        .fold(store.root(), |path, part| path.sub(part))
}
