//! Statements one after another, from arguments, a file or standard input; the first failure ends them.

use std::io::{self, Write};

use crate::{
    CliError,
    command::{Checks, Command, statements},
    console::Console,
    render::Printer,
};

/// Runs the statements of `text`, which errors call `name`, and prints each answer.
///
/// # Errors
/// The first statement's error, with its place.
pub async fn run<W: Write>(
    console: &mut Console,
    printer: &mut Printer<W>,
    name: &str,
    text: &str,
) -> Result<(), CliError> {
    for statement in statements(text) {
        let placed = |cause: CliError| CliError::Statement {
            script: name.to_owned(),
            line: statement.line,
            cause: Box::new(cause),
        };
        if let Some(command) = Command::read(&statement.text).map_err(|cause| placed(cause.into()))? {
            run_one(console, printer, &command).await.map_err(placed)?;
        }
    }
    Ok(())
}

/// Runs one command and prints its answer.
///
/// # Errors
/// As [`Console::run`], and when the answer cannot be written.
pub async fn run_one<W: Write>(
    console: &mut Console,
    printer: &mut Printer<W>,
    command: &Command,
) -> Result<(), CliError> {
    let answer = console.run(command, Checks::Here).await?;
    taken(printer.answer(&answer), "the answer")
}

/// Whether `what` was written. Whoever read along and left has seen enough, as with `| head`: that is no failure.
///
/// # Errors
/// When it was not written for any other reason.
pub fn taken(written: io::Result<()>, what: &str) -> Result<(), CliError> {
    match written {
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|cause| CliError::Write { what: what.to_owned(), cause }),
    }
}
