//! The fuzzer at an event file's end.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| edge_agent::inputs::lines(bytes));
