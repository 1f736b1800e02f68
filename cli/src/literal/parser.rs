//! The recursive descent over units.

use serde_json::{Map, Number, Value};

use super::{LiteralError, Unit, scalar};

/// Deeper nesting than any API has, and shallow enough for every stack.
const DEEPEST: usize = 32;

/// Reads one value that takes up all of `units`.
///
/// # Errors
/// When brackets, quotes or separators do not add up, or the nesting is deeper than 32.
pub fn parse(units: &[Unit]) -> Result<Value, LiteralError> {
    let mut parser = Parser { units, at: 0 };
    let value = parser.value(0)?;
    parser.skip_space();
    if parser.at == units.len() { Ok(value) } else { Err(parser.problem("nothing may follow the value")) }
}

struct Parser<'a> {
    units: &'a [Unit],
    at: usize,
}

impl<'a> Parser<'a> {
    fn problem(&self, problem: &'static str) -> LiteralError {
        LiteralError { at: self.at + 1, problem }
    }

    fn peek(&self) -> Option<char> {
        match self.units.get(self.at) {
            Some(Unit::Char(c)) => Some(*c),
            _ => None,
        }
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, LiteralError> {
        if depth > DEEPEST {
            return Err(self.problem("it is nested too deeply"));
        }
        self.skip_space();
        match self.peek() {
            Some('{') => self.map(depth),
            Some('[') => self.list(depth),
            Some(quote @ ('\'' | '"')) => self.quoted(quote).map(Value::String),
            _ => {
                let word = self.bare(",]}")?;
                meaning(word).map_err(|cause| LiteralError { at: self.at, ..cause })
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, LiteralError> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_space();
            if self.take(']') {
                return Ok(Value::Array(items));
            }
            items.push(self.value(depth + 1)?);
            self.separator(']')?;
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, LiteralError> {
        self.at += 1;
        let mut members = Map::new();
        loop {
            self.skip_space();
            if self.take('}') {
                return Ok(Value::Object(members));
            }
            let key = match self.peek() {
                Some(quote @ ('\'' | '"')) => self.quoted(quote)?,
                _ => {
                    let word = self.bare(":,{}[]")?;
                    super::text(word).map_err(|_| self.problem("a key must be a text"))?
                }
            };
            self.skip_space();
            if !self.take(':') {
                return Err(self.problem("a ':' must follow the key"));
            }
            let value = self.value(depth + 1)?;
            if members.insert(key, value).is_some() {
                return Err(self.problem("a key is there twice"));
            }
            self.separator('}')?;
        }
    }

    /// A comma, which may also follow the last element, or the end in sight.
    fn separator(&mut self, end: char) -> Result<(), LiteralError> {
        self.skip_space();
        if self.take(',') || self.peek() == Some(end) {
            return Ok(());
        }
        Err(self.problem(if end == ']' { "a ',' or ']' is missing" } else { "a ',' or '}' is missing" }))
    }

    fn quoted(&mut self, quote: char) -> Result<String, LiteralError> {
        let opened = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.units.get(self.at) {
                None => return Err(LiteralError { at: opened + 1, problem: "the quote is never closed" }),
                Some(Unit::Filled(value)) => text.push_str(&scalar(value, self.at)?),
                Some(Unit::Char('\\')) => {
                    self.at += 1;
                    text.push(self.escape()?);
                    continue;
                }
                Some(Unit::Char(c)) if *c == quote => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(Unit::Char(c)) => text.push(*c),
            }
            self.at += 1;
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<char, LiteralError> {
        let c = self.peek().ok_or_else(|| self.problem("a backslash is followed by a character"))?;
        self.at += 1;
        Ok(match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => {
                let high = self.hex()?;
                if (0xD800..0xDC00).contains(&high) {
                    if !(self.take('\\') && self.take('u')) {
                        return Err(self.problem("half of a surrogate pair is missing"));
                    }
                    let low = self.hex()?;
                    let joined = 0x10000 + ((high - 0xD800) << 10) + low.wrapping_sub(0xDC00);
                    return char::from_u32(joined).ok_or_else(|| self.problem("this is no surrogate pair"));
                }
                char::from_u32(high).ok_or_else(|| self.problem("this is no character"))?
            }
            other => other,
        })
    }

    /// Four hex digits.
    fn hex(&mut self) -> Result<u32, LiteralError> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|c| c.to_digit(16));
            value = value * 16 + digit.ok_or_else(|| self.problem("'\\u' is followed by four hex digits"))?;
            self.at += 1;
        }
        Ok(value)
    }

    /// An unquoted word up to one of `stops`, without the white space around it.
    fn bare(&mut self, stops: &str) -> Result<&'a [Unit], LiteralError> {
        let start = self.at;
        while self.at < self.units.len() && !self.peek().is_some_and(|c| stops.contains(c)) {
            self.at += 1;
        }
        let mut end = self.at;
        while end > start && matches!(self.units[end - 1], Unit::Char(c) if c.is_whitespace()) {
            end -= 1;
        }
        if end == start { Err(self.problem("a value is missing")) } else { Ok(&self.units[start..end]) }
    }
}

