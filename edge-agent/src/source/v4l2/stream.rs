//! The running stream: buffers of the driver, mapped, taken and given back. A buffer's bytes
//! can only be reached while the program owns it. After any error the stream is dropped and the
//! camera opened anew: nothing is queued a second time.

use std::io;
use std::path::Path;
use std::ptr::NonNull;
use std::time::Duration;

use super::error::CameraError;
use super::kernel::{CAPTURE, MMAP, Node, Plain, sys, vidioc};

/// Buffers asked for: one in use, the rest bridge a moment of load.
const BUFFERS: u32 = 4;

/// A buffer that was filled and is now the program's.
#[derive(Debug)]
pub struct Filled {
    index: u32,
    /// Bytes that hold the frame.
    pub bytes_used: usize,
    /// Whether the driver says that the frame is damaged.
    pub is_flawed: bool,
    /// The driver's count of frames, those that it dropped among them.
    pub sequence: u32,
    /// When it was taken, on the monotonic clock, if the driver uses that.
    pub time: Option<Duration>,
}

/// A camera that streams.
#[derive(Debug)]
pub struct Stream {
    node: Node,
    mappings: Vec<Mapping>,
}

impl Stream {
    /// Sets buffers up and starts the camera, whose format is set.
    pub fn start(node: Node, path: &Path) -> Result<Self, CameraError> {
        let failed = |step| move |error| CameraError::step(path, step, error);
        let mut asked = sys::v4l2_requestbuffers::zeroed();
        asked.count = BUFFERS;
        asked.type_ = CAPTURE;
        asked.memory = MMAP;
        node.request(vidioc::VIDIOC_REQBUFS, &mut asked)
            .map_err(failed("get buffers"))?;
        let mut stream = Self {
            node,
            mappings: Vec::new(),
        };
        for index in 0..asked.count {
            let mut told = buffer(index);
            stream
                .node
                .request(vidioc::VIDIOC_QUERYBUF, &mut told)
                .map_err(failed("ask for a buffer's place"))?;
            // SAFETY: with mapped buffers the kernel fills in the offset; all are integers.
            let offset = unsafe { told.m.offset };
            let mapping = Mapping::new(&stream.node, told.length as usize, offset)
                .map_err(failed("map a buffer"))?;
            stream.mappings.push(mapping);
            stream.queue(index).map_err(failed("queue a buffer"))?;
        }
        if stream.mappings.is_empty() {
            let error = io::Error::from(io::ErrorKind::OutOfMemory);
            return Err(failed("get buffers")(error));
        }
        let mut kind = CAPTURE as i32;
        stream
            .node
            .request(vidioc::VIDIOC_STREAMON, &mut kind)
            .map_err(failed("start the stream"))?;
        Ok(stream)
    }

    /// Waits for a frame, at most so long; whether there is one. An error means that the camera
    /// is gone.
    pub fn wait(&self, most: Duration) -> io::Result<bool> {
        let mut entry = libc::pollfd {
            fd: self.node.fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let ms = most.as_millis().min(1000) as libc::c_int;
        // SAFETY: one entry, which lives as long as the call.
        let ready = unsafe { libc::poll(&raw mut entry, 1, ms) };
        if ready < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::Interrupted => Ok(false),
                _ => Err(error),
            };
        }
        if entry.revents & libc::POLLIN != 0 {
            return Ok(true);
        }
        if entry.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0 {
            return Err(io::Error::from_raw_os_error(libc::ENODEV));
        }
        Ok(false)
    }

    /// Takes a filled buffer, if there is one.
    pub fn take(&mut self) -> io::Result<Option<Filled>> {
        let mut told = buffer(0);
        if let Err(error) = self.node.request(vidioc::VIDIOC_DQBUF, &mut told) {
            return match error.kind() {
                io::ErrorKind::WouldBlock => Ok(None),
                _ => Err(error),
            };
        }
        let monotonic = told.flags & sys::V4L2_BUF_FLAG_TIMESTAMP_MASK
            == sys::V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
        let (s, us) = (told.timestamp.tv_sec, told.timestamp.tv_usec);
        let time = (monotonic && s >= 0 && us >= 0)
            .then(|| Duration::from_secs(s as u64) + Duration::from_micros(us as u64));
        Ok(Some(Filled {
            index: told.index,
            bytes_used: told.bytesused as usize,
            is_flawed: told.flags & sys::V4L2_BUF_FLAG_ERROR != 0,
            sequence: told.sequence,
            time,
        }))
    }

    /// The frame's bytes: as many as the driver says, within the buffer.
    pub fn bytes(&self, filled: &Filled) -> &[u8] {
        let Some(mapping) = self.mappings.get(filled.index as usize) else {
            return &[];
        };
        let length = filled.bytes_used.min(mapping.length);
        // SAFETY: the mapping lives as long as the stream. The kernel does not write to this
        // buffer before it is queued again, which takes the `Filled` away.
        unsafe { std::slice::from_raw_parts(mapping.start.as_ptr(), length) }
    }

    /// Lets the driver fill the buffer again.
    pub fn give_back(&mut self, filled: Filled) -> io::Result<()> {
        self.queue(filled.index)
    }

    fn queue(&self, index: u32) -> io::Result<()> {
        self.node.request(vidioc::VIDIOC_QBUF, &mut buffer(index))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut kind = CAPTURE as i32;
        // It fails when the camera is gone, and then there is nothing to stop. The buffers are
        // unmapped and the node closed after this.
        let _ = self.node.request(vidioc::VIDIOC_STREAMOFF, &mut kind);
        self.mappings.clear();
    }
}

fn buffer(index: u32) -> sys::v4l2_buffer {
    let mut buffer = sys::v4l2_buffer::zeroed();
    buffer.index = index;
    buffer.type_ = CAPTURE;
    buffer.memory = MMAP;
    buffer
}

/// A buffer of the driver in the program's memory.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping belongs to this value alone and is not bound to a thread.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(node: &Node, length: usize, offset: u32) -> io::Result<Self> {
        // SAFETY: a new mapping at a place that the kernel chooses. The kernel numbers buffers from
        // 0 in pages: `off_t`, of 32 bits on 32-bit boards, holds where they begin.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                node.fd(),
                offset as libc::off_t,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { start, length })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: start and length are those of the mapping, and nobody holds a slice of it.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}
