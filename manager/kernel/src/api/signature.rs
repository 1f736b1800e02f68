//! Calls that carry a signature in place of a session: `Authorization: ZStack <access key id>:<signature>`.
//!
//! Signed are three lines: the verb, the text of the `Date` header, and the path from `/v1` on, decoded and without its
//! query. That is what clients in the field do, and it leaves body and query open: who can change a call on its way can
//! change those, and who reads one can send it again for a quarter of an hour. So it is no substitute for TLS.
//!
//! Here the header is read and the date checked; whether the signature is right is for who knows the secret.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use cumulo_schema::Timestamp;
use http::{HeaderMap, StatusCode};
use jiff::{civil, tz::TimeZone};

use super::{access::Credential, http::Refusal};

/// How far a client's clock may be off.
const WINDOW: Duration = Duration::from_mins(15);
const DATE: &str = "%a, %d %b %Y %H:%M:%S";

/// Reads what follows `ZStack` in the header. `path` starts at `/v1`.
pub(super) fn read(id_and_signature: &str, verb: &str, headers: &HeaderMap, path: &str) -> Result<Credential, Refusal> {
    let malformed =
        || Refusal::bad("wrong accessKey signature: the header 'Authorization' must be 'ZStack <id>:<signature>'");
    let (key, signature) = id_and_signature.trim().split_once(':').ok_or_else(malformed)?;
    let signature = BASE64_STANDARD.decode(signature).map_err(|_| malformed())?;
    let date = headers.get("date").and_then(|value| value.to_str().ok());
    let date = date.ok_or_else(|| Refusal::bad("missing header 'Date', which a signed call must have"))?;
    let times = readings(date)
        .ok_or_else(|| Refusal::bad("the header 'Date' must be like 'Thu, 09 Nov 2023 15:04:05 Asia/Shanghai'"))?;
    let now = Timestamp::now();
    let is_near = |time: &Timestamp| now <= time.plus(WINDOW) && *time <= now.plus(WINDOW);
    if !times.iter().any(is_near) {
        return Err(Refusal(StatusCode::FORBIDDEN, "requestTimeTooSkewed: set the clock of the client".to_owned()));
    }
    let message = format!("{verb}\n{date}\n{path}");
    Ok(Credential::Signed { key: key.to_owned(), signature, message })
}

/// The points in time that a date may mean: in the zone that it names, where that is known, and by this node's clock.
/// Clients write zones as ids, as offsets and as abbreviations that mean several zones, and the original reads none of
/// them.
fn readings(date: &str) -> Option<Vec<Timestamp>> {
    let (date, zone) = date.trim().rsplit_once(' ')?;
    let local = civil::DateTime::strptime(DATE, date).ok()?;
    let zones = [zone_called(zone), Some(TimeZone::system())];
    let times = zones.into_iter().flatten().filter_map(|zone| local.to_zoned(zone).ok());
    Some(times.map(|time| Timestamp(time.timestamp().as_millisecond())).collect())
}

fn zone_called(name: &str) -> Option<TimeZone> {
    if matches!(name, "Z" | "GMT" | "UTC") {
        return Some(TimeZone::UTC);
    }
    if let Some(digits) = name.strip_prefix(['+', '-']) {
        let (hours, minutes) = digits.split_at_checked(2)?;
        let minutes = minutes.trim_start_matches(':');
        let minutes: i32 = if minutes.is_empty() { 0 } else { minutes.parse().ok()? };
        let seconds = (hours.parse::<i32>().ok()? * 60 + minutes) * 60;
        let seconds = if name.starts_with('-') { -seconds } else { seconds };
        return jiff::tz::Offset::from_seconds(seconds).ok().map(TimeZone::fixed);
    }
    TimeZone::get(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_in_every_form_that_clients_write() {
        let noon = Timestamp::parse("2023-11-09T12:00:00Z").expect("valid");
        for date in [
            "Thu, 09 Nov 2023 12:00:00 GMT",
            "Thu, 09 Nov 2023 12:00:00 Z",
            "Thu, 09 Nov 2023 15:00:00 +03",
            "Thu, 09 Nov 2023 20:00:00 +0800",
            "Thu, 09 Nov 2023 09:30:00 -02:30",
        ] {
            assert!(readings(date).expect("read").contains(&noon), "{date}");
        }
        assert!(readings("Thu, 09 Nov 2023 12:00:00 MMT").is_some(), "an abbreviation nobody knows");
        for wrong in ["", "now", "2023-11-09 12:00:00 Z", "Thu, 31 Feb 2023 12:00:00 GMT"] {
            assert!(readings(wrong).is_none(), "{wrong}");
        }
    }
}
