//! A confusion matrix as a picture: counts in cells shaded by their share of the row, recall
//! beside each row and precision below each column. Counts nothing.

use maud::{Markup, html};

use super::raster;
use super::svg::{Anchor, Chart, GRID, Style, TEXT, clean, fitted, n, text, upright};
use crate::metrics::Confusion;

const RIGHT: &str = "#1f6fd0";
const WRONG: &str = "#d4501e";
/// Largest width of a class's name.
const NAME: f32 = 110.0;

/// Draws the matrix. It grows with the classes; names too long for their place are cut.
pub fn confusion(title: &str, confusion: &Confusion) -> Chart {
    let classes = confusion.classes.len();
    let cell = (460.0 / classes.max(1) as f32).clamp(24.0, 64.0);
    let size = if cell < 32.0 { 9.5 } else { TEXT };
    let names: Vec<String> = confusion
        .classes
        .iter()
        .map(|c| fitted(c, size, NAME))
        .collect();
    let widest = names
        .iter()
        .map(|name| raster::width(name, size, false))
        .fold(64.0, f32::max);
    // Names lie flat above their columns when all fit, else they stand.
    let flat = widest + 6.0 <= cell;
    let (left, top) = (44.0 + widest, 66.0 + if flat { 18.0 } else { widest + 8.0 });
    let side = cell * classes as f32;
    let (width, height) = (left + side + 74.0, top + side + 36.0);
    let rows = confusion.per_class();
    let middle = |index: usize| cell * (index as f32 + 0.5);
    let percent = |share: f64, any: bool| match any {
        true => format!("{:.0}", 100.0 * share),
        false => "–".into(),
    };
    let answers = |class: usize| confusion.counts.iter().map(|row| row[class]).sum::<u32>();
    let small = |muted: bool, anchor: Anchor| Style {
        size,
        muted,
        ..Style::new(anchor)
    };
    let body = html! {
        (text(16.0, 18.0, Style::title(Anchor::Start), title))
        (text(left + side / 2.0, 46.0, Style::muted(Anchor::Middle), "answer"))
        (upright(20.0, top + side / 2.0, Style::muted(Anchor::Middle), "truth"))
        @for (index, name) in names.iter().enumerate() {
            (text(left - 8.0, top + middle(index), small(false, Anchor::End), name))
            @if flat {
                (text(left + middle(index), top - 12.0, small(false, Anchor::Middle), name))
            } @else {
                (upright(left + middle(index), top - 8.0, small(false, Anchor::Start), name))
            }
        }
        @for (truth, row) in confusion.counts.iter().enumerate() {
            @for (answer, count) in row.iter().enumerate() {
                (square(confusion, (truth, answer), *count, rows[truth].pictures,
                    (left + cell * answer as f32, top + cell * truth as f32), cell, size))
            }
        }
        rect x=(n(left)) y=(n(top)) width=(n(side)) height=(n(side)) fill="none" stroke=(GRID)
            class="grid" {}
        (text(left + side + 62.0, top - 12.0, small(true, Anchor::End), "recall %"))
        (text(left - 8.0, top + side + 15.0, small(true, Anchor::End), "precision %"))
        @for (index, row) in rows.iter().enumerate() {
            (text(left + side + 62.0, top + middle(index), small(true, Anchor::End),
                &percent(row.recall, row.pictures > 0)))
            @let precision = percent(row.precision, answers(index) > 0);
            (text(left + middle(index), top + side + 15.0, small(true, Anchor::Middle), &precision))
        }
    };
    Chart::new(title, width, height, body)
}

fn square(
    confusion: &Confusion,
    (truth, answer): (usize, usize),
    count: u32,
    pictures: u32,
    (x, y): (f32, f32),
    cell: f32,
    size: f32,
) -> Markup {
    let share = f64::from(count) / f64::from(pictures.max(1));
    let hue = if truth == answer { RIGHT } else { WRONG };
    // Even one picture of a thousand must be seen.
    let opacity = if count == 0 { 0.0 } else { 0.10 + 0.88 * share };
    let digits = count.to_string();
    let wide = raster::width(&digits, size, false);
    let size = if wide > cell - 4.0 {
        size * (cell - 4.0) / wide
    } else {
        size
    };
    let style = Style {
        size,
        bold: truth == answer,
        ..Style::new(Anchor::Middle)
    };
    let says = format!(
        "{count} of {pictures} {} answered as {} ({:.1} %)",
        confusion.classes[truth],
        confusion.classes[answer],
        100.0 * share
    );
    html! {
        g {
            title { (clean(&says)) }
            rect.grid x=(n(x)) y=(n(y)) width=(n(cell)) height=(n(cell)) stroke=(GRID)
                stroke-width="0.6" fill=(hue) fill-opacity=(format!("{opacity:.2}")) {}
            @if count > 0 {
                @if opacity > 0.72 {
                    g.on-shade fill="#ffffff" { (on_shade(x + cell / 2.0, y + cell / 2.0, style, &digits)) }
                } @else {
                    (text(x + cell / 2.0, y + cell / 2.0, style, &digits))
                }
            }
        }
    }
}

/// White text, whatever the page's ink.
fn on_shade(x: f32, y: f32, style: Style, digits: &str) -> Markup {
    html! {
        text x=(n(x)) y=(n(y + 0.36 * style.size)) font-family=(super::svg::FONTS)
            font-size=(n(style.size)) font-weight=[style.bold.then_some("bold")]
            text-anchor="middle" { (digits) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_has_a_cell_that_says_what_it_is() {
        let names = ["red", "a <very> long name of a class & more"].map(String::from);
        let mut counts = Confusion::new(&names);
        (0..3).for_each(|_| counts.add(0, 0));
        counts.add(0, 1);
        let svg = confusion("Test", &counts).svg();
        assert!(
            svg.contains("<title>3 of 4 red answered as red (75.0 %)</title>"),
            "{svg}"
        );
        assert!(svg.contains("answered as a &lt;very&gt; long"), "{svg}");
        assert_eq!(
            svg.matches("<rect class=\"grid\"").count() + svg.matches("class=\"grid\">").count(),
            5
        );
    }

    #[test]
    fn one_class_or_sixty_can_be_drawn() {
        for classes in [1usize, 2, 60] {
            let names: Vec<String> = (0..classes).map(|n| format!("class {n}")).collect();
            let mut counts = Confusion::new(&names);
            counts.add(0, classes - 1);
            assert!(confusion("x", &counts).png().is_ok());
        }
    }
}
