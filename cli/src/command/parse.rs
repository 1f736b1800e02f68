//! `Verb name=value … -> name`.

use super::{CommandError, Piece, Word, lex, variables::is_name};

/// How a condition compares. Anything but `=` is for queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`, and a parameter's value.
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `~=`, SQL LIKE
    Like,
    /// `!~=`
    NotLike,
    /// `?=`, one of a list
    In,
    /// `!?=`
    NotIn,
}

impl Operator {
    /// Every operator; a longer spelling before the one it contains at its start.
    pub const ALL: [Operator; 10] = [
        Operator::NotIn,
        Operator::NotLike,
        Operator::NotEqual,
        Operator::GreaterOrEqual,
        Operator::LessOrEqual,
        Operator::Like,
        Operator::In,
        Operator::Equal,
        Operator::Greater,
        Operator::Less,
    ];

    /// As typed, and as on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Like => "~=",
            Operator::NotLike => "!~=",
            Operator::In => "?=",
            Operator::NotIn => "!?=",
        }
    }

    /// The operator at the start of `pieces`.
    fn at_start(pieces: &[Piece]) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| {
            let spelling = operator.as_str();
            pieces.len() >= spelling.len()
                && pieces.iter().zip(spelling.chars()).all(|(piece, c)| *piece == Piece::Bare(c))
        })
    }
}

/// One `name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Parameter, or field of a query's condition, dots included.
    pub name: String,
    /// How name and value meet.
    pub operator: Operator,
    /// The value, references not yet filled in.
    pub value: Vec<Piece>,
}

impl Argument {
    /// Reads `name=value`; `None` when the word is not of that form.
    #[must_use]
    pub fn read(word: &Word) -> Option<Self> {
        let name: String = word
            .pieces
            .iter()
            .map_while(|piece| match piece {
                Piece::Bare(c) if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') => Some(*c),
                _ => None,
            })
            .collect();
        let rest = &word.pieces[name.len()..];
        let operator = Operator::at_start(rest)?;
        (!name.is_empty()).then(|| Self { name, operator, value: rest[operator.as_str().len()..].to_vec() })
    }
}

/// A line, read but not yet understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The API's name.
    pub verb: String,
    /// What follows it.
    pub arguments: Vec<Argument>,
    /// The name after `->`.
    pub keep: Option<String>,
}

impl Command {
    /// Reads a line; `None` when it holds nothing but white space and comment.
    ///
    /// # Errors
    /// When the line is no `Verb name=value … -> name`.
    pub fn read(line: &str) -> Result<Option<Self>, CommandError> {
        let mut words = lex(line).map_err(CommandError::Lex)?;
        if words.is_empty() {
            return Ok(None);
        }
        let arrow = words.iter().position(|word| word.bare().as_deref() == Some("->"));
        let keep = match arrow.map(|at| words.split_off(at)).as_deref() {
            None => None,
            Some([_, name]) => Some(name.bare().filter(|name| is_name(name)).ok_or(CommandError::BadKeep)?),
            Some(_) => return Err(CommandError::BadKeep),
        };
        Self::of_words(&words, keep).map(Some)
    }

    /// Reads words that a shell has split.
    ///
    /// # Errors
    /// When they are no `Verb name=value …`.
    pub fn of_arguments(words: &[String]) -> Result<Self, CommandError> {
        let words: Vec<Word> = words.iter().map(|word| Word::verbatim(word)).collect();
        Self::of_words(&words, None)
    }

    fn of_words(words: &[Word], keep: Option<String>) -> Result<Self, CommandError> {
        let (verb, arguments) = words.split_first().ok_or(CommandError::NoVerb)?;
        let verb = verb.bare().filter(|verb| is_name(verb)).ok_or(CommandError::NoVerb)?;
        let arguments = arguments
            .iter()
            .enumerate()
            .map(|(index, word)| Argument::read(word).ok_or(CommandError::NotAnArgument { position: index + 2 }))
            .collect::<Result<_, _>>()?;
        Ok(Self { verb, arguments, keep })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Command {
        Command::read(line).expect("well-formed").expect("not empty")
    }

    fn text(pieces: &[Piece]) -> String {
        pieces.iter().filter_map(|p| if let Piece::Bare(c) | Piece::Quoted(c) = p { Some(*c) } else { None }).collect()
    }

    #[test]
    fn every_operator_is_found_where_the_name_ends() {
        for operator in Operator::ALL {
            let found = command(&format!("QueryX vm.name{}a>=b", operator.as_str()));
            let [argument] = found.arguments.as_slice() else { panic!("one argument: {found:?}") };
            assert_eq!((argument.name.as_str(), argument.operator), ("vm.name", operator));
            assert_eq!(text(&argument.value), "a>=b", "operators in a value are text");
        }
    }

    #[test]
    fn the_arrow_names_what_to_keep_and_ends_the_line() {
        assert_eq!(command("CreateZone name=Z   -> zone # kept").keep.as_deref(), Some("zone"));
        assert_eq!(command("CreateZone name='-> x'").keep, None);
        for bad in ["A ->", "A -> b c=d", "A -> 'b'", "A -> 1", "A -> $b"] {
            assert!(matches!(Command::read(bad), Err(CommandError::BadKeep)), "{bad}");
        }
        assert!(matches!(Command::read("-> a"), Err(CommandError::NoVerb)));
    }

    #[test]
    fn what_is_no_argument_is_named_by_position_and_not_repeated() {
        let problem = Command::read("LogInByAccount accountName=admin hunter2").expect_err("no argument").to_string();
        assert_eq!(problem, "word 3 is not name=value");
        assert!(matches!(Command::read("A 'b'=c"), Err(CommandError::NotAnArgument { position: 2 })));
        assert!(matches!(Command::read("A =c"), Err(CommandError::NotAnArgument { position: 2 })));
        assert_eq!(Command::read("  # only this").expect("fine"), None);
    }

    #[test]
    fn words_from_a_shell_are_taken_as_they_are() {
        let words = ["QueryZone", "name~=it's $5%"].map(str::to_owned);
        let command = Command::of_arguments(&words).expect("well-formed");
        assert_eq!(text(&command.arguments[0].value), "it's $5%");
    }
}
