//! The sink that keeps pictures: for each event that is worth it `ID.jpg` and `ID.json`, the event
//! as every sink tells it. Both are written beside their place and renamed, the picture first: a
//! picture with its event is whole. Not synced: a power cut may cost the last half minute's.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use models::{Ranked, RgbFrame, picture};
use rustix::fs::{Access, access, statvfs};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::choice::{Kept, Limits, surplus};
use crate::disk::{self, Disk};
use crate::event::Event;
use crate::sink::{Sink, SinkError, say};

/// Of 100: colours are what these pictures are for.
const JPEG_QUALITY: u8 = 90;

/// Where pictures come from, by their events' sequence numbers; each is given once.
pub type Pictures = Box<dyn FnMut(u64) -> Option<RgbFrame> + Send>;

/// What the choice needs of an event that is there from before. It may be another version's:
/// further fields and missing ones do not matter.
#[derive(Deserialize)]
struct Told {
    id: String,
    time: Option<String>,
    #[serde(default)]
    top3: Vec<Ranked>,
}

/// What is there of one picture from before.
enum Found {
    /// A picture with its event.
    Whole(Kept),
    /// What a sudden end leaves.
    Half,
    /// Not to be read, or no event: not ours to delete.
    Strange(String),
}

/// Keeps pictures in a folder, within limits.
pub struct Crops {
    disk: Disk,
    dir: PathBuf,
    limits: Limits,
    min_free_bytes: u64,
    pictures: Pictures,
    kept: Vec<Kept>,
    /// Whether what is there from before was looked through.
    known: bool,
    /// A picture that could not be written yet.
    held: Option<(u64, Vec<u8>)>,
    scarce: bool,
}

impl Crops {
    /// A keeper of pictures in the folder `dir`, which must exist and be open to writing. A disk
    /// that fails now is no obstacle: it is tried again with each event.
    pub fn open(
        disk: Disk,
        dir: &Path,
        limits: Limits,
        min_free_bytes: u64,
        pictures: Pictures,
    ) -> io::Result<Self> {
        let mut crops = Self {
            disk,
            dir: dir.to_path_buf(),
            limits,
            min_free_bytes,
            pictures,
            kept: Vec::new(),
            known: false,
            held: None,
            scarce: false,
        };
        let usable = access(dir, Access::WRITE_OK | Access::EXEC_OK).map_err(io::Error::from);
        let opened = usable.and_then(|()| crops.look_through());
        match opened.map_err(|error| disk::judged(error, dir)) {
            Err(error) if !disk::may_pass(&error) => Err(error),
            _ => Ok(crops),
        }
    }

    /// One without limits.
    #[cfg(test)]
    pub fn boundless(disk: Disk, dir: &Path, pictures: Pictures) -> Self {
        let limits = Limits {
            per_day: usize::MAX,
            count: usize::MAX,
            bytes: u64::MAX,
        };
        Self::open(disk, dir, limits, 0, pictures).unwrap()
    }

