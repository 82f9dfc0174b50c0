//! The clock of the machine, and times in words.
//!
//! A [`Time`] of the real programs is the coordinator's clock, in milliseconds since 1970-01-01 UTC.

use jiff::{SpanRelativeTo, Timestamp, Unit, tz::TimeZone};
use protocol::roles::Time;
use thiserror::Error;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A clock that is further off than this is told to the person.
pub const SKEW_MILLIS_MAX: u64 = 2 * MINUTE;

/// A text that is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DateError {
    /// Not a moment.
    #[error("not a time: write \"in 3 days\", \"in 90 min\" or \"2026-12-01T18:00:00+01:00\"")]
    Moment,
    /// Not a length of time.
    #[error(
        "not a length of time: write \"14d\", \"36h\" or \"90min\"; months and years have no fixed length"
    )]
    Span,
}

/// The machine's clock. One before 1970 reads as 1970.
pub fn now() -> Time {
    Time::from_millis(u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0))
}

/// The machine's time zone, in which people read times; UTC if it has none.
pub fn zone() -> TimeZone {
    TimeZone::system()
}

/// "Tue 1 Dec 2026 18:00 CET"; "never" beyond the year 9999.
pub fn moment(time: Time, zone: &TimeZone) -> String {
    let millis = i64::try_from(time.as_millis()).ok();
    match millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()) {
        Some(timestamp) => {
            timestamp.to_zoned(zone.clone()).strftime("%a %-d %b %Y %H:%M %Z").to_string()
        }
        None => "never".to_owned(),
    }
}

/// "Tue 1 Dec 2026 18:00 CET (in 2 days 4 h)".
pub fn moment_from(time: Time, now: Time, zone: &TimeZone) -> String {
    format!("{} ({})", moment(time, zone), distance(time, now))
}

/// "in 2 days 4 h", "12 min ago", "now".
pub fn distance(time: Time, now: Time) -> String {
    let (time, now) = (time.as_millis(), now.as_millis());
    match time.abs_diff(now) {
        0..SECOND => "now".to_owned(),
        apart if time > now => format!("in {}", span(apart)),
        apart => format!("{} ago", span(apart)),
    }
}

/// "2 days 4 h", "3 h 20 min", "12 min", "40 s": the two greatest units, cut, not rounded.
pub fn span(millis: u64) -> String {
    let days = |count: u64| format!("{count} day{}", if count == 1 { "" } else { "s" });
    let with = |first: String, rest: u64, unit: &str| {
        if rest == 0 { first } else { format!("{first} {rest} {unit}") }
    };
    match millis {
        0..MINUTE => format!("{} s", millis / SECOND),
        MINUTE..HOUR => format!("{} min", millis / MINUTE),
        HOUR..DAY => with(format!("{} h", millis / HOUR), millis % HOUR / MINUTE, "min"),
        DAY.. => with(days(millis / DAY), millis % DAY / HOUR, "h"),
    }
}

/// Reads a moment: "in 3 days" (from `now`) or RFC 3339 with its offset.
///
/// # Errors
/// [`DateError::Moment`].
pub fn parse_moment(text: &str, now: Time) -> Result<Time, DateError> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("in ") {
        let millis = parse_span(rest).map_err(|_| DateError::Moment)?;
        return Ok(now.after_millis(millis));
    }
    let timestamp: Timestamp = text.parse().map_err(|_| DateError::Moment)?;
    let millis = u64::try_from(timestamp.as_millisecond()).map_err(|_| DateError::Moment)?;
    Ok(Time::from_millis(millis))
}

/// Reads a length of time: "14d", "36 h", "1 day 12 hours"; in milliseconds. A day has 24 hours.
///
/// # Errors
/// [`DateError::Span`], also for a negative one and for months and years.
pub fn parse_span(text: &str) -> Result<u64, DateError> {
    let span: jiff::Span = text.trim().parse().map_err(|_| DateError::Span)?;
    let day = SpanRelativeTo::days_are_24_hours();
    let duration = span.to_duration(day).map_err(|_| DateError::Span)?;
    let millis = duration.round(Unit::Millisecond).map_err(|_| DateError::Span)?.as_millis();
    u64::try_from(millis).map_err(|_| DateError::Span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_written() {
        let now = Time::from_millis(1_000);
        for (text, millis) in [
            ("1970-01-02T00:00:00Z", DAY),
            ("1970-01-02T01:30:00+01:30", DAY),
            ("in 3 days", 1_000 + 3 * DAY),
            (" in 90 min ", 1_000 + 90 * MINUTE),
            ("in 2 weeks", 1_000 + 14 * DAY),
        ] {
            assert_eq!(parse_moment(text, now), Ok(Time::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "in",
            "tomorrow",
            "in 2 months",
            "in -1 day",
            "1970-01-02",
            "3 days",
            "1960-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_moment(text, now), Err(DateError::Moment), "{text}");
        }
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(moment(Time::from_millis(DAY), &zone), "Fri 2 Jan 1970 01:00 +01");
        assert_eq!(moment(Time::from_millis(DAY), &TimeZone::UTC), "Fri 2 Jan 1970 00:00 UTC");
        assert_eq!(moment(Time::MAX, &TimeZone::UTC), "never");
    }

    #[test]
    fn spans_are_read_and_written() {
        for (text, millis) in
            [("14d", 14 * DAY), ("36 h", 36 * HOUR), ("1 day 12 hours", 36 * HOUR)]
        {
            assert_eq!(parse_span(text), Ok(millis), "{text}");
        }
        for text in ["", "14", "1 month", "-3d", "fourteen days"] {
            assert_eq!(parse_span(text), Err(DateError::Span), "{text}");
        }
        for (millis, text) in [
            (2 * DAY + 4 * HOUR + MINUTE, "2 days 4 h"),
            (DAY, "1 day"),
            (3 * HOUR + 20 * MINUTE + SECOND, "3 h 20 min"),
            (HOUR - 1, "59 min"),
            (40_999, "40 s"),
        ] {
            assert_eq!(span(millis), text);
        }
        let at = Time::from_millis;
        assert_eq!(distance(at(5 * MINUTE), at(0)), "in 5 min");
        assert_eq!(distance(at(0), at(5 * MINUTE)), "5 min ago");
        assert_eq!(distance(at(999), at(0)), "now");
    }
}
