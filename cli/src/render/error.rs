//! Errors for operators: one sentence, then what led to it, outermost first.

use std::error::Error;

use crate::{
    CliError,
    http::{ApiError, CallError},
    render::{printable, printable_lines},
};

/// The whole story on several lines, for standard error.
#[must_use]
pub fn report(error: &CliError) -> String {
    let mut lines = vec![format!("error: {}", printable_lines(&headline(error)))];
    match api_error(error) {
        Some(api) => tell(api, api.message(), 1, &mut lines),
        None => {
            let mut cause = inner(error);
            while let Some(next) = cause {
                lines.push(format!("  because {}", printable(&next.to_string())));
                cause = next.source();
            }
        }
    }
    if wants_login(error) {
        lines.push("  log in with: cumulo LogInByAccount accountName=admin".to_owned());
    }
    lines.join("\n")
}

/// Whether there is no session, or none that is valid any more.
fn wants_login(error: &CliError) -> bool {
    match error {
        CliError::Call(CallError::Api(error)) => error.code == "ID.1001",
        CliError::Call(CallError::Refused { text, .. }) => text.contains("'Authorization'"),
        CliError::Statement { cause, .. } => wants_login(cause),
        _ => false,
    }
}

/// The same on one line, for lists and reports.
#[must_use]
pub fn sentence(error: &CliError) -> String {
    let mut text = headline(error);
    let mut told = text.clone();
    let mut cause = api_error(error).map_or_else(|| inner(error), |api| api.source());
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !told.contains(&next_text) {
            text = format!("{text}: {next_text}");
            told = next_text;
        }
        cause = next.source();
    }
    printable(&text)
}

/// The error itself, with the place in a script before it.
fn headline(error: &CliError) -> String {
    match error {
        CliError::Statement { cause, .. } => format!("{error}: {}", headline(cause)),
        other => other.to_string(),
    }
}

/// What led to an error that is not the API's.
fn inner(error: &CliError) -> Option<&(dyn Error + 'static)> {
    match error {
        CliError::Statement { cause, .. } => inner(cause),
        // Between "cannot be reached" and the operating system's word for it, the libraries say nothing of use.
        CliError::Call(CallError::Unreachable { cause, .. }) => {
            let mut root: &(dyn Error + 'static) = cause;
            while let Some(deeper) = root.source() {
                root = deeper;
            }
            Some(root)
        }
        other => other.source(),
    }
}

fn api_error(error: &CliError) -> Option<&ApiError> {
    match error {
        CliError::Call(CallError::Api(error)) => Some(error),
        CliError::Statement { cause, .. } => api_error(cause),
        _ => None,
    }
}

/// The errors beneath `error`, each indented under what it led to. One that only repeats what was said is left out.
fn tell(error: &ApiError, said: &str, depth: usize, lines: &mut Vec<String>) {
    for cause in error.led_to_it() {
        if said.contains(cause.message()) {
            tell(cause, said, depth, lines);
            continue;
        }
        lines.push(format!("{}because {}", "  ".repeat(depth), printable(&cause.to_string())));
        tell(cause, cause.message(), depth + 1, lines);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::command::Command;

    fn api(error: &serde_json::Value) -> CliError {
        let error = ApiError::read(&json!({ "error": error })).expect("an error object");
        CliError::Call(CallError::Api(Box::new(error)))
    }

    #[test]
    fn an_api_error_is_a_sentence_and_a_tree_of_causes() {
        let error = api(&json!({"code": "SYS.1006", "details": "cannot start VM1",
            "cause": {"code": "SYS.1006", "details": "cannot start VM1",
                "causes": [{"code": "HOST.1000", "details": "host A is away"},
                    {"code": "SYS.1001", "details": "host B is slow", "cause": {"code": "X.1", "details": "disk full"}}]}}));
        let error = CliError::Statement { script: "demo".into(), line: 3, cause: Box::new(error) };
        assert_eq!(
            report(&error),
            "error: demo, line 3: cannot start VM1 [SYS.1006]\n  because host A is away [HOST.1000]\n  because host B is \
             slow [SYS.1001]\n    because disk full [X.1]"
        );
        let deep = api(&json!({"code": "A.1", "details": "no", "cause": {"code": "B.1", "details": "full"}}));
        assert_eq!(sentence(&deep), "no [A.1]: full [B.1]");
    }

    #[test]
    fn who_has_no_session_is_told_how_to_get_one() {
        for (code, expected) in [("ID.1001", true), ("ID.1000", false)] {
            let told = report(&api(&json!({"code": code, "details": "no"})));
            assert_eq!(told.contains("cumulo LogInByAccount"), expected, "{told}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_says_why() {
        let error = CliError::Command(Command::read("A b='c").expect_err("open"));
        assert_eq!(
            report(&error),
            "error: the line cannot be read\n  because the ' opened at column 5 is never closed"
        );
        assert_eq!(sentence(&error), "the line cannot be read: the ' opened at column 5 is never closed");
    }

    #[test]
    fn what_a_server_says_cannot_steer_the_terminal() {
        let error = api(&json!({"code": "A.1", "details": "\u{1b}[2J", "cause": {"code": "B", "details": "\u{7}"}}));
        assert!(!report(&error).contains(['\u{1b}', '\u{7}']) && !sentence(&error).contains('\u{1b}'));
    }
}
