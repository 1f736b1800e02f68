//! Lists and maps as values: JSON, Python's way of writing the same, and both without quotes where nothing is unclear.
//!
//! `{"a": ["x", 1]}`, `{'a': ['x', 1]}` and `{a: [x, 1]}` are the same value. Existing scripts for ZStack use the
//! middle form; a shell's quoting rules make the last one the easiest to type.
//!
//! The input is not text but [`Unit`]s, so that what a `$name` stands for goes in whole: inside quotes it is text
//! whatever characters it holds, and outside it is a value of its own.

mod parser;

pub use parser::parse;
use serde_json::Value;

/// A character as typed, or a value filled in.
#[derive(Debug, Clone, PartialEq)]
pub enum Unit {
    /// A typed character.
    Char(char),
    /// What a reference stands for.
    Filled(Value),
}

/// Why a text is no literal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {problem}")]
pub struct LiteralError {
    /// Counted from 1; a filled-in value counts as one.
    pub at: usize,
    /// What is wrong there.
    pub problem: &'static str,
}

/// The plain text of `units`.
///
/// # Errors
/// When a list or map was filled in.
pub fn text(units: &[Unit]) -> Result<String, LiteralError> {
    let mut text = String::new();
    for (index, unit) in units.iter().enumerate() {
        match unit {
            Unit::Char(c) => text.push(*c),
            Unit::Filled(value) => text.push_str(&scalar(value, index)?),
        }
    }
    Ok(text)
}

/// A filled-in value as part of a text.
fn scalar(value: &Value, at: usize) -> Result<String, LiteralError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(LiteralError { at: at + 1, problem: "a list or map cannot be part of a text" })
        }
    }
}
