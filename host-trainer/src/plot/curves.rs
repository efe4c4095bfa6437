//! The curves that judge a classifier: receiver operating characteristic, calibration, accuracy
//! against coverage. Computes none of them.

use maud::html;

use super::axes::{Area, Axis, Panel, Stroke, Unit, dot, legend};
use super::colour::{self, Colour, series_colour};
use super::lines::{Line, Lines, Mark, lines};
use super::scale::Range;
use super::svg::{Anchor, Chart, GRID, INK, Style, n, text};
use crate::metrics::{Bin, CoveragePoint, Curve, Roc, Threshold};

/// Receiver operating characteristic of every class against the others, with micro and macro
/// mean; areas stand in the legend. The corner in which good curves crowd is shown enlarged.
pub fn roc(title: &str, classes: &[String], roc: &Roc) -> Chart {
    let looks = colour::classes(classes);
    let stroke = |index: usize| Stroke {
        colour: looks[index].0,
        dash: looks[index].1,
        width: 1.8,
        ink: false,
    };
    let mean = |dash| Stroke {
        colour: Colour(INK),
        dash: Some(dash),
        width: 2.0,
        ink: true,
    };
    let means = [
        ("micro", &roc.micro, mean("2 3")),
        ("macro", &roc.macro_mean, mean("8 3")),
    ];
    let drawn: Vec<(&Curve, Stroke)> = roc
        .classes
        .iter()
        .enumerate()
        .filter_map(|(index, curve)| Some((curve.as_ref()?, stroke(index))))
        .chain(
            means
                .iter()
                .filter_map(|(_, curve, stroke)| Some((curve.as_ref()?, *stroke))),
        )
        .collect();
    let area = |curve: &Option<Curve>| match curve {
        Some(curve) => format!("{:.3}", curve.auc),
        None => "–".into(),
    };
    let mut entries: Vec<_> = means
        .iter()
        .map(|(name, curve, stroke)| (*stroke, name.to_string(), area(curve)))
        .collect();
    entries.extend((0..classes.len()).map(|index| {
        (
            stroke(index),
            classes[index].clone(),
            area(&roc.classes[index]),
        )
    }));

    let (width, plot) = (680.0f32, 440.0f32);
    let rows = entries.len() as f32;
    let height = (plot + 30.0).max(70.0 + 15.0 * rows);
    let axes = (
        Axis::new("false positive rate", Unit::Percent),
        Axis::new("true positive rate", Unit::Percent),
    );
    let whole = Range::linear(0.0, 1.0);
    let place = Area {
        left: 8.0,
        top: 30.0,
        width: 456.0,
        height: plot - 8.0,
    };
    let panel = Panel::within(place, (&axes.0, whole), (&axes.1, whole));
    let good = roc.macro_mean.as_ref().is_some_and(|mean| mean.auc > 0.85);
    let body = html! {
        (text(16.0, 18.0, Style::title(Anchor::Start), title))
        (panel.axes(&axes.0, &axes.1))
        (panel.line(&[(0.0, 0.0), (1.0, 1.0)], &chance()))
        @for (curve, stroke) in &drawn { (panel.line(&curve.points, stroke)) }
        @if good { (enlarged(&panel, &drawn)) }
        (text(480.0, 44.0, Style::muted(Anchor::Start), "area under the curve"))
        (legend(Area { left: 480.0, top: 56.0, width: 186.0, height: height - 70.0 }, &entries))
    };
    Chart::new(title, width, height, body)
}

/// The line of a classifier that guesses.
fn chance() -> Stroke {
    Stroke {
        colour: Colour("#8a929b"),
        dash: Some("3 4"),
        width: 1.2,
        ink: false,
    }
}

/// The upper left corner of the curves, in the empty lower right corner of their panel.
fn enlarged(panel: &Panel, drawn: &[(&Curve, Stroke)]) -> maud::Markup {
    let outer = panel.area;
    let area = Area {
        left: outer.left + 0.36 * outer.width,
        top: outer.top + 0.40 * outer.height,
        width: 0.62 * outer.width,
        height: 0.57 * outer.height,
    };
    let axes = (Axis::new("", Unit::Percent), Axis::new("", Unit::Percent));
    let ranges = (Range::linear(0.0, 0.2), Range::linear(0.8, 1.0));
    let inner = Panel::within(area, (&axes.0, ranges.0), (&axes.1, ranges.1));
    html! {
        rect.paper x=(n(area.left)) y=(n(area.top)) width=(n(area.width)) height=(n(area.height))
            rx="4" fill="#ffffff" stroke=(GRID) {}
        (inner.axes(&axes.0, &axes.1))
        @for (curve, stroke) in drawn { (inner.line(&curve.points, stroke)) }
    }
}

/// One set of answers of a calibration diagram.
#[derive(Clone, Debug)]
pub struct Calibration<'a> {
    /// Its name, for the legend.
    pub name: String,
    /// Its reliability bins.
    pub bins: &'a [Bin],
}

/// Answers that a bin needs to be a point of the line: fewer say nothing and zigzag.
const FEWEST: u32 = 10;

