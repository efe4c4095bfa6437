//! The fuzzer at a camera's frame.
#![no_main]

// The agent catches the JPEG decoder's panics; the fuzzer's own hook would end at each.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|told| eprintln!("{told}"))),
    |bytes: &[u8]| edge_agent::inputs::frame(bytes)
);