/// An unquoted word as JSON and Python understand it; a lone filled-in value is itself, other words are text. Only what
/// is plainly a number is one: `1e5…` may well be the beginning of a uuid.
fn meaning(word: &[Unit]) -> Result<Value, LiteralError> {
    if let [Unit::Filled(value)] = word {
        return Ok(value.clone());
    }
    let text = super::text(word)?;
    Ok(match text.as_str() {
        "true" | "True" => Value::Bool(true),
        "false" | "False" => Value::Bool(false),
        "null" | "None" => Value::Null,
        _ => match text.parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) if text.contains('.') => text.parse::<Number>().map_or(Value::String(text), Value::Number),
            Err(_) => Value::String(text),
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn units(text: &str) -> Vec<Unit> {
        text.chars().map(Unit::Char).collect()
    }

    fn read(text: &str) -> Result<Value, LiteralError> {
        parse(&units(text))
    }

    #[test]
    fn json_python_and_unquoted_forms_are_the_same_value() {
        let expected = json!({"a": ["x", 1, true, null], "b": {}});
        for form in [
            r#"{"a": ["x", 1, true, null], "b": {}}"#,
            "{'a': ['x', 1, True, None,], 'b': {},}",
            " { a : [ x , 1 , true , null ] , b : { } } ",
        ] {
            assert_eq!(read(form), Ok(expected.clone()), "{form}");
        }
    }

    #[test]
    fn words_may_hold_colons_and_spaces_where_nothing_is_unclear() {
        assert_eq!(read("[hostname::vm 1, staticIp::a]"), Ok(json!(["hostname::vm 1", "staticIp::a"])));
    }

    #[test]
    fn what_is_filled_in_cannot_change_the_structure() {
        let evil = json!("x':['y'], 'z");
        let mut text = units("{'");
        text.push(Unit::Filled(evil.clone()));
        text.extend(units("':["));
        text.push(Unit::Filled(evil));
        text.extend(units("]}"));
        assert_eq!(parse(&text), Ok(json!({"x':['y'], 'z": ["x':['y'], 'z"]})));
        let mut nested = units("['");
        nested.push(Unit::Filled(json!(["a"])));
        nested.extend(units("']"));
        assert!(parse(&nested).is_err(), "a list inside a text");
    }

    #[test]
    fn problems_say_where() {
        for (text, at, problem) in [
            ("{'a' 1}", 6, "a ':' must follow the key"),
            ("['a' 'b']", 6, "a ',' or ']' is missing"),
            ("{'a': 'b", 7, "the quote is never closed"),
            ("[1] 2", 5, "nothing may follow the value"),
            ("{a:}", 4, "a value is missing"),
            ("{a:1,a:2}", 9, "a key is there twice"),
            (r"['\u12']", 7, "'\\u' is followed by four hex digits"),
        ] {
            assert_eq!(read(text), Err(LiteralError { at, problem }), "{text}");
        }
        assert!(read(&"[".repeat(1000)).is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect()))
            ]
        })
    }

    proptest! {
        #[test]
        fn everything_serde_json_writes_is_read_back(value in any_json()) {
            prop_assert_eq!(read(&value.to_string()), Ok(value.clone()));
            let pretty = serde_json::to_string_pretty(&value).expect("serialises");
            prop_assert_eq!(read(&pretty), Ok(value));
        }

        #[test]
        fn no_text_panics(text in "[\\[\\]{}'\",:\\\\u0-9a d]{0,40}") {
            let _ = read(&text);
        }
    }
}
