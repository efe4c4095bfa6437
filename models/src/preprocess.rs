//! From a picture to the network's input, the same bits on every target: an integer resize to
//! the input size, then one table look-up a channel. No augmentation, no floating point per
//! pixel, no file.

use crate::frame::RgbView;
use crate::resample::Resampler;

/// How a picture of any shape becomes the input's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// The whole picture, stretched to the input's shape.
    Stretch,
}

/// How pixels are resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resample {
    /// A triangle filter as wide as the scale asks (at least two source pixels), in 14-bit
    /// integer weights: columns first, then rows, each rounded half up to 8 bits.
    TriangleInt14,
}

/// What the preprocessing is, as a manifest states it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreprocessSpec {
    /// Input columns, 16 to 1024.
    pub width: u32,
    /// Input rows, 16 to 1024.
    pub height: u32,
    /// From any shape to the input's.
    pub fit: Fit,
    /// The resampling filter.
    pub resample: Resample,
    /// Subtracted from `value / 255`, a channel each (red, green, blue), 0 to 1.
    pub mean: [f32; 3],
    /// Divides what is left, above 0.
    pub std: [f32; 3],
}

impl PreprocessSpec {
    /// A square input with the mean and deviation of the ImageNet training pictures, those of
    /// torchvision's pretrained weights.
    pub fn imagenet(side: u32) -> Self {
        Self {
            width: side,
            height: side,
            fit: Fit::Stretch,
            resample: Resample::TriangleInt14,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
        }
    }

    /// Says what is out of range, if anything.
    pub fn check(&self) -> Result<(), String> {
        for (name, side) in [("width", self.width), ("height", self.height)] {
            if !(16..=1024).contains(&side) {
                return Err(format!("input {name} is {side}; 16 to 1024 can be"));
            }
        }
        if self.mean.iter().any(|m| !(0.0..=1.0).contains(m)) {
            return Err(format!("mean is {:?}; each 0 to 1 can be", self.mean));
        }
        if self.std.iter().any(|s| !(s.is_finite() && *s > 0.0)) {
            return Err(format!("std is {:?}; each must be above 0", self.std));
        }
        Ok(())
    }

    /// Numbers in one input: `3 * height * width`.
    pub fn len(&self) -> usize {
        3 * self.height as usize * self.width as usize
    }

    /// Never true of a spec that [`PreprocessSpec::check`] accepts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Applies one spec to pictures of any size. Keeps its buffers, so that repeated use does not
/// allocate for pictures no larger than those seen before.
#[derive(Clone, Debug)]
pub struct Preprocessor {
    spec: PreprocessSpec,
    /// `(v / 255 - mean) / std` for each channel and each byte value.
    table: Box<[[f32; 256]; 3]>,
    resampler: Resampler,
    /// The picture at the input's size, interleaved RGB.
    fitted: Vec<u8>,
}

impl Preprocessor {
    /// Errors with the reason when the spec is out of range.
    pub fn new(spec: &PreprocessSpec) -> Result<Self, String> {
        spec.check()?;
        let mut table = Box::new([[0.0; 256]; 3]);
        for (channel, row) in table.iter_mut().enumerate() {
            for (value, entry) in row.iter_mut().enumerate() {
                *entry = (value as f32 / 255.0 - spec.mean[channel]) / spec.std[channel];
            }
        }
        Ok(Self {
            spec: spec.clone(),
            table,
            resampler: Resampler::default(),
            fitted: Vec::new(),
        })
    }

    /// The spec that is applied.
    pub fn spec(&self) -> &PreprocessSpec {
        &self.spec
    }

    /// The picture at the input's size, still bytes: `height * width * 3`, interleaved RGB.
    pub fn fit(&mut self, view: RgbView<'_>) -> &[u8] {
        let (width, height) = (self.spec.width, self.spec.height);
        self.resampler
            .resample(view, width, height, &mut self.fitted);
        &self.fitted
    }

    /// The network's input: channel by channel (CHW), `3 * height * width` numbers.
    ///
    /// # Panics
    /// When `out` has another length.
    pub fn input(&mut self, view: RgbView<'_>, out: &mut [f32]) {
        assert_eq!(out.len(), self.spec.len(), "input length");
        self.fit(view);
        let plane = out.len() / 3;
        for (channel, (plane, table)) in out
            .chunks_exact_mut(plane)
            .zip(self.table.iter())
            .enumerate()
        {
            for (out, pixel) in plane.iter_mut().zip(self.fitted.chunks_exact(3)) {
                *out = table[usize::from(pixel[channel])];
            }
        }
    }

