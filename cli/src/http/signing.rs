//! Calls signed with an access key, in place of a session.
//!
//! What is signed is the server's affair to define: verb, date, and the path from `/v1` on, decoded and without its query.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use reqwest::{
    Method, RequestBuilder,
    header::{AUTHORIZATION, DATE, HeaderValue},
};
use ring::hmac;

/// An access key: its public part and its secret.
#[derive(Clone)]
pub struct AccessKey {
    id: String,
    secret: hmac::Key,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl AccessKey {
    /// The key whose parts are `id` and `secret`.
    #[must_use]
    pub fn new(id: String, secret: &str) -> Self {
        // The scheme says SHA-1; as an HMAC it still holds.
        Self { id, secret: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes()) }
    }

    /// Signs a request of `path`, which begins after `/v1`, as made now.
    pub(super) fn sign(&self, builder: RequestBuilder, method: &Method, path: &str) -> RequestBuilder {
        let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let mut value = match HeaderValue::from_str(&self.authorization(method, &date, path)) {
            Ok(value) => value,
            // The id is none that a header can hold, so there is no such key: the server says so better.
            Err(_) => return builder,
        };
        value.set_sensitive(true);
        builder.header(DATE, date).header(AUTHORIZATION, value)
    }

    fn authorization(&self, method: &Method, date: &str, path: &str) -> String {
        let message = format!("{method}\n{date}\n/v1{}", percent_decode_str(path).decode_utf8_lossy());
        let signature = hmac::sign(&self.secret, message.as_bytes());
        format!("ZStack {}:{}", self.id, BASE64_STANDARD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_that_other_clients_make() {
        let key = AccessKey::new("AbCdEfGhIjKlMnOpQrSt".to_owned(), "0123456789abcdefghijklmnopqrstuvwxyzABCD");
        let date = "Thu, 09 Nov 2023 12:00:00 GMT";
        // printf 'GET\nThu, 09 Nov 2023 12:00:00 GMT\n/v1/a b' | openssl dgst -sha1 -hmac $secret -binary | base64
        assert_eq!(
            key.authorization(&Method::GET, date, "/a%20b"),
            "ZStack AbCdEfGhIjKlMnOpQrSt:THIkTD4tSI1ItTFROioI4kQiOgQ="
        );
        assert!(!format!("{key:?}").contains("0123456789"));
    }
}
