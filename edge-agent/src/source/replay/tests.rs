//! Replayed recordings.
