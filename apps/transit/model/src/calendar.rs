//! Simulated time: dates, hours and the day types that decide how many people ride.
//!
//! Simulated time is Chicago's wall clock written as milliseconds since 1970-01-01T00:00, as if it were UTC.
//! It has no time zone and no daylight saving; nothing here reads a real clock.

/// Milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// Milliseconds of a day.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// A day of the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// The year, as in 2026.
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// The three kinds of day that the authority counts riders by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayType {
    /// Monday to Friday, unless it is a holiday.
    Weekday,
    /// Saturday, unless it is a holiday.
    Saturday,
    /// Sunday, and the six days on which trains run as on a Sunday.
    SundayOrHoliday,
}

const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

impl Date {
    /// The day that contains the simulated time.
    ///
    /// ```
    /// use transit_model::calendar::Date;
    ///
    /// assert_eq!(Date::of_ms(1_540_000_000_000).to_string(), "2018-10-20");
    /// ```
    pub fn of_ms(simulated_ms: i64) -> Self {
        // Years that begin in March put the leap day last, so that lengths of months follow one rule.
        let days = simulated_ms.div_euclid(DAY_MS) + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        Date { year, month: month as u32, day: day as u32 }
    }

    /// The simulated time of the day's first instant.
    pub fn midnight_ms(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let shifted_month = (i64::from(self.month) + 9) % 12;
        let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        (era * 146_097 + day_of_era - 719_468) * DAY_MS
    }

    /// The day of the week.
    pub fn weekday(self) -> Weekday {
        // 1970-01-01 was a Thursday, the week's fourth day.
        WEEK[(self.midnight_ms() / DAY_MS + 3).rem_euclid(7) as usize]
    }

    /// Which of the three rider columns counts on this day.
    pub fn day_type(self) -> DayType {
        match self.weekday() {
            _ if self.is_holiday() => DayType::SundayOrHoliday,
            Weekday::Sunday => DayType::SundayOrHoliday,
            Weekday::Saturday => DayType::Saturday,
            _ => DayType::Weekday,
        }
    }

    /// New Year, Memorial Day, Independence Day, Labor Day, Thanksgiving and Christmas: the authority's Sunday service.
    pub fn is_holiday(self) -> bool {
        let nth = (self.day - 1) / 7 + 1;
        match (self.month, self.day) {
            (1, 1) | (7, 4) | (12, 25) => true,
            (5, day) => self.weekday() == Weekday::Monday && day + 7 > 31,
            (9, _) => self.weekday() == Weekday::Monday && nth == 1,
            (11, _) => self.weekday() == Weekday::Thursday && nth == 4,
            _ => false,
        }
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl std::str::FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is not a date such as 2026-03-31");
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts[..] else { return Err(refused()) };
        let date = Date {
            year: year.parse().map_err(|_| refused())?,
            month: month.parse().map_err(|_| refused())?,
            day: day.parse().map_err(|_| refused())?,
        };
        // A day that does not exist (31 April) comes back as another one.
        let exists = (1..=12).contains(&date.month) && (1..=31).contains(&date.day);
        if exists && Date::of_ms(date.midnight_ms()) == date { Ok(date) } else { Err(refused()) }
    }
}

/// A full hour of simulated time: `2026-03-31` is its midnight, `2026-03-31T08:00` eight hours later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FullHour(i64);

impl FullHour {
    /// The last full hour before or at a simulated time.
    pub fn of_ms(simulated_ms: i64) -> Self {
        FullHour(simulated_ms.div_euclid(HOUR_MS) * HOUR_MS)
    }

    /// Its simulated time.
    pub fn as_ms(self) -> i64 {
        self.0
    }
}

impl std::fmt::Display for FullHour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}T{:02}:00", Date::of_ms(self.0), hour_of_day(self.0))
    }
}

