//! Why a camera cannot be used, told so that the reader knows what to do. No device is touched.

use std::io;
use std::path::{Path, PathBuf};

use crate::decode::DecodeError;

/// Why a camera cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// No such node: unplugged, or another name.
    #[error("{} is not there; plug the camera in, or take a name that `edge-agent devices` lists", .0.display())]
    Absent(PathBuf),
    /// The user may not open it.
    #[error("{}: permission denied; add this user to the group video (`sudo usermod -aG video USER`) and log in again", .0.display())]
    Permission(PathBuf),
    /// Another program streams from it.
    #[error("{} is in use by another program; end that one (`fuser -v` names it)", .0.display())]
    Busy(PathBuf),
    /// No V4L2 node at all.
    #[error("{} is no camera; take a name that `edge-agent devices` lists", .0.display())]
    NotVideo(PathBuf),
    /// A V4L2 node without pictures, such as the metadata beside a USB camera.
    #[error("{} ({name}) gives no pictures; take another node of the camera, `edge-agent devices` lists them", path.display())]
    NotCapture {
        /// The node.
        path: PathBuf,
        /// What it calls itself.
        name: String,
    },
    /// A sensor on a camera connector, which needs libcamera.
    #[error(
        "{} is a sensor on the board's camera connector (driver {driver}): it gives raw sensor data, which only libcamera makes into pictures; \
         use a USB camera, or let rpicam-vid feed a v4l2loopback device and name that one",
        path.display()
    )]
    Sensor {
        /// The node.
        path: PathBuf,
        /// The kernel's driver.
        driver: String,
    },
    /// Only formats that are not decoded here.
    #[error("{} gives only {found}; needed is one of mjpeg, yuyv, nv12", path.display())]
    NoFormat {
        /// The node.
        path: PathBuf,
        /// What it gives.
        found: String,
    },
    /// The format cannot be decoded at this size.
    #[error("{}: {source}", path.display())]
    Layout {
        /// The node.
        path: PathBuf,
        /// Why.
        source: DecodeError,
    },
    /// A step of opening failed.
    #[error("{}: cannot {step}: {source}; unplug the camera and plug it in again if this stays", path.display())]
    Step {
        /// The node.
        path: PathBuf,
        /// What was tried.
        step: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

impl CameraError {
    /// For a step that failed; what is gone or busy is told as that.
    pub fn step(path: &Path, step: &'static str, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.raw_os_error() {
            Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => Self::Absent(path),
            Some(libc::EACCES | libc::EPERM) => Self::Permission(path),
            Some(libc::EBUSY) => Self::Busy(path),
            _ => Self::Step { path, step, source },
        }
    }

    /// Whether trying again cannot help: another camera or another config is needed.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::NotVideo(_)
            | Self::NotCapture { .. }
            | Self::Sensor { .. }
            | Self::NoFormat { .. }
            | Self::Layout { .. } => true,
            Self::Absent(_) | Self::Permission(_) | Self::Busy(_) | Self::Step { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(code: i32) -> CameraError {
        let error = io::Error::from_raw_os_error(code);
        CameraError::step(Path::new("/dev/video7"), "start the stream", error)
    }

    #[test]
    fn the_system_s_reasons_are_told_as_what_to_do() {
        for (code, expected) in [
            (
                libc::ENODEV,
                "/dev/video7 is not there; plug the camera in, or take a name that `edge-agent devices` lists",
            ),
            (
                libc::EACCES,
                "/dev/video7: permission denied; add this user to the group video (`sudo usermod -aG video USER`) and log in again",
            ),
            (
                libc::EBUSY,
                "/dev/video7 is in use by another program; end that one (`fuser -v` names it)",
            ),
            (
                libc::EIO,
                "/dev/video7: cannot start the stream: Input/output error (os error 5); unplug the camera and plug it in again if this stays",
            ),
        ] {
            let error = step(code);
            assert_eq!(error.to_string(), expected);
            assert!(!error.is_permanent());
        }
    }

    #[test]
    fn what_no_waiting_mends_is_permanent() {
        let error = CameraError::Sensor {
            path: "/dev/video0".into(),
            driver: "unicam".into(),
        };
        assert!(error.is_permanent());
        let told = error.to_string();
        assert_eq!(told.lines().count(), 1);
        assert!(
            told.contains("(driver unicam)") && told.contains("USB camera"),
            "{told}"
        );
    }
}
