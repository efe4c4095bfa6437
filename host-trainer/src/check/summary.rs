//! The check in words on a terminal: counts and the worst cases first. Says what to do.

use std::fmt::{Display, Write};

use super::report::{Member, Report, Sets};

/// Cases shown of each kind.
const CASES: usize = 5;
/// Suspected labels shown.
const SUSPECTS: usize = 10;
/// Pictures shown of a set.
const MEMBERS: usize = 4;

/// The whole summary. `more` says where the rest of the cases can be seen.
pub fn summary(report: &Report, more: &str) -> String {
    let mut text = Text {
        out: String::new(),
        more,
    };
    text.counts(report);
    let fixed_first = text.out.len();
    text.must_be_fixed(report);
    if text.out.len() > fixed_first {
        let heading = "\nMUST BE FIXED\n";
        text.out.insert_str(fixed_first, heading);
    }
    let look_first = text.out.len();
    text.worth_a_look(report);
    if text.out.len() > look_first {
        text.out.insert_str(look_first, "\nWORTH A LOOK\n");
    }
    text.labels(report);
    text.out
}

struct Text<'a> {
    out: String,
    more: &'a str,
}

impl Text<'_> {
    fn rest(&mut self, count: usize, shown: usize) {
        if count > shown {
            let more = self.more;
            self.line(format_args!("    … and {} more: {more}", count - shown));
        }
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "{line}");
    }

    /// A heading and its first cases, unless there are none.
    fn cases<T>(
        &mut self,
        count: usize,
        heading: impl Display,
        cases: impl Iterator<Item = T>,
        show: impl Fn(T) -> String,
    ) {
        if count == 0 {
            return;
        }
        self.line(format_args!("  {heading}"));
        for case in cases.take(CASES) {
            self.line(format_args!("    {}", show(case)));
        }
        self.rest(count, CASES);
    }

    fn sets(&mut self, sets: &[Vec<Member>], heading: impl Display) {
        self.cases(sets.len(), heading, sets.iter(), |set| {
            let paths = set.iter().take(MEMBERS);
            let paths: Vec<String> = paths.map(|m| m.path.display().to_string()).collect();
            let rest = set.len().saturating_sub(MEMBERS);
            let rest = if rest > 0 {
                format!("  and {rest} more")
            } else {
                String::new()
            };
            paths.join("  ") + &rest
        });
    }

    fn counts(&mut self, report: &Report) {
        let folders: Vec<_> = report
            .folders
            .iter()
            .map(|f| f.display().to_string())
            .collect();
        self.line(format_args!("checked      {}", folders.join(" ")));
        if report.parts.len() > 1 {
            let count = |part: usize| {
                report
                    .classes
                    .iter()
                    .map(|class| class.pictures[part])
                    .sum::<usize>()
            };
            let parts = report.parts.iter().enumerate();
            let parts: Vec<_> = parts
                .map(|(part, name)| format!("{name} {}", count(part)))
                .collect();
            self.line(format_args!("parts        {}", parts.join(", ")));
        }
        let classes = report.classes.iter();
        let classes: Vec<_> = classes
            .map(|c| format!("{} {}", c.class, c.total()))
            .collect();
        self.line(format_args!(
            "classes      {}: {}",
            classes.len(),
            classes.join(", ")
        ));
        self.line(format_args!(
            "pictures     {} of {} can be read; they show {} photographs",
            report.readable, report.files, report.photographs
        ));
    }

    fn must_be_fixed(&mut self, report: &Report) {
        let unreadable = report.unreadable.iter();
        self.cases(
            report.unreadable.len(),
            format_args!(
                "{} cannot be read; remove or replace them",
                files(report.unreadable.len())
            ),
            unreadable,
            |file| format!("{}: {}", file.path.display(), file.reason),
        );
        let empty = report.empty_class_folders.iter();
        self.cases(
            report.empty_class_folders.len(),
            "class folders without a picture; fill or remove them",
            empty,
            |folder| folder.display().to_string(),
        );
        let Sets { exact, .. } = &report.contradictions;
        self.sets(
            exact,
            format_args!(
                "{} in several classes, at most one of them right; keep that one",
                the_same_file(exact.len())
            ),
        );
        let Sets { exact, near } = &report.leaks;
        self.sets(
            exact,
            format_args!(
                "{} in several parts, so that one part tests what another taught; keep one",
                the_same_file(exact.len())
            ),
        );
        self.sets(
            near,
            format_args!(
                "{} in several parts, rescaled, cropped, mirrored or encoded anew; keep one",
                photographs(near.len())
            ),
        );
    }

    fn worth_a_look(&mut self, report: &Report) {
        for sentence in report.unevenness() {
            self.line(format_args!("  {sentence}"));
        }
        let near = &report.contradictions.near;
        self.sets(
            near,
            format_args!(
                "{} in several classes, as near copies",
                photographs(near.len())
            ),
        );
        self.cases(
            report.odd.len(),
            format_args!("{} of little use", pictures(report.odd.len())),
            report.odd.iter(),
            |odd| {
                let path = odd.member.path.display();
                format!(
                    "{path}: {}x{}, {}",
                    odd.width,
                    odd.height,
                    odd.oddity.reason()
                )
            },
        );
        if report.repeats.count() > 0 {
            let same: usize = report.repeats.exact.iter().map(|set| set.len() - 1).sum();
            self.line(format_args!(
                "  {} more than once in one class: {} copies, {same} of them to the byte",
                photographs(report.repeats.count()),
                report.repeats.surplus(),
            ));
        }
        self.cases(
            report.stray.len(),
            format_args!(
                "{} in no class folder, which nobody uses",
                pictures(report.stray.len())
            ),
            report.stray.iter(),
            |path| path.display().to_string(),
        );
        if !report.not_pictures.is_empty() {
            let found: Vec<_> = report
                .not_pictures
                .iter()
                .map(|(extension, count)| {
                    let dot = if extension.is_empty() {
                        "without extension"
                    } else {
                        "."
                    };
                    format!("{count} {dot}{extension}")
                })
                .collect();
            self.line(format_args!(
                "  files that are no pictures by name and are passed over: {}",
                found.join(", ")
            ));
        }
    }

    fn labels(&mut self, report: &Report) {
        let Some(labels) = &report.labels else {
            self.line("\nlabels       not checked: give --run RUN or --pretrained FILE for that");
            return;
        };
        let wrong: f64 = labels.estimated_wrong.values().sum();
        self.line(format_args!(
            "\nLABELS, judged by {} and the colours\n  a probe that did not see the picture agrees with {:.1} % of {} labels; about {:.0} are estimated wrong",
            labels.network, 100.0 * labels.agreement, labels.pictures, wrong
        ));
        let mut classes: Vec<_> = labels
            .estimated_wrong
            .iter()
            .filter(|(_, n)| n.round() > 0.0)
            .collect();
        classes.sort_by(|a, b| b.1.total_cmp(a.1));
        if !classes.is_empty() {
            let classes: Vec<_> = classes.iter().map(|(c, n)| format!("{c} {n:.0}")).collect();
            self.line(format_args!("  most in     {}", classes.join(", ")));
        }
        if !labels.unjudged_classes.is_empty() {
            self.line(format_args!(
                "  not judged for want of pictures: {}",
                labels.unjudged_classes.join(", ")
            ));
        }
        if !labels.suspects.is_empty() {
            self.line(format_args!(
                "  {} suspects, the surest first:",
                labels.suspects.len()
            ));
        }
        for suspect in labels.suspects.iter().take(SUSPECTS) {
            self.line(format_args!(
                "    {}: {} {:.2}, rather {} {:.2}",
                suspect.member.path.display(),
                suspect.member.class,
                suspect.given_probability,
                suspect.suggested,
                suspect.suggested_probability
            ));
        }
        self.rest(labels.suspects.len(), SUSPECTS);
    }
}

fn files(count: usize) -> String {
    format!("{count} {}", if count == 1 { "file" } else { "files" })
}

fn pictures(count: usize) -> String {
    format!(
        "{count} {}",
        if count == 1 { "picture" } else { "pictures" }
    )
}

fn photographs(count: usize) -> String {
    match count {
        1 => "1 photograph is".into(),
        _ => format!("{count} photographs are"),
    }
}

fn the_same_file(count: usize) -> String {
    match count {
        1 => "1 file is".into(),
        _ => format!("{count} files are"),
    }
}