impl std::str::FromStr for FullHour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (date, hour) = text.split_once('T').unwrap_or((text, "00:00"));
        let hour =
            hour.strip_suffix(":00").and_then(|hour| hour.parse::<i64>().ok()).filter(|hour| (0..24).contains(hour));
        let hour = hour.ok_or_else(|| format!("`{text}` is not a full hour such as 2026-03-31T08:00"))?;
        Ok(FullHour(date.parse::<Date>()?.midnight_ms() + hour * HOUR_MS))
    }
}

/// The hour of the day, 0 to 23.
pub fn hour_of_day(simulated_ms: i64) -> usize {
    (simulated_ms.rem_euclid(DAY_MS) / HOUR_MS) as usize
}

/// The simulated time of the last midnight before or at `now_ms`.
pub fn midnight_before_ms(now_ms: i64) -> i64 {
    now_ms.div_euclid(DAY_MS) * DAY_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day_type(text: &str) -> DayType {
        text.parse::<Date>().unwrap().day_type()
    }

    #[test]
    fn week_has_its_three_day_types() {
        assert_eq!(day_type("2026-11-20"), DayType::Weekday);
        assert_eq!(day_type("2026-11-21"), DayType::Saturday);
        assert_eq!(day_type("2026-11-22"), DayType::SundayOrHoliday);
        assert_eq!(day_type("2026-11-23"), DayType::Weekday);
    }

    #[test]
    fn holidays_of_a_year_ride_as_sunday() {
        let holidays: Vec<String> = (0..365)
            .map(|day| Date::of_ms(Date { year: 2026, month: 1, day: 1 }.midnight_ms() + day * DAY_MS))
            .filter(|date| date.is_holiday())
            .map(|date| date.to_string())
            .collect();
        let expected = ["2026-01-01", "2026-05-25", "2026-07-04", "2026-09-07", "2026-11-26", "2026-12-25"];
        assert_eq!(holidays, expected);
        assert_eq!(day_type("2026-07-04"), DayType::SundayOrHoliday, "although it is a Saturday");
    }

    #[test]
    fn text_that_is_no_day_is_refused() {
        for text in ["2026-04-31", "2025-02-29", "2026-13-01", "2026-00-10", "2026-1", "today", ""] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        assert!("2024-02-29".parse::<Date>().is_ok());
    }

    #[test]
    fn full_hour_is_a_date_and_perhaps_an_hour() {
        let hour = |text: &str| text.parse::<FullHour>();
        assert_eq!(hour("2026-03-31").unwrap().to_string(), "2026-03-31T00:00");
        assert_eq!(hour("2026-03-31T08:00").unwrap().as_ms(), hour("2026-03-31").unwrap().as_ms() + 8 * HOUR_MS);
        assert_eq!(
            FullHour::of_ms(hour("2026-03-31T23:00").unwrap().as_ms() + HOUR_MS - 1).to_string(),
            "2026-03-31T23:00"
        );
        for refused in ["2026-03-31T24:00", "2026-03-31T08:30", "2026-03-31T", "T08:00", "2026-03-31 08:00"] {
            assert!(hour(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn hour_turns_at_the_full_hour() {
        let midnight = "2026-11-21".parse::<Date>().unwrap().midnight_ms();
        assert_eq!(hour_of_day(midnight), 0);
        assert_eq!(hour_of_day(midnight + 8 * HOUR_MS - 1), 7);
        assert_eq!(hour_of_day(midnight + 8 * HOUR_MS), 8);
        assert_eq!(midnight_before_ms(midnight + DAY_MS - 1), midnight);
    }

    proptest! {
        #[test]
        fn every_instant_lies_in_its_day(ms in -4_000_000_000_000i64..8_000_000_000_000) {
            let date = Date::of_ms(ms);
            prop_assert!(date.midnight_ms() <= ms && ms < date.midnight_ms() + DAY_MS);
            prop_assert_eq!(date.to_string().parse::<Date>().ok().filter(|_| date.year >= 0), Some(date).filter(|_| date.year >= 0));
        }
    }
}
