//! One `q=` parameter: `vmNics.ip?=10.0.0.1,10.0.0.2`.
//!
//! ZStack tries its operators in a fixed order and takes the first that occurs anywhere, so that `name=a!=b` splits at
//! `!=`. We take the operator at the leftmost place, the longest there, which reads such values right and every other
//! condition alike (wire.md §4 allows it).

use super::{Filter, Name, Op};

/// Longer ones before their own beginnings.
const SYMBOLS: [(&str, Op); 10] = [
    ("!?=", Op::NotIn),
    ("!~=", Op::NotLike),
    ("!=", Op::Ne),
    (">=", Op::Ge),
    ("<=", Op::Le),
    ("~=", Op::Like),
    ("?=", Op::In),
    ("=", Op::Eq),
    (">", Op::Gt),
    ("<", Op::Lt),
];
const WORDS: [(&str, Op); 2] = [(" is null", Op::IsNull), (" not null", Op::NotNull)];

/// Reads one condition; `None` when it holds no operator.
#[must_use]
pub fn parse_condition(text: &str) -> Option<Filter> {
    let symbol = (0..text.len())
        .filter(|at| text.is_char_boundary(*at))
        .find_map(|at| SYMBOLS.iter().find(|(symbol, _)| text[at..].starts_with(symbol)).map(|(s, op)| (at, *s, *op)));
    let (name, op, values) = match symbol {
        Some((at, symbol, op)) => {
            let value = &text[at + symbol.len()..];
            let values = match op {
                Op::In | Op::NotIn => value.split(',').map(str::to_owned).collect(),
                _ => vec![value.to_owned()],
            };
            (&text[..at], op, values)
        }
        None => {
            let trimmed = text.trim_end();
            let (word, op) = WORDS.iter().find(|(word, _)| trimmed.ends_with(word))?;
            (&trimmed[..trimmed.len() - word.len()], *op, vec![])
        }
    };
    let parts: Vec<String> = name.trim().split('.').map(|part| part.trim().to_owned()).collect();
    let path = Name { parts, place: None };
    path.parts.iter().all(|part| !part.is_empty()).then_some(Filter::Compare { path, op, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(path: &[&str], op: Op, values: &[&str]) -> Option<Filter> {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Some(Filter::Compare { path: Name { parts: own(path), place: None }, op, values: own(values) })
    }

    #[test]
    fn every_operator_reads() {
        for (text, op, values) in [
            ("a=1", Op::Eq, &["1"][..]),
            ("a!=1", Op::Ne, &["1"]),
            ("a>1", Op::Gt, &["1"]),
            ("a>=1", Op::Ge, &["1"]),
            ("a<1", Op::Lt, &["1"]),
            ("a<=1", Op::Le, &["1"]),
            ("a~=%x_", Op::Like, &["%x_"]),
            ("a!~=%x", Op::NotLike, &["%x"]),
            ("a?=1,2", Op::In, &["1", "2"]),
            ("a!?=1,2", Op::NotIn, &["1", "2"]),
            ("a is null", Op::IsNull, &[]),
            ("a not null", Op::NotNull, &[]),
            ("a=", Op::Eq, &[""]),
            ("a?=", Op::In, &[""]),
            (" a = b ", Op::Eq, &[" b "]),
        ] {
            assert_eq!(parse_condition(text), compare(&["a"], op, values), "{text}");
        }
    }

    #[test]
    fn a_value_that_looks_like_an_operator_stays_a_value() {
        assert_eq!(parse_condition("name=a!=b"), compare(&["name"], Op::Eq, &["a!=b"]));
        assert_eq!(parse_condition("name=x is null"), compare(&["name"], Op::Eq, &["x is null"]));
        assert_eq!(parse_condition("vmNics.ip~=10.%"), compare(&["vmNics", "ip"], Op::Like, &["10.%"]));
    }

    #[test]
    fn what_holds_no_operator_or_name_is_refused() {
        for text in ["", "name", "=x", "a..b=1", ".=1", "ünïcode"] {
            assert_eq!(parse_condition(text), None, "{text}");
        }
    }
}
