//! What truths and answers say of a classifier: counts, curves, calibration, intervals. Plain
//! numbers in, plain numbers out; knows neither pictures nor networks nor files.

mod calibration;
mod confusion;
mod coverage;
mod paired;
mod roc;

pub use calibration::{
    BINS, Bin, calibration_error_by_chance, expected_calibration_error, fit_temperature,
    reliability,
};
pub use confusion::{ClassMetrics, Confusion};
pub use coverage::{CoveragePoint, TARGET_ACCURACY, Threshold, coverage_curve, decided, recommend};
pub use paired::{Interval, mcnemar, wilson};
pub use roc::{Curve, Roc};
