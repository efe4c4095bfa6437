//! SVG to pixels, and how wide a text becomes. The only room that knows the renderer and the
//! font. Text is set in DejaVu Sans, which is compiled in: a machine's fonts change no picture.

use std::sync::{Arc, LazyLock};

use models::{RgbFrame, picture};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::svg::{FONTS, clean};

/// Why a chart could not become a picture.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// The renderer refuses the SVG.
    #[error("the chart cannot be rendered: {0}")]
    Render(String),
    /// The picture cannot be encoded.
    #[error("the chart cannot be written as PNG: {0}")]
    Encode(#[from] models::picture::DecodeError),
}

/// Pixels of the PNG for one unit of the drawing, so that it is sharp when printed.
const PIXELS: f32 = 2.0;

static OPTIONS: LazyLock<Options<'static>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.load_font_data(dejavu::sans::bold().to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    Options {
        fontdb: Arc::new(fonts),
        ..Options::default()
    }
});

/// The SVG as the bytes of a PNG file, on white.
pub(super) fn png(svg: &str) -> Result<Vec<u8>, PlotError> {
    let failed = |reason: String| PlotError::Render(reason);
    let tree = Tree::from_str(svg, &OPTIONS).map_err(|error| failed(error.to_string()))?;
    let size = tree
        .size()
        .to_int_size()
        .scale_by(PIXELS)
        .ok_or_else(|| failed("it has no size".into()))?;
    let mut pixmap = Pixmap::new(size.width(), size.height())
        .ok_or_else(|| failed(format!("{} x {} pixels", size.width(), size.height())))?;
    pixmap.fill(resvg::tiny_skia::Color::WHITE);
    resvg::render(
        &tree,
        Transform::from_scale(PIXELS, PIXELS),
        &mut pixmap.as_mut(),
    );
    let rgb = pixmap
        .data()
        .chunks_exact(4)
        .flat_map(|pixel| &pixel[..3])
        .copied()
        .collect();
    let frame = RgbFrame::new(size.width(), size.height(), rgb)
        .map_err(|error| failed(error.to_string()))?;
    Ok(picture::png(frame.view())?)
}

/// How wide a line of text is at a font size, in the drawing's units.
pub(super) fn width(text: &str, size: f32, bold: bool) -> f32 {
    let markup = maud::html! {
        svg xmlns="http://www.w3.org/2000/svg" width="1" height="1" {
            text y="100" font-family=(FONTS) font-size=(size)
                font-weight=[bold.then_some("bold")] { (clean(text)) }
        }
    };
    let tree = Tree::from_str(&markup.into_string(), &OPTIONS);
    tree.map_or(0.0, |tree| tree.root().abs_bounding_box().right().max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_measured_in_the_font_it_is_drawn_in() {
        let one = width("n", 10.0, false);
        assert!((4.0..8.0).contains(&one), "{one}");
        let many = width("nnnnnnnnnn", 10.0, false);
        assert!((9.0 * one..11.0 * one).contains(&many), "{many}");
        assert!(width("nnnnn", 10.0, true) > width("nnnnn", 10.0, false));
        assert_eq!(width("", 10.0, false), 0.0);
    }

    #[test]
    fn a_drawing_becomes_a_picture_twice_its_size() {
        let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='3' height='2'>\
                   <rect width='1' height='2' fill='#ff0000'/></svg>";
        let frame = picture::decode(&png(svg).unwrap()).unwrap();
        assert_eq!((frame.width(), frame.height()), (6, 4));
        assert_eq!(frame.view().pixel(1, 1), [255, 0, 0]);
        assert_eq!(frame.view().pixel(4, 1), [255, 255, 255]);
        let text = png("no drawing").unwrap_err().to_string();
        assert!(text.starts_with("the chart cannot be rendered: "), "{text}");
    }
}
