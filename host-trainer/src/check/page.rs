//! The check as one page of HTML that needs nothing beside it: thumbnails and style are inside,
//! no script, no link out. Bounded in pictures and size; every text is escaped by the templates.

mod thumbnails;

use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::report::{Labels, Member, Report, Sets, Suspect};
use thumbnails::Thumbnails;

/// Sets of copies shown of each kind.
const SETS: usize = 40;
/// Pictures shown of one set.
const MEMBERS: usize = 6;
/// Suspected labels shown.
const SUSPECTS: usize = 120;
/// Odd pictures shown.
const ODD: usize = 36;
/// Lines of a table.
const LINES: usize = 200;
/// Colours that parts have in the bars.
const PART_COLOURS: usize = 4;

/// The whole page. Reads the pictures that it shows on `workers` threads.
pub fn page(report: &Report, workers: usize) -> String {
    let thumbnails = Thumbnails::of(&shown(report), workers);
    let page = Page { report, thumbnails };
    page.html().into_string()
}

/// The pictures that are shown, some more than once.
fn shown(report: &Report) -> Vec<&Path> {
    let sets = [&report.contradictions, &report.leaks, &report.repeats];
    let sets = sets.into_iter().flat_map(|sets| first_sets(sets).flatten());
    let odd = report.odd.iter().take(ODD).map(|odd| &odd.member);
    let suspects = report.labels.iter().flat_map(first_suspects);
    sets.chain(odd)
        .chain(suspects.map(|suspect| &suspect.member))
        .map(|member| member.path.as_path())
        .collect()
}

fn first_sets(sets: &Sets) -> impl Iterator<Item = &[Member]> {
    let first = |set: &'_ [Member]| set.len().min(MEMBERS);
    sets.all().take(SETS).map(move |set| &set[..first(set)])
}

fn first_suspects(labels: &Labels) -> impl Iterator<Item = &Suspect> {
    labels.suspects.iter().take(SUSPECTS)
}

struct Page<'a> {
    report: &'a Report,
    thumbnails: Thumbnails,
}

