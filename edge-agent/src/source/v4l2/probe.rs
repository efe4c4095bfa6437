//! What a device node is and what it can give: its kind, formats, sizes and rates. Changes
//! nothing on the device.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::CameraError;
use super::kernel::{CAPTURE, Node, Plain, fourcc, sys, text, vidioc};
use crate::decode::PixelFormat;

/// Most entries read of any list: a faulty driver must not keep the program busy for ever.
const LONGEST_LIST: u32 = 256;

/// Drivers of the receivers behind a board's camera connector. They hand out what the sensor
/// sends, and their list of formats is that of the receiver, not of the sensor.
const SENSOR_DRIVERS: [&str; 5] = ["unicam", "rp1-cfe", "bcm2835-isp", "pispbe", "rkisp1"];

/// Who a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The kernel's driver.
    pub driver: String,
    /// What the device calls itself.
    pub name: String,
    /// Where it is plugged in.
    pub bus: String,
    capabilities: u32,
}

/// A size with the rates it comes in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mode {
    /// Pixels across.
    #[serde(rename = "width_px")]
    pub width: u32,
    /// Pixels down.
    #[serde(rename = "height_px")]
    pub height: u32,
    /// Frames a second, falling; empty when the driver does not say.
    pub fps: Vec<f32>,
}

/// A format that is decoded here, and its sizes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Offer {
    /// The format.
    pub format: PixelFormat,
    /// The kernel's number for it.
    #[serde(skip)]
    pub fourcc: u32,
    /// Its sizes.
    pub modes: Vec<Mode>,
}

/// A node that was looked at.
#[derive(Debug)]
pub struct Probe {
    /// The open node.
    pub node: Node,
    /// Who it is.
    pub identity: Identity,
    /// What can be had from it.
    pub offers: Vec<Offer>,
}

/// Opens and asks; errors tell why this is no camera for the agent.
pub fn probe(path: &Path) -> Result<Probe, CameraError> {
    let node = Node::open(path).map_err(|error| CameraError::step(path, "open it", error))?;
    let identity = identify(&node, path)?;
    let kinds = identity.capabilities;
    let path_buf = || -> PathBuf { path.to_path_buf() };
    let is_sensor = SENSOR_DRIVERS.contains(&identity.driver.as_str());
    let streams = sys::V4L2_CAP_VIDEO_CAPTURE | sys::V4L2_CAP_STREAMING;
    if kinds & streams != streams || kinds & sys::V4L2_CAP_VIDEO_M2M != 0 {
        return Err(match is_sensor {
            true => CameraError::Sensor {
                path: path_buf(),
                driver: identity.driver,
            },
            false => CameraError::NotCapture {
                path: path_buf(),
                name: identity.name,
            },
        });
    }
    let formats = formats(&node);
    let mut offers = Vec::new();
    for number in &formats {
        let Some(format) = known(*number) else {
            continue;
        };
        // A driver may list MJPG and JPEG, which are one to this program.
        if offers.iter().all(|offer: &Offer| offer.format != format) {
            offers.push(Offer {
                format,
                fourcc: *number,
                modes: modes(&node, *number),
            });
        }
    }
    let routed = kinds & sys::V4L2_CAP_IO_MC != 0;
    let raw = !formats.is_empty() && formats.iter().all(|number| is_bayer(*number));
    if (is_sensor && (routed || offers.is_empty())) || raw {
        return Err(CameraError::Sensor {
            path: path_buf(),
            driver: identity.driver,
        });
    }
    if offers.is_empty() {
        let found: Vec<String> = formats.iter().map(|n| text(&n.to_le_bytes())).collect();
        let found = if found.is_empty() {
            "nothing".to_string()
        } else {
            found.join(", ")
        };
        return Err(CameraError::NoFormat {
            path: path_buf(),
            found,
        });
    }
    offers.sort_by_key(|offer| offer.format);
    Ok(Probe {
        node,
        identity,
        offers,
    })
}

fn identify(node: &Node, path: &Path) -> Result<Identity, CameraError> {
    let mut told = sys::v4l2_capability::zeroed();
    node.request(vidioc::VIDIOC_QUERYCAP, &mut told)
        .map_err(|error| match error.raw_os_error() {
            Some(libc::ENOTTY | libc::EINVAL) => CameraError::NotVideo(path.to_path_buf()),
            _ => CameraError::step(path, "ask what it is", error),
        })?;
    let of_node = told.capabilities & sys::V4L2_CAP_DEVICE_CAPS != 0;
    Ok(Identity {
        driver: text(&told.driver),
        name: text(&told.card),
        bus: text(&told.bus_info),
        capabilities: if of_node {
            told.device_caps
        } else {
            told.capabilities
        },
    })
}

