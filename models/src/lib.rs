//! The contract between trainer and agent: what a bundle is, how a picture becomes the
//! network's input, and how the network is run. No training, no camera, no threads.
//!
//! ```text
//! picture file ─ picture ─▶ RgbFrame ─ view ─▶ Preprocessor ─▶ Runner ─▶ Scores
//!                                   (spec and model come from an opened, verified Bundle)
//! ```

pub mod archive;
pub mod bundle;
pub mod frame;
pub mod hash;
mod kernels;
pub mod manifest;
pub mod picture;
pub mod preprocess;
pub mod resample;
pub mod runner;
pub mod scores;
mod shipped;

pub use archive::{Archive, ArchiveError};
pub use bundle::{Bundle, BundleError};
pub use frame::{FrameError, Rect, RgbFrame, RgbView};
pub use manifest::{Manifest, ManifestError};
pub use picture::PictureError;
pub use preprocess::{PreprocessSpec, Preprocessor};
pub use runner::{Runner, RunnerError};
pub use scores::{Ranked, Scores};
