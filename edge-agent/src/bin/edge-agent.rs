//! The program's entry. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    edge_agent::main()
}
