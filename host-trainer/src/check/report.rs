//! What a check found, by path: the one object that the summary, the page and `--json` show.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// A shorter side below this shows too little of a car to tell its colour, pixels.
pub const SMALLEST_SIDE: u32 = 32;
/// A longer side of more than this many shorter ones is a strip, not a car.
pub const LONGEST_ASPECT: u32 = 4;
/// More than this only costs time: training keeps 256 pixels a side. Pixels in all.
pub const LARGE_PIXELS: u64 = 16 << 20;

/// The largest class may have this many times the pictures of the smallest.
const UNEVEN: usize = 3;
/// Fewer pictures of a class than this are few, however even.
const FEW: usize = 20;

/// What must be put right before training can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// Files that are pictures by name and cannot be read
    Unreadable,
    /// Class folders without a picture
    EmptyClasses,
    /// The same file in two classes
    Contradictions,
    /// The same file in two parts
    Leaks,
    /// The same photograph in two parts, in other bytes
    NearLeaks,
}

/// A picture by its path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The file.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// Its part.
    pub part: String,
    /// Its class.
    pub class: String,
}

/// Sets of pictures that repeat each other.
#[derive(Clone, Debug, Serialize)]
pub struct Sets {
    /// The same bytes.
    pub exact: Vec<Vec<Member>>,
    /// The same photograph in other bytes, the nearest first.
    pub near: Vec<Vec<Member>>,
}

/// A file that cannot be read.
#[derive(Clone, Debug, Serialize)]
pub struct Unreadable {
    /// The file.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// What is odd about a picture's size or content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Oddity {
    /// Shorter side below [`SMALLEST_SIDE`].
    TooSmall,
    /// Longer than [`LONGEST_ASPECT`] shorter sides.
    Strip,
    /// One plain colour.
    Blank,
    /// More than [`LARGE_PIXELS`].
    Large,
}

/// A picture of little use.
#[derive(Clone, Debug, Serialize)]
pub struct Odd {
    /// The picture.
    #[serde(flatten)]
    pub member: Member,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// What is odd.
    pub oddity: Oddity,
}

/// Pictures of a class.
#[derive(Clone, Debug, Serialize)]
pub struct ClassCount {
    /// The class.
    pub class: String,
    /// Readable pictures in each part, in order of the parts.
    pub pictures: Vec<usize>,
}

/// A label that is probably wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Suspect {
    /// The picture with its given class.
    #[serde(flatten)]
    pub member: Member,
    /// The class that it more probably is.
    pub suggested: String,
    /// Probability of the given class.
    pub given_probability: f32,
    /// Probability of the suggested class.
    pub suggested_probability: f32,
}

/// What was found about labels.
#[derive(Clone, Debug, Serialize)]
pub struct Labels {
    /// Where the network's weights came from.
    pub network: String,
    /// How many pictures were judged.
    pub pictures: usize,
    /// Classes with too few photographs to be judged.
    pub unjudged_classes: Vec<String>,
    /// Share of the judged pictures whose label the probe would have given too.
    pub agreement: f64,
    /// For each judged class how many labels are estimated to be wrong.
    pub estimated_wrong: BTreeMap<String, f64>,
    /// The suspects, the surest first.
    pub suspects: Vec<Suspect>,
}

/// Everything a check found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The folders given.
    #[serde(serialize_with = "lossy_all")]
    pub folders: Vec<PathBuf>,
    /// The parts.
    pub parts: Vec<String>,
    /// Files that are pictures by name.
    pub files: usize,
    /// Those that could be read.
    pub readable: usize,
    /// How many photographs they show, copies counted once.
    pub photographs: usize,
    /// Pictures of each class.
    pub classes: Vec<ClassCount>,
    /// What cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Class folders without pictures.
    #[serde(serialize_with = "lossy_all")]
    pub empty_class_folders: Vec<PathBuf>,
    /// Pictures outside of all class folders.
    #[serde(serialize_with = "lossy_all")]
    pub stray: Vec<PathBuf>,
    /// Files in class folders that are no pictures by name, by extension.
    pub not_pictures: BTreeMap<String, usize>,
    /// Odd pictures, the least useful first.
    pub odd: Vec<Odd>,
    /// Copies in several classes.
    pub contradictions: Sets,
    /// Copies in several parts.
    pub leaks: Sets,
    /// Copies within one class of one part.
    pub repeats: Sets,
    /// What was found about labels; none when no network was given.
    pub labels: Option<Labels>,
}

impl ClassCount {
    /// Pictures in all parts.
    pub fn total(&self) -> usize {
        self.pictures.iter().sum()
    }
}

impl Sets {
    /// How many sets.
    pub fn count(&self) -> usize {
        self.exact.len() + self.near.len()
    }

    /// Every set, the exact first.
    pub fn all(&self) -> impl Iterator<Item = &[Member]> {
        self.exact.iter().chain(&self.near).map(Vec::as_slice)
    }

    /// Pictures that could go, if one of each set stayed.
    pub fn surplus(&self) -> usize {
        self.all().map(|set| set.len() - 1).sum()
    }
}

