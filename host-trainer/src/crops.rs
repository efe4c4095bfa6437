//! A folder of vehicle pictures from one site, as the agent's `[crops]` keeps them (`ID.jpg` with
//! the event beside it as `ID.json`) or `dataset cut` makes them. Lists it; decodes nothing.

pub mod cut;
pub mod labels;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use models::picture;
use serde::{Deserialize, Serialize};

/// One picture of the site.
#[derive(Clone, Debug, PartialEq)]
pub struct Crop {
    /// The file's name without its ending; labels go by it.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// What lies beside it.
    pub note: Note,
}

impl Crop {
    /// Which vehicle it shows: pictures of one vehicle are never on both sides of a test.
    pub fn vehicle(&self) -> &str {
        self.note.vehicle.as_deref().unwrap_or(&self.id)
    }
}

/// What may lie beside a picture; of an event the fields that are of use here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Note {
    /// Name shared by all pictures of one vehicle; without it each is of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<String>,
    /// The camera.
    pub camera: String,
    /// When it passed, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The colour that was told.
    pub colour: String,
    /// Its probability.
    pub score: f32,
    /// Why none was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Brings a first picture of each vehicle to the front, then a second of each, and so on; otherwise
/// the order stays. Labels that are given in this order soon know every vehicle.
pub fn each_vehicle_first<T>(pictures: &mut Vec<T>, vehicle: impl Fn(&T) -> String) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let rank = |picture: T| {
        let times = seen.entry(vehicle(&picture)).or_default();
        *times += 1;
        (*times, picture)
    };
    let mut ranked: Vec<(usize, T)> = std::mem::take(pictures).into_iter().map(rank).collect();
    ranked.sort_by_key(|(times, _)| *times);
    *pictures = ranked.into_iter().map(|(_, picture)| picture).collect();
}

/// Every picture directly in `folder`, by name. Errors, as text, when there is none, or when a
/// note is damaged.
pub fn list(folder: &Path) -> Result<Vec<Crop>, String> {
    let unreadable = |error| {
        format!(
            "cannot read {}: {error}; give the folder that the agent's [crops] or `host-trainer \
             dataset cut` fills",
            folder.display()
        )
    };
    let mut crops = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(id) = path.file_stem().and_then(|stem| stem.to_str()) else {
            continue;
        };
        if picture::is_picture(&path) && path.is_file() {
            crops.push(Crop {
                id: id.into(),
                note: note(&path.with_extension("json"))?,
                path,
            });
        }
    }
    if crops.is_empty() {
        return Err(format!(
            "{} holds no pictures; let the agent fill it ([crops] in its config), or `host-trainer \
             dataset cut`",
            folder.display()
        ));
    }
    crops.sort_by(|a, b| a.id.cmp(&b.id));
    if let Some(pair) = crops.windows(2).find(|pair| pair[0].id == pair[1].id) {
        let (a, b) = (pair[0].path.display(), pair[1].path.display());
        return Err(format!(
            "{a} and {b} have one name; labels could not tell them apart"
        ));
    }
    Ok(crops)
}

fn note(path: &Path) -> Result<Note, String> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Note::default()),
        Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
    };
    serde_json::from_slice(&text).map_err(|error| {
        format!(
            "{} is neither an event nor a note of `dataset cut` ({error}); remove it",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_or_nothing_may_lie_beside_a_picture() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        for name in ["b.jpg", "a.png", "labels.jsonl", "notes.txt"] {
            file(name, "x");
        }
        file(
            "b.json",
            r#"{"schema":1,"colour":"red","score":0.9,"time":null,"camera":"gate"}"#,
        );
        let crops = list(folder.path()).unwrap();
        let ids: Vec<_> = crops.iter().map(|crop| crop.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(crops[0].note, Note::default());
        assert_eq!(
            (crops[1].note.colour.as_str(), crops[1].vehicle()),
            ("red", "b")
        );
        file("a.json", r#"{"vehicle":"7"}"#);
        assert_eq!(list(folder.path()).unwrap()[0].vehicle(), "7");
        file("a.json", "no JSON");
        assert!(
            list(folder.path())
                .unwrap_err()
                .contains("a.json is neither an event nor")
        );
        file("a.json", "{}");
        file("a.jpg", "x");
        assert!(list(folder.path()).unwrap_err().contains("have one name"));
    }

    #[test]
    fn every_vehicle_comes_before_a_second_picture_of_one() {
        let mut pictures = vec!["a1", "a2", "b1", "a3", "c1", "b2"];
        each_vehicle_first(&mut pictures, |name| name[..1].into());
        assert_eq!(pictures, ["a1", "b1", "c1", "a2", "b2", "a3"]);
    }

    #[test]
    fn a_folder_without_pictures_says_where_they_come_from() {
        let folder = tempfile::tempdir().unwrap();
        let text = list(folder.path()).unwrap_err();
        assert!(
            text.contains("holds no pictures; let the agent fill it"),
            "{text}"
        );
        let text = list(&folder.path().join("no")).unwrap_err();
        assert!(
            text.starts_with("cannot read ") && text.contains("[crops]"),
            "{text}"
        );
    }
}
