//! Training pictures that live in the device's memory as bytes and are changed there: on a GPU no
//! processor thread can then keep it waiting. Makes the changes that `augment` draws; JPEG
//! artefacts are left out, and pictures that are changed together become coarse alike.

use models::PreprocessSpec;
use tch::{Device, Kind, TchError, Tensor};

use super::batch::DeviceBatch;
use crate::augment::{Changes, Shadow};
use crate::loader::{EpochPlan, Pictures};

/// Bytes of pictures that may live on a device.
pub(super) const LARGEST: usize = 8 << 30;
/// Pictures that are prepared and moved there at once.
const CHUNK: usize = 512;
/// Pictures that are changed at once, several small batches of them: starting an operation on a
/// GPU takes longer than changing a few pictures.
pub(super) const AHEAD: usize = 128;

/// All training pictures on a device.
#[derive(Debug)]
pub(super) struct Resident {
    /// `[n, 3, side, side]`, 8 bits.
    pixels: Tensor,
    classes: Vec<usize>,
    mean: Tensor,
    std: Tensor,
    /// Side of the network's input.
    out: i64,
}

impl Resident {
    /// Moves the pictures there, each stretched to a square by `workers` threads; none when they
    /// are too many for it or for its memory.
    pub(super) fn new(
        pictures: &Pictures,
        spec: &PreprocessSpec,
        device: Device,
        workers: usize,
    ) -> Result<Option<Self>, TchError> {
        let side = spec.width.max(Pictures::KEPT_SIDE);
        let count = pictures.count();
        let bytes = count * (side * side * 3) as usize;
        if bytes > LARGEST || spec.width != spec.height {
            return Ok(None);
        }
        let shape = [count as i64, 3, i64::from(side), i64::from(side)];
        let Ok(pixels) = Tensor::f_empty(shape, (Kind::Uint8, device)) else {
            // It finds no room there.
            return Ok(None);
        };
        for start in (0..count).step_by(CHUNK) {
            let range = start..count.min(start + CHUNK);
            let shape = [range.len() as i64, i64::from(side), i64::from(side), 3];
            let mut bytes = Vec::new();
            for frame in pictures.squares(range, side, workers) {
                let Some(frame) = frame else { return Ok(None) };
                bytes.extend_from_slice(frame.data());
            }
            let part = Tensor::f_from_slice(&bytes)?.f_to_device(device)?;
            let part = part.f_view(shape)?.f_permute([0, 3, 1, 2])?;
            let mut place = pixels.f_narrow(0, start as i64, shape[0])?;
            place.f_copy_(&part)?;
        }
        let channels = |values: [f32; 3]| Tensor::f_from_slice(&values)?.f_view([1, 3, 1, 1]);
        Ok(Some(Self {
            pixels,
            classes: pictures.classes(),
            mean: channels(spec.mean)?.f_to_device(device)?,
            std: channels(spec.std)?.f_to_device(device)?,
            out: i64::from(spec.width),
        }))
    }

    /// The changed pictures `indices` of an epoch, the first of them its picture number `first`.
    pub(super) fn batch(
        &self,
        plan: &EpochPlan<'_>,
        first: usize,
        indices: &[usize],
    ) -> Result<DeviceBatch, TchError> {
        let device = self.pixels.device();
        let changes: Vec<Changes> = (first..)
            .take(indices.len())
            .map(|place| plan.changes(place))
            .collect();
        let shown = changes.iter().zip(indices);
        let truth: Vec<i64> = shown.map(|(c, i)| c.class(self.classes[*i])).collect();
        let indices: Vec<i64> = indices.iter().map(|index| *index as i64).collect();
        let indices = Tensor::f_from_slice(&indices)?.f_to_device(device)?;
        let source = self.pixels.f_index_select(0, &indices)?;
        let changed = change(&source, &changes, self.out)?;
        let unit = changed.f_div_scalar(255.0)?;
        let input = unit.f_sub(&self.mean)?.f_div(&self.std)?;
        // Channels last in memory, as the processor's batches are.
        let input = input.f_permute([0, 2, 3, 1])?.f_contiguous()?;
        Ok(DeviceBatch {
            input: input.f_permute([0, 3, 1, 2])?,
            truth: Tensor::f_from_slice(&truth)?.f_to_device(device)?,
            mixed: None,
        })
    }
}

