//! Which colour stands for what: classes that are named after colours look like them, others
//! get colours that can be told apart. Knows no chart.

/// A colour of a line or an area, as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub &'static str);

impl Colour {
    /// Whether it comes near white or black, so that a line of it needs an edge to be seen on
    /// both light and dark pages. By relative luminance (WCAG 2.2).
    pub(super) fn needs_casing(self) -> bool {
        let channel = |at: usize| {
            let byte = self
                .0
                .get(at..at + 2)
                .and_then(|s| u8::from_str_radix(s, 16).ok());
            let share = f64::from(byte.unwrap_or(0)) / 255.0;
            if share <= 0.04045 {
                share / 12.92
            } else {
                ((share + 0.055) / 1.055).powf(2.4)
            }
        };
        let luminance = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
        !(0.02..0.5).contains(&luminance)
    }
}

/// Colours of vehicles by the names they go by.
const NAMED: [(&[&str], Colour); 15] = [
    (&["black"], Colour("#17191c")),
    (&["blue"], Colour("#2563eb")),
    (&["brown"], Colour("#7b4a22")),
    (&["cyan", "turquoise", "teal"], Colour("#0fa3b1")),
    (&["gold"], Colour("#b8901f")),
    (&["green"], Colour("#1f8f3f")),
    (&["grey", "gray"], Colour("#7d8187")),
    (&["orange"], Colour("#f47b0a")),
    (&["pink"], Colour("#f48fb8")),
    (&["purple", "violet"], Colour("#7d3cc0")),
    (&["red"], Colour("#d42a2a")),
    (&["silver"], Colour("#b9c2cc")),
    (&["beige", "tan"], Colour("#d8c29a")),
    (&["white"], Colour("#ffffff")),
    (&["yellow"], Colour("#f3c70c")),
];

/// Okabe and Ito 2008, "Color Universal Design": told apart with any kind of colour vision.
const SERIES: [Colour; 7] = [
    Colour("#0072b2"),
    Colour("#d55e00"),
    Colour("#009e73"),
    Colour("#cc79a7"),
    Colour("#e69f00"),
    Colour("#56b4e9"),
    Colour("#7f6a00"),
];

/// Dashes of lines, so that neighbours differ in print too.
const DASHES: [Option<&str>; 6] = [
    None,
    Some("7 3"),
    Some("2 3"),
    Some("12 3 2 3"),
    Some("5 2 2 2 2 2"),
    Some("14 5"),
];

/// Colour of the `index`-th of several lines.
pub fn series_colour(index: usize) -> Colour {
    SERIES[index % SERIES.len()]
}

/// Dash pattern of the `index`-th of several lines of one hue.
pub(super) fn dash(index: usize) -> Option<&'static str> {
    DASHES[index % DASHES.len()]
}

/// A colour and a dash pattern for each class: its own colour when it is named after one, and
/// otherwise one of the series.
pub(super) fn classes(names: &[String]) -> Vec<(Colour, Option<&'static str>)> {
    let mut others = 0;
    let mut look = |name: &String| {
        let name = name.to_lowercase();
        let named = NAMED.iter().find(|(names, _)| names.contains(&&*name));
        if let Some((_, colour)) = named {
            // Beside grey, the near greys need more than their shade.
            let dashed = matches!(&*name, "silver" | "white");
            return (*colour, dash(usize::from(dashed)));
        }
        others += 1;
        let index: usize = others - 1;
        (series_colour(index), dash(index / SERIES.len()))
    };
    names.iter().map(&mut look).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_class_looks_like_no_other() {
        let mut names: Vec<String> =
            "black blue brown gold green grey orange pink purple red silver \
                                  white yellow van lorry bus tram bicycle tractor coach trailer"
                .split_whitespace()
                .map(String::from)
                .collect();
        names.extend((0..33).map(|n| format!("kind {n}")));
        let looks: BTreeSet<String> = classes(&names)
            .iter()
            .map(|(colour, dash)| format!("{} {dash:?}", colour.0))
            .collect();
        assert_eq!(looks.len(), names.len());
        assert_eq!(classes(&["Gray".to_string()])[0].0, Colour("#7d8187"));
    }
}
