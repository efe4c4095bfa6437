//! A rectangle with two axes: grid, ticks, labels, and lines and points at their numbers' places.
//! Knows neither epochs nor classes.

use maud::{Markup, html};

use super::colour::Colour;
use super::raster;
use super::scale::{Range, Scale, number};
use super::svg::{Anchor, GRID, INK, MUTED, Style, TEXT, n, text, upright};

/// How an axis's numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// As they are.
    #[default]
    Number,
    /// Whole numbers alone, such as epochs.
    Whole,
    /// Shares (0 to 1) as percent.
    Percent,
}

/// One axis of a chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// What it shows, with the unit.
    pub label: String,
    /// How it grows.
    pub scale: Scale,
    /// How its numbers are written.
    pub unit: Unit,
    /// First and last number; around the data when absent.
    pub range: Option<(f64, f64)>,
}

impl Axis {
    /// An axis in equal steps around the data.
    pub fn new(label: &str, unit: Unit) -> Self {
        Self {
            label: label.into(),
            unit,
            ..Self::default()
        }
    }

    /// The numbers it spans.
    pub(super) fn span(&self, numbers: impl Iterator<Item = f64>) -> Range {
        match self.range {
            Some((low, high)) => Range {
                scale: self.scale,
                low,
                high,
            },
            None if self.unit == Unit::Whole => {
                let exact = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                    (low.min(v), high.max(v))
                });
                match exact {
                    (low, high) if low < high => Range::linear(low, high),
                    (low, high) if low == high => Range::linear(low - 1.0, low + 1.0),
                    _ => Range::linear(0.0, 1.0),
                }
            }
            None => Range::around(self.scale, numbers),
        }
    }

    fn ticks(&self, range: &Range, most: usize) -> Vec<(f64, String)> {
        let mut values = range.ticks(most);
        if self.unit == Unit::Whole {
            values.retain(|value| value.fract().abs() < 1e-9);
        }
        let largest = values
            .iter()
            .fold(0.0, |most: f64, value| most.max(value.abs()));
        let step = match values.as_slice() {
            [first, second, ..] => second - first,
            _ => range.high - range.low,
        };
        let written = |value: f64| match (self.unit, self.scale) {
            (Unit::Percent, _) => format!("{} %", number(100.0 * value, 100.0 * step, 100.0)),
            (_, Scale::Log) => number(value, value, range.low),
            _ => number(value, step, largest),
        };
        values.into_iter().map(|v| (v, written(v))).collect()
    }
}

/// A rectangle of the drawing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Across.
    pub width: f32,
    /// Down.
    pub height: f32,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    /// Its colour.
    pub colour: Colour,
    /// Its dash pattern; solid without.
    pub dash: Option<&'static str>,
    /// How thick.
    pub width: f32,
    /// Whether it has the page's ink instead of a colour of its own.
    pub ink: bool,
}

/// A plotting area with its two ranges.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    /// Where the data is drawn.
    pub area: Area,
    /// Left to right.
    pub x: Range,
    /// Bottom to top.
    pub y: Range,
}

impl Panel {
    /// A panel with room inside `area` for the axes' ticks and labels.
    pub(super) fn within(
        area: Area,
        (x_axis, x): (&Axis, Range),
        (y_axis, y): (&Axis, Range),
    ) -> Self {
        let widest = y_axis
            .ticks(&y, most(area.height))
            .iter()
            .map(|(_, label)| raster::width(label, TEXT, false))
            .fold(0.0, f32::max);
        let label = |axis: &Axis| if axis.label.is_empty() { 0.0 } else { 20.0 };
        let left = widest + 12.0 + label(y_axis);
        let bottom = 24.0 + label(x_axis);
        // The last tick's label may stand out on the right, the first line's at the top.
        let (right, top) = (25.0, 8.0);
        Self {
            area: Area {
                left: area.left + left,
                top: area.top + top,
                width: area.width - left - right,
                height: area.height - top - bottom,
            },
            x,
            y,
        }
    }

