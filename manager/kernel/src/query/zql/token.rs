//! From characters to words, numbers, texts and signs.
//!
//! What would be too large to parse is refused here, in one pass over the characters, so that no input costs more than
//! that: length, nesting, number of comparisons, number of values.

use std::fmt;

use chumsky::span::SimpleSpan;
use cumulo_schema::ErrorCode;
use logos::Logos;

use super::error::refused;

/// Longest text, in bytes. An HTTP request line holds as much.
pub(super) const MAX_TEXT: usize = 64 * 1024;
/// Deepest nesting of parentheses.
const MAX_DEPTH: usize = 64;
/// Most `and`s and `or`s.
const MAX_CONDITIONS: usize = 500;
/// Most commas: of lists, mainly.
const MAX_ITEMS: usize = 10_000;
/// Most statements.
const MAX_STATEMENTS: usize = 100;
/// Most tokens: two for each of the values.
const MAX_TOKENS: usize = 25_000;

/// The smallest part of a statement. Keywords are words: a field may be called like one.
#[derive(Logos, Debug, Clone, Copy, PartialEq, Eq)]
#[logos(skip r"[ \t\r\n\f]+")]
pub(super) enum Token<'s> {
    /// A name or keyword.
    #[regex("[0-9]*[A-Za-z_][A-Za-z0-9_]*")]
    Word(&'s str),
    /// A number, as written.
    #[regex(r"-?[0-9]+(\.[0-9]+)?")]
    Number(&'s str),
    /// A text with its quotes.
    #[regex(r"'([^']|'')*'")]
    #[regex(r#""([^"]|"")*""#)]
    Text(&'s str),
    /// Everything else that means something.
    #[regex(r"!=|>=|<=|[=<>(){},.;]")]
    Sign(&'s str),
    /// What means nothing outside the braces of plugins.
    Other(&'s str),
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Word(text) | Token::Number(text) | Token::Sign(text) | Token::Other(text) => {
                write!(f, "'{}'", crate::query::hint::cut(text))
            }
            Token::Text(text) => write!(f, "the text {}", crate::query::hint::cut(text)),
        }
    }
}

/// The tokens of `text` with where they stand, in bytes.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token<'_>, SimpleSpan)>, ErrorCode> {
    if text.len() > MAX_TEXT {
        let text = format!("a ZQL text may have at most {MAX_TEXT} bytes, not {}", text.len());
        return Err(ErrorCode::invalid(text));
    }
    let mut tokens = Vec::new();
    let (mut depth, mut conditions, mut items, mut ends) = (0_usize, 0, 0, 0);
    for (token, span) in Token::lexer(text).spanned() {
        let at = span.start;
        let token = token.unwrap_or(Token::Other(&text[span.clone()]));
        match token {
            Token::Other(rest) if rest.starts_with(['\'', '"']) => {
                return Err(refused(text, at, "a text begins here and is not closed"));
            }
            Token::Sign("(" | "{") => depth += 1,
            Token::Sign(")" | "}") => depth = depth.saturating_sub(1),
            Token::Sign(",") => items += 1,
            Token::Sign(";") => ends += 1,
            Token::Word(word) if ["and", "or"].iter().any(|joint| word.eq_ignore_ascii_case(joint)) => conditions += 1,
            _ => {}
        }
        let over = [
            (depth, MAX_DEPTH, "levels of parentheses"),
            (conditions, MAX_CONDITIONS, "conditions; use 'in (…)'"),
            (items, MAX_ITEMS, "values; use a sub-query"),
            (ends, MAX_STATEMENTS, "statements"),
            (tokens.len(), MAX_TOKENS, "words"),
        ];
        if let Some((_, most, what)) = over.iter().find(|(count, most, _)| count > most) {
            return Err(refused(text, at, &format!("a ZQL text may hold at most {most} {what}")));
        }
        tokens.push((token, span.into()));
    }
    Ok(tokens)
}

/// What a text stands for: without its quotes, doubled ones inside being one.
pub(super) fn unquoted(text: &str) -> String {
    let quote = if text.starts_with('\'') { "'" } else { "\"" };
    let inside = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    inside.replace(&quote.repeat(2), quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_numbers_texts_and_signs() {
        let all: Vec<Token<'_>> =
            tokens("a.b>=-1.5 'it''s' \"\" 5m!=x_1").expect("fine").into_iter().map(|(token, _)| token).collect();
        let wanted = [
            Token::Word("a"),
            Token::Sign("."),
            Token::Word("b"),
            Token::Sign(">="),
            Token::Number("-1.5"),
            Token::Text("'it''s'"),
            Token::Text("\"\""),
            Token::Word("5m"),
            Token::Sign("!="),
            Token::Word("x_1"),
        ];
        assert_eq!(all, wanted);
        assert_eq!(unquoted("'it''s'"), "it's");
        assert_eq!(unquoted("\"\""), "");
    }
}
