//! The epochs of a run for other programs to read: `log.csv` for spreadsheets, an event file for
//! TensorBoard. Only writes; what happened comes as an [`EpochRecord`].

mod table;
mod tensorboard;

use std::io;
use std::path::Path;

use table::Table;
use tensorboard::Events;

use crate::train::EpochRecord;

/// Both logs of one run folder.
#[derive(Debug)]
pub struct EpochLogs {
    table: Table,
    events: Events,
}

impl EpochLogs {
    /// Starts the logs of a run, or goes on with those of a run of which `epochs_done` epochs
    /// are kept: what is logged of later ones is taken back. Errors when the folder cannot be
    /// written to, or its log.csv is another program's.
    pub fn open(folder: &Path, epochs_done: u32) -> io::Result<Self> {
        Ok(Self {
            table: Table::open(folder, epochs_done)?,
            events: Events::create(folder, epochs_done)?,
        })
    }

    /// Adds an epoch to both.
    pub fn epoch(&mut self, record: &EpochRecord) -> io::Result<()> {
        self.table.add(record)?;
        self.events.add(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn record(epoch: u32) -> EpochRecord {
        EpochRecord {
            epoch,
            lr: 0.002,
            train_loss: 1.5,
            train_accuracy: 0.5,
            valid_loss: 0.75 / f64::from(epoch),
            valid_accuracy: 0.8125,
            valid_macro_f1: 0.8,
            seconds: 30.25,
            images_per_second: 123.5,
        }
    }

    #[test]
    fn both_logs_lie_in_the_run_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut logs = EpochLogs::open(folder.path(), 0).unwrap();
        logs.epoch(&record(1)).unwrap();
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert!(names[0].starts_with("events.out.tfevents."), "{names:?}");
        assert_eq!(names[1..], ["log.csv"]);
        let text = EpochLogs::open(&folder.path().join("none"), 0)
            .unwrap_err()
            .to_string();
        assert!(text.contains("No such file"), "{text}");
    }
}
