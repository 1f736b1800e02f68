//! Bodies: a JSON object with one member, named for what it is (`docs/message-bus.md`).
//!
//! Read and written in one pass, without a tree of values in between: the name is known beforehand on either side.

use std::{fmt, marker::PhantomData};

use cumulo_schema::ErrorCode;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};

/// The member of an answer that is an error.
const ERROR: &str = "error";

/// `AllocateHostReply`, the member of the answer to `AllocateHost`.
pub(super) fn reply_name(name: &str) -> String {
    format!("{name}Reply")
}

/// Most bytes of a body. What a broker finds too large, it answers by closing the channel, and with it goes what else is on
/// the way; 16 MiB is what RabbitMQ 4 takes unless told otherwise.
pub(crate) const LIMIT: usize = 16 << 20;

/// `{name: value}`.
///
/// # Errors
/// SYS.1007 when that is larger than [`LIMIT`]; SYS.1000 when the value has no JSON.
pub(crate) fn encode<T: Serialize>(name: &str, value: &T) -> Result<Vec<u8>, ErrorCode> {
    struct Keyed<'v, T>(&'v str, &'v T);
    impl<T: Serialize> Serialize for Keyed<'_, T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(self.0, self.1)?;
            map.end()
        }
    }
    let body = serde_json::to_vec(&Keyed(name, value))
        .map_err(|cause| ErrorCode::internal(format!("{name} cannot be sent")).because_of(&cause))?;
    if body.len() > LIMIT {
        let text =
            format!("{name} has {} bytes, and the bus takes at most {LIMIT}; ask for less at a time", body.len());
        return Err(ErrorCode::invalid(text));
    }
    Ok(body)
}

/// `{"error": …}`.
pub(crate) fn encode_error(error: &ErrorCode) -> Vec<u8> {
    // Texts and numbers under text keys: nothing in it can fail to be JSON. But it may repeat much of what it complains of.
    encode(ERROR, error).or_else(|problem| encode(ERROR, &problem)).unwrap_or_default()
}

/// The value of a body whose only member is `name`.
pub(super) fn decode<T: DeserializeOwned>(name: &str, body: &[u8]) -> serde_json::Result<T> {
    decode_answer(name, body)?.map_err(|error: ErrorCode| serde_json::Error::custom(error))
}

/// The value of an answer whose only member is `name`, or the error that it holds instead.
pub(super) fn decode_answer<T: DeserializeOwned>(name: &str, body: &[u8]) -> serde_json::Result<Result<T, ErrorCode>> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Member { name, value: PhantomData }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// The error that an answer holds, if it holds one.
pub(super) fn decode_error(body: &[u8]) -> Option<ErrorCode> {
    decode_answer::<IgnoredAny>(ERROR, body).ok()?.err()
}

/// The name of the one member of a body.
pub(super) fn member(body: &[u8]) -> Option<String> {
    let members: std::collections::BTreeMap<String, IgnoredAny> = serde_json::from_slice(body).ok()?;
    members.into_keys().next()
}

struct Member<'n, T> {
    name: &'n str,
    value: PhantomData<fn() -> T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Member<'_, T> {
    type Value = Result<T, ErrorCode>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Member<'_, T> {
    type Value = Result<T, ErrorCode>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object whose only member is '{}'", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let value = match map.next_key::<String>()? {
            Some(key) if key == ERROR => Err(map.next_value()?),
            Some(key) if key == self.name => Ok(map.next_value()?),
            Some(key) => return Err(A::Error::custom(format!("expected the member '{}', found '{key}'", self.name))),
            None => return Err(A::Error::custom(format!("expected the member '{}', found none", self.name))),
        };
        match map.next_key::<IgnoredAny>()? {
            None => Ok(value),
            Some(_) => Err(A::Error::custom("expected one member, found more")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_one_named_member() {
        let body = encode("Add", &(1, 2)).expect("encodes");
        assert_eq!(body, br#"{"Add":[1,2]}"#);
        assert_eq!(decode::<(i32, i32)>("Add", &body).expect("decodes"), (1, 2));
        for bad in [r#"{"Sub":[1,2]}"#, r#"{}"#, r#"{"Add":[1,2],"x":0}"#, r#"{"Add":[1,2]} {}"#, r#"[1]"#, ""] {
            assert!(decode::<(i32, i32)>("Add", bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_too_large_is_an_error() {
        let text = |length: usize| "x".repeat(length);
        // {"Add":"…"}
        assert_eq!(encode("Add", &text(LIMIT - 10)).map(|body| body.len()), Ok(LIMIT));
        assert_eq!(encode("Add", &text(LIMIT - 9)).expect_err("too large").code, "SYS.1007");
        let answer = encode_error(&ErrorCode::operation("no").with("fact", text(LIMIT)));
        assert_eq!(decode_error(&answer).expect("an error all the same").code, "SYS.1007");
    }

    #[test]
    fn an_error_travels_with_code_cause_and_facts() {
        let error = ErrorCode::operation("no").because(ErrorCode::invalid("since")).with("fact", 7);
        assert_eq!(decode_answer::<()>("AddReply", &encode_error(&error)).expect("decodes"), Err(error));
        assert_eq!(
            decode_answer::<()>("AddReply", &encode("AddReply", &()).expect("encodes")).expect("decodes"),
            Ok(())
        );
    }
}