/// The format that the kernel's number stands for, if it is decoded here.
pub fn known(number: u32) -> Option<PixelFormat> {
    const MJPG: u32 = fourcc(*b"MJPG");
    const JPEG: u32 = fourcc(*b"JPEG");
    const YUYV: u32 = fourcc(*b"YUYV");
    const NV12: u32 = fourcc(*b"NV12");
    match number {
        MJPG | JPEG => Some(PixelFormat::Mjpeg),
        YUYV => Some(PixelFormat::Yuyv),
        NV12 => Some(PixelFormat::Nv12),
        _ => None,
    }
}

/// Raw data of a colour sensor: the four orders of a Bayer mosaic, 8 to 16 bits, packed or not.
fn is_bayer(number: u32) -> bool {
    let name = number.to_le_bytes();
    let orders: [&[u8; 2]; 4] = [b"BA", b"GB", b"RG", b"GR"];
    let wide: [&[u8; 2]; 4] = [b"BY", b"BG", b"GB", b"RG"];
    let packed: [&[u8; 2]; 4] = [b"pB", b"pG", b"pR", b"pg"];
    let first = [name[0], name[1]];
    let finished = [&b"RGB"[..], b"BGR", b"GREY"];
    let finished = finished.iter().any(|start| name.starts_with(start));
    let mut known = orders.iter().chain(&wide).chain(&packed);
    !finished && known.any(|known| **known == first)
}

fn formats(node: &Node) -> Vec<u32> {
    let mut found = Vec::new();
    for index in 0..LONGEST_LIST {
        let mut told = sys::v4l2_fmtdesc::zeroed();
        told.index = index;
        told.type_ = CAPTURE as _;
        if node.request(vidioc::VIDIOC_ENUM_FMT, &mut told).is_err() {
            break;
        }
        found.push(told.pixelformat);
    }
    found
}

fn modes(node: &Node, format: u32) -> Vec<Mode> {
    let mut found = Vec::new();
    for index in 0..LONGEST_LIST {
        let mut told = sys::v4l2_frmsizeenum::zeroed();
        told.index = index;
        told.pixel_format = format;
        if node
            .request(vidioc::VIDIOC_ENUM_FRAMESIZES, &mut told)
            .is_err()
        {
            break;
        }
        let discrete =
            told.type_ as u32 == sys::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE as u32;
        let (width, height) = if discrete {
            // SAFETY: the kernel says that it filled in this member; both are integers.
            let size = unsafe { told.__bindgen_anon_1.discrete };
            (size.width, size.height)
        } else {
            // SAFETY: as above. Of a range of sizes the largest stands for all.
            let range = unsafe { told.__bindgen_anon_1.stepwise };
            (range.max_width, range.max_height)
        };
        let fps = rates(node, format, width, height);
        let mode = Mode { width, height, fps };
        if !found.contains(&mode) {
            found.push(mode);
        }
        if !discrete {
            break;
        }
    }
    found
}

fn rates(node: &Node, format: u32, width: u32, height: u32) -> Vec<f32> {
    let mut found: Vec<f32> = Vec::new();
    for index in 0..LONGEST_LIST {
        let mut told = sys::v4l2_frmivalenum::zeroed();
        told.index = index;
        told.pixel_format = format;
        told.width = width;
        told.height = height;
        let result = node.request(vidioc::VIDIOC_ENUM_FRAMEINTERVALS, &mut told);
        if result.is_err() {
            break;
        }
        let discrete =
            told.type_ as u32 == sys::v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE as u32;
        let interval = if discrete {
            // SAFETY: the kernel says that it filled in this member; both are integers.
            unsafe { told.__bindgen_anon_1.discrete }
        } else {
            // SAFETY: as above. Of a range of intervals the shortest stands for all.
            unsafe { told.__bindgen_anon_1.stepwise.min }
        };
        if interval.numerator > 0 {
            found.push(interval.denominator as f32 / interval.numerator as f32);
        }
        if !discrete {
            break;
        }
    }
    found.sort_by(|a, b| b.total_cmp(a));
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_sensor_data_is_known_from_its_name() {
        for name in [
            b"BA81", b"GBRG", b"GRBG", b"RGGB", b"BG10", b"GB10", b"BA10", b"RG10", b"pBAA",
            b"pGAA", b"pgAA", b"pRAA", b"BYR2", b"RG16", b"pRCC",
        ] {
            assert!(is_bayer(fourcc(*name)), "{}", text(name));
        }
        for name in [
            b"MJPG", b"YUYV", b"NV12", b"H264", b"UYVY", b"GREY", b"Y16 ", b"RGB3", b"BGR4",
        ] {
            assert!(!is_bayer(fourcc(*name)), "{}", text(name));
        }
    }
}
