//! Running a scenario, line by line, with a log that people read while it runs.

use std::{
    ffi::OsString,
    io::{self, Write},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    Action, HostCommand, Line, LineReport, Report,
    host::{self, FillError, HostError},
};
use crate::{
    CliError,
    command::{Checks, Command, CommandError, Reference, secrets},
    console::Console,
    http::CallError,
    render::{printable, sentence},
};

/// Lines this wide or wider do not line up their times.
const TEXT_WIDTH: usize = 110;

/// A scenario, ready to run.
pub struct Scenario {
    /// Its name, for the last line.
    pub name: String,
    /// What it does.
    pub lines: Vec<Line>,
    /// The program that takes one shell command as its argument and runs it on the host.
    pub host_exec: Option<OsString>,
    /// How long a shell command may take to come true.
    pub host_limit: Duration,
}

/// Why a line did not do what it should.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{}", sentence(.0))]
    Cli(#[from] CliError),
    #[error(transparent)]
    Fill(#[from] FillError),
    #[error("{}", chain(.0))]
    Host(#[from] HostError),
    #[error("it should be refused with {0}, but succeeds")]
    NotRefused(String),
    #[error("it should be refused with {expected}, but fails differently: {}", sentence(found))]
    RefusedOtherwise { expected: String, found: CliError },
    #[error("it should find {expected}, but finds {found}")]
    Count { expected: usize, found: usize },
    #[error("it should be {expected}, but is {found}")]
    Value { expected: String, found: String },
    #[error("it is no query, which is what finds a number of things")]
    NoQuery,
    #[error(transparent)]
    Reference(#[from] CommandError),
    #[error("it is a shell command, and --host-exec does not say how to reach the host")]
    NoHost,
}

fn chain(error: &HostError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// Runs `scenario` until its end or its first failure, and logs to `out`.
///
/// # Errors
/// Only when `out` does not take the log; a failed line is in the report.
pub async fn run(scenario: &Scenario, console: &mut Console, out: &mut impl Write) -> io::Result<Report> {
    let start = Instant::now();
    let mut reports: Vec<LineReport> = Vec::new();
    for line in &scenario.lines {
        let text = secrets::redact(console.catalog, &line.text, "***");
        let shown = printable(&text);
        write!(out, "{:>4}  {shown:TEXT_WIDTH$}", line.number)?;
        out.flush()?;
        let began = start.elapsed();
        let outcome = run_line(scenario, console, &line.action).await;
        let ended = start.elapsed();
        let took = (ended - began).as_secs_f64();
        let tries = outcome.as_ref().ok().copied().flatten();
        let retried = tries.filter(|tries| *tries > 1).map_or_else(String::new, |tries| format!("  ({tries} tries)"));
        writeln!(out, " {took:>8.3} s{retried}")?;
        let verb = match &line.action {
            Action::Call(command) | Action::Refusal { command, .. } | Action::Count { query: command, .. } => {
                Some(command.verb.clone())
            }
            Action::Value { .. } | Action::Host(_) => None,
        };
        let failure = outcome.err().map(|failure| failure.to_string());
        let failed = failure.is_some();
        let (began, ended) = (began.as_secs_f64(), ended.as_secs_f64());
        reports.push(LineReport { line: line.number, text, verb, began, ended, tries, failure });
        if failed {
            break;
        }
    }
    let failed = reports.iter().find_map(|line| line.failure.as_ref().map(|failure| (line.line, failure)));
    match failed {
        None => writeln!(out, "scenario: {} passed", scenario.name)?,
        Some((line, failure)) => writeln!(out, "scenario: {} failed at line {line}: {failure}", scenario.name)?,
    }
    out.flush()?;
    Ok(Report {
        scenario: scenario.name.clone(),
        passed: failed.is_none(),
        seconds: start.elapsed().as_secs_f64(),
        values: console.variables.remembered().clone(),
        lines: reports,
    })
}

/// Runs one line; a shell command says how often it was tried.
async fn run_line(scenario: &Scenario, console: &mut Console, action: &Action) -> Result<Option<u32>, Failure> {
    match action {
        Action::Call(command) => {
            console.run(command, Checks::Here).await?;
            Ok(None)
        }
        Action::Refusal { code, command } => refused(console, code, command).await.map(|()| None),
        Action::Count { expected, query } => counted(console, *expected, query).await.map(|()| None),
        Action::Value { expected, reference } => is_value(console, expected, reference).map(|()| None),
        Action::Host(command) => on_host(scenario, console, command).await.map(Some),
    }
}

async fn counted(console: &mut Console, expected: usize, query: &Command) -> Result<(), Failure> {
    let answer = console.run(query, Checks::Here).await?;
    let found = answer.body.get("inventories").and_then(Value::as_array).ok_or(Failure::NoQuery)?.len();
    if found == expected { Ok(()) } else { Err(Failure::Count { expected, found }) }
}

/// A value is compared as it is typed: a text without quotes, anything else as JSON.
fn is_value(console: &Console, expected: &str, reference: &Reference) -> Result<(), Failure> {
    let found = match console.variables.resolve(reference)? {
        Value::String(text) => text,
        other => other.to_string(),
    };
    if found == expected { Ok(()) } else { Err(Failure::Value { expected: expected.to_owned(), found }) }
}

/// The server is to refuse, so nothing is checked before it is asked.
async fn refused(console: &mut Console, code: &str, command: &Command) -> Result<(), Failure> {
    match console.run(command, Checks::AtServer).await {
        Ok(_) => Err(Failure::NotRefused(code.to_owned())),
        Err(CliError::Call(CallError::Api(error))) if error.involves(code) => Ok(()),
        Err(found) => Err(Failure::RefusedOtherwise { expected: code.to_owned(), found }),
    }
}

async fn on_host(scenario: &Scenario, console: &Console, command: &HostCommand) -> Result<u32, Failure> {
    let program = scenario.host_exec.as_deref().ok_or(Failure::NoHost)?;
    let command = command.fill(&console.variables)?;
    Ok(host::run(program, &command, scenario.host_limit).await?)
}
