//! From what a client sent to the parameters of a declared API.
//!
//! Two stages, since they fail differently on the wire (wire.md §3): a value of the wrong type is refused at
//! the door with plain text ([`decode_params`]); a value that breaks a rule is an API error that an
//! asynchronous call reports through its job ([`ParamMeta::check`]).

use serde_json::{Map, Number, Value};

use crate::{ApiMeta, ErrorCode, ParamKind, ParamMeta};

/// A parameter of the wrong type: answered with 400 and this text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter '{name}' of {api}: {problem}")]
pub struct ParamError {
    api: &'static str,
    name: String,
    problem: String,
}

/// Keeps the declared parameters of `given`, turned into their types and trimmed, with defaults filled in.
/// Unknown names are dropped and nulls count as absent.
///
/// # Errors
/// When a value cannot be of its parameter's type.
pub fn decode_params(meta: &'static ApiMeta, mut given: Map<String, Value>) -> Result<Map<String, Value>, ParamError> {
    let mut decoded = Map::new();
    for param in meta.params {
        let value = match given.remove(param.name) {
            None | Some(Value::Null) => match default_value(param) {
                Some(default) => default,
                None => continue,
            },
            Some(value) => coerce(param, value).map_err(|problem| ParamError {
                api: meta.name,
                name: param.name.to_owned(),
                problem,
            })?,
        };
        decoded.insert(param.name.to_owned(), value);
    }
    Ok(decoded)
}

/// The declared default of `param`, as its type.
#[must_use]
pub fn default_value(param: &ParamMeta) -> Option<Value> {
    param.default.and_then(|text| coerce(param, Value::String(text.to_owned())).ok())
}

fn coerce(param: &ParamMeta, value: Value) -> Result<Value, String> {
    match param.kind {
        ParamKind::String => text(value).map(|text| Value::String(trimmed(param, text))),
        ParamKind::Integer => integer(&value, i64::from(i32::MIN), i64::from(i32::MAX)),
        ParamKind::Long => integer(&value, i64::MIN, i64::MAX),
        ParamKind::Boolean => boolean(&value),
        ParamKind::StringList => {
            list(
                value,
                |item| if item.is_null() { Ok(item) } else { text(item).map(|t| Value::String(trimmed(param, t))) },
            )
        }
        ParamKind::LongList => list(value, |item| integer(&item, i64::MIN, i64::MAX)),
        ParamKind::StringMap => map(value, |item| text(item).map(Value::String)),
        ParamKind::StringListMap => map(value, |item| list(item, |inner| text(inner).map(Value::String))),
        ParamKind::Json(_) => Ok(value),
    }
}

fn trimmed(param: &ParamMeta, text: String) -> String {
    if param.no_trim || text.trim().len() == text.len() { text } else { text.trim().to_owned() }
}

fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => Err(format!("must be a text, not {}", kind_of(&other))),
    }
}

fn integer(value: &Value, least: i64, greatest: i64) -> Result<Value, String> {
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => text.trim().parse::<i64>().ok(),
        _ => None,
    };
    match number {
        Some(number) if (least..=greatest).contains(&number) => Ok(Value::Number(Number::from(number))),
        Some(number) => Err(format!("must be between {least} and {greatest}, not {number}")),
        None => Err(format!("must be a whole number, not {}", shortened(value))),
    }
}

/// A float without a fraction that fits 64 bits: some clients write `1e9` or `4.0`.
#[expect(clippy::cast_possible_truncation, reason = "guarded by the range check on the line before")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9.2e18).then_some(number as i64)
}

fn boolean(value: &Value) -> Result<Value, String> {
    match value {
        Value::Bool(flag) => Ok(Value::Bool(*flag)),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
        other => Err(format!("must be true or false, not {}", shortened(other))),
    }
}

fn list(value: Value, item: impl FnMut(Value) -> Result<Value, String>) -> Result<Value, String> {
    match value {
        Value::Array(items) => items.into_iter().map(item).collect::<Result<_, _>>().map(Value::Array),
        // One element where a list is meant: a query string cannot tell the difference.
        single @ Value::String(_) => std::iter::once(single).map(item).collect::<Result<_, _>>().map(Value::Array),
        other => Err(format!("must be a list, not {}", kind_of(&other))),
    }
}

