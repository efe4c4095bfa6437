//! deploy/road-sim
fn main() {}
