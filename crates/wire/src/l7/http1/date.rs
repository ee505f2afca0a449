//! Dates as HTTP writes them (RFC 9110 section 5.6.7): one form for today, two of the past.

use alloc::format;
use alloc::string::String;

/// Seconds from the beginning of 1970 to a date. `now`, counted the same way, tells the century of
/// the form that writes two digits of the year. `None` if it is no date, or one before 1970.
pub(super) fn seconds_since_1970(text: &[u8], now: u64) -> Option<u64> {
    let text = core::str::from_utf8(text).ok()?;
    match text.split_once(", ") {
        Some((day, rest)) if rest.contains('-') => obsolete(day, rest, now),
        Some((day, rest)) => fixed(day, rest),
        None => asctime(text),
    }
}

/// A date in words, as `Date` and other fields have it: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn date(seconds_since_1970: u64) -> String {
    let (days, rest) = (seconds_since_1970 / DAY, seconds_since_1970 % DAY);
    let (year, month, date) = date_of(days);
    let (day, month) = (name_of(DAYS, days + THURSDAY), name_of(MONTHS, month - 1));
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{day}, {date:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Three letters of it, counted round and round.
fn name_of<const N: usize>(names: [&'static str; N], at: u64) -> &'static str {
    let at = usize::try_from(at % N as u64).unwrap_or_default();
    names[at].get(..3).unwrap_or_default()
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
fn fixed(day: &str, rest: &str) -> Option<u64> {
    let [date, month, year, time, "GMT"] = words(rest, ' ')? else {
        return None;
    };
    let known = DAYS.iter().any(|name| name.get(..3) == Some(day));
    known.then(|| seconds(number(year, 4)?, month, number(date, 2)?, time))?
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`. A year that would be more than 50 years ahead is one of the
/// past.
fn obsolete(day: &str, rest: &str, now: u64) -> Option<u64> {
    let [date, time, "GMT"] = words(rest, ' ')? else {
        return None;
    };
    let [date, month, year] = words(date, '-')?;
    let this_year = 1970 + now / AVERAGE_YEAR;
    let year = this_year - this_year % 100 + number(year, 2)?;
    let year = if year > this_year + 50 { year - 100 } else { year };
    DAYS.contains(&day).then(|| seconds(year, month, number(date, 2)?, time))?
}

/// `Sun Nov  6 08:49:37 1994`.
fn asctime(text: &str) -> Option<u64> {
    let (day, rest) = text.split_once(' ')?;
    let (month, rest) = rest.split_once(' ')?;
    let (date, rest) = (rest.get(..2)?, rest.get(2..)?.strip_prefix(' ')?);
    let date = match date.strip_prefix(' ') {
        Some(one) => number(one, 1)?,
        None => number(date, 2)?,
    };
    let [time, year] = words(rest, ' ')?;
    let known = DAYS.iter().any(|name| name.get(..3) == Some(day));
    known.then(|| seconds(number(year, 4)?, month, date, time))?
}

fn seconds(year: u64, month: &str, date: u64, time: &str) -> Option<u64> {
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let [hour, minute, second] = words(time, ':')?;
    let (hour, minute, second) = (number(hour, 2)?, number(minute, 2)?, number(second, 2)?);
    // A leap second is the one after.
    let is_time = hour < 24 && minute < 60 && second <= 60;
    let is_date = (1..=days_of(year, month)).contains(&date);
    let days = days_since_1970(year, month, date)?;
    (is_time && is_date).then_some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn days_of(year: u64, month: u64) -> u64 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Years are counted from March, so that the day that comes and goes stands last (the method of
/// Hinnant, "chrono-compatible low-level date algorithms").
fn days_since_1970(year: u64, month: u64, date: u64) -> Option<u64> {
    let year = if month > 2 { year } else { year.checked_sub(1)? };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + date.checked_sub(1)?;
    let since_march_of_0000 = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    since_march_of_0000.checked_sub(719_468)
}

/// Year, month and date of a day, by the same method: eras of 400 years, which are all of one
/// length, and in them years from March.
fn date_of(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let date = day_of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_of_era + u64::from(month >= 10);
    (year, (month + 2) % 12 + 1, date)
}

/// Exactly so many words.
fn words<const N: usize>(text: &str, between: char) -> Option<[&str; N]> {
    let mut found = [""; N];
    let mut words = text.split(between);
    for word in &mut found {
        *word = words.next()?;
    }
    words.next().is_none().then_some(found)
}

fn number(text: &str, digits: usize) -> Option<u64> {
    let all = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok())?
}

const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// In seconds.
const DAY: u64 = 24 * 3_600;
/// The first day of 1970, among the days of the week.
const THURSDAY: u64 = 3;
/// 365.2425 days, in seconds.
const AVERAGE_YEAR: u64 = 31_556_952;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_of_a_date_are_the_same_moment() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(seconds_since_1970(text.as_bytes(), NOW), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn dates_are_right_around_leap_days_and_centuries() {
        // Seconds as `date -u -d … +%s` gives them.
        for (text, secs) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Mon, 28 Feb 2000 23:59:59 GMT", 951_782_399),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
            ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ] {
            assert_eq!(seconds_since_1970(text.as_bytes(), NOW), Some(secs), "{text}");
        }
    }

    #[test]
    fn a_date_in_words_is_read_as_the_same_moment() {
        assert_eq!(date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(date(4_107_542_400), "Mon, 01 Mar 2100 00:00:00 GMT");
        // Some days and some hours: each month, each leap year and each end of a year for 280 years.
        for seconds in (0..100_000).map(|step| step * 88_883) {
            let text = date(seconds);
            assert_eq!(seconds_since_1970(text.as_bytes(), NOW), Some(seconds), "{text}");
        }
    }

    #[test]
    fn two_digits_of_a_year_mean_no_more_than_fifty_years_ahead() {
        let year_of = |text: &str| {
            seconds_since_1970(text.as_bytes(), NOW).map(|secs| 1970 + secs / AVERAGE_YEAR)
        };

        assert_eq!(year_of("Friday, 15-May-76 00:00:00 GMT"), Some(2076));
        assert_eq!(year_of("Sunday, 15-May-77 00:00:00 GMT"), Some(1977));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "120",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Xyz, 06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 29 Feb 2100 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:00 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov +994 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov  6 08:49:37 1994 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Sun, 06 Jan 0000 08:49:37 GMT",
            "S\u{fc}n, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(seconds_since_1970(text.as_bytes(), NOW), None, "{text}");
        }
        assert_eq!(seconds_since_1970(b"\xff", NOW), None);
    }

    /// In November 2026.
    const NOW: u64 = 1_795_416_607;
}