fn map(value: Value, mut item: impl FnMut(Value) -> Result<Value, String>) -> Result<Value, String> {
    match value {
        Value::Object(entries) => entries
            .into_iter()
            .map(|(key, value)| item(value).map(|value| (key, value)))
            .collect::<Result<_, _>>()
            .map(Value::Object),
        other => Err(format!("must be a map, not {}", kind_of(&other))),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn shortened(value: &Value) -> String {
    value.to_string().chars().take(80).collect()
}

impl ApiMeta {
    /// Checks decoded parameters against their declared rules.
    ///
    /// # Errors
    /// SYS.1007 naming the parameter, the rule and the value (never a secret's value).
    pub fn check(&self, params: &Map<String, Value>) -> Result<(), ErrorCode> {
        self.params.iter().try_for_each(|param| param.check(params.get(param.name)))
    }
}

impl ParamMeta {
    /// Checks one decoded value, in the order of wire.md §3.
    ///
    /// # Errors
    /// SYS.1007 with the first rule broken.
    pub fn check(&self, value: Option<&Value>) -> Result<(), ErrorCode> {
        let refuse = |problem: String| Err(ErrorCode::invalid(format!("field[{}] {problem}", self.name)));
        let Some(value) = value else {
            return if self.required { refuse("is mandatory and must be given".into()) } else { Ok(()) };
        };
        let shown = |value: &Value| if self.sensitive { "the given value".to_owned() } else { shortened(value) };
        let texts: Vec<&str> = match value {
            Value::String(text) => vec![text],
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            _ => vec![],
        };
        if let Some(most) = self.max_length
            && let Some(long) = texts.iter().find(|text| text.chars().count() > most)
        {
            return refuse(format!("may have at most {most} characters, not {}", long.chars().count()));
        }
        let number = value.as_number().map(ToString::to_string);
        if !self.valid_values.is_empty()
            && let Some(odd) = texts.iter().copied().chain(number.as_deref()).find(|t| !self.valid_values.contains(t))
        {
            let odd = shown(&Value::String(odd.to_owned()));
            return refuse(format!("must be one of {:?}, not {odd}", self.valid_values));
        }
        if let Some(regex) = self.regex {
            let regex = regex::Regex::new(&format!("^(?:{regex})$")).map_err(|cause| {
                ErrorCode::internal(format!("the rule of {} is no expression", self.name)).because_of(&cause)
            })?;
            if texts.iter().any(|text| !regex.is_match(text)) {
                return refuse(format!("must match the regular expression {}, which {} does not", regex, shown(value)));
            }
        }
        if let Value::Array(items) = value {
            if self.nonempty && items.is_empty() {
                return refuse("must not be an empty list".into());
            }
            if items.iter().any(Value::is_null) {
                return refuse("must not contain null".into());
            }
        }
        if self.no_empty_string && texts.iter().any(|text| text.is_empty()) {
            return refuse("must not be an empty text".into());
        }
        if let Some((least, greatest)) = self.range
            && let Some(number) = value.as_i64()
            && !(least..=greatest).contains(&number)
        {
            return refuse(format!("must be between {least} and {greatest}, not {number}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const fn param(name: &'static str, kind: ParamKind) -> ParamMeta {
        ParamMeta { name, kind, ..ParamMeta::PLAIN }
    }

    #[test]
    fn numbers_and_booleans_come_as_texts_too() {
        assert_eq!(coerce(&param("n", ParamKind::Integer), json!("8")), Ok(json!(8)));
        assert_eq!(coerce(&param("n", ParamKind::Long), json!(4.0)), Ok(json!(4)));
        assert_eq!(coerce(&param("b", ParamKind::Boolean), json!("TRUE")), Ok(json!(true)));
        for (kind, bad) in [
            (ParamKind::Integer, json!(2_147_483_648_i64)),
            (ParamKind::Integer, json!(1.5)),
            (ParamKind::Integer, json!("1; rm")),
            (ParamKind::Boolean, json!(1)),
            (ParamKind::StringList, json!(7)),
            (ParamKind::String, json!({})),
            (ParamKind::StringMap, json!([])),
        ] {
            assert!(coerce(&param("x", kind), bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_are_trimmed_unless_declared_otherwise() {
        assert_eq!(coerce(&param("s", ParamKind::String), json!(" a ")), Ok(json!("a")));
        let kept = ParamMeta { no_trim: true, ..param("s", ParamKind::String) };
        assert_eq!(coerce(&kept, json!(" a ")), Ok(json!(" a ")));
    }

    #[test]
    fn rules_name_the_parameter_and_the_value_but_no_secret() {
        let state = ParamMeta { valid_values: &["enable", "disable"], ..param("stateEvent", ParamKind::String) };
        let refused = state.check(Some(&json!("enabled"))).expect_err("not a valid value");
        assert!(refused.details.contains("stateEvent") && refused.details.contains("enabled"), "{refused}");
        let version = ParamMeta { valid_values: &["4", "6"], ..param("ipVersion", ParamKind::Integer) };
        assert!(version.check(Some(&json!(4))).is_ok() && version.check(Some(&json!(5))).is_err());
        let secret = ParamMeta { sensitive: true, regex: Some("[a-z]+"), ..param("password", ParamKind::String) };
        let refused = secret.check(Some(&json!("S3CRET"))).expect_err("does not match");
        assert!(!refused.details.contains("S3CRET"), "{refused}");
    }

    #[test]
    fn ranges_lengths_and_emptiness_are_checked() {
        assert!(
            ParamMeta { range: Some((1, 65535)), ..param("p", ParamKind::Integer) }.check(Some(&json!(0))).is_err()
        );
        assert!(ParamMeta { max_length: Some(2), ..param("p", ParamKind::String) }.check(Some(&json!("abc"))).is_err());
        assert!(ParamMeta { nonempty: true, ..param("p", ParamKind::StringList) }.check(Some(&json!([]))).is_err());
        assert!(param("p", ParamKind::StringList).check(Some(&json!([null]))).is_err());
        assert!(ParamMeta { required: true, ..param("p", ParamKind::String) }.check(None).is_err());
        assert!(param("p", ParamKind::String).check(None).is_ok());
    }
}
