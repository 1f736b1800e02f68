//! From a line of text to a request: words, then a command, then typed values shaped to the declared API.
//!
//! The stages are kept apart because they need different knowledge: `lex` knows quoting, `parse` knows
//! `name=value`, `variables` knows what earlier answers held, and only `shape` knows the declarations.

mod error;
mod lex;
mod parse;
mod query;
pub mod secrets;
mod shape;
mod statements;
mod value;
mod variables;

pub use error::CommandError;
pub use lex::{LexError, Piece, Word, lex};
pub use parse::{Argument, Command, Operator};
pub use query::{SPECIALS, parameters as query_parameters};
pub use shape::{Checks, Request, shape};
pub use statements::{Statement, split, statements, unfinished};
pub use value::arguments;
pub use variables::{Reference, Step, Variables, is_name};
