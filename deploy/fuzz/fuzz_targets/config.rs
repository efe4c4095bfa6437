//! The fuzzer at the agent's config file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| edge_agent::inputs::config(bytes));
