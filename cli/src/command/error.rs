//! What can be wrong with a line before anything is sent.

use super::LexError;
use crate::literal::LiteralError;

/// A line that is no sendable command. The texts never repeat a value that may be a secret.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say what the fields are")]
pub enum CommandError {
    #[error("the line cannot be read")]
    Lex(#[source] LexError),
    #[error("a line begins with a verb such as QueryZone")]
    NoVerb,
    #[error("there is no verb {verb}{}", did_you_mean("", similar.as_deref()))]
    UnknownVerb { verb: String, similar: Option<String> },
    #[error("word {position} is not name=value")]
    NotAnArgument { position: usize },
    #[error("'->' is followed by one name, such as '-> vm', and ends the line")]
    BadKeep,
    #[error("{api} takes {name}=…; only queries compare with '{operator}'")]
    NotAQuery { api: &'static str, name: String, operator: &'static str },
    #[error("{api} has no parameter {name}{}", did_you_mean("", similar.as_deref()))]
    UnknownParameter { api: &'static str, name: String, similar: Option<String> },
    #[error("{name} is given twice")]
    Twice { name: String },
    #[error("{name} {problem}")]
    Value { name: String, problem: String },
    #[error("the value of {name} cannot be read")]
    Literal {
        name: String,
        #[source]
        cause: LiteralError,
    },
    #[error("nothing was remembered as ${name}{}", did_you_mean("$", similar.as_deref()))]
    UnknownVariable { name: String, similar: Option<String> },
    #[error("${reference} leads nowhere: {problem}")]
    NoSuchPath { reference: String, problem: String },
    #[error("the query found nothing to remember as ${name}")]
    NothingToKeep { name: String },
    #[error("{api} needs {}", names.join(", "))]
    Missing { api: &'static str, names: Vec<&'static str> },
    #[error("{api} would be refused: {problem}")]
    Rule { api: &'static str, problem: String },
    #[error("{name} cannot be empty, '.' or '..', since it becomes part of a path")]
    PathSegment { name: String },
}

fn did_you_mean(sigil: &str, similar: Option<&str>) -> String {
    similar.map_or_else(String::new, |name| format!("; did you mean {sigil}{name}?"))
}