    /// Grid, frame, ticks and labels.
    pub(super) fn axes(&self, x: &Axis, y: &Axis) -> Markup {
        let Area {
            left,
            top,
            width,
            height,
        } = self.area;
        let (right, bottom) = (left + width, top + height);
        let widest = |ticks: &[(f64, String)]| {
            let widths = ticks
                .iter()
                .map(|(_, label)| raster::width(label, TEXT, false));
            widths.fold(0.0, f32::max)
        };
        let mut x_ticks = x.ticks(&self.x, most(width));
        // As many labels as fit side by side.
        let room = (width / (widest(&x_ticks) + 14.0)).max(1.0) as usize;
        x_ticks = x.ticks(&self.x, room.min(most(width)));
        let every = x_ticks.len().div_ceil(room.max(1)).max(1);
        let y_ticks = y.ticks(&self.y, most(height));
        let y_widest = widest(&y_ticks);
        let across = |value: f64| self.x.place(value).map(|p| left + p as f32 * width);
        let up = |value: f64| self.y.place(value).map(|p| bottom - p as f32 * height);
        html! {
            @for (value, label) in x_ticks.iter().step_by(every) {
                @if let Some(at) = across(*value) {
                    line.grid x1=(n(at)) x2=(n(at)) y1=(n(top)) y2=(n(bottom)) stroke=(GRID) {}
                    (text(at, bottom + 13.0, Style::muted(Anchor::Middle), label))
                }
            }
            @for (value, label) in &y_ticks {
                @if let Some(at) = up(*value) {
                    line.grid x1=(n(left)) x2=(n(right)) y1=(n(at)) y2=(n(at)) stroke=(GRID) {}
                    (text(left - 7.0, at, Style::muted(Anchor::End), label))
                }
            }
            line.axis x1=(n(left)) x2=(n(right)) y1=(n(bottom)) y2=(n(bottom)) stroke=(MUTED) {}
            line.axis x1=(n(left)) x2=(n(left)) y1=(n(top)) y2=(n(bottom)) stroke=(MUTED) {}
            @if !x.label.is_empty() {
                (text(left + width / 2.0, bottom + 34.0, Style::new(Anchor::Middle), &x.label))
            }
            @if !y.label.is_empty() {
                (upright(left - y_widest - 22.0, top + height / 2.0, Style::new(Anchor::Middle),
                    &y.label))
            }
        }
    }

    /// Where a pair of numbers is; none when it has no place.
    pub(super) fn at(&self, (x, y): (f64, f64)) -> Option<(f32, f32)> {
        let (x, y) = (self.x.place(x)?, self.y.place(y)?);
        Some((
            self.area.left + x as f32 * self.area.width,
            self.area.top + (1.0 - y as f32) * self.area.height,
        ))
    }

    /// Lines through the points, cut off at the panel's edge. A point without a place makes a
    /// gap; a point alone between gaps is a dot.
    pub(super) fn line(&self, points: &[(f64, f64)], stroke: &Stroke) -> Markup {
        let places: Vec<Option<(f32, f32)>> = points.iter().map(|p| self.at(*p)).collect();
        let runs: Vec<Vec<(f32, f32)>> = places
            .split(Option::is_none)
            .filter(|run| !run.is_empty())
            .map(|run| run.iter().flatten().copied().collect())
            .collect();
        let area = self.area;
        // A little room, so that a line along the edge keeps its whole width.
        let slack = 2.0;
        let view = format!(
            "{} {} {} {}",
            n(area.left - slack),
            n(area.top - slack),
            n(area.width + 2.0 * slack),
            n(area.height + 2.0 * slack)
        );
        html! {
            // A nested drawing clips without an id, which a page with many charts would repeat.
            svg x=(n(area.left - slack)) y=(n(area.top - slack)) width=(n(area.width + 2.0 * slack))
                height=(n(area.height + 2.0 * slack)) viewBox=(view) {
                @for run in &runs {
                    @if let [(x, y)] = run[..] {
                        (dot(x, y, stroke.width * 1.2, stroke.colour))
                    } @else {
                        (polyline(&thinned(run, area), stroke))
                    }
                }
            }
        }
    }
}

