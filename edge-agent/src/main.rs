//! edge-agent
fn main() {}
