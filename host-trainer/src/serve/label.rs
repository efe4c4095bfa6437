//! Labelling of a site's pictures: what the page of `serve --crops` shows first, and the file that
//! each answer goes to at once. No HTTP.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use models::picture;
use serde::Serialize;

use super::confined::Confined;
use super::model::Model;
use super::problem::Problem;
use crate::crops;
use crate::crops::labels::{self, Labels, NOT_A_VEHICLE};
use crate::loader::in_parallel;

/// Longest picture that is shown, in bytes.
const LONGEST: u64 = 8 << 20;

/// The pictures and their labels.
#[derive(Debug)]
pub struct Bench {
    folder: Confined,
    classes: Vec<String>,
    crops: Vec<Shown>,
    file: PathBuf,
    labels: Mutex<Labels>,
}

/// What the page knows of a picture. Not what the network thinks: a label must not follow it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// The picture's.
    pub id: String,
    /// The camera, if it is known.
    pub camera: String,
    /// When the vehicle passed, if that is known.
    pub time: Option<String>,
    #[serde(skip)]
    vehicle: String,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    margin: f32,
}

/// Everything that the page is told.
#[derive(Debug, Serialize)]
pub struct Desk<'a> {
    /// Labels that can be given.
    classes: &'a [String],
    /// The one for a picture that shows no vehicle.
    not_a_vehicle: &'static str,
    /// Where labels go.
    file: String,
    /// All pictures, the most doubtful of each vehicle first.
    crops: &'a [Shown],
    /// What was said so far.
    labels: Labels,
}

impl Bench {
    /// Lists `folder` and asks the network about each picture, so that the doubtful come first:
    /// those with the smallest lead of the likeliest colour, one of each vehicle before a second of
    /// any, as a label is learned from by all pictures of its vehicle. Pictures that cannot be read are left
    /// out. `file` holds the labels, those from before too.
    pub fn open(folder: &Path, file: &Path, model: &Model, workers: usize) -> anyhow::Result<Self> {
        let listed = crops::list(folder).map_err(anyhow::Error::msg)?;
        let classes = model.facts().labels.clone();
        let labels = labels::read(file, &classes).map_err(anyhow::Error::msg)?;
        // Found out now, and not by whoever has labelled the first picture.
        labels::write(file, &labels)
            .with_context(|| format!("cannot write the labels {}", file.display()))?;
        let chunk = listed.len().div_ceil(workers).max(1);
        let chunks: Vec<&[crops::Crop]> = listed.chunks(chunk).collect();
        let shown = in_parallel(chunks.len(), workers, |index| {
            let mut runner = model.runner()?;
            let mut shown = Vec::new();
            for crop in chunks[index] {
                let Ok(frame) = picture::read(&crop.path) else {
                    continue;
                };
                let top = runner.classify(frame.view())?.top(2);
                let score = |place: usize| top.get(place).map_or(0.0, |ranked| ranked.score);
                let name = crop.path.file_name().unwrap_or_default();
                shown.push(Shown {
                    id: crop.id.clone(),
                    camera: crop.note.camera.clone(),
                    time: crop.note.time.clone(),
                    vehicle: crop.vehicle().into(),
                    name: name.to_string_lossy().into_owned(),
                    margin: score(0) - score(1),
                });
            }
            anyhow::Ok(shown)
        });
        let mut crops = Vec::new();
        for part in shown {
            crops.extend(part?);
        }
        crops.sort_by(|a, b| a.margin.total_cmp(&b.margin).then_with(|| a.id.cmp(&b.id)));
        crops::each_vehicle_first(&mut crops, |shown| shown.vehicle.clone());
        Ok(Self {
            folder: Confined::new(folder)?,
            classes,
            crops,
            file: file.to_path_buf(),
            labels: Mutex::new(labels),
        })
    }

    fn labels(&self) -> MutexGuard<'_, Labels> {
        self.labels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pictures, and how many have a label.
    pub fn counts(&self) -> (usize, usize) {
        let labels = self.labels();
        let done = self
            .crops
            .iter()
            .filter(|crop| labels.contains_key(&crop.id));
        (self.crops.len(), done.count())
    }

