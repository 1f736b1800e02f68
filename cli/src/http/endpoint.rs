//! Where the management node is.

use std::{fmt, str::FromStr};

use reqwest::Url;

/// The deployment's context path, unless the endpoint names one.
const CONTEXT: &str = "/zstack";

/// An endpoint as given, and the API's base address that follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    origin: Url,
    base: String,
}

/// A text that is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no endpoint; one looks like http://127.0.0.1:8080 or https://cloud.example")]
pub struct BadEndpoint {
    text: String,
}

impl Endpoint {
    /// `http://host:8080/zstack/v1`, to which API paths are appended.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Whether the node is on this machine: then no proxy is in between.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.origin.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// `127.0.0.1:8080`, for prompts.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.origin.authority()
    }
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        // A URL with a password would end up in messages and the process list, and the API has no use for one.
        let bad = || BadEndpoint { text: text.rsplit('@').next().unwrap_or_default().to_owned() };
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(full.trim()).map_err(|_| bad())?;
        let plain =
            url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain {
            return Err(bad());
        }
        let path = url.path().trim_end_matches('/').trim_end_matches("/v1");
        let context = if path.is_empty() { CONTEXT } else { path };
        let base = format!("{}://{}{context}/v1", url.scheme(), url.authority());
        Ok(Self { origin: url, base })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.origin.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_needs_no_scheme_and_no_path() {
        for (text, base) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/zstack/v1"),
            ("cloud.example:8080/", "http://cloud.example:8080/zstack/v1"),
            ("https://cloud.example/zstack/v1/", "https://cloud.example/zstack/v1"),
            ("https://cloud.example/iaas", "https://cloud.example/iaas/v1"),
            ("[::1]:8080", "http://[::1]:8080/zstack/v1"),
        ] {
            assert_eq!(text.parse::<Endpoint>().expect(text).base(), base);
        }
        for bad in ["", "ftp://x", "http://", "http://h/?a=b", "http://me:secret@h"] {
            let problem = bad.parse::<Endpoint>().expect_err(bad).to_string();
            assert!(!problem.contains("secret"), "{problem}");
        }
    }

    #[test]
    fn this_machine_is_known_by_name_and_address() {
        for (text, expected) in [("localhost", true), ("127.1.2.3:80", true), ("[::1]:80", true), ("10.0.0.1", false)] {
            assert_eq!(text.parse::<Endpoint>().expect(text).is_loopback(), expected, "{text}");
        }
    }
}
