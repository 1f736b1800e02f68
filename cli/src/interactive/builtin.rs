//! The few words that are not verbs of the API.

use crate::{command::Variables, render::printable};

/// Their names, with what they do.
pub(super) const BUILTINS: [(&str, &str); 4] = [
    ("help", "the verbs, or what one of them does and takes"),
    ("vars", "what $names stand for"),
    ("exit", "leaves"),
    ("quit", "leaves"),
];

/// A line for the shell itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Builtin {
    Help(Option<String>),
    Variables,
    Leave,
}

impl Builtin {
    /// The builtin that `line` is, if it is one.
    pub(super) fn read(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["help" | "?"] => Some(Self::Help(None)),
            ["help" | "?", verb] => Some(Self::Help(Some((*verb).to_owned()))),
            ["vars"] => Some(Self::Variables),
            ["exit" | "quit"] => Some(Self::Leave),
            _ => None,
        }
    }
}

/// What is remembered, a line each.
pub(super) fn variables(variables: &Variables) -> String {
    let line = |(name, value): (&String, &serde_json::Value)| {
        let member = |key: &str| value.get(key).and_then(|value| value.as_str()).map(printable).unwrap_or_default();
        format!("${name}  {}  {}", member("uuid"), member("name"))
    };
    let lines: Vec<String> = variables.remembered().iter().map(line).collect();
    if lines.is_empty() {
        "nothing yet: end a line with '-> name' to remember its answer".to_owned()
    } else {
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_exact_words_are_builtins() {
        assert_eq!(Builtin::read(" help  QueryZone "), Some(Builtin::Help(Some("QueryZone".into()))));
        assert_eq!(Builtin::read("quit"), Some(Builtin::Leave));
        for line in ["", "quit now", "Help", "QueryZone"] {
            assert_eq!(Builtin::read(line), None, "{line}");
        }
    }

    #[test]
    fn remembered_values_are_listed_with_their_names() {
        let mut known = Variables::default();
        assert!(variables(&known).starts_with("nothing yet"));
        known.give("SECRET", "x");
        known.remember("z", &json!({"inventory": {"uuid": "u", "name": "ZONE1"}})).expect("kept");
        assert_eq!(variables(&known), "$z  u  ZONE1");
    }
}
