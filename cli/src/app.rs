//! The program: from arguments to an exit code.

use std::{
    env,
    io::{self, IsTerminal, Read},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;

use crate::{
    Catalog, CliError, Exit,
    command::{Command, CommandError, is_name},
    console::{AskSecret, Console, NobodyToAsk},
    http::{AccessKey, Client, Progress, Silent, Trust},
    interactive::{self, Terminal},
    options::{Common, Mode, Options, ScenarioOptions},
    render::{Printer, Spinner, report},
    scenario, script,
    session::{Keeper, Session, StateDir},
};

/// A session to use instead of the kept one; not an option, since arguments are for everybody to see.
const SESSION_VARIABLE: &str = "CUMULO_SESSION";
/// An access key to sign calls with instead; both parts have to be there.
const KEY_ID_VARIABLE: &str = "CUMULO_ACCESS_KEY_ID";
const KEY_SECRET_VARIABLE: &str = "CUMULO_ACCESS_KEY_SECRET";
/// The width of a table that goes to a file.
const FILE_WIDTH: usize = 160;

/// Runs the program over `catalog` with the process's arguments.
#[must_use]
pub fn run(catalog: Catalog) -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(problem) => {
            // Also where help and version end up; nothing can be done when they cannot be printed.
            let _ = problem.print();
            return if problem.use_stderr() { Exit::Usage } else { Exit::Success }.into();
        }
    };
    match dispatch(catalog, options) {
        Ok(()) => Exit::Success.into(),
        // The log has told it.
        Err(CliError::Scenario) => Exit::Failed.into(),
        Err(error) => {
            eprintln!("{}", report(&error));
            error.exit().into()
        }
    }
}

fn dispatch(catalog: Catalog, options: Options) -> Result<(), CliError> {
    // A worker besides the main thread, because the line editor holds the main thread while completion asks the server.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|cause| CliError::Write { what: "to the runtime".into(), cause })?;
    let common = options.common;
    let width = interactive::terminal_width().unwrap_or(FILE_WIDTH);
    let mut printer = Printer::new(catalog, io::stdout(), common.output, false, width);
    match options.mode {
        Some(Mode::Help { verb }) => {
            let text = interactive::help(catalog, verb.as_deref())?;
            script::taken(printer.line(&text), "the help")
        }
        Some(Mode::Scenario(options)) => runtime.block_on(run_scenario(catalog, &common, options)),
        Some(Mode::Words(words)) if !options.lines.is_empty() => {
            Err(CliError::Usage(format!("'{}' and -c cannot be used together", words.join(" "))))
        }
        Some(Mode::Words(words)) => match script_file(catalog, &words)? {
            Some((name, text)) => {
                let mut console = console(catalog, &common)?;
                runtime.block_on(script::run(&mut console, &mut printer, &name, &text))
            }
            None => {
                let command = Command::of_arguments(&words)?;
                let mut console = console(catalog, &common)?;
                runtime.block_on(script::run_one(&mut console, &mut printer, &command))
            }
        },
        None if !options.lines.is_empty() => {
            let mut console = console(catalog, &common)?;
            runtime.block_on(script::run(&mut console, &mut printer, "-c", &options.lines.join("\n")))
        }
        None if io::stdin().is_terminal() => {
            let console = console(catalog, &common)?;
            let printer = Printer::new(catalog, io::stdout(), common.output, true, width);
            interactive::run(&runtime, console, printer, StateDir::of_environment())
        }
        None => {
            let text = read("standard input", |text| io::stdin().read_to_string(text))?;
            let mut console = console(catalog, &common)?;
            runtime.block_on(script::run(&mut console, &mut printer, "standard input", &text))
        }
    }
}

/// The name and text of the script that `words` name; `None` when they are a command.
fn script_file(catalog: Catalog, words: &[String]) -> Result<Option<(String, String)>, CliError> {
    let first = words.first().map(String::as_str).unwrap_or_default();
    if catalog.api(first).is_some() {
        if let Some(option) = words.iter().find(|word| word.starts_with("--")) {
            return Err(CliError::Usage(format!("options stand before the verb: cumulo {option} … {first} …")));
        }
        return Ok(None);
    }
    if words.len() > 1 || (is_name(first) && !Path::new(first).exists()) {
        let similar = catalog.similar_verb(first).map(str::to_owned);
        return Err(CommandError::UnknownVerb { verb: first.to_owned(), similar }.into());
    }
    if first == "-" {
        return read("standard input", |text| io::stdin().read_to_string(text))
            .map(|text| Some((first.to_owned(), text)));
    }
    read_file(Path::new(first)).map(|text| Some((first.to_owned(), text)))
}

