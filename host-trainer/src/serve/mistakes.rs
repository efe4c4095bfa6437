//! A run's `answers.jsonl`, one line for each held-out picture: reading, filtering and sorting
//! it, and the pictures it names. Nothing that it does not name can be had.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use models::{Ranked, picture};
use serde::{Deserialize, Serialize};

use super::confined::Confined;
use super::problem::Problem;
use super::runs::Runs;
use crate::report::{ANSWERS, Answer};
use crate::split::Part;

/// Largest file of answers that is read.
const MAX_ANSWERS_BYTES: u64 = 64 << 20;
/// Most answers in one reply.
const MAX_LIMIT: usize = 500;

/// Which answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Show {
    /// Mistakes.
    #[default]
    Wrong,
    /// Right answers.
    Right,
    /// Both.
    All,
}

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The most confident first.
    #[default]
    Sure,
    /// The least confident first.
    Unsure,
}

/// What a request asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// Mistakes, right answers or both.
    pub show: Show,
    /// Order by confidence.
    pub order: Order,
    /// Only pictures of this class.
    pub truth: Option<String>,
    /// Only pictures taken for this class.
    pub answer: Option<String>,
    /// Only this held-out part.
    pub part: Option<Part>,
    /// How many to leave out at the beginning.
    pub offset: usize,
    /// How many to give, at most 500; 60 unless told.
    pub limit: Option<usize>,
}

/// What it gets.
#[derive(Debug, Serialize)]
pub struct Gallery {
    /// Held-out pictures in the part asked for.
    pub pictures: usize,
    /// How many of them are mistakes.
    pub mistakes: usize,
    /// How many pass the filter.
    pub found: usize,
    /// The held-out parts there are.
    pub parts: Vec<Part>,
    /// Mistakes by truth and answer, the most frequent first.
    pub confused: Vec<Confused>,
    /// The answers asked for.
    pub answers: Vec<Shown>,
}

/// How often one class was taken for another.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Confused {
    /// The true class.
    pub truth: String,
    /// What it was taken for.
    pub answer: String,
    /// How often.
    pub count: usize,
}

/// One answer on the page.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// Which held-out part.
    pub part: Part,
    /// Path below the dataset's folder; with the part, the picture's address.
    pub path: String,
    /// The class of its folder.
    pub truth: String,
    /// What it was taken for.
    pub answer: String,
    /// The answer's probability.
    pub score: f32,
    /// Every class with its probability, the most probable first.
    pub ranked: Vec<Ranked>,
}

/// Reads answers, keeping the run looked at last: a gallery asks for many pictures of one run.
#[derive(Debug, Default)]
pub struct Mistakes {
    last: Mutex<Option<(Version, Arc<Vec<Answer>>)>>,
}

/// Tells whether a file changed: where it is, when it was written, how long it is.
type Version = (PathBuf, Option<SystemTime>, u64);

impl Mistakes {
    /// The answers of a run.
    pub fn of(&self, folder: &Confined) -> Result<Arc<Vec<Answer>>, Problem> {
        let missing = Problem::NotFound("list of answers (answers.jsonl)");
        let Some(path) = folder.find(ANSWERS) else {
            return Err(missing);
        };
        let failed = |error: std::io::Error| {
            Problem::Unreadable(format!("{ANSWERS} cannot be read: {error}"))
        };
        let data = path.metadata().map_err(failed)?;
        let version = (path, data.modified().ok(), data.len());
        // Held while reading, so that a gallery's requests do not all read at once.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, lines)) = &*last
            && *known == version
        {
            return Ok(lines.clone());
        }
        let text = folder.read(ANSWERS, MAX_ANSWERS_BYTES).map_err(failed)?;
        let lines = Arc::new(parse(&text.ok_or(missing)?)?);
        *last = Some((version, lines.clone()));
        Ok(lines)
    }

    /// The picture of an answer: its content type and bytes.
    pub fn picture(
        &self,
        runs: &Runs,
        name: &str,
        part: Part,
        path: &str,
    ) -> Result<(&'static str, Vec<u8>), Problem> {
        let missing = || Problem::NotFound("picture");
        let (run, folder) = runs.find(name)?;
        let lines = self.of(&folder)?;
        if !lines.iter().any(|l| l.part == part && l.path == path) {
            return Err(missing());
        }
        let record = run.record().map_err(|error| {
            let text = format!("{error:#}");
            Problem::Unreadable(text)
        })?;
        let data = match (part, &record.data_val) {
            (Part::Validation, Some(folder)) => folder,
            _ => &record.data_train,
        };
        let data = Confined::new(data).map_err(|_| missing())?;
        let bytes = data.read(path, picture::MAX_FILE_BYTES);
        let bytes = bytes.ok().flatten().ok_or_else(missing)?;
        let kind = content_type(&bytes).ok_or_else(missing)?;
        Ok((kind, bytes))
    }
}

fn parse(text: &[u8]) -> Result<Vec<Answer>, Problem> {
    let text = std::str::from_utf8(text)
        .map_err(|_| Problem::Unreadable(format!("{ANSWERS} is not UTF-8")))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|error| {
                Problem::Unreadable(format!(
                    "{ANSWERS} line {} does not parse: {error}",
                    index + 1
                ))
            })
        })
        .collect()
}