    /// Learns what is there from before and removes the halves that a sudden end left. Files
    /// whose names are no event's are somebody else's, and a picture whose event cannot be read
    /// stays as well.
    fn look_through(&mut self) -> io::Result<()> {
        if self.known {
            return Ok(());
        }
        self.kept.clear();
        let (mut pictures, mut told) = (BTreeSet::new(), BTreeSet::new());
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let Some((id, kind)) = name.split_once('.').filter(|(id, _)| is_id(id)) else {
                continue;
            };
            match kind {
                "jpg" => pictures.insert(id.to_string()),
                "json" => told.insert(id.to_string()),
                "jpg.draft" | "json.draft" => {
                    self.disk.remove(&self.dir.join(&name))?;
                    true
                }
                _ => false,
            };
        }
        let mut strange = Vec::new();
        for id in pictures.union(&told) {
            match self.read(id) {
                Found::Whole(kept) => self.kept.push(kept),
                Found::Half => self.remove(id)?,
                Found::Strange(why) => strange.push(why),
            }
        }
        self.known = true;
        if let Some(first) = strange.first() {
            say(&format!(
                "crops in {}: {first}; {} such are left alone and not counted",
                self.dir.display(),
                strange.len()
            ));
        }
        Ok(())
    }

    /// A picture with its event, if both are there and whole.
    fn read(&self, id: &str) -> Found {
        let picture = fs::metadata(self.path(id, "jpg"));
        let both = picture.and_then(|data| {
            let text = self.disk.read(&self.path(id, "json"))?;
            Ok((data.len(), text))
        });
        let (picture, text) = match both {
            Ok(both) => both,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Half,
            Err(error) => return Found::Strange(format!("cannot read {id}.json: {error}")),
        };
        // A part of one, or zeros, is none.
        let is_json = serde_json::from_slice::<IgnoredAny>(&text).is_ok();
        match serde_json::from_slice::<Told>(&text) {
            _ if picture == 0 || !is_json => Found::Half,
            Ok(told) if told.id == id => {
                let bytes = picture + text.len() as u64;
                Found::Whole(Kept::of(id, told.time.as_deref(), &told.top3, bytes))
            }
            _ => Found::Strange(format!("{id}.json is not the event of {id}.jpg")),
        }
    }

    fn path(&self, id: &str, kind: &str) -> PathBuf {
        self.dir.join(format!("{id}.{kind}"))
    }

    /// Removes both files, the event first: a picture without one is removed at the next start.
    fn remove(&self, id: &str) -> io::Result<()> {
        for kind in ["json", "jpg"] {
            match self.disk.remove(&self.path(id, kind)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn write(&self, id: &str, kind: &str, bytes: &[u8]) -> io::Result<()> {
        let draft = self.path(id, &format!("{kind}.draft"));
        let mut file = self.disk.append_to(&draft)?;
        file.truncate(0)?;
        file.append(bytes)?;
        self.disk.rename(&draft, &self.path(id, kind))
    }

    fn keep(&mut self, event: &Event, picture: &[u8]) -> io::Result<()> {
        self.look_through()?;
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        let bytes = (picture.len() + line.len()) as u64;
        let newcomer = Kept::of(&event.id, event.time.as_deref(), &event.top3, bytes);
        if self.kept.iter().any(|kept| kept.id == event.id) {
            return Ok(());
        }
        self.kept.push(newcomer);
        let added = self.make_room(&event.id).and_then(|wanted| {
            if wanted && self.has_space()? {
                self.write(&event.id, "jpg", picture)?;
                self.write(&event.id, "json", &line)?;
                return Ok(true);
            }
            Ok(false)
        });
        if !matches!(added, Ok(true)) {
            self.kept.retain(|kept| kept.id != event.id);
        }
        added.map(|_| ())
    }

    /// Removes what must go for the newcomer; false when that is the newcomer itself.
    fn make_room(&mut self, newcomer: &str) -> io::Result<bool> {
        while let Some(index) = surplus(&self.kept, &self.limits) {
            if self.kept[index].id == newcomer {
                return Ok(false);
            }
            self.remove(&self.kept[index].id)?;
            self.kept.remove(index);
        }
        Ok(true)
    }

    /// Whether the disk has room beside what others need. Says when that changes.
    fn has_space(&mut self) -> io::Result<bool> {
        let disk = statvfs(&self.dir)?;
        let scarce = disk.f_bavail.saturating_mul(disk.f_frsize) < self.min_free_bytes;
        if scarce != self.scarce {
            self.scarce = scarce;
            let (dir, free) = (self.dir.display(), self.min_free_bytes >> 20);
            say(&match scarce {
                true => format!(
                    "crops in {dir}: less than {free} MiB of the disk are free; no pictures are \
                     added until there is more"
                ),
                false => format!("crops in {dir}: there is room again; pictures are added"),
            });
        }
        Ok(!scarce)
    }
}

impl Sink for Crops {
    fn name(&self) -> String {
        format!("crops in {}", self.dir.display())
    }

    fn deliver(&mut self, event: &Event) -> Result<(), SinkError> {
        let held = self.held.take().filter(|held| held.0 == event.sequence);
        let picture = match held {
            Some((_, picture)) => picture,
            // One that was never seen well, or was in the way while the disk was too slow.
            None => match (self.pictures)(event.sequence) {
                Some(frame) => {
                    picture::jpeg(frame.view(), JPEG_QUALITY).map_err(io::Error::other)?
                }
                None => return Ok(()),
            },
        };
        let kept = self.keep(event, &picture);
        if kept.is_err() {
            self.held = Some((event.sequence, picture));
        }
        Ok(kept?)
    }
}

/// Whether a name is an event's id: 16 hexadecimal digits.
fn is_id(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
