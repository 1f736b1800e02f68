//! What was wrong with a text, where, and what would have been right.

use chumsky::{
    error::{Rich, RichPattern, RichReason},
    span::SimpleSpan,
};
use cumulo_schema::ErrorCode;

use super::token::Token;
use crate::query::{Place, hint};

/// Alternatives named in an error.
const ALTERNATIVES: usize = 12;

/// Line and column of the byte `at`.
pub(super) fn place(text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

/// `problem` at the byte `at` of `text`.
pub(super) fn refused(text: &str, at: usize, problem: &str) -> ErrorCode {
    let place = place(text, at);
    ErrorCode::invalid(format!("ZQL, {place}: {problem}")).with("line", place.line).with("column", place.column)
}

/// What the parser has to say.
pub(super) fn unparsed(text: &str, error: &Rich<'_, Token<'_>, SimpleSpan>) -> ErrorCode {
    let at = error.span().start;
    if let RichReason::Custom(problem) = error.reason() {
        return refused(text, at, problem);
    }
    let mut expected: Vec<String> = error.expected().map(named).collect();
    expected.sort_unstable();
    expected.dedup();
    let hint = match error.found() {
        Some(Token::Word(word)) => suggestion(word, &expected),
        _ => String::new(),
    };
    let found = error.found().map_or_else(|| "the end".to_owned(), ToString::to_string);
    if expected.len() > ALTERNATIVES {
        expected.truncate(ALTERNATIVES);
        expected.push("…".to_owned());
    }
    let problem = match expected.split_last() {
        None => format!("{found} was not expected"),
        Some((only, [])) => format!("expected {only}, found {found}"),
        Some((last, others)) => format!("expected {} or {last}, found {found}", others.join(", ")),
    };
    refused(text, at, &format!("{problem}{hint}"))
}

fn named(pattern: &RichPattern<'_, Token<'_>>) -> String {
    match pattern {
        RichPattern::Token(token) => token.to_string(),
        RichPattern::Label(label) => label.to_string(),
        RichPattern::EndOfInput => "the end".to_owned(),
        _ => "something else".to_owned(),
    }
}

/// The keyword that was probably meant.
fn suggestion(word: &str, expected: &[String]) -> String {
    let keywords = expected.iter().filter_map(|label| label.strip_prefix('\'')?.strip_suffix('\''));
    let word = hint::cut(word).to_lowercase();
    let near = keywords
        .flat_map(|keyword| std::iter::once(keyword).chain(keyword.split(' ').take(1)))
        .filter(|keyword| keyword.len() > 1 && strsim::osa_distance(&word, keyword) * 2 < keyword.len());
    match hint::nearest(&word, near) {
        Some(keyword) => format!("; did you mean '{keyword}'?"),
        None => String::new(),
    }
}