    /// The network's input pixel by pixel (HWC), appended to `out`: the same numbers in the order
    /// that a channels-last trainer wants.
    pub fn input_interleaved(&mut self, view: RgbView<'_>, out: &mut Vec<f32>) {
        self.fit(view);
        for pixel in self.fitted.chunks_exact(3) {
            out.extend((0..3).map(|channel| self.table[channel][usize::from(pixel[channel])]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::RgbFrame;
    use crate::frame::tests::pattern;
    use crate::hash::sha256_of_f32;
    use crate::picture::MAX_SIDE;

    fn input(spec: &PreprocessSpec, frame: &RgbFrame) -> Vec<f32> {
        let mut out = vec![0.0; spec.len()];
        Preprocessor::new(spec)
            .unwrap()
            .input(frame.view(), &mut out);
        out
    }

    /// These hashes are the contract: they must be the same on every target.
    #[test]
    fn golden_hashes() {
        let cases = [
            (
                (128, 128),
                128,
                "588434a7d50aa3167fc525c1d1fd05350d27c47509c8aef45790d94e0874fcbb",
            ),
            (
                (224, 224),
                128,
                "c80ab876b4b93276b51ab9a3cb170868d19bce52d08446f25e6c1ae49c91959e",
            ),
            (
                (640, 360),
                96,
                "e8334204757e12b743e42d510e3906a73fe607f1b07974d86dc3c8c28c192d24",
            ),
            (
                (37, 129),
                224,
                "81fa7b2c0148c0dfd4d7e51deb42bf9160987dbff7c636d1f022c3f409234da8",
            ),
            (
                (1, 1),
                16,
                "88f62bc35bc687cc765e4ac89ba96b3d85218d8a6e44aef18b315e2ef33678ff",
            ),
        ];
        for ((width, height), side, expected) in cases {
            let spec = PreprocessSpec::imagenet(side);
            let found = sha256_of_f32(&input(&spec, &pattern(width, height)));
            assert_eq!(found, expected, "{width}x{height} to {side}");
        }
    }

    #[test]
    fn the_longest_sides_that_are_decoded_are_preprocessed() {
        let spec = PreprocessSpec::imagenet(16);
        let expected = input(&spec, &RgbFrame::filled(16, 16, [9, 99, 199]).unwrap());
        for (width, height) in [(1, MAX_SIDE), (MAX_SIDE, 1)] {
            let frame = RgbFrame::filled(width, height, [9, 99, 199]).unwrap();
            assert_eq!(input(&spec, &frame), expected, "{width}x{height}");
        }
    }

    #[test]
    fn a_crop_is_preprocessed_like_its_copy() {
        let frame = pattern(90, 70);
        let crop = frame
            .view()
            .crop(crate::Rect {
                x: 11,
                y: 7,
                width: 50,
                height: 41,
            })
            .unwrap();
        let spec = PreprocessSpec::imagenet(32);
        let mut preprocessor = Preprocessor::new(&spec).unwrap();
        let (mut a, mut b) = (vec![0.0; spec.len()], vec![0.0; spec.len()]);
        preprocessor.input(crop, &mut a);
        preprocessor.input(crop.to_frame().view(), &mut b);
        assert_eq!(a, b);
    }

    #[test]
    fn interleaved_is_the_same_input_in_another_order() {
        let frame = pattern(33, 21);
        let spec = PreprocessSpec::imagenet(16);
        let mut pixels = Vec::new();
        Preprocessor::new(&spec)
            .unwrap()
            .input_interleaved(frame.view(), &mut pixels);
        let planes = input(&spec, &frame);
        for (at, value) in pixels.iter().enumerate() {
            assert_eq!(*value, planes[at % 3 * 256 + at / 3]);
        }
    }

    #[test]
    fn refuses_specs_out_of_range() {
        let mut spec = PreprocessSpec::imagenet(8);
        assert_eq!(
            spec.check().unwrap_err(),
            "input width is 8; 16 to 1024 can be"
        );
        spec = PreprocessSpec {
            std: [0.2, 0.0, 0.2],
            ..PreprocessSpec::imagenet(64)
        };
        assert!(
            spec.check()
                .unwrap_err()
                .starts_with("std is [0.2, 0.0, 0.2]")
        );
        spec = PreprocessSpec {
            mean: [0.2, 1.5, 0.2],
            ..PreprocessSpec::imagenet(64)
        };
        assert!(spec.check().is_err());
    }
}
