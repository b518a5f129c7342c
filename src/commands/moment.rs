//! Times and durations as people write them.

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use highwater::Timestamp;

const MS_PER_DAY: i64 = 86_400_000;

/// A point in time: milliseconds since 1970, or RFC 3339 such as 2026-05-01T12:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

/// A length of time: 90s, 15m, 2h, 7d, 500ms, or as Kafka's tools write it, PT1H30M.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

const WRONG_MOMENT: &str = "expected milliseconds since 1970, or a time such as \
                            2026-05-01T12:00:00Z or 2026-05-01T14:00:00.250+02:00";
const WRONG_SPAN: &str = "expected a duration such as 90s, 15m, 2h, 7d, 500ms or PT1H30M";

/// Now, as records have it.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::new(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(ms @ 0..) = text.parse() {
            return Ok(Self(Timestamp::new(ms)));
        }
        match in_rfc_3339(text) {
            Some(ms @ 0..) => Ok(Self(Timestamp::new(ms))),
            _ => Err(WRONG_MOMENT),
        }
    }
}

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ms = match text.strip_prefix('P') {
            Some(iso) => in_iso_8601(iso),
            None => in_units(text),
        };
        ms.map(|ms| Self(Duration::from_millis(ms))).ok_or(WRONG_SPAN)
    }
}

/// `2026-05-01T12:00:00.000+02:00`; seconds and their fraction may be left out, the zone may not.
fn in_rfc_3339(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(digits);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1970..=9999).contains(&year) || !(1..=days_of_month).contains(&day) {
        return None;
    }
    let (time, zone_ms) = zone(time)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.splitn(3, ':').map(digits);
    let (hour, minute) = (time.next()??, time.next()??);
    let second = time.next().unwrap_or(Some(0))?;
    if hour > 23 || minute > 59 || second > 59 || digits(fraction).is_none() {
        return None;
    }
    let ms = digits(&format!("{fraction}00").chars().take(3).collect::<String>())?;
    let of_day = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
    Some(days_since_1970(year, month, day) * MS_PER_DAY + of_day - zone_ms)
}

/// The time without its zone, and how far the zone is ahead of UTC.
fn zone(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let at = time.rfind(['+', '-'])?;
    let (time, zone) = time.split_at_checked(at)?;
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours <= 23 && minutes <= 59).then_some((time, sign * (hours * 60 + minutes) * 60_000))
}

/// Days of the calendar in use today; years before 1970 do not come here.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March: the leap day is their last.
    let year = if month <= 2 { year - 1 } else { year };
    let days_before_month = (153 * ((month + 9) % 12) + 2) / 5;
    year * 365 + year / 4 - year / 100 + year / 400 + days_before_month + day - 719_469
}

/// `1DT2H3M4S`, what stands behind the `P`.
fn in_iso_8601(text: &str) -> Option<u64> {
    let (days, time) = text.split_once('T').unwrap_or((text, ""));
    let mut total = 0_u64;
    let mut is_empty = true;
    for (mut text, units) in [(days, &[('D', 86_400_000)][..]), (time, &UNITS_OF_TIME[..])] {
        for (letter, ms) in units {
            let Some((number, rest)) = text.split_once(*letter) else { continue };
            total = total.checked_add(scaled(number, *ms)?)?;
            (text, is_empty) = (rest, false);
        }
        if !text.is_empty() {
            return None;
        }
    }
    (!is_empty).then_some(total)
}

const UNITS_OF_TIME: [(char, u64); 3] = [('H', 3_600_000), ('M', 60_000), ('S', 1000)];

/// `90s` and the like.
fn in_units(text: &str) -> Option<u64> {
    // `ms` first: it ends like `s`.
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let (number, ms) = units.iter().find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, *ms)))?;
    scaled(number, ms)
}

fn scaled(number: &str, ms: u64) -> Option<u64> {
    u64::try_from(digits(number)?).ok()?.checked_mul(ms)
}

/// A number of digits only: no sign, no space.
fn digits(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.len() <= 15;
    (is_number && text.bytes().all(|it| it.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_moment(text: &str, expected: i64) {
        assert_eq!(text.parse::<Moment>(), Ok(Moment(Timestamp::new(expected))), "{text}");
    }

    fn check_span(text: &str, expected_ms: u64) {
        assert_eq!(text.parse::<Span>(), Ok(Span(Duration::from_millis(expected_ms))), "{text}");
    }

    #[test]
    fn moment_is_a_number_or_a_date_with_its_zone() {
        check_moment("0", 0);
        check_moment("1700000000000", 1_700_000_000_000);
        check_moment("1970-01-01T00:00:00Z", 0);
        check_moment("2000-02-29T12:00:00Z", 951_825_600_000);
        check_moment("2023-11-14T22:13:20.5Z", 1_700_000_000_500);
        check_moment("2023-11-15T00:13:20.000+02:00", 1_700_000_000_000);
        check_moment("2023-11-14T17:13-05:00", 1_699_999_980_000);
        check_moment("2024-12-31T23:59:59.999Z", 1_735_689_599_999);
    }

    #[test]
    fn moment_that_is_no_time_is_refused() {
        for wrong in [
            "",
            "-1",
            "now",
            "2023-11-14",
            "2023-11-14T22:13:20",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-11-14T24:00:00Z",
            "2023-11-14T22:13:20.xZ",
            "1969-12-31T23:59:59Z",
            "2023-11-14T22Z",
            "2023-11-14T22:13:20+99:00",
        ] {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn span_has_a_unit_or_is_written_as_kafka_writes_it() {
        check_span("500ms", 500);
        check_span("90s", 90_000);
        check_span("15m", 900_000);
        check_span("2h", 7_200_000);
        check_span("7d", 604_800_000);
        check_span("PT1H30M", 5_400_000);
        check_span("P1DT0H0M5S", 86_405_000);
        for wrong in ["", "5", "s", "-5s", "1w", "P", "PT", "PT5", "P5S", "PT5S3M", "1.5h"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
