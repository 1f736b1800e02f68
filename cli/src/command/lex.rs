//! Words, as a shell splits them, with three differences that commands need.
//!
//! A `$name` stays a reference inside the word rather than being replaced as text: what it stands for can then never
//! become a quote, a comma or a bracket of the literal around it. A value that starts with a bracket runs to the
//! bracket that closes it, spaces and quotes included, so that `{'a': ['b', 'c']}` needs no second layer of quotes.
//! And nothing is ever executed or expanded.

use std::ops::Range;

use super::variables::Reference;

/// One piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A character typed without quotes: may be an operator.
    Bare(char),
    /// A character from inside quotes or after a backslash: only ever text.
    Quoted(char),
    /// `$name` or `${name.path}`.
    Variable(Reference),
}

/// One word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What it is made of.
    pub pieces: Vec<Piece>,
    /// Where it stands in the line, in characters, quotes included.
    pub span: Range<usize>,
}

impl Word {
    /// A word that a shell already split and unquoted: no quotes, no references, operators as typed.
    #[must_use]
    pub fn verbatim(text: &str) -> Self {
        Self { pieces: text.chars().map(Piece::Bare).collect(), span: 0..text.chars().count() }
    }

    /// The text of a word typed without quotes and references.
    #[must_use]
    pub fn bare(&self) -> Option<String> {
        self.pieces.iter().map(|piece| if let Piece::Bare(c) = piece { Some(*c) } else { None }).collect()
    }
}

/// Why a line has no words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LexError {
    /// More text is needed: an interactive line goes on, a script's statement takes in the next line.
    #[error("the {opened} opened at column {column} is never closed")]
    Unclosed {
        /// What was opened: a quote or bracket.
        opened: char,
        /// Where, counted in characters from 1.
        column: usize,
    },
    /// The line ends in a backslash, which joins it to the next.
    #[error("the line ends in a backslash, but nothing follows")]
    Continued,
    /// `${…` that is not a reference.
    #[error("'${{' at column {column} does not begin a name like ${{vm.vmNics[0].uuid}}")]
    BadReference {
        /// Where, counted in characters from 1.
        column: usize,
    },
}

impl LexError {
    /// Whether further text could make it right.
    #[must_use]
    pub fn wants_more(&self) -> bool {
        matches!(self, LexError::Unclosed { .. } | LexError::Continued)
    }
}

