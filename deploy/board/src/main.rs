//! What runs in the emulated board beside the agent: `board-guest camera` is the other end of a
//! v4l2loopback camera. It shows an empty road for ever, and each clip that is put before it once.
//! For tests only; it draws nothing and knows nothing of the agent.

mod kernel;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use kernel::Mode;

const USAGE: &str = "board-guest camera DEVICE WIDTH HEIGHT FPS ROAD NEXT\n\
     board-guest press DEVICE CONTROL\n\n\
     camera: ROAD is a file of raw YUYV pictures, shown again and again. When there is a file \
     NEXT it is shown once, and removed when it was.\n\
     press: presses the button of that name on a camera, such as vivid's \"Disconnect\".";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["camera", device, width, height, fps, road, next] => {
            match (width.parse(), height.parse(), fps.parse()) {
                (Ok(width), Ok(height), Ok(fps)) if fps > 0 => {
                    let mode = Mode { width, height, fps };
                    camera(Path::new(device), mode, Path::new(road), Path::new(next))
                }
                _ => return misuse(),
            }
        }
        ["press", device, control] => kernel::press(Path::new(device), control),
        _ => return misuse(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn misuse() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

/// Feeds the camera until it is gone.
fn camera(device: &Path, mode: Mode, road: &Path, next: &Path) -> io::Result<()> {
    let mut output = kernel::output(device, mode)?;
    let mut road = Clip::open(road, mode)?;
    let mut clip: Option<Clip> = None;
    let mut picture = vec![0; mode.picture_bytes()];
    let frame = Duration::from_secs(1) / mode.fps;
    let mut due = Instant::now();
    loop {
        if clip.is_none() && next.exists() {
            clip = Some(Clip::open(next, mode)?);
        }
        let shown = match &mut clip {
            Some(clip) => clip.read(&mut picture)?,
            None => false,
        };
        if !shown {
            if clip.take().is_some() {
                std::fs::remove_file(next)?;
            }
            if !road.read(&mut picture)? {
                road.rewind()?;
                road.read(&mut picture)?;
            }
        }
        // One write is one picture.
        output.write_all(&picture)?;
        due += frame;
        let now = Instant::now();
        match due.checked_duration_since(now) {
            Some(left) => std::thread::sleep(left),
            // Late: a camera does not catch up.
            None => due = now,
        }
    }
}

/// A file of pictures.
struct Clip(File);

impl Clip {
    fn open(path: &Path, mode: Mode) -> io::Result<Self> {
        let named = |problem: String| io::Error::other(format!("{}: {problem}", path.display()));
        let file = File::open(path).map_err(|error| named(error.to_string()))?;
        let length = file.metadata()?.len();
        if length == 0 || length % mode.picture_bytes() as u64 != 0 {
            let (width, height) = (mode.width, mode.height);
            return Err(named(format!(
                "{length} bytes are no YUYV pictures of {width}x{height}"
            )));
        }
        Ok(Self(file))
    }

    /// Whether there was another picture.
    fn read(&mut self, picture: &mut [u8]) -> io::Result<bool> {
        match self.0.read_exact(picture) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(0)).map(drop)
    }
}
