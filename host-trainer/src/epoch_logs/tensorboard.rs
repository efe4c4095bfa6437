//! TensorBoard's event files: TFRecord frames of `Event` messages. The message definitions are
//! the needed part of TensorFlow's `event.proto` and `summary.proto`; the framing is that of its
//! `record_writer.h`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::train::EpochRecord;

/// What TensorBoard knows event files by.
const PREFIX: &str = "events.out.tfevents.";
/// `SessionLog.SessionStatus.START`.
const START: i32 = 1;

#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, tag = "2")]
    simple_value: f32,
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// An open event file.
#[derive(Debug)]
pub(super) struct Events {
    file: File,
}

impl Events {
    /// Starts a new event file in the folder. After the first `epochs_done` epochs of a resumed
    /// run it tells TensorBoard to forget what older files say of later ones.
    pub(super) fn create(folder: &Path, epochs_done: u32) -> io::Result<Self> {
        if epochs_done == 0 {
            for path in event_files(folder)? {
                fs::remove_file(path)?;
            }
        }
        let file = File::create_new(folder.join(next_name(folder)?))?;
        let mut events = Self { file };
        events.write(0, What::FileVersion("brain.Event:2".into()))?;
        if epochs_done > 0 {
            let first = i64::from(epochs_done) + 1;
            events.write(first, What::SessionLog(SessionLog { status: START }))?;
        }
        Ok(events)
    }

    pub(super) fn add(&mut self, record: &EpochRecord) -> io::Result<()> {
        let scalars = [
            ("loss/train", record.train_loss),
            ("loss/validation", record.valid_loss),
            ("accuracy/train", record.train_accuracy),
            ("accuracy/validation", record.valid_accuracy),
            ("macro_f1/validation", record.valid_macro_f1),
            ("lr", record.lr),
            ("images_per_second", record.images_per_second),
        ];
        let value = scalars.map(|(tag, value)| Scalar {
            tag: tag.into(),
            simple_value: value as f32,
        });
        let summary = Summary {
            value: value.into(),
        };
        self.write(record.epoch.into(), What::Summary(summary))
    }

    /// In one piece: a reader sees whole frames.
    fn write(&mut self, step: i64, what: What) -> io::Result<()> {
        let event = Event {
            wall_time: seconds_since_1970(),
            step,
            what: Some(what),
        };
        self.file.write_all(&frame(&event.encode_to_vec()))
    }
}

/// Length, its checksum, the data, their checksum; all little-endian.
fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut frame = length.to_vec();
    frame.extend(masked(&length).to_le_bytes());
    frame.extend(data);
    frame.extend(masked(data).to_le_bytes());
    frame
}

/// CRC-32C, masked as TFRecord does so that checksums of data with checksums in them stay good.
fn masked(data: &[u8]) -> u32 {
    crc32c::crc32c(data)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

fn seconds_since_1970() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |time| time.as_secs_f64())
}

fn event_files(folder: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// A name after those that are there, for TensorBoard reads a folder's files in the order of
/// names: the time, or a second after the last one's where the clock says less.
fn next_name(folder: &Path) -> io::Result<String> {
    let now = seconds_since_1970() as u64;
    let last = event_files(folder)?.into_iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?;
        name.strip_prefix(PREFIX)?.split('.').next()?.parse().ok()
    });
    let number = last
        .max()
        .map_or(now, |last: u64| now.max(last.saturating_add(1)));
    Ok(format!("{PREFIX}{number:010}.car-colour"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::record;
    use super::*;

    /// The events of a file, every checksum verified.
    fn events(path: &Path) -> Vec<Event> {
        let bytes = fs::read(path).unwrap();
        let mut rest = bytes.as_slice();
        let mut take = |length: usize| {
            let (head, tail) = rest.split_at(length);
            rest = tail;
            (head, tail.is_empty())
        };
        let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
        let mut events = Vec::new();
        loop {
            let (length, _) = take(8);
            assert_eq!(word(take(4).0), masked(length));
            let (data, _) = take(u64::from_le_bytes(length.try_into().unwrap()) as usize);
            let (checksum, last) = take(4);
            assert_eq!(word(checksum), masked(data));
            events.push(Event::decode(data).unwrap());
            if last {
                return events;
            }
        }
    }

    fn files(folder: &Path) -> Vec<std::path::PathBuf> {
        let mut files = event_files(folder).unwrap();
        files.sort();
        files
    }

    /// RFC 3720, B.4, and the usual check value of CRC-32C.
    #[test]
    fn the_checksum_is_crc32c() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(masked(&[]), 0xa282_ead8);
    }

    /// The first frame of a file that tensorboard 2.21 writes, with the time 0.
    #[test]
    fn a_frame_is_tensorboards() {
        let event = Event {
            wall_time: 0.0,
            step: 0,
            what: Some(What::FileVersion("brain.Event:2".into())),
        };
        let frame = frame(&event.encode_to_vec());
        let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "0f000000000000006d532b091a0d627261696e2e4576656e743a32fc985129"
        );
    }

    #[test]
    fn an_epoch_is_a_step_of_named_scalars() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Events::create(folder.path(), 0).unwrap();
        log.add(&record(1)).unwrap();
        log.add(&record(2)).unwrap();
        let events = events(&files(folder.path())[0]);
        assert_eq!(events.len(), 3);
        assert_eq!(
            events[0].what,
            Some(What::FileVersion("brain.Event:2".into()))
        );
        assert_eq!(events[2].step, 2);
        let Some(What::Summary(summary)) = &events[2].what else {
            panic!("{:?}", events[2]);
        };
        let scalars: Vec<_> = summary
            .value
            .iter()
            .map(|scalar| (scalar.tag.as_str(), scalar.simple_value))
            .collect();
        assert_eq!(
            scalars,
            [
                ("loss/train", 1.5),
                ("loss/validation", 0.375),
                ("accuracy/train", 0.5),
                ("accuracy/validation", 0.8125),
                ("macro_f1/validation", 0.8),
                ("lr", 0.002),
                ("images_per_second", 123.5),
            ]
        );
    }

    #[test]
    fn a_resumed_run_tells_where_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Events::create(folder.path(), 0).unwrap();
        (1..=4).for_each(|epoch| log.add(&record(epoch)).unwrap());
        let mut log = Events::create(folder.path(), 2).unwrap();
        log.add(&record(3)).unwrap();
        let files = files(folder.path());
        assert_eq!(files.len(), 2);
        let events = events(&files[1]);
        let steps: Vec<i64> = events.iter().map(|event| event.step).collect();
        assert_eq!(steps, [0, 3, 3]);
        let start = What::SessionLog(SessionLog { status: START });
        assert_eq!(events[1].what, Some(start));
    }

    #[test]
    fn a_run_that_starts_over_leaves_no_older_file() {
        let folder = tempfile::tempdir().unwrap();
        Events::create(folder.path(), 0).unwrap();
        Events::create(folder.path(), 3).unwrap();
        assert_eq!(files(folder.path()).len(), 2);
        Events::create(folder.path(), 0).unwrap();
        assert_eq!(files(folder.path()).len(), 1);
    }
}
