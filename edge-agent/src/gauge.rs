//! What a sink's counts say to whoever asks, at any time and from any thread. Reading disturbs
//! nobody.

use serde::Serialize;

/// A sink's counts at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// What messages call the sink.
    pub name: String,
    /// Events taken over.
    pub delivered: u64,
    /// Events that failed or were dropped, those of a full spool as well.
    pub lost: u64,
    /// Events that wait in memory.
    pub waiting: u64,
    /// Events that wait on disk; none for a sink without a spool.
    pub spooled: Option<u64>,
    /// Whether its reader went away for good.
    pub closed: bool,
}

/// Tells a sink's counts.
pub trait Gauge: Send + Sync {
    /// The counts now.
    fn read(&self) -> Reading;
}