fn read_file(path: &Path) -> Result<String, CliError> {
    read(path, |text| std::fs::File::open(path)?.read_to_string(text))
}

fn read(name: impl AsRef<Path>, from: impl FnOnce(&mut String) -> io::Result<usize>) -> Result<String, CliError> {
    let mut text = String::new();
    from(&mut text).map_err(|cause| CliError::Read { path: name.as_ref().to_owned(), cause })?;
    Ok(text)
}

fn client(common: &Common) -> Result<Client, CliError> {
    let trust = common.ca_file.as_deref().map_or(Ok(Trust::System), |path| {
        Trust::file(path).map_err(|cause| CliError::Read { path: path.to_owned(), cause })
    })?;
    let client = Client::new(common.endpoint.clone(), &trust).map_err(CliError::Client)?;
    Ok(client.signing_with(given_key()))
}

/// The access key that the environment gives, if any.
fn given_key() -> Option<AccessKey> {
    let given = |variable: &str| env::var(variable).ok().filter(|text| !text.is_empty());
    Some(AccessKey::new(given(KEY_ID_VARIABLE)?, &given(KEY_SECRET_VARIABLE)?))
}

/// The session that the environment gives, if any.
fn given_session() -> Option<Session> {
    let uuid = env::var(SESSION_VARIABLE).ok().filter(|uuid| !uuid.is_empty())?;
    Some(Session { uuid, account: None })
}

fn console(catalog: Catalog, common: &Common) -> Result<Console, CliError> {
    let keeper = match (given_session(), StateDir::of_environment()) {
        (None, Some(state)) => Keeper::on_disk(state, &common.endpoint)?,
        (given, _) => Keeper::in_memory(given),
    };
    let secrets: Box<dyn AskSecret> =
        if io::stdin().is_terminal() { Box::new(Terminal) } else { Box::new(NobodyToAsk) };
    let progress: Box<dyn Progress> = Box::new(Spinner::on_stderr());
    Ok(Console::new(catalog, client(common)?, keeper, progress, secrets))
}

async fn run_scenario(catalog: Catalog, common: &Common, options: ScenarioOptions) -> Result<(), CliError> {
    let stem = options.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = options.name.or(stem).unwrap_or_default();
    let lines = scenario::parse(&options.file.display().to_string(), &read_file(&options.file)?)?;
    let keeper = Keeper::in_memory(given_session());
    let mut console = Console::new(catalog, client(common)?, keeper, Box::new(Silent), Box::new(NobodyToAsk));
    for variable in &options.variables {
        let (name, value) = given_variable(variable)?;
        console.variables.give(name, value);
    }
    let host_limit = Duration::from_secs(options.host_timeout);
    let scenario = scenario::Scenario { name, lines, host_exec: options.host_exec, host_limit };
    let mut out = io::stdout();
    let report = tokio::select! {
        report = scenario::run(&scenario, &mut console, &mut out) => report,
        Ok(()) = tokio::signal::ctrl_c() => return Err(CliError::Interrupted),
    };
    let report = report.map_err(|cause| CliError::Write { what: "the log".into(), cause })?;
    if let Some(path) = &options.report {
        report.write(path)?;
    }
    if report.passed { Ok(()) } else { Err(CliError::Scenario) }
}

/// `NAME=VALUE`, or `NAME` for what the environment has.
fn given_variable(text: &str) -> Result<(String, String), CliError> {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value.to_owned())));
    if !is_name(name) {
        return Err(CliError::Usage(format!("--var {name}: a name has letters, digits and '_' only")));
    }
    let value = value.or_else(|| env::var(name).ok());
    let value = value.ok_or_else(|| CliError::Usage(format!("--var {name}: there is no such environment variable")))?;
    Ok((name.to_owned(), value))
}