/// Splits one statement into words; a `#` where a word could begin ends it.
///
/// # Errors
/// When a quote or bracket is not closed, or a reference is malformed.
pub fn lex(text: &str) -> Result<Vec<Word>, LexError> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, words: Vec::new(), word: None, began: 0 };
    lexer.run()?;
    Ok(lexer.words)
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    words: Vec<Word>,
    /// The word being read; `None` between words, empty after `''`.
    word: Option<Vec<Piece>>,
    /// Where that word began.
    began: usize,
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn push(&mut self, piece: Piece) {
        self.word.get_or_insert_default().push(piece);
    }

    fn end_word(&mut self) {
        let span = self.began..self.at;
        self.words.extend(self.word.take().map(|pieces| Word { pieces, span }));
    }

    fn run(&mut self) -> Result<(), LexError> {
        while let Some(c) = self.peek() {
            if self.word.is_none() {
                self.began = self.at;
            }
            match c {
                '#' if self.word.is_none() => break,
                c if c.is_whitespace() => {
                    self.end_word();
                    self.at += 1;
                }
                '\'' => self.single_quoted()?,
                '"' => self.double_quoted()?,
                '\\' => self.escaped()?,
                '$' => self.reference(Piece::Bare('$'))?,
                '{' | '[' if self.starts_value() => self.bracketed()?,
                c => {
                    self.push(Piece::Bare(c));
                    self.at += 1;
                }
            }
        }
        self.end_word();
        Ok(())
    }

    /// Whether the word so far is a name and an operator, so that a value begins here.
    fn starts_value(&self) -> bool {
        matches!(self.word.as_deref(), Some([.., Piece::Bare('=' | '<' | '>')]))
    }

    fn unclosed(&self, opened: usize) -> LexError {
        LexError::Unclosed { opened: self.chars[opened], column: opened + 1 }
    }

    fn single_quoted(&mut self) -> Result<(), LexError> {
        let opened = self.at;
        self.word.get_or_insert_default();
        self.at += 1;
        while let Some(c) = self.peek() {
            self.at += 1;
            if c == '\'' {
                return Ok(());
            }
            self.push(Piece::Quoted(c));
        }
        Err(self.unclosed(opened))
    }

    fn double_quoted(&mut self) -> Result<(), LexError> {
        let opened = self.at;
        self.word.get_or_insert_default();
        self.at += 1;
        while let Some(c) = self.peek() {
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                '\\' if matches!(self.chars.get(self.at + 1), Some('"' | '\\' | '$')) => {
                    self.push(Piece::Quoted(self.chars[self.at + 1]));
                    self.at += 2;
                }
                '$' => self.reference(Piece::Quoted('$'))?,
                c => {
                    self.push(Piece::Quoted(c));
                    self.at += 1;
                }
            }
        }
        Err(self.unclosed(opened))
    }

    fn escaped(&mut self) -> Result<(), LexError> {
        match self.chars.get(self.at + 1) {
            None => return Err(LexError::Continued),
            Some('\n') => {}
            Some(&c) => self.push(Piece::Quoted(c)),
        }
        self.at += 2;
        Ok(())
    }

    /// A `$`: a reference when a name follows, otherwise the character itself.
    fn reference(&mut self, otherwise: Piece) -> Result<(), LexError> {
        match Reference::read(&self.chars[self.at..]) {
            Some((reference, length)) => {
                self.push(Piece::Variable(reference));
                self.at += length;
            }
            None if self.chars.get(self.at + 1) == Some(&'{') => {
                return Err(LexError::BadReference { column: self.at + 1 });
            }
            None => {
                self.push(otherwise);
                self.at += 1;
            }
        }
        Ok(())
    }

    /// A literal in brackets, up to the bracket that closes it.
    fn bracketed(&mut self) -> Result<(), LexError> {
        let opened = self.at;
        let (mut depth, mut quote) = (0_usize, None);
        while let Some(c) = self.peek() {
            match (quote, c) {
                (_, '\\') => {
                    self.push(Piece::Quoted(c));
                    self.at += 1;
                    let Some(next) = self.peek() else { break };
                    self.push(Piece::Quoted(next));
                    self.at += 1;
                    continue;
                }
                (_, '$') => {
                    self.reference(Piece::Quoted('$'))?;
                    continue;
                }
                (Some(open), c) if c == open => quote = None,
                (None, '\'' | '"') => quote = Some(c),
                (None, '{' | '[') => depth += 1,
                (None, '}' | ']') => depth -= 1,
                _ => {}
            }
            self.push(Piece::Quoted(c));
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
        Err(self.unclosed(opened))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(line: &str) -> Vec<String> {
        let words = lex(line).expect("well-formed");
        words.iter().map(|word| word.pieces.iter().map(shown).collect()).collect()
    }

    fn shown(piece: &Piece) -> String {
        match piece {
            Piece::Bare(c) | Piece::Quoted(c) => c.to_string(),
            Piece::Variable(reference) => format!("<{reference}>"),
        }
    }

    #[test]
    fn quotes_keep_words_together_and_vanish() {
        assert_eq!(
            texts(r#"CreateZone name='a b' description="c \"d\"" x=\ y # rest"#),
            ["CreateZone", "name=a b", "description=c \"d\"", "x= y"]
        );
        assert_eq!(texts("a='' ''"), ["a=", ""]);
        assert_eq!(texts("url=http://h/#part"), ["url=http://h/#part"], "a # inside a word is text");
    }

    #[test]
    fn references_are_pieces_outside_single_quotes_only() {
        assert_eq!(
            texts(r#"a=$vm.vmNics[0].uuid b="x${vm}y" c='$vm' d=\$vm e=$ f=5$"#),
            ["a=<vm.vmNics[0].uuid>", "b=x<vm>y", "c=$vm", "d=$vm", "e=$", "f=5$"]
        );
        assert_eq!(lex("a=${1}"), Err(LexError::BadReference { column: 3 }));
    }

    #[test]
    fn brackets_hold_a_literal_with_spaces_and_quotes() {
        assert_eq!(texts("n={'$flat': ['User data', \"D]\"]} z=1"), ["n={'<flat>': ['User data', \"D]\"]}", "z=1"]);
        assert_eq!(texts("systemTags=[a, b]"), ["systemTags=[a, b]"]);
        assert_eq!(texts("name=a[1] b]"), ["name=a[1]", "b]"], "a bracket inside a text is text");
    }

    #[test]
    fn what_is_open_wants_more() {
        for open in ["a='b", "a=\"b", "a=[1, 2", "a={'x': 1", "a b \\", "a=[\\"] {
            assert!(lex(open).expect_err(open).wants_more(), "{open}");
        }
        assert_eq!(texts("a \\\n b"), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn single_quotes_carry_any_text_unchanged(text in "[^']{0,40}") {
            let words = lex(&format!("n='{text}'")).expect("quoted");
            prop_assert_eq!(words.len(), 1);
            let back: String = words[0].pieces[2..].iter().map(shown).collect();
            prop_assert_eq!(back, text);
        }

        #[test]
        fn no_line_panics(line in "\\PC{0,60}") {
            let _ = lex(&line);
        }

        #[test]
        fn brackets_and_quotes_never_panic(line in "n=[\\[\\]{}'\"\\\\$ a,:]{0,40}") {
            let _ = lex(&line);
        }
    }
}
