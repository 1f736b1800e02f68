//! ZQL: the language in which anything can be asked in one text.
//!
//! Characters become tokens (`token`), tokens a statement as it was written (`parser`, `syntax`), and that the same question
//! that a Query API call makes (`resolve`). The parser is put together with `chumsky`, because at the first place that
//! cannot be read on it knows everything that could have stood there; that list is the error.

mod answer;
mod error;
mod metric;
mod parser;
mod resolve;
mod syntax;
mod token;

use chumsky::{Parser, input::Input, span::SimpleSpan};
use cumulo_schema::ErrorCode;

use super::{MetricFunction, MetricQuery};

pub(super) use answer::answer;

/// Reads the statements of `text`.
fn parse(text: &str) -> Result<Vec<syntax::Statement>, ErrorCode> {
    let tokens = token::tokens(text)?;
    let end = SimpleSpan::from(text.len()..text.len());
    let input = tokens.as_slice().map(end, |(token, span)| (token, span));
    let parsed = parser::statements().parse(input).into_result();
    let statements = parsed.map_err(|errors| first(text, &errors))?;
    for (index, statement) in statements.iter().enumerate() {
        let Some((name, at)) = &statement.name else { continue };
        let earlier = statements.iter().take(index).filter_map(|other| other.name.as_ref());
        if earlier.into_iter().any(|(other, _)| other == name) {
            return Err(error::refused(text, *at, &format!("two statements are named '{}'", super::hint::cut(name))));
        }
    }
    Ok(statements)
}

/// Reads a function on its own.
pub(super) fn metric_function(text: &str) -> Result<MetricFunction, ErrorCode> {
    metric::made(parse_call(text)?)
        .ok_or_else(|| ErrorCode::invalid("a function is a name and parentheses: top(num=5)"))
}

/// Reads the settings of a metric on their own.
pub(super) fn metric_query(text: &str) -> Result<MetricQuery, ErrorCode> {
    let tokens = token::tokens(text)?;
    let end = SimpleSpan::from(text.len()..text.len());
    let input = tokens.as_slice().map(end, |(token, span)| (token, span));
    let settings = parser::lone_settings().parse(input).into_result().map_err(|errors| first(text, &errors))?;
    Ok(metric::clause(text, 0, &settings)?.query)
}

/// Reads `top(num=5)`.
fn parse_call(text: &str) -> Result<syntax::SettingValue, ErrorCode> {
    let tokens = token::tokens(text)?;
    let end = SimpleSpan::from(text.len()..text.len());
    let input = tokens.as_slice().map(end, |(token, span)| (token, span));
    parser::lone_call().parse(input).into_result().map_err(|errors| first(text, &errors))
}

fn first(text: &str, errors: &[chumsky::error::Rich<'_, token::Token<'_>, SimpleSpan>]) -> ErrorCode {
    match errors.first() {
        Some(error) => error::unparsed(text, error),
        None => ErrorCode::invalid("the ZQL text cannot be read"),
    }
}
