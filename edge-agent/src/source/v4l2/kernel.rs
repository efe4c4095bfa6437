//! The kernel's video interface (V4L2): its structures and requests, and the one call that
//! passes them. The v4l crate supplies the declarations only: its own stream cannot be used
//! again after a timeout, stops the program when dropped, and ignores flags and lengths.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub use v4l::v4l_sys as sys;
pub use v4l::v4l2::vidioc;

use vidioc::_IOC_TYPE as Request;

/// A single-planar capture queue.
pub const CAPTURE: u32 = sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE as u32;
/// Buffers that the driver owns and the program maps.
pub const MMAP: u32 = sys::v4l2_memory_V4L2_MEMORY_MMAP as u32;

/// A structure that the kernel fills in.
///
/// # Safety
/// Every bit pattern, all zeros among them, is a valid value, and it holds no pointer that the
/// kernel would follow.
pub unsafe trait Plain: Sized {
    /// All zeros, as the kernel wants fields that are not used.
    fn zeroed() -> Self {
        // SAFETY: all zeros is a valid value; the implementor says so.
        unsafe { std::mem::zeroed() }
    }
}

// SAFETY: C structures of integers, and unions of those. `v4l2_buffer` and `v4l2_format` have
// members that are pointers; both are used only with a single-planar queue of mapped buffers,
// for which the kernel reads an offset or no pointer at all.
unsafe impl Plain for sys::v4l2_capability {}
unsafe impl Plain for sys::v4l2_fmtdesc {}
unsafe impl Plain for sys::v4l2_format {}
unsafe impl Plain for sys::v4l2_frmsizeenum {}
unsafe impl Plain for sys::v4l2_frmivalenum {}
unsafe impl Plain for sys::v4l2_streamparm {}
unsafe impl Plain for sys::v4l2_requestbuffers {}
unsafe impl Plain for sys::v4l2_buffer {}
unsafe impl Plain for sys::v4l2_queryctrl {}
unsafe impl Plain for sys::v4l2_control {}
unsafe impl Plain for i32 {}

/// An open device node.
#[derive(Debug)]
pub struct Node(File);

impl Node {
    /// Opens without waiting for anything.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        options.custom_flags(libc::O_NONBLOCK).open(path).map(Self)
    }

    /// The descriptor, for `poll` and `mmap`.
    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// One request; repeated when a signal comes between.
    pub fn request<T: Plain>(&self, request: Request, argument: &mut T) -> io::Result<()> {
        // Bits 16 to 29 of a request are the size of its argument: what the kernel may write.
        let size = (request >> 16) as usize & 0x3fff;
        if size != std::mem::size_of::<T>() {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        loop {
            // SAFETY: the descriptor is open; the argument is as large as the request says and
            // valid whatever the kernel writes into it.
            let result =
                unsafe { libc::ioctl(self.fd(), request as _, std::ptr::from_mut(argument)) };
            if result >= 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}

/// The text of a field that ends at its first zero.
pub fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0);
    let bytes = &bytes[..end.unwrap_or(bytes.len())];
    let text = String::from_utf8_lossy(bytes);
    // A device names itself: nothing that could move a terminal's cursor.
    text.chars()
        .filter(|c| !c.is_control())
        .collect::<String>()
        .trim()
        .to_string()
}

/// Four characters as the kernel's number for a pixel format.
pub const fn fourcc(name: [u8; 4]) -> u32 {
    u32::from_le_bytes(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_at_zero_and_are_printable() {
        assert_eq!(text(b"HD\x1b[2J Cam \0rest"), "HD[2J Cam");
        assert_eq!(text(b"full"), "full");
    }

    #[test]
    fn a_request_of_another_size_never_reaches_the_kernel() {
        let node = Node::open(Path::new("/dev/null")).unwrap();
        let error = node
            .request(vidioc::VIDIOC_QUERYCAP, &mut 0i32)
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        let mut capability = sys::v4l2_capability::zeroed();
        let error = node
            .request(vidioc::VIDIOC_QUERYCAP, &mut capability)
            .unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
    }
}
