//! Points in time and durations as people write them (ISO 8601), in milliseconds.

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Milliseconds since the epoch as `2026-01-31T12:00:00.000Z`.
pub fn shown(time_ms: i64) -> String {
    let (day, rest_ms) = (time_ms.div_euclid(DAY_MS), time_ms.rem_euclid(DAY_MS));
    let (year, month, date) = civil(day);
    let (hours, minutes) = (rest_ms / HOUR_MS, rest_ms % HOUR_MS / MINUTE_MS);
    let (seconds, millis) = (rest_ms % MINUTE_MS / SECOND_MS, rest_ms % SECOND_MS);
    format!("{year:04}-{month:02}-{date:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}

/// The year, month and day of a day since the epoch: the calendar counts in eras of 400 years that begin in March.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march_month = (5 * day + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day - (153 * march_month + 2) / 5 + 1)
}

/// The day since the epoch; the inverse of [`civil`].
fn day_of(year: i64, month: i64, date: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let day = (153 * march_month + 2) / 5 + date - 1;
    era * 146_097 + year * 365 + year / 4 - year / 100 + day - 719_468
}

/// A point in time: `2026-01-31T12:00:00`, with fractions, `Z` or an offset such as `+01:00` or `+0100` if wanted; a date
/// alone is its midnight. Without a zone it is UTC, as Kafka's tools have it.
///
/// # Errors
/// What is expected.
pub fn date_time(text: &str) -> Result<i64, String> {
    parse_date_time(text)
        .ok_or_else(|| String::from("write it as 2026-01-31T12:00:00.000, in UTC, or with +01:00 behind it"))
}

fn parse_date_time(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00"));
    let (year, month_and_day) = date.split_once('-')?;
    let (month, day) = month_and_day.split_once('-')?;
    let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    let days = day_of(year, month, day);
    // A day that no month has comes back as another.
    if civil(days) != (year, month, day) {
        return None;
    }
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(zone_at);
    Some(days * DAY_MS + time_of_day(time)? - zone_ms(zone)?)
}

fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let (hours, minutes) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let (seconds, fraction) = match parts.next() {
        Some(seconds) => seconds.split_once('.').unwrap_or((seconds, "0")),
        None => ("00", "0"),
    };
    let seconds = digits(seconds, 2)?;
    let is_time = hours < 24 && minutes < 60 && seconds < 60;
    is_time.then_some(hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS + fraction_ms(fraction)?)
}

/// The digits behind a point, as milliseconds.
fn fraction_ms(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let millis = text.chars().chain("000".chars()).take(3).collect::<String>();
    if is_number { millis.parse().ok() } else { None }
}

fn zone_ms(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first() {
        None => return Some(0),
        Some(b'Z') => return (text == "Z").then_some(0),
        Some(b'-') => -1,
        Some(_) => 1,
    };
    let digits_only = text[1..].replacen(':', "", 1);
    let number = digits(&digits_only, if digits_only.len() == 2 { 2 } else { 4 })?;
    let (hours, minutes) = if digits_only.len() == 2 { (number, 0) } else { (number / 100, number % 100) };
    (hours <= 18 && minutes < 60).then_some(sign * (hours * HOUR_MS + minutes * MINUTE_MS))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// A duration: `P1DT2H30M15.5S`, any part of it.
///
/// # Errors
/// What is expected.
pub fn duration(text: &str) -> Result<i64, String> {
    parse_duration(text).ok_or_else(|| {
        String::from("write it as P1DT2H30M: one day, two hours and thirty minutes; PT10S is ten seconds")
    })
}

fn parse_duration(text: &str) -> Option<i64> {
    let rest = text.strip_prefix(['P', 'p'])?.to_ascii_uppercase();
    let (days, times) = rest.split_once('T').unwrap_or((&rest, ""));
    if rest.is_empty() || rest.ends_with('T') {
        return None;
    }
    let days = sum(days, &[('D', DAY_MS)])?;
    days.checked_add(sum(times, &[('H', HOUR_MS), ('M', MINUTE_MS), ('S', SECOND_MS)])?)
}

/// The sum of numbers with units, which come in that order.
fn sum(text: &str, units: &[(char, i64)]) -> Option<i64> {
    let (mut rest, mut total) = (text, 0_i64);
    for (unit, unit_ms) in units {
        let Some((number, behind)) = rest.split_once(*unit) else { continue };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let is_whole = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
        let whole: i64 = if is_whole { whole.parse().ok()? } else { return None };
        let fraction_ms = if *unit == 'S' {
            fraction_ms(fraction)?
        } else if fraction == "0" {
            0
        } else {
            return None;
        };
        total = total.checked_add(whole.checked_mul(*unit_ms)?.checked_add(fraction_ms)?)?;
        rest = behind;
    }
    rest.is_empty().then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form() {
        for (text, expected) in [
            ("1970-01-01T00:00:00", 0),
            ("1970-01-01", 0),
            ("1970-01-01T00:00", 0),
            ("2026-01-31T12:34:56.789Z", 1_769_862_896_789),
            ("2026-01-31T13:34:56.789+01:00", 1_769_862_896_789),
            ("2026-01-31T11:34:56.789-0100", 1_769_862_896_789),
            ("2026-01-31T12:34:56.7", 1_769_862_896_700),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("1969-12-31T23:59:59.999Z", -1),
        ] {
            assert_eq!(date_time(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "now",
            "2026",
            "2026-02-30",
            "2025-02-29",
            "2026-13-01",
            "2026-01-31T24:00:00",
            "2026-01-31T1:00",
            "2026-01-31T12:00:00.",
            "2026-01-31T12:00:00Zulu",
            "2026-01-31T12:00:00+1",
            "31.01.2026",
        ] {
            assert!(date_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn time_is_printed_as_it_is_read() {
        for day in (-800_000..800_000).step_by(997) {
            let time_ms = day * DAY_MS + 45_296_789;
            assert!(day < -719_000 || date_time(&shown(time_ms)) == Ok(time_ms), "{}", shown(time_ms));
        }
        assert_eq!(shown(1_769_862_896_789), "2026-01-31T12:34:56.789Z");
    }

    #[test]
    fn durations_are_sums_of_their_parts() {
        for (text, expected) in [
            ("P1D", DAY_MS),
            ("PT10S", 10_000),
            ("P1DT2H30M15.5S", DAY_MS + 2 * HOUR_MS + 30 * MINUTE_MS + 15_500),
            ("PT90M", 90 * MINUTE_MS),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        for text in ["", "P", "PT", "P1DT", "1D", "P1H", "PT1D", "PT1M1H", "PT1.5H", "PT-1S", "PTS", "P99999999999999D"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
