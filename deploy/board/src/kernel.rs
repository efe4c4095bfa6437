//! The four requests to the kernel (V4L2) that a test needs, with their structures as
//! linux/videodev2.h has them on 64-bit machines. No other program has a use for this.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What the camera gives.
#[derive(Clone, Copy)]
pub struct Mode {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Pictures a second.
    pub fps: u32,
}

impl Mode {
    /// Bytes of one YUYV picture.
    pub fn picture_bytes(self) -> usize {
        self.width as usize * self.height as usize * 2
    }
}

const VIDEO_OUTPUT: u32 = 2;
const YUYV: u32 = u32::from_le_bytes(*b"YUYV");
const FIELD_NONE: u32 = 1;
const COLORSPACE_SMPTE170M: u32 = 1;
const NEXT_CONTROL: u32 = 0x8000_0000;

/// `struct v4l2_format` with its `v4l2_pix_format`; the union is of 200 bytes, aligned to 8.
#[repr(C)]
struct Format {
    kind: u32,
    _aligned: u32,
    width: u32,
    height: u32,
    pixel_format: u32,
    field: u32,
    bytes_per_line: u32,
    size_image: u32,
    colorspace: u32,
    rest: [u32; 43],
}

/// `struct v4l2_streamparm` with its `v4l2_outputparm`.
#[repr(C)]
struct Rate {
    kind: u32,
    capability: u32,
    mode: u32,
    numerator: u32,
    denominator: u32,
    rest: [u32; 46],
}

/// `struct v4l2_queryctrl`.
#[repr(C)]
struct Control {
    id: u32,
    kind: u32,
    name: [u8; 32],
    numbers: [i32; 4],
    flags: u32,
    reserved: [u32; 2],
}

/// `struct v4l2_control`.
#[repr(C)]
struct Value {
    id: u32,
    value: i32,
}

/// Requests are numbered by direction (read and write), size, `V` and a number of their own.
fn request<T>(file: &File, number: u8, value: &mut T) -> io::Result<()> {
    let code = (3 << 30) | ((size_of::<T>() as u64) << 16) | (u64::from(b'V') << 8);
    // SAFETY: the structure is the one of this request and lives as long as the call.
    let done = unsafe {
        libc::ioctl(
            file.as_raw_fd(),
            (code | u64::from(number)) as _,
            std::ptr::from_mut(value),
        )
    };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn open(device: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_CLOEXEC)
        .open(device)
        .map_err(|error| io::Error::other(format!("{}: {error}", device.display())))
}

/// Opens the end of a camera that pictures are written to.
pub fn output(device: &Path, mode: Mode) -> io::Result<File> {
    let file = open(device)?;
    let mut format = Format {
        kind: VIDEO_OUTPUT,
        _aligned: 0,
        width: mode.width,
        height: mode.height,
        pixel_format: YUYV,
        field: FIELD_NONE,
        bytes_per_line: mode.width * 2,
        size_image: mode.picture_bytes() as u32,
        colorspace: COLORSPACE_SMPTE170M,
        rest: [0; 43],
    };
    request(&file, 5, &mut format)?;
    let mut rate = Rate {
        kind: VIDEO_OUTPUT,
        capability: 0,
        mode: 0,
        numerator: 1,
        denominator: mode.fps,
        rest: [0; 46],
    };
    request(&file, 22, &mut rate)?;
    Ok(file)
}

/// Presses a button among a camera's controls.
pub fn press(device: &Path, name: &str) -> io::Result<()> {
    let file = open(device)?;
    let mut control = Control {
        id: NEXT_CONTROL,
        kind: 0,
        name: [0; 32],
        numbers: [0; 4],
        flags: 0,
        reserved: [0; 2],
    };
    while request(&file, 36, &mut control).is_ok() {
        let found = control.name.split(|byte| *byte == 0).next();
        if found == Some(name.as_bytes()) {
            let mut value = Value {
                id: control.id,
                value: 1,
            };
            return request(&file, 28, &mut value);
        }
        control.id |= NEXT_CONTROL;
    }
    Err(io::Error::other(format!(
        "{} has no control {name:?}",
        device.display()
    )))
}

const _: () = {
    assert!(size_of::<Format>() == 208);
    assert!(size_of::<Rate>() == 204);
    assert!(size_of::<Control>() == 68);
};
