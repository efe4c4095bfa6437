//! The fuzzer at a packed bundle.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| edge_agent::inputs::bundle(bytes));
