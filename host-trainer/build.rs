//! Links the trainer so that libtorch is found at run time and CUDA is not dropped.
//! Not a place for code generation.

fn main() {
    if let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    }
    // The linker drops libtorch.so as unneeded, and libtorch_cuda with it (tch-rs issue 980).
    println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
    println!("cargo:rustc-link-arg=-ltorch");
    println!("cargo:rustc-link-arg=-Wl,--as-needed");
}
