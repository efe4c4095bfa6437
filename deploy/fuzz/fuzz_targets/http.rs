//! The fuzzer at what a client sends to the agent's page.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| edge_agent::inputs::http(bytes));