/// Ticks that a length has room for.
fn most(length: f32) -> usize {
    ((length / 45.0) as usize).clamp(2, 10)
}

/// Leaves out what no eye could tell: points close to the one before, points in the middle of a
/// straight stretch of a staircase, and all but the ends of a stretch outside the panel.
fn thinned(run: &[(f32, f32)], area: Area) -> Vec<(f32, f32)> {
    let beyond = |(x, y): (f32, f32)| {
        [
            x < area.left,
            x > area.left + area.width,
            y < area.top,
            y > area.top + area.height,
        ]
    };
    let mut kept: Vec<(f32, f32)> = Vec::new();
    for (index, point) in run.iter().enumerate() {
        let last = index + 1 == run.len();
        if let Some(before) = kept.last()
            && !last
            && (before.0 - point.0).abs() + (before.1 - point.1).abs() < 0.4
        {
            continue;
        }
        if let [.., first, middle] = kept[..] {
            let flat = |a: f32, b: f32, c: f32| (a - b).abs() < 0.01 && (b - c).abs() < 0.01;
            let outside = [first, middle, *point].map(beyond);
            let straight = flat(first.0, middle.0, point.0) || flat(first.1, middle.1, point.1);
            if straight || (0..4).any(|side| outside.iter().all(|beyond| beyond[side])) {
                kept.pop();
            }
        }
        kept.push(*point);
    }
    kept
}

fn polyline(points: &[(f32, f32)], stroke: &Stroke) -> Markup {
    let list: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{},{}", n(*x), n(*y)))
        .collect();
    let list = list.join(" ");
    html! {
        @if !stroke.ink && stroke.colour.needs_casing() {
            polyline.casing points=(list) fill="none" stroke=(INK) stroke-opacity="0.55"
                stroke-width=(n(stroke.width + 1.6)) stroke-linejoin="round" {}
        }
        polyline.ink-line[stroke.ink] points=(list) fill="none" stroke=(stroke.colour.0)
            stroke-width=(n(stroke.width)) stroke-dasharray=[stroke.dash] stroke-linejoin="round" {}
    }
}

/// A filled circle.
pub(super) fn dot(x: f32, y: f32, radius: f32, colour: Colour) -> Markup {
    html! {
        circle.casing cx=(n(x)) cy=(n(y)) r=(n(radius)) fill=(colour.0) stroke=(INK)
            stroke-opacity=[colour.needs_casing().then_some("0.55")]
            stroke-width=(if colour.needs_casing() { "0.8" } else { "0" }) {}
    }
}

/// Entries of a legend below each other: a piece of the line, a name, a value to the right.
pub(super) fn legend(area: Area, entries: &[(Stroke, String, String)]) -> Markup {
    let row = (area.height / entries.len().max(1) as f32).min(19.0);
    html! {
        @for (index, (stroke, name, value)) in entries.iter().enumerate() {
            @let y = area.top + row * (index as f32 + 0.5);
            @let value_width = raster::width(value, TEXT, false);
            @let room = area.width - 30.0 - if value.is_empty() { 0.0 } else { value_width + 8.0 };
            g {
                title { (super::svg::clean(name)) }
                (polyline(&[(area.left, y), (area.left + 24.0, y)], stroke))
                (text(area.left + 30.0, y, Style::new(Anchor::Start),
                    &super::svg::fitted(name, TEXT, room)))
                (text(area.left + area.width, y, Style::muted(Anchor::End), value))
            }
        }
    }
}
