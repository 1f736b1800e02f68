//! Names that were looked at before they are used: nothing a user can choose goes further than these let it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::HostError;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = HostError;

            fn try_from(text: &str) -> Result<Self, HostError> {
                let check: fn(&str) -> Result<String, &'static str> = $check;
                check(text).map(Self).map_err(|why| HostError::BadValue { value: text.to_owned(), why })
            }
        }

        impl TryFrom<String> for $name {
            type Error = HostError;

            fn try_from(text: String) -> Result<Self, HostError> {
                Self::try_from(text.as_str())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The uuid of a resource: 32 lower-case hex digits.
    ObjectId,
    |text| {
        let plain = text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if plain { Ok(text.to_owned()) } else { Err("a uuid has 32 lower-case hex digits") }
    }
);

name!(
    /// The name of a network device, as the kernel allows it and without characters that other tools stumble over.
    IfName,
    |text| {
        let fits = (1..=15).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if fits && plain && !text.starts_with(['.', '-']) {
            Ok(text.to_owned())
        } else {
            Err("a network device name has 1 to 15 letters, digits, '.', '_' or '-'")
        }
    }
);

name!(
    /// A unicast MAC address, lower case with colons.
    Mac,
    |text| {
        let octets: Vec<_> = text.split(':').collect();
        let octet = |o: &&str| o.len() == 2 && o.bytes().all(|b| b.is_ascii_hexdigit());
        if octets.len() != 6 || !octets.iter().all(octet) {
            return Err("a MAC address has six hex octets with colons");
        }
        // The lowest bit of the first octet.
        if octets[0].ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f', 'B', 'D', 'F']) {
            return Err("a NIC's MAC address cannot be a multicast one");
        }
        Ok(text.to_ascii_lowercase())
    }
);

name!(
    /// A host or domain name of RFC 1123, lower case.
    Hostname,
    |text| {
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        if text.len() <= 253 && text.split('.').all(label) {
            Ok(text.to_ascii_lowercase())
        } else {
            Err("a host name has letters, digits and '-' between dots")
        }
    }
);

/// What package managers allow in names, short of what they read as more than a name: a leading `-` is an option, and a
/// trailing one removes the package.
fn is_package(text: &str, also: &[u8]) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"+._:-".contains(&b) || also.contains(&b);
    let begins = |b: &u8| b.is_ascii_alphanumeric() || also.contains(b);
    (1..=128).contains(&text.len())
        && text.bytes().all(plain)
        && text.as_bytes().first().is_some_and(begins)
        && !text.ends_with('-')
}

name!(
    /// The name of a package of the operating system.
    PackageName,
    |text| {
        match is_package(text, b"") {
            true => Ok(text.to_owned()),
            false => Err("a package is named by letters, digits and '+', '.', '_', ':', '-'"),
        }
    }
);

name!(
    /// As [`PackageName`], where `*` stands for any letters.
    PackagePattern,
    |text| {
        match is_package(text, b"*") {
            true => Ok(text.to_owned()),
            false => Err("packages are named by letters, digits and '+', '.', '_', ':', '-', and '*' for any of them"),
        }
    }
);

name!(
    /// A release of a distribution: `9.4`.
    OsRelease,
    |text| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let begins = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        match (1..=32).contains(&text.len()) && begins && text.bytes().all(plain) {
            true => Ok(text.to_owned()),
            false => Err("a release is named by letters, digits and '.', '_', '-'"),
        }
    }
);

impl Mac {
    /// The six octets.
    pub fn octets(&self) -> [u8; 6] {
        let mut octets = [0; 6];
        for (octet, text) in octets.iter_mut().zip(self.0.split(':')) {
            *octet = u8::from_str_radix(text, 16).unwrap_or_default();
        }
        octets
    }

    /// From six octets, which must be a unicast address.
    ///
    /// # Errors
    /// When they are not.
    pub fn from_octets(o: [u8; 6]) -> Result<Self, HostError> {
        let text: Vec<_> = o.iter().map(|b| format!("{b:02x}")).collect();
        Self::try_from(text.join(":"))
    }
}

/// An address a user wrote.
pub(crate) fn address<T: std::str::FromStr>(text: &str) -> Result<T, HostError> {
    text.parse().map_err(|_| HostError::BadValue { value: text.to_owned(), why: "it is no such IP address" })
}

/// Applies a check to a text that may be empty.
pub(crate) fn optional<'a, T>(
    text: &'a str,
    check: impl FnOnce(&'a str) -> Result<T, HostError>,
) -> Result<Option<T>, HostError> {
    if text.is_empty() { Ok(None) } else { check(text).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_elsewhere_are_refused() {
        for bad in [
            "",
            "x",
            "0123456789abcdef0123456789abcdeF",
            "0123456789abcdef0123456789abcde/",
            "../../../../../../../../../etc/pwd",
        ] {
            assert!(ObjectId::try_from(bad).is_err(), "{bad}");
        }
        for bad in ["", "eth0/../x", "averylongdevicename", "a b", "-eth0", ".", "..", "é", "a\n"] {
            assert!(IfName::try_from(bad).is_err(), "{bad}");
        }
        for bad in [
            "",
            "fa:16:3e:00:00",
            "fa:16:3e:00:00:0g",
            "01:00:5e:00:00:01",
            "fa-16-3e-00-00-01",
            "fa:16:3e:00:00:+1",
            "fa:16:3e:00:00:01,x",
        ] {
            assert!(Mac::try_from(bad).is_err(), "{bad}");
        }
        for bad in ["", ".", "a..b", "-a", "a-", "a b", "a\nb", "a,b", "a_b", "$(x)"] {
            assert!(Hostname::try_from(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_that_are_fine_are_normalised() {
        assert!(ObjectId::try_from("0123456789abcdef0123456789abcdef").is_ok());
        assert_eq!(IfName::try_from("vnic1.0").unwrap().as_str(), "vnic1.0");
        let mac = Mac::try_from("FA:16:3e:00:0a:01").unwrap();
        assert_eq!((mac.as_str(), mac.octets()), ("fa:16:3e:00:0a:01", [0xfa, 0x16, 0x3e, 0, 0x0a, 1]));
        assert_eq!(Mac::from_octets(mac.octets()).unwrap(), mac);
        assert_eq!(Hostname::try_from("Web-1.Example.ORG").unwrap().as_str(), "web-1.example.org");
    }
}
