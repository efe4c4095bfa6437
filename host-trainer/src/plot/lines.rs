//! Lines over two axes, for whatever has numbers to show: curves of a training run, a search for
//! a learning rate. Computes nothing.

use maud::html;

use super::axes::{Area, Panel, Stroke, dot, legend};
pub use super::axes::{Axis, Unit};
use super::colour::series_colour;
use super::raster;
pub use super::scale::Scale;
use super::svg::{Anchor, Chart, INK, Style, TEXT, n, text};

/// One line of a chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// What it shows, for the legend.
    pub name: String,
    /// Its points, left to right. Those that are no numbers make gaps.
    pub points: Vec<(f64, f64)>,
    /// Whether it is drawn with dashes and thin, as the less important of a pair.
    pub faint: bool,
    /// The line whose colour it shares; its own index when absent.
    pub pair: Option<usize>,
}

/// Something to point out.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// An upright line at `x`.
    Upright {
        /// Where.
        x: f64,
        /// What it is.
        label: String,
    },
    /// A dot in the colour of a line.
    Dot {
        /// Index of the line.
        line: usize,
        /// Where, across.
        x: f64,
        /// Where, up.
        y: f64,
        /// What it is; may be empty.
        label: String,
    },
}

/// A chart of lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    /// Its heading.
    pub title: String,
    /// Left to right.
    pub x: Axis,
    /// Bottom to top.
    pub y: Axis,
    /// The lines, at least none.
    pub lines: Vec<Line>,
    /// What is pointed out.
    pub marks: Vec<Mark>,
}

const WIDTH: f32 = 580.0;
const HEIGHT: f32 = 360.0;

/// Draws the chart, 580 x 360 units and as much more as its legend needs.
pub fn lines(chart: &Lines) -> Chart {
    let all = || chart.lines.iter().flat_map(|line| &line.points);
    let dots = chart.marks.iter().filter_map(|mark| match mark {
        Mark::Dot { y, .. } => Some(*y),
        Mark::Upright { .. } => None,
    });
    let x = chart.x.span(all().map(|point| point.0));
    let y = chart.y.span(all().map(|point| point.1).chain(dots));
    let keys = keys(&chart.lines);
    let top = 34.0 + 20.0 * keys.rows as f32;
    let height = HEIGHT + 20.0 * keys.rows.saturating_sub(1) as f32;
    let area = Area {
        left: 8.0,
        top,
        width: WIDTH - 8.0,
        height: height - top - 8.0,
    };
    let panel = Panel::within(area, (&chart.x, x), (&chart.y, y));
    let body = html! {
        (text(16.0, 18.0, Style::title(Anchor::Start), &chart.title))
        (keys.markup)
        (panel.axes(&chart.x, &chart.y))
        @for (index, line) in chart.lines.iter().enumerate() {
            (panel.line(&line.points, &stroke(index, line)))
        }
        @for mark in &chart.marks { (self::mark(&panel, mark)) }
    };
    Chart::new(&chart.title, WIDTH, height, body)
}

fn stroke(index: usize, line: &Line) -> Stroke {
    let hue = line.pair.unwrap_or(index);
    Stroke {
        colour: series_colour(hue),
        dash: match (line.faint, hue >= 7) {
            (true, _) => Some("5 3"),
            (false, true) => Some("9 2"),
            (false, false) => None,
        },
        width: if line.faint { 1.6 } else { 2.2 },
        ink: false,
    }
}

struct Keys {
    rows: usize,
    markup: maud::Markup,
}

/// The legend in rows under the heading; none for one line.
fn keys(lines: &[Line]) -> Keys {
    if lines.len() < 2 {
        return Keys {
            rows: 0,
            markup: html! {},
        };
    }
    let (mut x, mut row) = (16.0, 0);
    let mut placed = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let name = super::svg::fitted(&line.name, TEXT, WIDTH - 80.0);
        let width = raster::width(&name, TEXT, false) + 30.0;
        if x > 16.0 && x + width > WIDTH - 16.0 {
            (x, row) = (16.0, row + 1);
        }
        let area = Area {
            left: x,
            top: 32.0 + 20.0 * row as f32,
            width: width + 6.0,
            height: 19.0,
        };
        placed.push(legend(area, &[(stroke(index, line), name, String::new())]));
        x += width + 22.0;
    }
    Keys {
        rows: row + 1,
        markup: html! { @for key in &placed { (key) } },
    }
}

/// A mark with its label on the side that has more room.
pub(super) fn mark(panel: &Panel, mark: &Mark) -> maud::Markup {
    let (x, y, label) = match mark {
        Mark::Upright { x, label } => (*x, panel.y.high, label),
        Mark::Dot { x, y, label, .. } => (*x, *y, label),
    };
    let Some((left, top)) = panel.at((x, y)) else {
        return html! {};
    };
    let area = panel.area;
    let room_right = area.left + area.width - left;
    let fits_right = raster::width(label, TEXT, false) + 8.0 < room_right;
    let (anchor, shift) = match fits_right || room_right > area.width / 2.0 {
        true => (Anchor::Start, 7.0),
        false => (Anchor::End, -7.0),
    };
    html! {
        @if let Mark::Dot { line, .. } = mark {
            (dot(left, top, 5.0, series_colour(*line)))
            @let below = top + 14.0;
            @let above = top - 14.0;
            @let high = if below > area.top + area.height - 8.0 { above } else { below };
            (halo(left + shift, high, anchor, label))
        } @else {
            line.ink-line x1=(n(left)) x2=(n(left)) y1=(n(area.top)) y2=(n(area.top + area.height))
                stroke=(INK) stroke-width="1" stroke-dasharray="3 3" {}
            (halo(left + shift, area.top + 10.0, anchor, label))
        }
    }
}

/// Text that stays legible over lines.
fn halo(x: f32, y: f32, anchor: Anchor, label: &str) -> maud::Markup {
    html! {
        g.halo stroke="#ffffff" stroke-width="4" stroke-linejoin="round" paint-order="stroke" {
            (text(x, y, Style::new(anchor), label))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Lines {
        Lines {
            title: "Loss".into(),
            x: Axis {
                scale: Scale::Log,
                ..Axis::new("learning rate", Unit::Number)
            },
            y: Axis::new("loss", Unit::Number),
            lines: vec![Line {
                name: "loss".into(),
                points,
                ..Line::default()
            }],
            marks: vec![Mark::Upright {
                x: 1e-3,
                label: "suggested".into(),
            }],
        }
    }

    #[test]
    fn numbers_that_have_no_place_make_a_gap() {
        let points = vec![
            (1e-5, 2.0),
            (1e-4, 1.0),
            (1e-3, f64::NAN),
            (1e-2, 1.5),
            (1e-1, 3.0),
        ];
        let svg = lines(&chart(points)).svg();
        assert_eq!(svg.matches("<polyline").count(), 2, "{svg}");
        assert!(
            svg.contains(">suggested<") && svg.contains(">10⁻⁴<"),
            "{svg}"
        );
        assert!(!svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn nothing_to_draw_is_still_a_chart() {
        for points in [vec![], vec![(1e-3, 1.0)], vec![(f64::NAN, f64::INFINITY)]] {
            let chart = lines(&chart(points));
            assert!(!chart.svg().contains("NaN"));
            assert!(chart.png().is_ok());
        }
    }
}