/// Reliability diagram: how often answers of a confidence are right, and below it how many
/// there are. The first set is drawn faint; dots grow with the answers behind them, and the line
/// joins those with at least ten.
pub fn calibration(title: &str, sets: &[Calibration<'_>]) -> Chart {
    let (width, height) = (580.0, 520.0);
    let axes = (
        Axis::new("", Unit::Percent),
        Axis::new("answers that are right", Unit::Percent),
    );
    let whole = Range::linear(0.0, 1.0);
    let place = |top: f32, height: f32| Area {
        left: 8.0,
        top,
        width: width - 8.0,
        height,
    };
    let panel = Panel::within(place(50.0, 340.0), (&axes.0, whole), (&axes.1, whole));
    let last = sets.len().saturating_sub(1);
    let stroke = |index: usize| Stroke {
        colour: series_colour(if index == last { 0 } else { 1 }),
        dash: (index != last).then_some("5 3"),
        width: if index == last { 2.2 } else { 1.6 },
        ink: false,
    };
    let entries: Vec<_> = sets
        .iter()
        .enumerate()
        .map(|(index, set)| (stroke(index), set.name.clone(), String::new()))
        .collect();
    let filled =
        |bins: &[Bin]| -> Vec<Bin> { bins.iter().filter(|bin| bin.answers > 0).copied().collect() };
    let most = |bins: &[Bin]| bins.iter().map(|bin| bin.answers).max().unwrap_or(0).max(1);
    let shown = sets.last().map(|set| set.bins).unwrap_or_default();
    let all: u32 = shown.iter().map(|bin| bin.answers).sum();
    let share = |bin: &Bin| f64::from(bin.answers) / f64::from(all.max(1));
    let count_axes = (
        Axis::new("confidence (probability of the answer)", Unit::Percent),
        Axis::new("share", Unit::Percent),
    );
    let highest = Range::around(super::Scale::Linear, shown.iter().map(share).chain([0.0]));
    let counts = Panel {
        y: highest,
        area: Area {
            top: panel.area.top + panel.area.height + 34.0,
            height: 70.0,
            ..panel.area
        },
        ..panel
    };
    let body = html! {
        (text(16.0, 18.0, Style::title(Anchor::Start), title))
        @for (index, entry) in entries.iter().enumerate() {
            @let left = 16.0 + 280.0 * index as f32;
            (legend(Area { left, top: 32.0, width: 270.0, height: 19.0 }, std::slice::from_ref(entry)))
        }
        (panel.axes(&axes.0, &axes.1))
        (panel.line(&[(0.0, 0.0), (1.0, 1.0)], &chance()))
        @for (index, set) in sets.iter().enumerate() {
            @let bins = filled(set.bins);
            @let sure = bins.iter().filter(|bin| bin.answers >= FEWEST);
            @let points: Vec<_> = sure.map(|bin| (bin.confidence, bin.accuracy)).collect();
            (panel.line(&points, &stroke(index)))
            @for bin in &bins {
                @if let Some((x, y)) = panel.at((bin.confidence, bin.accuracy)) {
                    @let size = (f64::from(bin.answers) / f64::from(most(set.bins))).sqrt() as f32;
                    g {
                        title { (bin_text(bin)) }
                        (dot(x, y, 2.0 + 5.0 * size, stroke(index).colour))
                    }
                }
            }
        }
        (counts.axes(&count_axes.0, &count_axes.1))
        @for bin in filled(shown) {
            @if let (Some((left, top)), Some((right, bottom))) =
                (counts.at((bin.above, share(&bin))), counts.at((bin.up_to, 0.0))) {
                rect x=(n(left + 1.0)) y=(n(top)) width=(n((right - left - 2.0).max(1.0)))
                    height=(n(bottom - top)) fill=(series_colour(0).0) fill-opacity="0.75" {
                    title { (bin_text(&bin)) }
                }
            }
        }
    };
    Chart::new(title, width, height, body)
}

fn bin_text(bin: &Bin) -> String {
    format!(
        "{} answers with confidence {:.2} to {:.2}: {:.1} % right",
        bin.answers,
        bin.above,
        bin.up_to,
        100.0 * bin.accuracy
    )
}

/// One set of answers of an accuracy/coverage chart.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// Its name, for the legend.
    pub name: String,
    /// Its curve, smallest coverage first.
    pub points: Vec<CoveragePoint>,
    /// The threshold to point out.
    pub threshold: Threshold,
}

/// Accuracy of the surest answers against their share of all pictures.
pub fn coverage(title: &str, sets: &[Coverage]) -> Chart {
    let line = |set: &Coverage| Line {
        name: format!(
            "{}: {:.1} % answered, {:.1} % right",
            set.name,
            100.0 * set.threshold.coverage,
            100.0 * set.threshold.accuracy
        ),
        points: set
            .points
            .iter()
            .map(|p| (p.coverage, p.accuracy))
            .collect(),
        ..Line::default()
    };
    let mark = |(line, set): (usize, &Coverage)| Mark::Dot {
        line,
        x: set.threshold.coverage,
        y: set.threshold.accuracy,
        label: String::new(),
    };
    // A handful of the surest answers swings widely and says little.
    let lowest = sets
        .iter()
        .flat_map(|set| &set.points)
        .filter(|point| point.coverage >= 0.1)
        .map(|point| point.accuracy)
        .fold(1.0, f64::min);
    let y = Range::around(
        super::Scale::Linear,
        [(lowest - 0.01).max(0.0), 1.0].into_iter(),
    );
    let marks: Vec<Mark> = sets.iter().enumerate().map(mark).collect();
    lines(&Lines {
        title: title.into(),
        x: Axis {
            range: Some((0.0, 1.0)),
            ..Axis::new("coverage: pictures that get an answer", Unit::Percent)
        },
        y: Axis {
            range: Some((y.low, y.high.min(1.0))),
            ..Axis::new("accuracy of the answers", Unit::Percent)
        },
        lines: sets.iter().map(line).collect(),
        marks,
    })
}
