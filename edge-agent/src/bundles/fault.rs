//! Places where tests cut the power: each call is one moment between two steps. A program with
//! debug assertions ends without any clean-up at the moment that `EDGE_AGENT_FAULT` counts out;
//! in any other program this is nothing.

/// One moment at which the power may go.
#[cfg(debug_assertions)]
pub fn point() {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static AT: LazyLock<Option<u64>> =
        LazyLock::new(|| std::env::var("EDGE_AGENT_FAULT").ok()?.parse().ok());
    static REACHED: AtomicU64 = AtomicU64::new(0);
    if *AT == Some(REACHED.fetch_add(1, Ordering::Relaxed)) {
        std::process::abort();
    }
}

/// One moment at which the power may go.
#[cfg(not(debug_assertions))]
pub fn point() {}
