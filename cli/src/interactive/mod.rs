//! Talking to a cloud line by line: history, completion of everything the declarations and the cloud itself know, help.
//!
//! The editor is reedline and not rustyline, for its menus with descriptions. It is synchronous and holds the main
//! thread; completion that asks the server blocks only there, while the runtime's worker does the talking.

mod ask;
mod builtin;
mod complete;
mod editor;
mod help;
mod highlight;
mod history;
mod lookup;
mod names;

use std::{
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex},
};

pub use ask::Terminal;
pub use help::help;
use reedline::Signal;
use tokio::runtime::Runtime;

use self::{builtin::Builtin, complete::Known, lookup::NodeLookup};
use crate::{
    CliError,
    command::Command,
    console::Console,
    render::{Printer, report},
    script,
    session::StateDir,
};

/// The width of this process's terminal, in columns, if standard output is one.
#[must_use]
pub fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// Reads and runs lines until the person leaves. A failed line is told, and the next one read.
///
/// # Errors
/// When the terminal fails, or history cannot be kept.
pub fn run<W: Write>(
    runtime: &Runtime,
    mut console: Console,
    mut printer: Printer<W>,
    state: Option<StateDir>,
) -> Result<(), CliError> {
    let terminal = |cause| CliError::Read { path: PathBuf::from("the terminal"), cause };
    let shown = |cause| CliError::Write { what: "to the terminal".into(), cause };
    let known = Arc::new(Mutex::new(Known::of(&console)));
    let lookup = NodeLookup::new(runtime.handle().clone(), console.client().clone(), console.catalog, known.clone());
    let history = state.map(|state| state.ensure_private("history")).transpose()?;
    let mut editor = editor::editor(console.catalog, known.clone(), Box::new(lookup), history.as_deref())?;
    let endpoint = console.client().endpoint().to_string();
    let version = env!("CARGO_PKG_VERSION");
    printer
        .line(&format!("cumulo {version} at {endpoint}: Tab completes, 'help' lists the verbs, Ctrl-D leaves"))
        .map_err(shown)?;
    loop {
        let prompt = editor::prompt(&console);
        let line = match editor.read_line(&prompt).map_err(|cause| terminal(io::Error::other(cause)))? {
            Signal::Success(line) => line,
            Signal::CtrlD => return Ok(()),
            _ => continue,
        };
        // So that another shell sees it, and a crash loses nothing.
        editor.sync_history().map_err(shown)?;
        let outcome = match Builtin::read(&line) {
            Some(Builtin::Leave) => return Ok(()),
            Some(Builtin::Help(verb)) => help(console.catalog, verb.as_deref())
                .map_err(CliError::from)
                .and_then(|text| printer.line(&text).map_err(shown)),
            Some(Builtin::Variables) => printer.line(&builtin::variables(&console.variables)).map_err(shown),
            None => runtime.block_on(run_line(&mut console, &mut printer, &line)),
        };
        if let Err(error) = outcome {
            eprintln!("{}", report(&error));
        }
        if let Ok(mut known) = known.lock() {
            *known = Known::of(&console);
        }
    }
}

async fn run_line<W: Write>(console: &mut Console, printer: &mut Printer<W>, line: &str) -> Result<(), CliError> {
    match Command::read(line)? {
        Some(command) => script::run_one(console, printer, &command).await,
        None => Ok(()),
    }
}