/// The changed pictures, `[n, 3, out, out]`, whole numbers from 0 to 255 as floats, of pictures
/// `[n, 3, side, side]`.
fn change(source: &Tensor, changes: &[Changes], out: i64) -> Result<Tensor, TchError> {
    let device = source.device();
    let count = changes.len() as i64;
    let each = |value: &dyn Fn(&Changes) -> f32| -> Result<Tensor, TchError> {
        let values: Vec<f32> = changes.iter().map(value).collect();
        Tensor::f_from_slice(&values)?
            .f_view([count, 1, 1, 1])?
            .f_to_device(device)
    };
    let mut x = warp(&source.f_to_kind(Kind::Float)?, changes, out)?;
    if let Some(coarse) = changes.iter().find(|c| i64::from(c.out) < out) {
        let size = i64::from(coarse.out);
        let small = x.f_adaptive_avg_pool2d([size, size])?;
        let soft = small.f_upsample_bilinear2d([out, out], false, None, None)?;
        let coarse = each(&|c| f32::from(u8::from(i64::from(c.out) < out)))?;
        x = x.f_lerp_tensor(&soft, &coarse)?;
    }
    // Light: gamma, gains, haze.
    let gains: Vec<f32> = changes.iter().flat_map(|c| c.gains).collect();
    let gains = Tensor::f_from_slice(&gains)?
        .f_view([count, 3, 1, 1])?
        .f_to_device(device)?;
    let lit = x.f_div_scalar(255.0)?.f_pow(&each(&|c| c.gamma)?)?;
    let lit = lit.f_mul_scalar(255.0)?.f_mul(&gains)?.f_clamp_max(255.0)?;
    let x = lit.f_lerp_tensor(&each(&|c| c.air)?, &each(&|c| c.haze)?)?;
    // Where a pixel is, as a share of the side: [1, 1, 1, out] and [1, 1, out, 1].
    let place = Tensor::f_arange(out, (Kind::Float, device))?.f_div_scalar(out as f64)?;
    let (across, down) = (place.f_view([1, 1, 1, out])?, place.f_view([1, 1, out, 1])?);
    let x = shade(x, changes, &each, &across, &down)?;
    let mut x = occlude(x, changes, &each, &across, &down)?;
    if changes.iter().any(|c| c.blur) {
        let padded = x.f_replication_pad2d([1, 1, 1, 1])?;
        let soft = padded.f_avg_pool2d([3, 3], [1, 1], [0, 0], false, true, None)?;
        x = x.f_lerp_tensor(&soft, &each(&|c| f32::from(u8::from(c.blur)))?)?;
    }
    let noise = x.f_randn_like()?.f_mul(&each(&|c| c.noise)?)?;
    x.f_add(&noise)?
        .f_clamp(0.0, 255.0)?
        .f_add_scalar(0.5)?
        .f_floor()
}

/// Rotation, zoom, aspect, shift and mirror by one bilinear sampling at twice the resolution.
fn warp(source: &Tensor, changes: &[Changes], out: i64) -> Result<Tensor, TchError> {
    // `affine_grid` counts places from -1 to 1 on either side of the middle.
    let matrices: Vec<f32> = changes
        .iter()
        .flat_map(|c| {
            let row = |axis: usize| [c.right[axis], c.down[axis], 2.0 * c.centre[axis] - 1.0];
            [row(0), row(1)].concat()
        })
        .collect();
    let count = changes.len() as i64;
    let matrices = Tensor::f_from_slice(&matrices)?
        .f_view([count, 2, 3])?
        .f_to_device(source.device())?;
    let (bilinear, border) = (0, 1);
    let fine = [count, 3, 2 * out, 2 * out];
    let grid = Tensor::f_affine_grid_generator(&matrices, fine, false)?;
    let mut sampled = source.f_grid_sampler(&grid, bilinear, border, false)?;
    if changes.iter().any(|c| c.road.is_some()) {
        let tones: Vec<f32> = changes
            .iter()
            .map(|c| c.road.map_or(-1.0, f32::from))
            .collect();
        let tones = Tensor::f_from_slice(&tones)?
            .f_view([count, 1, 1, 1])?
            .f_to_device(source.device())?;
        // Beyond the border either place is farther than 1 from the middle.
        let beyond = grid
            .f_abs()?
            .f_amax([3], false)?
            .f_gt(1.0)?
            .f_unsqueeze(1)?;
        let road = beyond.f_logical_and(&tones.f_ge(0.0)?)?;
        sampled = tones.f_where_self(&road, &sampled)?;
    }
    sampled.f_avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None)
}

type Each<'a> = dyn Fn(&dyn Fn(&Changes) -> f32) -> Result<Tensor, TchError> + 'a;

fn shade(
    x: Tensor,
    changes: &[Changes],
    each: &Each<'_>,
    across: &Tensor,
    down: &Tensor,
) -> Result<Tensor, TchError> {
    if changes.iter().all(|c| c.shadow.is_none()) {
        return Ok(x);
    }
    let part = |value: &dyn Fn(Shadow) -> f32| each(&|c| c.shadow.map_or(0.0, value));
    let along = |place: &Tensor, axis: usize| {
        let from = place.f_sub(&part(&|s| s.through[axis])?)?;
        from.f_mul(&part(&|s| s.direction[axis])?)
    };
    let depth = along(across, 0)?.f_add(&along(down, 1)?)?;
    let depth = depth.f_mul_scalar(f64::from(Shadow::SHARPNESS))?;
    let depth = depth.f_add_scalar(0.5)?.f_clamp(0.0, 1.0)?;
    let depth = depth.f_mul(&part(&|_| 1.0)?)?;
    let lost = depth.f_mul(&part(&|s| 1.0 - s.light)?)?;
    let factor = lost.f_neg()?.f_add_scalar(1.0)?;
    let tint = Tensor::f_from_slice(&[-Shadow::TINT, 0.0, Shadow::TINT])?
        .f_view([1, 3, 1, 1])?
        .f_to_device(x.device())?;
    let tint = depth.f_mul(&tint)?.f_add_scalar(1.0)?;
    x.f_mul(&factor)?.f_mul(&tint)?.f_clamp_max(255.0)
}

