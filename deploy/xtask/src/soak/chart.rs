//! The run as a picture: memory with its line, and descriptors and threads, over simulated
//! hours. SVG text only.

use std::fmt::Write;

use super::samples::Sample;
use super::verdict::Verdict;

/// Size of the picture, and of the room around each field, pixels.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 560.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 20.0;
/// Upper and lower edge of each field.
const MEMORY: (f64, f64) = (50.0, 330.0);
const COUNTS: (f64, f64) = (390.0, 510.0);

/// A field with its scales.
struct Field {
    edges: (f64, f64),
    most_x: f64,
    most_y: f64,
}

impl Field {
    fn x(&self, hours: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * hours / self.most_x
    }

    fn y(&self, value: f64) -> f64 {
        let (top, bottom) = self.edges;
        bottom - (bottom - top) * value / self.most_y
    }

    /// Grid and numbers.
    fn frame(&self, svg: &mut String, title: &str) {
        let (top, bottom) = self.edges;
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{}\" class=\"title\">{title}</text>",
            top - 12.0
        );
        for value in ticks(self.most_y) {
            let y = self.y(value);
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H{}\" class=\"grid\"/>\
                 <text x=\"{}\" y=\"{:.1}\" class=\"right\">{value}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.0
            );
        }
        for hours in ticks(self.most_x) {
            let x = self.x(hours);
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {bottom}v4\" class=\"axis\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" class=\"middle\">{hours}</text>",
                bottom + 18.0
            );
        }
    }

    fn line(&self, svg: &mut String, class: &str, points: impl Iterator<Item = (f64, f64)>) {
        let points: Vec<String> = points
            .map(|(hours, value)| format!("{:.1},{:.1}", self.x(hours), self.y(value)))
            .collect();
        let points = points.join(" ");
        let _ = writeln!(svg, "<polyline points=\"{points}\" class=\"{class}\"/>");
    }
}

/// The picture.
pub fn svg(samples: &[Sample], verdict: &Verdict) -> String {
    let most = |of: &dyn Fn(&Sample) -> f64| samples.iter().map(of).fold(1e-3, f64::max);
    let most_x = most(&|sample| sample.hours);
    let mib = |sample: &Sample| sample.resident_kib as f64 / 1024.0;
    let (descriptors, threads) = (
        |sample: &Sample| sample.descriptors as f64,
        |sample: &Sample| sample.threads as f64,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<style>\
         .title{{font-weight:bold}}.right{{text-anchor:end}}.middle{{text-anchor:middle}}\
         .grid{{stroke:#ddd}}.axis{{stroke:#888}}polyline{{fill:none;stroke-width:1.5}}\
         .memory,.descriptors{{stroke:#1f6fb4}}.fit{{stroke:#c0392b;stroke-dasharray:6 4}}\
         .threads{{stroke:#e08b1a}}</style>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
    );
    let field = Field {
        edges: MEMORY,
        most_x,
        most_y: 1.15 * most(&mib),
    };
    let title = format!(
        "Resident memory, MiB (line: {:+.2} MiB a simulated day)",
        verdict.memory.an_hour * 24.0
    );
    field.frame(&mut svg, &title);
    let points = samples.iter().map(|sample| (sample.hours, mib(sample)));
    field.line(&mut svg, "memory", points);
    let ends = [*verdict.hours.start(), *verdict.hours.end()];
    let fitted = ends.map(|hours| {
        let value = verdict.memory.at_zero + verdict.memory.an_hour * hours;
        (hours, value)
    });
    field.line(&mut svg, "fit", fitted.into_iter());
    let field = Field {
        edges: COUNTS,
        most_x,
        most_y: 1.15 * most(&descriptors).max(most(&threads)),
    };
    field.frame(&mut svg, "Open descriptors (blue) and threads (orange)");
    let points = samples
        .iter()
        .map(|sample| (sample.hours, descriptors(sample)));
    field.line(&mut svg, "descriptors", points);
    let points = samples.iter().map(|sample| (sample.hours, threads(sample)));
    field.line(&mut svg, "threads", points);
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" class=\"right\">simulated hours</text>\n</svg>",
        WIDTH - RIGHT,
        COUNTS.1 + 38.0
    );
    svg
}

/// Round numbers from 0 on, four to eight of them.
fn ticks(most: f64) -> Vec<f64> {
    let rough = most / 8.0;
    let power = 10_f64.powf(rough.log10().floor());
    let round = [1.0, 2.0, 3.0, 5.0, 10.0];
    let step = round.iter().map(|step| step * power);
    let step = step
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let count = (most / step + 1e-9).floor() as u32;
    (0..=count)
        .map(|number| (f64::from(number) * step * 1000.0).round() / 1000.0)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            ticks(24.0),
            [0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0, 24.0]
        );
        assert_eq!(ticks(1.0), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
    }

    #[test]
    fn the_picture_has_each_line() {
        let samples: Vec<Sample> = (0..20)
            .map(|hours| Sample {
                hours: f64::from(hours),
                resident_kib: 40 << 10,
                descriptors: 20,
                threads: 7,
                ..Sample::default()
            })
            .collect();
        let none = BTreeSet::new();
        let verdict = Verdict::of(&samples, none.clone(), none).unwrap();
        let svg = svg(&samples, &verdict);
        assert_eq!(svg.matches("<polyline").count(), 4);
        assert!(svg.contains("+0.00 MiB a simulated day"), "{svg}");
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN"));
    }
}
