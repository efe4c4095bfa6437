//! One file of frames: JPEGs one after the other, or raw pictures of one size. Read piece by
//! piece, so that a recording of hours needs the memory of a frame.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use models::RgbFrame;

use super::{Flaw, OpenError, Reel, ReelError};
use crate::decode::segments::{self, walk};
use crate::decode::{DecodeError, Decoder, Layout, PixelFormat};

/// Bytes read at once, at least.
const PIECE: usize = 64 << 10;

/// Largest JPEG; what is longer has lost its end.
const LONGEST: usize = 16 << 20;

fn open(path: &Path) -> Result<File, OpenError> {
    let failed = |source| OpenError::File {
        path: path.to_path_buf(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    Ok(file)
}

/// JPEGs one after the other.
pub struct JpegFile {
    file: File,
    decoder: Decoder,
    /// What was read and not yet used starts at `from`.
    bytes: Vec<u8>,
    from: usize,
    at_end: bool,
}

impl JpegFile {
    /// Opens the file, which must begin with a JPEG.
    pub fn open(path: &Path, max_width: Option<u32>) -> Result<Self, OpenError> {
        let layout = Layout::packed(PixelFormat::Mjpeg, 0, 0);
        let mut reel = Self {
            file: open(path)?,
            decoder: Decoder::new(layout, max_width).map_err(OpenError::Layout)?,
            bytes: Vec::new(),
            from: 0,
            at_end: false,
        };
        let failed = |source| OpenError::File {
            path: path.to_path_buf(),
            source,
        };
        reel.fill().map_err(failed)?;
        if !reel.bytes.starts_with(&[0xff, 0xd8]) {
            return Err(OpenError::NoFrame {
                path: path.to_path_buf(),
                what: ".mjpeg begins with FF D8".into(),
            });
        }
        Ok(reel)
    }

    /// Reads more, as much again as is there.
    fn fill(&mut self) -> io::Result<()> {
        self.bytes.drain(..self.from);
        self.from = 0;
        let more = self.bytes.len().max(PIECE) as u64;
        let read = (&self.file).take(more).read_to_end(&mut self.bytes)?;
        self.at_end = read == 0;
        Ok(())
    }

    /// Moves to the next start of a JPEG, from `skip` bytes on.
    fn resume(&mut self, skip: usize) {
        let rest = self.bytes.get(self.from + skip..).unwrap_or(&[]);
        let start = rest.windows(2).position(|pair| pair == [0xff, 0xd8]);
        // The last byte may be the first half of a start.
        let kept = rest.len() - usize::from(rest.last() == Some(&0xff));
        let rest_at = self.bytes.len() - rest.len();
        self.from = rest_at + start.unwrap_or(kept);
    }
}

impl Reel for JpegFile {
    fn next(&mut self, spare: &mut Vec<u8>) -> Result<Option<RgbFrame>, ReelError> {
        loop {
            let rest = &self.bytes[self.from..];
            let flaw = match walk(rest) {
                Ok(places) => {
                    let frame = self.decoder.decode(&rest[..places.end], spare);
                    match frame {
                        Ok(_) => self.from += places.end,
                        // A head without its end may have swallowed the whole one behind it.
                        Err(_) => self.resume(2),
                    }
                    return frame
                        .map(Some)
                        .map_err(|error| ReelError::Flawed(Flaw::Decode(error)));
                }
                Err(segments::Flaw::CutOff) if rest.len() < LONGEST && !self.at_end => {
                    self.fill().map_err(ReelError::Broken)?;
                    continue;
                }
                // What stands between two pictures is no picture.
                Err(segments::Flaw::NoStart) => {
                    self.resume(0);
                    continue;
                }
                Err(flaw) => flaw,
            };
            if rest.len() < 2 && self.at_end {
                self.file
                    .seek(SeekFrom::Start(0))
                    .map_err(ReelError::Broken)?;
                self.bytes.clear();
                self.from = 0;
                self.at_end = false;
                return Ok(None);
            }
            self.resume(2);
            return Err(ReelError::Flawed(Flaw::Decode(DecodeError::Torn(flaw))));
        }
    }
}

/// Raw pictures of one size.
pub struct RawFile {
    file: BufReader<File>,
    decoder: Decoder,
    bytes: Vec<u8>,
}

impl RawFile {
    /// Opens the file, which must hold at least one frame.
    pub fn open(
        path: &Path,
        format: PixelFormat,
        size: (u32, u32),
        max_width: Option<u32>,
    ) -> Result<Self, OpenError> {
        let layout = Layout::packed(format, size.0, size.1);
        let decoder = Decoder::new(layout, max_width).map_err(OpenError::Layout)?;
        let file = open(path)?;
        let needed = layout.frame_bytes().unwrap_or(0);
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        if length < needed as u64 {
            return Err(OpenError::NoFrame {
                path: path.to_path_buf(),
                what: format!("{}x{} has {needed} bytes", size.0, size.1),
            });
        }
        Ok(Self {
            file: BufReader::with_capacity(PIECE, file),
            decoder,
            bytes: vec![0; needed],
        })
    }
}

impl Reel for RawFile {
    fn next(&mut self, spare: &mut Vec<u8>) -> Result<Option<RgbFrame>, ReelError> {
        let mut found = 0;
        while found < self.bytes.len() {
            match self.file.read(&mut self.bytes[found..]) {
                Ok(0) => break,
                Ok(read) => found += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ReelError::Broken(error)),
            }
        }
        if found == 0 {
            self.file
                .seek(SeekFrom::Start(0))
                .map_err(ReelError::Broken)?;
            return Ok(None);
        }
        self.decoder
            .decode(&self.bytes[..found], spare)
            .map(Some)
            .map_err(|error| ReelError::Flawed(Flaw::Decode(error)))
    }
}
