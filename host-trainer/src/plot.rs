//! Charts of a training run, each drawn once as SVG and rendered to PNG from that very SVG. The
//! drawing is plain geometry in templates: a page can restyle it by its classes. Measures
//! nothing, writes no file.

mod axes;
mod colour;
mod curves;
mod lines;
mod matrix;
mod raster;
mod scale;
mod svg;

pub use curves::{Calibration, Coverage, calibration, coverage, roc};
pub use lines::{Axis, Line, Lines, Mark, Scale, Unit, lines};
pub use matrix::confusion;
pub use svg::Chart;
