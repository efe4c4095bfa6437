//! Links the trainer so that libtorch is found at run time and CUDA is not dropped, and tells it
//! which bindings it was built with. Not a place for code generation.

use std::fs;

const LOCK: &str = "../Cargo.lock";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={LOCK}");
    let lock = fs::read_to_string(LOCK).unwrap_or_default();
    for name in ["tch", "tract-core"] {
        let version = locked(&lock, name).unwrap_or("?");
        let variable = name.to_uppercase().replace('-', "_");
        println!("cargo:rustc-env={variable}_VERSION={version}");
    }
    if let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    }
    // The linker drops libtorch.so as unneeded, and libtorch_cuda with it (tch-rs issue 980).
    println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
    println!("cargo:rustc-link-arg=-ltorch");
    println!("cargo:rustc-link-arg=-Wl,--as-needed");
}

/// A package's version in Cargo.lock.
fn locked<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("name = \"{name}\"\nversion = \"");
    let (_, rest) = lock.split_once(&start)?;
    rest.split('"').next()
}