/// The lines that are wanted, sorted, and what is said of all.
pub fn gallery(lines: &[Answer], wanted: &Wanted) -> Gallery {
    let mut parts: Vec<Part> = lines.iter().map(|line| line.part).collect();
    parts.sort();
    parts.dedup();
    let of_part = |line: &&Answer| wanted.part.is_none_or(|part| part == line.part);
    let of_part: Vec<&Answer> = lines.iter().filter(of_part).collect();
    let mut confused: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in of_part.iter().filter(|line| line.is_wrong()) {
        *confused.entry((&line.truth, &line.answer)).or_default() += 1;
    }
    let mistakes = confused.values().sum();
    let mut confused: Vec<Confused> = confused
        .into_iter()
        .map(|((truth, answer), count)| Confused {
            truth: truth.into(),
            answer: answer.into(),
            count,
        })
        .collect();
    confused.sort_by_key(|pair| std::cmp::Reverse(pair.count));
    let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|w| w == found);
    let mut found: Vec<&Answer> = of_part
        .iter()
        .copied()
        .filter(|line| match wanted.show {
            Show::Wrong => line.is_wrong(),
            Show::Right => !line.is_wrong(),
            Show::All => true,
        })
        .filter(|line| is(&wanted.truth, &line.truth) && is(&wanted.answer, &line.answer))
        .collect();
    found.sort_by(|a, b| match wanted.order {
        Order::Sure => b.score().total_cmp(&a.score()),
        Order::Unsure => a.score().total_cmp(&b.score()),
    });
    let limit = wanted.limit.unwrap_or(60).min(MAX_LIMIT);
    Gallery {
        pictures: of_part.len(),
        mistakes,
        found: found.len(),
        parts,
        confused,
        answers: found
            .into_iter()
            .skip(wanted.offset)
            .take(limit)
            .map(shown)
            .collect(),
    }
}

fn shown(line: &Answer) -> Shown {
    let mut ranked: Vec<Ranked> = line
        .probabilities
        .iter()
        .map(|(colour, score)| Ranked {
            colour: colour.clone(),
            score: *score,
        })
        .collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    Shown {
        part: line.part,
        path: line.path.clone(),
        truth: line.truth.clone(),
        answer: line.answer.clone(),
        score: line.score(),
        ranked,
    }
}

/// The kind of picture that these bytes begin like.
pub fn content_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [b'B', b'M', ..] => Some("image/bmp"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<Answer> {
        let text = r#"
{"part":"validation","path":"red/1.jpg","truth":"red","answer":"red","probabilities":{"blue":0.1,"red":0.9}}
{"part":"validation","path":"red/2.jpg","truth":"red","answer":"blue","probabilities":{"blue":0.6,"red":0.4}}
{"part":"test","path":"blue/1.jpg","truth":"blue","answer":"red","probabilities":{"blue":0.2,"red":0.8},"more":1}
{"part":"test","path":"red/3.jpg","truth":"red","answer":"blue","probabilities":{"blue":0.7,"red":0.3}}
"#;
        parse(text.as_bytes()).unwrap()
    }

    fn paths(wanted: Wanted) -> Vec<String> {
        let found = gallery(&lines(), &wanted).answers;
        found.into_iter().map(|shown| shown.path).collect()
    }

    #[test]
    fn mistakes_come_with_the_most_confident_first() {
        let all = gallery(&lines(), &Wanted::default());
        assert_eq!((all.pictures, all.mistakes, all.found), (4, 3, 3));
        assert_eq!(all.parts, [Part::Validation, Part::Test]);
        assert_eq!((&*all.confused[0].truth, all.confused[0].count), ("red", 2));
        let first = &all.answers[0];
        assert_eq!((&*first.path, first.score), ("blue/1.jpg", 0.8));
        assert_eq!(first.ranked[0].colour, "red");
    }

    #[test]
    fn filters_join() {
        let blue = Some("blue".to_string());
        let wanted = |answer, part, order| Wanted {
            answer,
            part,
            order,
            ..Wanted::default()
        };
        assert_eq!(
            paths(wanted(blue.clone(), None, Order::Unsure)),
            ["red/2.jpg", "red/3.jpg"]
        );
        assert_eq!(
            paths(wanted(blue, Some(Part::Test), Order::Sure)),
            ["red/3.jpg"]
        );
        let right = Wanted {
            show: Show::Right,
            ..Wanted::default()
        };
        assert_eq!(paths(right), ["red/1.jpg"]);
        let second = Wanted {
            show: Show::All,
            offset: 1,
            limit: Some(1),
            ..Wanted::default()
        };
        assert_eq!(paths(second), ["blue/1.jpg"]);
    }

    #[test]
    fn a_damaged_line_is_named() {
        let error = parse(b"\n{\"part\":1}\n").unwrap_err().to_string();
        assert!(
            error.starts_with("answers.jsonl line 2 does not parse: "),
            "{error}"
        );
    }
}
