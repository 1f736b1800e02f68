//! Statements of a script: one a line, unless a quote, a bracket or a trailing backslash carries it on to the next.

use super::{LexError, lex};

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The line it begins on, counted from 1.
    pub line: usize,
    /// Its text, without white space around it.
    pub text: String,
}

/// Splits `script`; blank lines and lines that are only a comment are left out. `unfinished` says whether a text goes
/// on in the next line; what is unfinished at the end is a statement too, so that reading it names the problem.
pub fn split(script: &str, unfinished: impl Fn(&str) -> bool) -> Vec<Statement> {
    let mut statements: Vec<Statement> = Vec::new();
    let mut open = false;
    for (index, line) in script.lines().enumerate() {
        match statements.last_mut() {
            Some(statement) if open => {
                statement.text.push('\n');
                statement.text.push_str(line);
            }
            _ if line.trim().is_empty() || line.trim_start().starts_with('#') => continue,
            _ => statements.push(Statement { line: index + 1, text: line.trim().to_owned() }),
        }
        open = statements.last().is_some_and(|statement| unfinished(&statement.text));
    }
    statements
}

/// The statements of a script of commands.
#[must_use]
pub fn statements(script: &str) -> Vec<Statement> {
    split(script, unfinished)
}

/// Whether a command's text goes on in the next line.
#[must_use]
pub fn unfinished(text: &str) -> bool {
    lex(text).is_err_and(|problem| LexError::wants_more(&problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_brackets_and_backslashes_carry_on() {
        let script = "# head\n\nQueryZone\nCreateZone name='a\nb' \\\n  description=x\n  X n={\n'a': 1}\nQueryHost\n";
        let found: Vec<(usize, String)> = statements(script).into_iter().map(|s| (s.line, s.text)).collect();
        assert_eq!(
            found,
            [
                (3, "QueryZone".to_owned()),
                (4, "CreateZone name='a\nb' \\\n  description=x".to_owned()),
                (7, "X n={\n'a': 1}".to_owned()),
                (9, "QueryHost".to_owned())
            ]
        );
    }

    #[test]
    fn what_never_ends_is_still_a_statement() {
        let found = statements("A\nB x='\nC\n");
        assert_eq!(found.len(), 2);
        assert_eq!(found[1], Statement { line: 2, text: "B x='\nC".into() });
    }
}