    /// Where labels go.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// All that the page needs to begin.
    pub fn desk(&self) -> Desk<'_> {
        Desk {
            classes: &self.classes,
            not_a_vehicle: NOT_A_VEHICLE,
            file: self.file.display().to_string(),
            crops: &self.crops,
            labels: self.labels().clone(),
        }
    }

    /// The bytes of a listed picture.
    pub fn picture(&self, id: &str) -> Result<Vec<u8>, Problem> {
        let crop = self.crops.iter().find(|crop| crop.id == id);
        let crop = crop.ok_or(Problem::NotFound("picture"))?;
        let read = self.folder.read(&crop.name, LONGEST);
        let read = read.map_err(|error| Problem::Unreadable(format!("{}: {error}", crop.name)))?;
        read.ok_or(Problem::NotFound("picture"))
    }

    /// Takes a label down, or takes it back with none. It is in the file once this returns; if
    /// that fails, nothing has changed.
    pub fn label(&self, id: &str, label: Option<String>) -> Result<(), Problem> {
        if !self.crops.iter().any(|crop| crop.id == id) {
            return Err(Problem::NotFound("picture"));
        }
        let known = |label: &String| *label == NOT_A_VEHICLE || self.classes.contains(label);
        if let Some(label) = label.as_ref().filter(|label| !known(label)) {
            let classes = self.classes.join(", ");
            let text = format!("{label:?} is none of {classes}, {NOT_A_VEHICLE}");
            return Err(Problem::Parameter(text));
        }
        let mut labels = self.labels();
        let mut changed = labels.clone();
        match label {
            Some(label) => changed.insert(id.into(), label),
            None => changed.remove(id),
        };
        labels::write(&self.file, &changed).map_err(|error| {
            Problem::Failed(format!("cannot write {}: {error}", self.file.display()))
        })?;
        *labels = changed;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::Bundle;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (index, colour) in ["red", "white", "black", "silver"].iter().enumerate() {
            let frame = road_sim::portrait(colour, index as u64, 60, 40).unwrap();
            let bytes = picture::jpeg(frame.view(), 90).unwrap();
            std::fs::write(folder.path().join(format!("{colour}.jpg")), bytes).unwrap();
        }
        std::fs::write(folder.path().join("broken.jpg"), "x").unwrap();
        folder
    }

    fn open(folder: &Path) -> Bench {
        let model = Model::of_bundle(Bundle::shipped().unwrap());
        Bench::open(folder, &folder.join(labels::FILE), &model, 2).unwrap()
    }

    #[test]
    fn the_doubtful_come_first_and_labels_outlive_the_program() {
        let folder = folder();
        let bench = open(folder.path());
        let margins: Vec<f32> = bench.crops.iter().map(|crop| crop.margin).collect();
        assert!(margins.is_sorted() && margins.len() == 4, "{margins:?}");
        assert_eq!(bench.counts(), (4, 0));
        bench.label("red", Some("red".into())).unwrap();
        bench.label("white", Some(NOT_A_VEHICLE.into())).unwrap();
        bench.label("red", None).unwrap();
        bench.label("black", Some("black".into())).unwrap();
        let again = open(folder.path());
        assert_eq!(again.counts(), (4, 2));
        assert_eq!(again.labels()["white"], NOT_A_VEHICLE);
        assert!(bench.picture("red").is_ok());
    }

    #[test]
    fn what_is_not_there_gets_no_label_and_a_failure_changes_nothing() {
        let folder = folder();
        let bench = open(folder.path());
        for (id, label) in [
            ("../x", "red"),
            ("broken", "red"),
            ("red", "gold"),
            ("red", ""),
        ] {
            assert!(bench.label(id, Some(label.into())).is_err(), "{id} {label}");
        }
        assert!(bench.picture("labels").is_err());
        std::fs::remove_file(folder.path().join(labels::FILE)).unwrap();
        std::fs::create_dir(folder.path().join(labels::FILE)).unwrap();
        let text = bench
            .label("red", Some("red".into()))
            .unwrap_err()
            .to_string();
        assert!(text.starts_with("cannot write "), "{text}");
        assert_eq!(bench.counts(), (4, 0));
    }
}
