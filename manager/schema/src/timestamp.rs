//! Points in time: epoch milliseconds in the database, `Nov 9, 2023 3:04:05 PM` in server-local time on the wire.

use std::fmt;

use serde::{Deserialize, Serialize, de::Error as _};

/// The form old clients parse with a regular expression (wire.md §5): local time, no zone, unpadded day and hour.
const WIRE_FORMAT: &str = "%b %-d, %Y %-I:%M:%S %p";

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Milliseconds since 1970-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The present, by this machine's clock.
    #[must_use]
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_millisecond())
    }

    /// `self` later by `by`.
    #[must_use]
    pub fn plus(self, by: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Reads the wire form, ISO 8601 with an offset, `yyyy-mm-dd hh:mm:ss`, or epoch milliseconds.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let local =
            |time: jiff::civil::DateTime| time.to_zoned(jiff::tz::TimeZone::system()).ok().map(|z| z.timestamp());
        let parsed = jiff::civil::DateTime::strptime(WIRE_FORMAT, text)
            .ok()
            .and_then(local)
            .or_else(|| text.parse::<jiff::Timestamp>().ok())
            .or_else(|| text.parse::<jiff::civil::DateTime>().ok().and_then(local))
            .map(|time| time.as_millisecond())
            .or_else(|| text.parse().ok())?;
        Some(Self(parsed))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => wire_form(f, time.to_zoned(jiff::tz::TimeZone::system()).datetime()),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

/// As [`WIRE_FORMAT`] has it, which takes ten times as long to go by: inventories are full of these.
fn wire_form(f: &mut fmt::Formatter<'_>, time: jiff::civil::DateTime) -> fmt::Result {
    let month = usize::try_from(time.month() - 1).ok().and_then(|month| MONTHS.get(month)).copied().unwrap_or_default();
    let (hour, half) = match time.hour() {
        0 => (12, "AM"),
        hour @ 1..12 => (hour, "AM"),
        12 => (12, "PM"),
        hour => (hour - 12, "PM"),
    };
    let (day, year, minute, second) = (time.day(), time.year(), time.minute(), time.second());
    write!(f, "{month} {day}, {year:04} {hour}:{minute:02}:{second:02} {half}")
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("'{text}' is not a point in time")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_has_no_zone_and_no_padding_and_reads_back() {
        let noon =
            jiff::civil::date(2023, 11, 9).at(15, 4, 5, 0).to_zoned(jiff::tz::TimeZone::system()).expect("valid");
        let time = Timestamp(noon.timestamp().as_millisecond());
        assert_eq!(time.to_string(), "Nov 9, 2023 3:04:05 PM");
        assert_eq!(Timestamp::parse("Nov 9, 2023 3:04:05 PM"), Some(time));
    }

    #[test]
    fn the_wire_form_is_that_of_its_pattern() {
        for day in 0..800 {
            // Some 31 hours and a bit: each hour, half and month comes up.
            let time = jiff::Timestamp::from_second(-62_100_000_000 + day * 111_777 + (day % 7) * 15_000_000_000);
            let time = time.expect("in range");
            let by_pattern = time.to_zoned(jiff::tz::TimeZone::system()).strftime(WIRE_FORMAT).to_string();
            assert_eq!(Timestamp(time.as_millisecond()).to_string(), by_pattern);
        }
    }

    #[test]
    fn other_forms_read_too_and_nonsense_does_not() {
        assert_eq!(Timestamp::parse("1970-01-01T00:00:01Z"), Some(Timestamp(1000)));
        assert_eq!(Timestamp::parse("1700000000000"), Some(Timestamp(1_700_000_000_000)));
        assert_eq!(Timestamp::parse("yesterday"), None);
    }
}
