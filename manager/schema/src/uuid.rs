//! Resource ids as ZStack writes them: 32 lowercase hex digits, no dashes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The id of a resource, a job or a task: a version 4 uuid written as 32 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid(uuid::Uuid);

/// A text that is not 32 lowercase hex digits with valid version and variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a uuid of 32 lowercase hex digits")]
pub struct BadUuid {
    text: String,
}

impl Uuid {
    /// The account that is there from the first start (wire.md §7).
    pub const ADMIN: Uuid = Uuid(uuid::uuid!("36c27e8f-f05c-4780-bf6d-2fa65700f22e"));

    /// A new random id.
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4())
    }

    /// The id that always belongs to `name` within `self`: how a flow gives the same task the same id when it is run again.
    #[must_use]
    pub fn derive(&self, name: &str) -> Self {
        Self(uuid::Uuid::new_v5(&self.0, name.as_bytes()))
    }

    /// The 16 bytes, for hashing on the ring.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl FromStr for Uuid {
    type Err = BadUuid;

    /// Follows wire.md §3: the 13th digit is 1 to 5 and the 17th one of 8, 9, a, b.
    fn from_str(text: &str) -> Result<Self, BadUuid> {
        let bad = || BadUuid { text: text.chars().take(80).collect() };
        let bytes = text.as_bytes();
        let hex = bytes.len() == 32 && bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !hex || !matches!(bytes[12], b'1'..=b'5') || !matches!(bytes[16], b'8' | b'9' | b'a' | b'b') {
            return Err(bad());
        }
        uuid::Uuid::try_parse(text).map(Self).map_err(|_| bad())
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.simple(), f)
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Uuid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_32_lowercase_hex_digits_of_a_real_version_are_accepted() {
        assert!("36c27e8ff05c4780bf6d2fa65700f22e".parse::<Uuid>().is_ok());
        for bad in [
            "",
            "36c27e8f-f05c-4780-bf6d-2fa65700f22e",
            "36C27E8FF05C4780BF6D2FA65700F22E",
            "36c27e8ff05cf780bf6d2fa65700f22e",
            "36c27e8ff05c4780cf6d2fa65700f22e",
            "36c27e8ff05c4780bf6d2fa65700f22",
            "$(reboot)$(reboot)$(reboot)$(reb",
        ] {
            assert!(bad.parse::<Uuid>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_derived_id_is_stable_and_well_formed() {
        let flow = Uuid::ADMIN;
        assert_eq!(flow.derive("start-vm"), flow.derive("start-vm"));
        assert_ne!(flow.derive("start-vm"), flow.derive("stop-vm"));
        assert!(flow.derive("start-vm").to_string().parse::<Uuid>().is_ok());
    }
}
