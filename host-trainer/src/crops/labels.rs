//! What a person said of a site's pictures: a file with one line of JSON for each,
//! `{"id":"…","label":"red"}`, replaced whole at each change.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files;

/// The file's name inside the folder of pictures, unless another is given.
pub const FILE: &str = "labels.jsonl";

/// The label of a picture that shows no vehicle.
pub const NOT_A_VEHICLE: &str = "not a vehicle";

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The picture's.
    id: String,
    /// A class or [`NOT_A_VEHICLE`].
    label: String,
}

/// Labels by pictures' ids.
pub type Labels = BTreeMap<String, String>;

/// Reads labels, which must be among `classes` or [`NOT_A_VEHICLE`]; of two lines for one picture
/// the later holds. No file is no labels. Errors name the line.
pub fn read(path: &Path, classes: &[String]) -> Result<Labels, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Labels::new()),
        Err(error) => {
            return Err(format!(
                "cannot read the labels {}: {error}",
                path.display()
            ));
        }
    };
    let mut labels = Labels::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let place = || format!("{}:{}", path.display(), number + 1);
        let Line { id, label } = serde_json::from_str(line).map_err(|error| {
            format!(
                "{}: {error}; a line is {{\"id\":\"…\",\"label\":\"red\"}}",
                place()
            )
        })?;
        if label != NOT_A_VEHICLE && !classes.contains(&label) {
            let classes = classes.join(", ");
            return Err(format!(
                "{}: the label {label:?} is none of the bundle's ({classes}) nor \
                 {NOT_A_VEHICLE:?}",
                place()
            ));
        }
        labels.insert(id, label);
    }
    Ok(labels)
}

/// Writes all labels; the old file or the new one is there at any moment.
pub fn write(path: &Path, labels: &Labels) -> io::Result<()> {
    let mut text = String::new();
    for (id, label) in labels {
        let line = Line {
            id: id.clone(),
            label: label.clone(),
        };
        text += &serde_json::to_string(&line)?;
        text.push('\n');
    }
    files::replace(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_back_and_the_later_line_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let classes = ["red", "white"].map(String::from);
        assert!(read(&path, &classes).unwrap().is_empty());
        let mut labels = Labels::new();
        labels.insert("a".into(), "red".into());
        labels.insert("b".into(), NOT_A_VEHICLE.into());
        write(&path, &labels).unwrap();
        assert_eq!(read(&path, &classes).unwrap(), labels);
        let mut text = std::fs::read_to_string(&path).unwrap();
        text += "\n{\"id\":\"a\",\"label\":\"white\"}\n";
        std::fs::write(&path, text).unwrap();
        assert_eq!(read(&path, &classes).unwrap()["a"], "white");
    }

    #[test]
    fn a_bad_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let says = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read(&path, &["red".to_string()]).unwrap_err()
        };
        let text = says("{\"id\":\"a\",\"label\":\"red\"}\n{\"id\":\"b\",\"label\":\"gold\"}\n");
        let end = "labels.jsonl:2: the label \"gold\" is none of the bundle's (red) nor \"not a vehicle\"";
        assert!(text.ends_with(end), "{text}");
        assert!(says("a,red\n").contains("labels.jsonl:1: expected value"));
    }
}