impl Page<'_> {
    fn html(&self) -> Markup {
        let folders: Vec<_> = self
            .report
            .folders
            .iter()
            .map(|f| f.display().to_string())
            .collect();
        let folders = folders.join(" ");
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { "Dataset check: " (folders) }
                    style { (PreEscaped(include_str!("page/style.css"))) }
                }
                body {
                    header {
                        h1 { "Dataset check" }
                        p."soft path" { (folders) }
                        (self.verdict())
                        (self.tiles())
                    }
                    main {
                        (self.classes())
                        (self.unreadable())
                        (self.copies(
                            "contradictions", "Contradicting labels", &self.report.contradictions,
                            "The same photograph in several classes: at most one label is right. \
                             Equal files must be fixed; near copies may be one model in two paints.",
                        ))
                        (self.copies(
                            "leaks", "Leaks between parts", &self.report.leaks,
                            "The same photograph in several parts: what one part tests, another \
                             has taught. Keep one.",
                        ))
                        (self.labels())
                        (self.odd())
                        (self.copies(
                            "repeats", "Repeats within a class", &self.report.repeats,
                            "The same photograph several times in one class of one part: it \
                             weighs more than others, and a random split tears it apart.",
                        ))
                        (self.passed_over())
                    }
                    footer.soft {
                        "host-trainer " (env!("CARGO_PKG_VERSION")) ". Copies are told by SHA-256 \
                         and by a hash of brightness and colours; likely wrong labels by confident \
                         learning (Northcutt, Jiang, Chuang 2021). Nothing was changed."
                    }
                }
            }
        }
    }

    fn verdict(&self) -> Markup {
        let problems = self.report.problems();
        let named: Vec<_> = problems.iter().map(|(p, count)| p.named(*count)).collect();
        html! {
            @if named.is_empty() {
                p."verdict good" { "Nothing that must be fixed before training." }
            } @else {
                p."verdict bad" { "To be fixed before training can be trusted: " (named.join(", ")) "." }
            }
        }
    }

    fn tiles(&self) -> Markup {
        let report = self.report;
        let tile = |target: &str, count: usize, name: &str, bad: bool| {
            html! {
                a.tile.bad[bad && count > 0] href={ "#" (target) } { b { (count) } span { (name) } }
            }
        };
        let suspects = report.labels.as_ref().map(|labels| labels.suspects.len());
        html! {
            div.tiles {
                (tile("classes", report.readable, "pictures", false))
                (tile("repeats", report.photographs, "different photographs", false))
                (tile("unreadable", report.unreadable.len(), "unreadable", true))
                (tile("contradictions", report.contradictions.exact.len(), "equal files, other class", true))
                (tile("contradictions", report.contradictions.near.len(), "near copies, other class", false))
                (tile("leaks", report.leaks.count(), "leaks between parts", true))
                @if let Some(suspects) = suspects {
                    (tile("labels", suspects, "suspected labels", false))
                }
            }
        }
    }

    fn classes(&self) -> Markup {
        let report = self.report;
        let most = report
            .classes
            .iter()
            .map(|class| class.total())
            .max()
            .unwrap_or(1)
            .max(1);
        let colour = |part: usize| format!("p{}", part % PART_COLOURS);
        let width = |count: usize| format!("width:{:.2}%", 100.0 * count as f64 / most as f64);
        html! {
            h2 #classes { "Pictures of each class" }
            @if report.parts.len() > 1 {
                div.legend {
                    @for (part, name) in report.parts.iter().enumerate() {
                        span { i class=(colour(part)) {} (name) }
                    }
                }
            }
            div.bars {
                @for class in &report.classes {
                    span { (class.class) }
                    span.bar {
                        @for (part, count) in class.pictures.iter().enumerate() {
                            @if *count > 0 {
                                i class=(colour(part)) style=(width(*count)) {}
                            }
                        }
                    }
                    span.number { (class.total()) }
                }
            }
            @for sentence in report.unevenness() { p.soft { (sentence) "." } }
        }
    }

    fn unreadable(&self) -> Markup {
        let report = self.report;
        let count = report.unreadable.len();
        html! {
            @if count > 0 {
                h2 #unreadable { "Unreadable files (" (count) ")" }
                p.soft { "Pictures by name that cannot be read. Training passes over them." }
                table {
                    @for file in report.unreadable.iter().take(LINES) {
                        tr { td.path { (file.path.display()) } td { (file.reason) } }
                    }
                }
                (rest(count, LINES))
            }
            @if !report.empty_class_folders.is_empty() {
                h2 { "Class folders without a picture" }
                table {
                    @for folder in report.empty_class_folders.iter().take(LINES) {
                        tr { td.path { (folder.display()) } }
                    }
                }
            }
        }
    }

    fn copies(&self, id: &str, title: &str, sets: &Sets, what: &str) -> Markup {
        html! {
            @if sets.count() > 0 {
                h2 id=(id) { (title) " (" (sets.count()) ")" }
                p.soft {
                    (what) " " (sets.exact.len()) " as equal files, " (sets.near.len())
                    " as near copies, the nearest first."
                }
                div.sets {
                    @for (number, set) in sets.all().take(SETS).enumerate() {
                        div.set data-kind=(if number < sets.exact.len() { "exact" } else { "near" }) {
                            @for member in set.iter().take(MEMBERS) {
                                (self.figure(member, html! { span.tag { (member.class) } " · " (member.part) }))
                            }
                            @if set.len() > MEMBERS {
                                span.soft { "and " (set.len() - MEMBERS) " more" }
                            }
                        }
                    }
                }
                (rest(sets.count(), SETS))
            }
        }
    }

    fn labels(&self) -> Markup {
        let Some(labels) = &self.report.labels else {
            return html! {
                h2 #labels { "Labels" }
                p.soft { "Not checked: that takes a network, given with --run or --pretrained." }
            };
        };
        let mut wrong: Vec<_> = labels.estimated_wrong.iter().collect();
        wrong.sort_by(|a, b| b.1.total_cmp(a.1));
        let most = wrong.first().map_or(1.0, |(_, n)| n.max(1.0));
        let width = |n: f64| format!("width:{:.2}%", 100.0 * n / most);
        let sum: f64 = labels.estimated_wrong.values().sum();
        html! {
            h2 #labels { "Likely wrong labels (" (labels.suspects.len()) " suspects)" }
            p.soft {
                "Judged by " (labels.network) " and the colours: a probe that did not see the \
                 picture agrees with " (format!("{:.1}", 100.0 * labels.agreement)) " % of "
                (labels.pictures) " labels. About " (format!("{sum:.0}")) " are estimated wrong, so \
                 many of each class:"
            }
            div.bars {
                @for (class, count) in wrong {
                    span { (class) }
                    span.bar { i.p1 style=(width(*count)) {} }
                    span.number { (format!("{count:.0}")) }
                }
            }
            @if !labels.unjudged_classes.is_empty() {
                p.soft { "Not judged for want of pictures: " (labels.unjudged_classes.join(", ")) "." }
            }
            p.soft { "The surest first. A suspect may be right: look before moving it." }
            div.pictures {
                @for suspect in first_suspects(labels) {
                    (self.figure(&suspect.member, html! {
                        span.given { (suspect.member.class) } " "
                        (format!("{:.2}", suspect.given_probability)) br;
                        b { (suspect.suggested) } " " (format!("{:.2}", suspect.suggested_probability))
                    }))
                }
            }
            (rest(labels.suspects.len(), SUSPECTS))
        }
    }

    fn odd(&self) -> Markup {
        let odd = &self.report.odd;
        html! {
            @if !odd.is_empty() {
                h2 #odd { "Pictures of little use (" (odd.len()) ")" }
                div.pictures {
                    @for odd in odd.iter().take(ODD) {
                        (self.figure(&odd.member, html! {
                            (odd.width) "×" (odd.height) ": " (odd.oddity.reason())
                        }))
                    }
                }
                (rest(odd.len(), ODD))
            }
        }
    }

    fn passed_over(&self) -> Markup {
        let report = self.report;
        html! {
            @if !report.stray.is_empty() || !report.not_pictures.is_empty() {
                h2 { "Passed over" }
                p.soft {
                    @if !report.stray.is_empty() {
                        (report.stray.len()) " pictures lie in no class folder, the first of them "
                        span.path { (report.stray[0].display()) } ". "
                    }
                    @for (extension, count) in &report.not_pictures {
                        (count) " ." (extension) " "
                    }
                    @if !report.not_pictures.is_empty() { "files are no pictures by name." }
                }
            }
        }
    }

    fn figure(&self, member: &Member, caption: Markup) -> Markup {
        let path = member.path.display().to_string();
        let name = member
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        html! {
            figure title=(path) {
                @match self.thumbnails.get(&member.path) {
                    Some(data) => img src=(data) alt=(name) loading="lazy";,
                    None => span.none { "no picture" },
                }
                figcaption { (caption) div."soft path" { (name) } }
            }
        }
    }
}

fn rest(count: usize, shown: usize) -> Markup {
    html! {
        @if count > shown {
            p.soft { "… and " (count - shown) " more; --json names all." }
        }
    }
}
