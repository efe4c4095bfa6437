//! The fuzzer at a spool's folder.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| edge_agent::inputs::spool(bytes));
