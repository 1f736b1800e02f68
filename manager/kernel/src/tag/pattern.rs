//! Reading a tag by a pattern: texts between `::` that are equal, or tokens in braces.

use std::collections::HashMap;

const SEPARATOR: &str = "::";

/// The values of the pattern's tokens in `tag`; `None` when it is of another form.
pub(super) fn tokens(pattern: &str, tag: &str) -> Option<HashMap<String, String>> {
    let mut tokens = HashMap::new();
    let mut rest = tag;
    let mut parts = pattern.split(SEPARATOR).peekable();
    while let Some(part) = parts.next() {
        // The last token takes all that is left: values may hold colons themselves.
        let (value, left) = match parts.peek() {
            Some(_) => rest.split_once(SEPARATOR)?,
            None => (rest, ""),
        };
        match name(part) {
            Some(name) => {
                tokens.insert(name.to_owned(), value.to_owned());
            }
            None if part == value => {}
            None => return None,
        }
        rest = left;
    }
    Some(tokens)
}

/// The name of a token: `version` of `{version}`.
fn name(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}
