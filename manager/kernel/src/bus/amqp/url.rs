//! Where the broker is and how to get in; its password is shown nowhere.

use std::{fmt, str::FromStr};

use lapin::uri::AMQPUri;

/// Seconds between two heartbeats where the URL does not say: a broker that is gone without a word is given up after two.
const HEARTBEAT: u16 = 10;

/// `amqp://user:password@host:port/vhost?heartbeat=seconds`, or `amqps://…`.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerUrl(AMQPUri);

/// A text that is no such URL. The text is not repeated: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the broker's URL must be amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:// for TLS: {problem}")]
pub struct BadBrokerUrl {
    problem: String,
}

impl FromStr for BrokerUrl {
    type Err = BadBrokerUrl;

    fn from_str(text: &str) -> Result<Self, BadBrokerUrl> {
        let bad = |problem: String| BadBrokerUrl { problem: problem.replace(text, "(the URL)") };
        let mut uri: AMQPUri = text.parse().map_err(bad)?;
        if uri.query.heartbeat.unwrap_or_default() == 0 {
            uri.query.heartbeat = Some(HEARTBEAT);
        }
        Ok(Self(uri))
    }
}

impl BrokerUrl {
    pub(super) fn uri(&self) -> AMQPUri {
        self.0.clone()
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { scheme, authority, vhost, .. } = &self.0;
        write!(f, "{scheme}://{}@{}:{}/{vhost}", authority.userinfo.username, authority.host, authority.port)
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_shown() {
        let url: BrokerUrl = "amqp://cumulo:s3cret@mq.example:5673/cloud".parse().expect("a URL");
        assert_eq!(url.to_string(), "amqp://cumulo@mq.example:5673/cloud");
        assert!(!format!("{url:?}").contains("s3cret"));
        for bad in ["http://cumulo:s3cret@mq/", "amqp://cumulo:s3cret@mq:port/", "s3cret"] {
            let error = bad.parse::<BrokerUrl>().expect_err(bad).to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn there_is_always_a_heartbeat() {
        let heartbeat = |text: &str| text.parse::<BrokerUrl>().expect("a URL").uri().query.heartbeat;
        assert_eq!(heartbeat("amqp://mq"), Some(HEARTBEAT));
        assert_eq!(heartbeat("amqp://mq?heartbeat=0"), Some(HEARTBEAT));
        assert_eq!(heartbeat("amqp://mq?heartbeat=3"), Some(3));
    }
}
