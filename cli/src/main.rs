//! The `cumulo` program: the command line over the real declarations.

use std::process::ExitCode;

use cumulo_cli::Catalog;

fn main() -> ExitCode {
    cumulo_cli::app::run(Catalog::new(cumulo_contracts::apis(), cumulo_contracts::resources().leak()))
}
