//! The vocabulary of a drawing: a finished chart, text that cannot break it, numbers in few
//! digits, inks. Knows no axes.

use maud::{Markup, html};

use super::raster::{self, PlotError};

/// Font families of all text: the first is what the PNG is set in.
pub(super) const FONTS: &str = "DejaVu Sans, Verdana, sans-serif";
/// Size of ordinary text.
pub(super) const TEXT: f32 = 13.0;
/// Colour of lines and text, unless a page restyles `.ink`.
pub(super) const INK: &str = "#1f2328";
/// Colour of secondary text, unless a page restyles `.muted`.
pub(super) const MUTED: &str = "#59636e";
/// Colour of grid lines, unless a page restyles `.grid`.
pub(super) const GRID: &str = "#dde1e6";

/// A finished drawing.
#[derive(Clone, Debug)]
pub struct Chart {
    title: String,
    width: f32,
    height: f32,
    body: Markup,
}

impl Chart {
    pub(super) fn new(title: &str, width: f32, height: f32, body: Markup) -> Self {
        Self {
            title: clean(title),
            width,
            height,
            body,
        }
    }

    /// For a page: transparent, as wide as the page lets it be; its `.ink`, `.muted`, `.grid`
    /// and `.casing` can be restyled.
    pub fn inline(&self) -> Markup {
        let view = format!("0 0 {} {}", n(self.width), n(self.height));
        html! {
            svg.chart viewBox=(view) width=(n(self.width)) height=(n(self.height)) role="img"
                aria-label=(self.title) { (self.body) }
        }
    }

    /// A file of its own, on white.
    pub fn svg(&self) -> String {
        let view = format!("0 0 {} {}", n(self.width), n(self.height));
        let markup = html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox=(view) width=(n(self.width))
                height=(n(self.height)) role="img" {
                title { (self.title) }
                rect width="100%" height="100%" fill="#ffffff" {}
                (self.body)
            }
        };
        markup.into_string() + "\n"
    }

    /// The same as the bytes of a PNG file, two pixels for a unit.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        raster::png(&self.svg())
    }
}

/// A coordinate with two decimals at most.
pub(super) fn n(value: f32) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".into()
    } else {
        text.into()
    }
}

/// The text without characters that XML forbids (control characters).
pub(super) fn clean(text: &str) -> String {
    let allowed = |c: char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars()
        .map(|c| if allowed(c) { c } else { '\u{fffd}' })
        .collect()
}

/// The text, cut with an ellipsis so that it is at most `room` wide.
pub(super) fn fitted(text: &str, size: f32, room: f32) -> String {
    let text = clean(text);
    if raster::width(&text, size, false) <= room {
        return text;
    }
    let mut kept: Vec<char> = text.chars().collect();
    while !kept.is_empty() {
        kept.pop();
        let shorter: String = kept.iter().collect::<String>() + "…";
        if raster::width(&shorter, size, false) <= room {
            return shorter;
        }
    }
    String::new()
}

/// Where a text's `x` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// At its beginning.
    Start,
    /// In its middle.
    Middle,
    /// At its end.
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Font size.
    pub size: f32,
    /// Where `x` is.
    pub anchor: Anchor,
    /// Whether it is secondary.
    pub muted: bool,
    /// Whether it is bold.
    pub bold: bool,
}

impl Style {
    /// Ordinary text.
    pub(super) fn new(anchor: Anchor) -> Self {
        Self {
            size: TEXT,
            anchor,
            muted: false,
            bold: false,
        }
    }

    /// Secondary text.
    pub(super) fn muted(anchor: Anchor) -> Self {
        Self {
            muted: true,
            ..Self::new(anchor)
        }
    }

    /// A heading of a chart.
    pub(super) fn title(anchor: Anchor) -> Self {
        Self {
            size: 15.0,
            bold: true,
            ..Self::new(anchor)
        }
    }
}

/// Text whose vertical middle is at `y`.
pub(super) fn text(x: f32, y: f32, style: Style, text: &str) -> Markup {
    let (class, ink) = if style.muted {
        ("muted", MUTED)
    } else {
        ("ink", INK)
    };
    let anchor = match style.anchor {
        Anchor::Start => None,
        Anchor::Middle => Some("middle"),
        Anchor::End => Some("end"),
    };
    html! {
        text class=(class) x=(n(x)) y=(n(y + 0.36 * style.size)) fill=(ink) font-family=(FONTS)
            font-size=(n(style.size)) font-weight=[style.bold.then_some("bold")]
            text-anchor=[anchor] { (clean(text)) }
    }
}

/// Text that reads upwards, its middle at `x`, `y`.
pub(super) fn upright(x: f32, y: f32, style: Style, content: &str) -> Markup {
    let turn = format!("translate({} {}) rotate(-90)", n(x), n(y));
    html! { g transform=(turn) { (text(0.0, 0.0, style, content)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short() {
        for (value, text) in [(1.0, "1"), (0.126, "0.13"), (-0.001, "0"), (100.5, "100.5")] {
            assert_eq!(n(value), text);
        }
    }

    #[test]
    fn hostile_text_stays_text() {
        let body = text(0.0, 0.0, Style::new(Anchor::Start), "<script>\u{1}&\"");
        let chart = Chart::new("a\u{0}<b>", 20.0, 10.0, body);
        let svg = chart.svg();
        assert!(svg.contains("&lt;script&gt;\u{fffd}&amp;&quot;"), "{svg}");
        assert!(svg.contains("<title>a\u{fffd}&lt;b&gt;</title>"), "{svg}");
        assert!(chart.png().is_ok());
        assert!(!chart.inline().into_string().contains("http"), "{svg}");
    }

    #[test]
    fn long_text_is_cut_to_its_room() {
        assert_eq!(fitted("red", 12.0, 100.0), "red");
        let cut = fitted("a very long name of a class", 12.0, 60.0);
        assert!(cut.ends_with('…') && cut.starts_with("a very"), "{cut}");
        assert!(raster::width(&cut, 12.0, false) <= 60.0);
    }
}
