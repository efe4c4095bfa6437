//! Format, size and rate: chosen from what the camera offers, set, read back, and every
//! difference told in one line.

use std::path::Path;

use super::config::CameraConfig;
use super::error::CameraError;
use super::kernel::{CAPTURE, Node, Plain, sys, text, vidioc};
use super::probe::{Mode, Offer, known};
use crate::decode::{Layout, PixelFormat, Ycbcr};

/// Says that the fields behind it were filled in by this program (videodev2.h).
const EXTENDED: u32 = 0xfeed_cafe;

/// How far a rate may be off before that is told.
const RATE_TOLERANCE: f32 = 0.02;

/// Which of the offered formats to ask for: the one that the config names; else the cheapest to
/// decode that does size and rate; else JPEG, which needs the least of the cable.
pub fn choose(offers: &[Offer], config: &CameraConfig) -> Option<(PixelFormat, u32)> {
    let number = |offer: &Offer| (offer.format, offer.fourcc);
    let named = |format| offers.iter().find(|offer| offer.format == format);
    if let Some(format) = config.format
        && let Some(offer) = named(format)
    {
        return Some(number(offer));
    }
    let does = |mode: &Mode| {
        let enough = config.fps * (1.0 - RATE_TOLERANCE);
        let size = (mode.width, mode.height) == (config.width_px, config.height_px);
        size && mode.fps.iter().any(|fps| *fps >= enough)
    };
    [PixelFormat::Nv12, PixelFormat::Yuyv, PixelFormat::Mjpeg]
        .into_iter()
        .filter_map(named)
        .find(|offer| offer.modes.iter().any(does))
        .or_else(|| named(PixelFormat::Mjpeg))
        .or_else(|| offers.first())
        .map(number)
}

/// Sets format and size; the layout that frames will have.
pub fn set_format(
    node: &Node,
    path: &Path,
    config: &CameraConfig,
    chosen: (PixelFormat, u32),
    notes: &mut Vec<String>,
) -> Result<Layout, CameraError> {
    let mut asked = sys::v4l2_format::zeroed();
    asked.type_ = CAPTURE;
    asked.fmt.pix = sys::v4l2_pix_format {
        width: config.width_px,
        height: config.height_px,
        pixelformat: chosen.1,
        field: sys::v4l2_field_V4L2_FIELD_ANY,
        priv_: EXTENDED,
        // SAFETY: zeros are a valid value of every field.
        ..unsafe { std::mem::zeroed() }
    };
    node.request(vidioc::VIDIOC_S_FMT, &mut asked)
        .map_err(|error| CameraError::step(path, "set the format", error))?;
    // SAFETY: for this type of queue the kernel fills in this member; all are integers.
    let set = unsafe { asked.fmt.pix };
    let Some(format) = known(set.pixelformat) else {
        return Err(CameraError::NoFormat {
            path: path.to_path_buf(),
            found: text(&set.pixelformat.to_le_bytes()),
        });
    };
    if config.format.is_some_and(|wanted| wanted != format) {
        let wanted = config.format.map_or("", PixelFormat::name);
        let format = format.name();
        notes.push(format!(
            "source.format = \"{wanted}\" became {format} in the camera"
        ));
    }
    if (set.width, set.height) != (config.width_px, config.height_px) {
        notes.push(format!(
            "source.width_px, height_px = {}, {} became {}, {} in the camera",
            config.width_px, config.height_px, set.width, set.height
        ));
    }
    // SAFETY: both members of this union are the same integer.
    let encoding = unsafe { set.__bindgen_anon_1.ycbcr_enc };
    let (encoding, quantization) = match set.priv_ {
        EXTENDED => (encoding, set.quantization),
        _ => (
            sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_DEFAULT,
            sys::v4l2_quantization_V4L2_QUANTIZATION_DEFAULT,
        ),
    };
    Ok(Layout {
        format,
        width: set.width,
        height: set.height,
        stride: match format {
            PixelFormat::Mjpeg => 0,
            PixelFormat::Yuyv | PixelFormat::Nv12 => set.bytesperline,
        },
        ycbcr: ycbcr_of(set.colorspace, encoding, quantization),
    })
}