fn occlude(
    x: Tensor,
    changes: &[Changes],
    each: &Each<'_>,
    across: &Tensor,
    down: &Tensor,
) -> Result<Tensor, TchError> {
    if changes.iter().all(|c| c.occlusion.is_none()) {
        return Ok(x);
    }
    let inside = |place: &Tensor, axis: usize| {
        let start = each(&|c| c.occlusion.map_or(2.0, |o| o.corner[axis]))?;
        let end = each(&|c| c.occlusion.map_or(2.0, |o| o.corner[axis] + o.size[axis]))?;
        let (after, before) = (place.f_ge_tensor(&start)?, place.f_lt_tensor(&end)?);
        after.f_logical_and(&before)
    };
    let covered = inside(across, 0)?.f_logical_and(&inside(down, 1)?)?;
    let tone = each(&|c| c.occlusion.map_or(0.0, |o| f32::from(o.tone)))?;
    tone.f_where_self(&covered, &x)
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use models::RgbFrame;
    use models::resample::resize;

    use super::*;
    use crate::augment::Augment;

    /// The same changes by both, mean difference of 255.
    fn difference(frame: &RgbFrame, changes: &Changes) -> f32 {
        let by_processor = changes.apply(frame.view());
        let by_processor = resize(by_processor.view(), 64, 64);
        let side = i64::from(frame.width());
        let source = Tensor::from_slice(frame.data())
            .view([1, side, side, 3])
            .permute([0, 3, 1, 2]);
        let out = change(&source, std::slice::from_ref(changes), 64).unwrap();
        let values: Vec<f32> =
            Vec::try_from(out.permute([0, 2, 3, 1]).contiguous().view([-1])).unwrap();
        let pairs = by_processor.data().iter().zip(&values);
        let sum: f32 = pairs.map(|(a, b)| (f32::from(*a) - b).abs()).sum();
        sum / values.len() as f32
    }

    #[test]
    fn makes_the_changes_that_the_processor_makes() {
        let frame = resize(
            road_sim::portrait("red", 3, 150, 110).unwrap().view(),
            128,
            128,
        );
        let mut rng = Rng::with_seed(4);
        let clean = Augment {
            noise: 0.0,
            jpeg: 0.0,
            low_resolution: 0.0,
            blur: 0.0,
            shadow: 0.5,
            occlusion: 0.5,
            ..Augment::pole()
        };
        let (mut kinds, mut sum) = ([0; 3], 0.0);
        for _ in 0..60 {
            let changes = clean.draw(64, &mut rng);
            kinds[0] += usize::from(changes.shadow.is_some());
            kinds[1] += usize::from(changes.occlusion.is_some());
            kinds[2] += usize::from(changes.road.is_some());
            let difference = difference(&frame, &changes);
            assert!(difference < 6.0, "{difference} with {changes:?}");
            sum += difference;
        }
        assert!(
            kinds.iter().all(|count| *count > 10) && sum / 60.0 < 3.0,
            "{sum}"
        );
        // The yardstick: a picture against another one's changes.
        let (a, b) = (clean.draw(64, &mut rng), clean.draw(64, &mut rng));
        let other = Changes {
            gamma: b.gamma,
            centre: b.centre,
            right: b.right,
            ..a.clone()
        };
        let apart = |x: &Changes, y: &Changes| {
            let (x, y) = (x.apply(frame.view()), y.apply(frame.view()));
            let pairs = x.data().iter().zip(y.data());
            pairs.map(|(a, b)| f32::from(a.abs_diff(*b))).sum::<f32>() / x.data().len() as f32
        };
        assert!(apart(&a, &other) > 10.0);
    }

    #[test]
    fn coarse_blurred_and_noisy_pictures_stay_about_the_same() {
        let frame = resize(
            road_sim::portrait("blue", 8, 150, 110).unwrap().view(),
            128,
            128,
        );
        let all = Augment {
            noise: 1.0,
            jpeg: 0.0,
            low_resolution: 1.0,
            blur: 1.0,
            ..Augment::road()
        };
        let mut rng = Rng::with_seed(6);
        for _ in 0..20 {
            let changes = all.draw(64, &mut rng);
            let difference = difference(&frame, &changes);
            assert!(difference < 16.0, "{difference} with {changes:?}");
        }
    }
}
