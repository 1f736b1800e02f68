//! Colours while typing: a verb or parameter that does not exist is seen before Enter is pressed.

use nu_ansi_term::{Color, Style};
use reedline::{Highlighter, StyledText};

use super::builtin::BUILTINS;
use crate::{
    Catalog,
    command::{Argument, Piece, Word, lex},
};

/// Colours words by the catalogue.
pub(super) struct CatalogHighlighter(pub(super) Catalog);

impl Highlighter for CatalogHighlighter {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        let Ok(words) = lex(line) else {
            styled.push((Style::new(), line.to_owned()));
            return styled;
        };
        let chars: Vec<char> = line.chars().collect();
        let mut at = 0;
        let mut push = |style: Style, until: usize| {
            if until > at {
                styled.push((style, chars[at..until].iter().collect()));
                at = until;
            }
        };
        for (style, from, to) in self.spans(&words, chars.len()) {
            push(Style::new(), from);
            push(style, to);
        }
        push(Style::new(), chars.len());
        styled
    }
}

impl CatalogHighlighter {
    /// Styles with the characters they are for, in order.
    fn spans(&self, words: &[Word], end: usize) -> Vec<(Style, usize, usize)> {
        let Some((verb, arguments)) = words.split_first() else { return Vec::new() };
        let name = verb.bare().unwrap_or_default();
        let api = self.0.api(&name);
        let known = api.is_some() || BUILTINS.iter().any(|(builtin, _)| *builtin == name);
        let finished = verb.span.end < end;
        let style = match (known, finished) {
            (true, _) => Style::new().fg(Color::Green).bold(),
            (false, true) => Style::new().fg(Color::Red),
            (false, false) => Style::new(),
        };
        let mut spans = vec![(style, verb.span.start, verb.span.end)];
        for word in arguments {
            let Some(argument) = Argument::read(word) else { continue };
            let is_query = api.is_some_and(|api| self.0.queried(api).is_some());
            let wrong = api.is_some_and(|api| !is_query && api.param(&argument.name).is_none());
            let colour = if wrong { Color::Red } else { Color::Cyan };
            let value = word.span.start + argument.name.len() + argument.operator.as_str().len();
            spans.push((Style::new().fg(colour), word.span.start, value));
            if matches!(argument.value.as_slice(), [Piece::Variable(_)]) {
                spans.push((Style::new().fg(Color::Yellow), value, word.span.end));
            }
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::catalog;

    fn colours(line: &str) -> Vec<(Option<Color>, String)> {
        let styled = CatalogHighlighter(catalog()).highlight(line, 0);
        styled.buffer.into_iter().map(|(style, text)| (style.foreground, text)).collect()
    }

    #[test]
    fn what_does_not_exist_is_red_once_it_is_finished() {
        assert_eq!(
            colours("CreateZone nmae=x"),
            [
                (Some(Color::Green), "CreateZone".into()),
                (None, " ".into()),
                (Some(Color::Red), "nmae=".into()),
                (None, "x".into())
            ]
        );
        assert_eq!(colours("Cre"), [(None, "Cre".into())]);
        assert_eq!(colours("Cre ")[0].0, Some(Color::Red));
        assert_eq!(colours("DeleteZone uuid=$zone").last().map(|(colour, _)| *colour), Some(Some(Color::Yellow)));
    }

    proptest! {
        #[test]
        fn the_text_stays_what_it_is(line in "[a-zA-Z =$'\"é\\[\\]{}.]{0,40}") {
            let text: String = colours(&line).into_iter().map(|(_, text)| text).collect();
            prop_assert_eq!(text, line);
        }
    }
}