/// What the numbers of a pixel that is no RGB stand for, with the kernel's meanings of "default"
/// (videodev2.h: V4L2_MAP_YCBCR_ENC_DEFAULT, V4L2_MAP_QUANTIZATION_DEFAULT). Of the encodings that
/// road cameras do not have BT.601 is taken.
fn ycbcr_of(colorspace: u32, encoding: u32, quantization: u32) -> Ycbcr {
    let is_709 = match encoding {
        sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_DEFAULT => [
            sys::v4l2_colorspace_V4L2_COLORSPACE_REC709,
            sys::v4l2_colorspace_V4L2_COLORSPACE_DCI_P3,
        ]
        .contains(&colorspace),
        sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_709
        | sys::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_XV709 => true,
        _ => false,
    };
    let is_full = match quantization {
        sys::v4l2_quantization_V4L2_QUANTIZATION_DEFAULT => {
            colorspace == sys::v4l2_colorspace_V4L2_COLORSPACE_JPEG
        }
        sys::v4l2_quantization_V4L2_QUANTIZATION_FULL_RANGE => true,
        _ => false,
    };
    match (is_full, is_709) {
        (false, false) => Ycbcr::Limited601,
        (true, false) => Ycbcr::Full601,
        (false, true) => Ycbcr::Limited709,
        (true, true) => Ycbcr::Full709,
    }
}

/// Sets the rate. Not every camera lets itself be set, and each works at its own.
pub fn set_rate(node: &Node, config: &CameraConfig, notes: &mut Vec<String>) {
    let mut asked = sys::v4l2_streamparm::zeroed();
    asked.type_ = CAPTURE;
    asked.parm.capture = sys::v4l2_captureparm {
        timeperframe: sys::v4l2_fract {
            numerator: 1000,
            denominator: (config.fps * 1000.0).round() as u32,
        },
        // SAFETY: zeros are a valid value of every field.
        ..unsafe { std::mem::zeroed() }
    };
    let wanted = config.fps;
    if let Err(error) = node.request(vidioc::VIDIOC_S_PARM, &mut asked) {
        notes.push(format!(
            "source.fps = {wanted} was not taken by the camera ({error})"
        ));
        return;
    }
    // SAFETY: for this type of queue the kernel fills in this member; all are integers.
    let set = unsafe { asked.parm.capture.timeperframe };
    if set.numerator == 0 || set.denominator == 0 {
        return;
    }
    let fps = set.denominator as f32 / set.numerator as f32;
    if (fps - wanted).abs() > wanted * RATE_TOLERANCE {
        notes.push(format!("source.fps = {wanted} became {fps} in the camera"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(format: PixelFormat, width: u32, height: u32, fps: &[f32]) -> Offer {
        let fps = fps.to_vec();
        Offer {
            format,
            fourcc: format as u32,
            modes: vec![Mode { width, height, fps }],
        }
    }

    #[test]
    fn what_the_driver_leaves_open_is_as_the_kernel_says() {
        use Ycbcr::{Full601, Full709, Limited601, Limited709};
        // Colour space, encoding and quantisation by their numbers in videodev2.h.
        for (colorspace, encoding, quantization, ycbcr) in [
            (0, 0, 0, Limited601),
            // SMPTE 170M, sRGB.
            (1, 0, 0, Limited601),
            (8, 0, 0, Limited601),
            (8, 0, 1, Full601),
            (8, 1, 2, Limited601),
            (8, 2, 0, Limited709),
            // JPEG.
            (7, 0, 0, Full601),
            (7, 1, 1, Full601),
            (7, 0, 2, Limited601),
            (7, 2, 0, Full709),
            // BT.709, DCI-P3.
            (3, 0, 0, Limited709),
            (3, 0, 1, Full709),
            (3, 4, 2, Limited709),
            (3, 1, 0, Limited601),
            (12, 0, 0, Limited709),
        ] {
            let found = ycbcr_of(colorspace, encoding, quantization);
            assert_eq!(found, ycbcr, "{colorspace} {encoding} {quantization}");
        }
    }

    #[test]
    fn the_cheapest_format_that_does_size_and_rate() {
        use PixelFormat::{Mjpeg, Nv12, Yuyv};
        let config = CameraConfig::new("/dev/video0");
        let offers = [
            offer(Mjpeg, 1280, 720, &[60.0, 30.0]),
            offer(Yuyv, 1280, 720, &[10.0]),
        ];
        let chosen =
            |offers: &[Offer], config: &CameraConfig| choose(offers, config).map(|chosen| chosen.0);
        assert_eq!(chosen(&offers, &config), Some(Mjpeg));
        let slow = CameraConfig {
            fps: 10.0,
            ..config.clone()
        };
        assert_eq!(chosen(&offers, &slow), Some(Yuyv));
        let named = CameraConfig {
            format: Some(Yuyv),
            ..config.clone()
        };
        assert_eq!(chosen(&offers, &named), Some(Yuyv));
        let absent = CameraConfig {
            format: Some(Nv12),
            ..config.clone()
        };
        assert_eq!(chosen(&offers, &absent), Some(Mjpeg));
        assert_eq!(chosen(&offers[1..], &config), Some(Yuyv));
        assert_eq!(chosen(&[], &config), None);
    }
}
