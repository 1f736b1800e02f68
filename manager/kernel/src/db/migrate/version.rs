//! Versions of programs, as far as the schema cares: which came first, and which share a minor version.

use std::{fmt, str::FromStr};

/// `major.minor.patch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// This program's.
    pub const OURS: Self = Self::new(
        number(env!("CARGO_PKG_VERSION_MAJOR")),
        number(env!("CARGO_PKG_VERSION_MINOR")),
        number(env!("CARGO_PKG_VERSION_PATCH")),
    );

    /// The version `major.minor.patch`.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// The first of this minor version.
    pub(super) fn minor_start(self) -> Self {
        Self { patch: 0, ..self }
    }

    /// The first of the minor version before; a new major version has none before it.
    pub(super) fn minor_before(self) -> Self {
        Self { minor: self.minor.saturating_sub(1), patch: 0, ..self }
    }
}

/// A number that cargo wrote. The standard library's parser is not for constants.
const fn number(digits: &str) -> u32 {
    let digits = digits.as_bytes();
    let (mut value, mut at) = (0, 0);
    while at < digits.len() {
        value = value * 10 + (digits[at] - b'0') as u32;
        at += 1;
    }
    value
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('.');
        let mut next = || parts.next().unwrap_or("0").parse();
        Ok(Self { major: next()?, minor: next()?, patch: next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_and_know_the_minor_before() {
        let version: Version = "1.2.3".parse().expect("a version");
        assert_eq!(version, Version::new(1, 2, 3));
        assert_eq!(version.to_string(), "1.2.3");
        assert!(version > Version::new(1, 1, 9) && version < Version::new(1, 10, 0));
        assert_eq!(version.minor_before(), Version::new(1, 1, 0));
        assert_eq!(version.minor_start(), Version::new(1, 2, 0));
        assert_eq!(Version::new(2, 0, 1).minor_before(), Version::new(2, 0, 0));
        assert_eq!(Version::OURS.to_string(), env!("CARGO_PKG_VERSION"));
        assert!("1.x.0".parse::<Version>().is_err());
    }
}
