//! `log.csv`: a header and a row for each epoch.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::files;
use crate::train::EpochRecord;

const HEADER: &str = "epoch,lr,train_loss,train_accuracy,valid_loss,valid_accuracy,\
                      valid_macro_f1,seconds,images_per_second";

/// The open file.
#[derive(Debug)]
pub(super) struct Table {
    file: File,
}

impl Table {
    /// Makes `folder/log.csv` with the rows of the first `epochs_done` epochs that it had.
    pub(super) fn open(folder: &Path, epochs_done: u32) -> io::Result<Self> {
        let path = folder.join("log.csv");
        let before = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let kept = kept(&before, epochs_done).ok_or_else(|| {
            let text = format!("{} has other columns; move it away", path.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        })?;
        files::replace(&path, kept.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&path)?;
        Ok(Self { file })
    }

    pub(super) fn add(&mut self, record: &EpochRecord) -> io::Result<()> {
        let EpochRecord {
            epoch,
            lr,
            train_loss,
            train_accuracy,
            valid_loss,
            valid_accuracy,
            valid_macro_f1,
            seconds,
            images_per_second,
        } = record;
        // In one piece: a reader sees whole rows.
        let row = format!(
            "{epoch},{lr},{train_loss},{train_accuracy},{valid_loss},{valid_accuracy},\
             {valid_macro_f1},{seconds},{images_per_second}\n"
        );
        self.file.write_all(row.as_bytes())
    }
}

/// The header and the whole rows up to an epoch; none when it is another table.
fn kept(text: &str, epochs_done: u32) -> Option<String> {
    let mut kept = format!("{HEADER}\n");
    let rest = match text.split_once('\n') {
        _ if epochs_done == 0 => "",
        None => "",
        Some((HEADER, rest)) => rest,
        Some(_) => return None,
    };
    let columns = HEADER.split(',').count();
    for row in rest.split_inclusive('\n') {
        let epoch = row.split(',').next().and_then(|first| first.parse().ok());
        let whole = row.ends_with('\n') && row.split(',').count() == columns;
        if whole && epoch.is_some_and(|epoch: u32| epoch <= epochs_done) {
            kept += row;
        }
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::super::tests::record;
    use super::*;

    fn epochs(folder: &Path) -> Vec<String> {
        let text = fs::read_to_string(folder.join("log.csv")).unwrap();
        let first = |row: &str| row.split(',').next().unwrap().to_string();
        text.lines().map(first).collect()
    }

    #[test]
    fn has_a_header_and_a_row_for_each_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let mut table = Table::open(folder.path(), 0).unwrap();
        table.add(&record(1)).unwrap();
        table.add(&record(2)).unwrap();
        let text = fs::read_to_string(folder.path().join("log.csv")).unwrap();
        assert_eq!(
            text,
            "epoch,lr,train_loss,train_accuracy,valid_loss,valid_accuracy,valid_macro_f1,seconds,\
             images_per_second\n\
             1,0.002,1.5,0.5,0.75,0.8125,0.8,30.25,123.5\n\
             2,0.002,1.5,0.5,0.375,0.8125,0.8,30.25,123.5\n"
        );
    }

    #[test]
    fn a_resumed_run_repeats_no_row() {
        let folder = tempfile::tempdir().unwrap();
        let mut table = Table::open(folder.path(), 0).unwrap();
        for epoch in 1..=4 {
            table.add(&record(epoch)).unwrap();
        }
        // A row that was being written when the machine stopped.
        table.file.write_all(b"5,0.002,1.").unwrap();
        let mut table = Table::open(folder.path(), 2).unwrap();
        table.add(&record(3)).unwrap();
        assert_eq!(epochs(folder.path()), ["epoch", "1", "2", "3"]);
        Table::open(folder.path(), 7).unwrap();
        assert_eq!(epochs(folder.path()), ["epoch", "1", "2", "3"]);
        Table::open(folder.path(), 0).unwrap();
        assert_eq!(epochs(folder.path()), ["epoch"]);
    }

    #[test]
    fn another_table_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        fs::write(&path, "day,rain\n1,3\n").unwrap();
        let text = Table::open(folder.path(), 1).unwrap_err().to_string();
        assert!(
            text.ends_with("log.csv has other columns; move it away"),
            "{text}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "day,rain\n1,3\n");
    }
}
