//! The lines of a scenario.

use super::HostCommand;
use crate::{
    CliError,
    command::{self, Command, Reference},
};

/// What is typed after `=`.
const EXPECTATION: &str =
    "after '=' come a number and a query, or a value and a name, as in = 1 QueryZone or = Running $vm.state";

/// What a line does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Calls an API, which must succeed.
    Call(Command),
    /// Calls an API, which must fail with this code.
    Refusal {
        /// The error's code, or that of one of its causes.
        code: String,
        /// The command.
        command: Command,
    },
    /// Asks a question, which must find so many.
    Count {
        /// How many.
        expected: usize,
        /// The query.
        query: Command,
    },
    /// Looks at what was remembered, which must be this.
    Value {
        /// How it must read.
        expected: String,
        /// Where it is.
        reference: Reference,
    },
    /// Runs on the host and must succeed in time.
    Host(HostCommand),
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it begins, counted from 1.
    pub number: usize,
    /// As typed.
    pub text: String,
    /// What it does.
    pub action: Action,
}

/// Reads all lines before any is run, so that a typing error at the end costs nobody a wait.
///
/// # Errors
/// The first line that cannot be read.
pub fn parse(name: &str, text: &str) -> Result<Vec<Line>, CliError> {
    let mut lines = Vec::new();
    for statement in command::split(text, unfinished) {
        let action = action(&statement.text).map_err(|cause| CliError::Statement {
            script: name.to_owned(),
            line: statement.line,
            cause: Box::new(cause),
        })?;
        lines.extend(action.map(|action| Line { number: statement.line, text: statement.text, action }));
    }
    Ok(lines)
}

fn unfinished(text: &str) -> bool {
    if text.starts_with('!') { text.ends_with('\\') } else { command::unfinished(text) }
}

fn action(text: &str) -> Result<Option<Action>, CliError> {
    if let Some(command) = text.strip_prefix('!') {
        let command = command.trim();
        if command.is_empty() {
            return Err(CliError::Usage("a shell command must follow the '!'".into()));
        }
        return Ok(Some(Action::Host(HostCommand::read(command))));
    }
    if let Some(rest) = text.strip_prefix('?') {
        let (code, line) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
        let is_code = code.split_once('.').is_some_and(|(_, number)| number.parse::<u32>().is_ok());
        let command = if is_code { Command::read(line)? } else { None };
        let command = command.filter(|command| command.keep.is_none());
        let command = command.ok_or_else(|| {
            CliError::Usage("after '?' come an error code and a command, as in ? SYS.1007 CreateZone".into())
        })?;
        return Ok(Some(Action::Refusal { code: code.to_owned(), command }));
    }
    if let Some(rest) = text.strip_prefix('=') {
        let expectation = expectation(rest.trim())?;
        return expectation.map(Some).ok_or_else(|| CliError::Usage(EXPECTATION.into()));
    }
    Ok(Command::read(text)?.map(Action::Call))
}

/// What is expected of a query or of a value; `None` where it is neither.
fn expectation(text: &str) -> Result<Option<Action>, CliError> {
    let Some((expected, of)) = text.split_once(char::is_whitespace) else { return Ok(None) };
    let of: Vec<char> = of.trim().chars().collect();
    if let Some((reference, length)) = Reference::read(&of) {
        return Ok((length == of.len()).then(|| Action::Value { expected: expected.to_owned(), reference }));
    }
    let Ok(expected) = expected.parse() else { return Ok(None) };
    let query = Command::read(&of.into_iter().collect::<String>())?;
    Ok(query.filter(|query| query.keep.is_none()).map(|query| Action::Count { expected, query }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sentence;

    #[test]
    fn the_kinds_of_lines() {
        let text = "# title\nCreateZone name=a -> z\n  ! ping -c1 \\\n  $z.ip # on the host\n? SYS.1007 CreateZone name='\n'\n\
                    = 2 QueryZone name~=a%\n= Enabled $z.state\n";
        let lines = parse("s", text).expect("a scenario");
        assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [2, 3, 5, 7, 8]);
        assert!(matches!(&lines[0].action, Action::Call(command) if command.keep.as_deref() == Some("z")));
        assert!(matches!(&lines[1].action, Action::Host(_)));
        assert!(matches!(&lines[2].action, Action::Refusal { code, .. } if code == "SYS.1007"));
        assert!(matches!(&lines[3].action, Action::Count { expected: 2, query } if query.verb == "QueryZone"));
        assert!(matches!(&lines[4].action, Action::Value { expected, .. } if expected == "Enabled"));
    }

    #[test]
    fn a_bad_line_is_named_before_anything_runs() {
        let expectation = format!("s, line 1: {EXPECTATION}");
        for (text, expected) in [
            ("A\n!\n", "s, line 2: a shell command must follow the '!'"),
            ("? CreateZone", "s, line 1: after '?' come an error code and a command, as in ? SYS.1007 CreateZone"),
            ("? SYS.1007", "s, line 1: after '?' come an error code and a command, as in ? SYS.1007 CreateZone"),
            ("= 1", expectation.as_str()),
            ("= two QueryZone", expectation.as_str()),
            ("= 1 QueryZone -> zone", expectation.as_str()),
            ("= 1 $zone and more", expectation.as_str()),
            ("\nCreateZone name", "s, line 2: word 2 is not name=value"),
        ] {
            assert_eq!(sentence(&parse("s", text).expect_err(text)), expected);
        }
    }
}
