//! Tries the fleet's files where their engines can be had: a real mosquitto with the fleet's own
//! configuration, a real PostgreSQL with its tables, simulated devices between them.
//! Starts servers on this machine alone, in temporary folders. Nothing of this is shipped: who runs
//! a fleet needs the folder above and no Rust.

pub mod broker;
pub mod client;
pub mod collector;
pub mod database;
pub mod event;
pub mod fleet;
pub mod load;
pub mod process;
pub mod storage;
pub mod wire;