impl Problem {
    /// What it is called, for `count` of them.
    pub fn named(self, count: usize) -> String {
        let (one, many) = match self {
            Problem::Unreadable => ("unreadable file", "unreadable files"),
            Problem::EmptyClasses => ("empty class folder", "empty class folders"),
            Problem::Contradictions => ("file in several classes", "files in several classes"),
            Problem::Leaks => ("file in several parts", "files in several parts"),
            Problem::NearLeaks => (
                "photograph in several parts",
                "photographs in several parts",
            ),
        };
        format!("{count} {}", if count == 1 { one } else { many })
    }
}

impl Oddity {
    /// Why it is odd.
    pub fn reason(self) -> String {
        match self {
            Oddity::TooSmall => format!("smaller than {SMALLEST_SIDE} pixels"),
            Oddity::Strip => format!("longer than {LONGEST_ASPECT} times its other side"),
            Oddity::Blank => "one plain colour".into(),
            Oddity::Large => format!("more than {} megapixels", LARGE_PIXELS >> 20),
        }
    }
}

impl Report {
    /// What must be put right, with how many files or sets of files.
    pub fn problems(&self) -> Vec<(Problem, usize)> {
        let all = [
            (Problem::Unreadable, self.unreadable.len()),
            (Problem::EmptyClasses, self.empty_class_folders.len()),
            (Problem::Contradictions, self.contradictions.exact.len()),
            (Problem::Leaks, self.leaks.exact.len()),
            (Problem::NearLeaks, self.leaks.near.len()),
        ];
        all.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// What is uneven about the classes, a sentence each.
    pub fn unevenness(&self) -> Vec<String> {
        let mut found = Vec::new();
        let least = self.classes.iter().min_by_key(|class| class.total());
        let most = self.classes.iter().max_by_key(|class| class.total());
        if let (Some(least), Some(most)) = (least, most) {
            let (few, many) = (least.total(), most.total());
            if many > few * UNEVEN {
                found.push(format!(
                    "{} has {many} pictures, {} only {few}; rare classes are learnt badly",
                    most.class, least.class
                ));
            } else if few < FEW {
                found.push(format!("{} has only {few} pictures", least.class));
            }
        }
        for (part, name) in self.parts.iter().enumerate() {
            let absent = self
                .classes
                .iter()
                .filter(|class| class.pictures[part] == 0);
            let absent: Vec<&str> = absent.map(|class| class.class.as_str()).collect();
            if !absent.is_empty() && self.parts.len() > 1 {
                found.push(format!("the part {name} has no {}", absent.join(", ")));
            }
        }
        found
    }
}

/// A path as text, whatever its bytes: JSON has no other.
fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

fn lossy_all<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(parts: &[&str], classes: &[(&str, &[usize])]) -> Report {
        let none = Sets {
            exact: Vec::new(),
            near: Vec::new(),
        };
        let count = |(class, pictures): &(&str, &[usize])| ClassCount {
            class: class.to_string(),
            pictures: pictures.to_vec(),
        };
        Report {
            folders: vec!["set".into()],
            parts: parts.iter().map(ToString::to_string).collect(),
            files: 0,
            readable: 0,
            photographs: 0,
            classes: classes.iter().map(count).collect(),
            unreadable: Vec::new(),
            empty_class_folders: Vec::new(),
            stray: Vec::new(),
            not_pictures: BTreeMap::new(),
            odd: Vec::new(),
            contradictions: none.clone(),
            leaks: none.clone(),
            repeats: none,
            labels: None,
        }
    }

    #[test]
    fn unevenness_in_words() {
        let found =
            |parts: &[&str], classes: &[(&str, &[usize])]| report(parts, classes).unevenness();
        assert!(found(&["set"], &[("blue", &[100]), ("red", &[40])]).is_empty());
        assert_eq!(
            found(&["set"], &[("blue", &[100]), ("red", &[30])]),
            ["blue has 100 pictures, red only 30; rare classes are learnt badly"]
        );
        assert_eq!(
            found(&["set"], &[("blue", &[15]), ("red", &[12])]),
            ["red has only 12 pictures"]
        );
        assert_eq!(
            found(&["train", "val"], &[("blue", &[50, 0]), ("red", &[50, 5])]),
            ["the part val has no blue"]
        );
    }

    #[test]
    fn problems_are_counted_and_named() {
        let mut report = report(&["set"], &[]);
        assert!(report.problems().is_empty());
        let member = Member {
            path: "a.png".into(),
            part: "set".into(),
            class: "red".into(),
        };
        report.leaks.near = vec![
            vec![member.clone(), member.clone()],
            vec![member.clone(), member],
        ];
        report.contradictions.near = report.leaks.near.clone();
        assert_eq!(report.problems(), [(Problem::NearLeaks, 2)]);
        assert_eq!(
            Problem::NearLeaks.named(2),
            "2 photographs in several parts"
        );
        assert_eq!(Problem::Unreadable.named(1), "1 unreadable file");
        assert_eq!(report.leaks.surplus(), 2);
    }
}
