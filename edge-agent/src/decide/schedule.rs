//! When a rule holds: a span of the day and days of the week, on the local clock. Civil times
//! in, yes or no out; who knows the local clock is elsewhere.

use jiff::civil::{DateTime, Weekday};
use serde::{Deserialize, Serialize};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A part of the day in minutes, the first included, the last not. When it ends before it
/// begins it goes over midnight.
#[derive(schemars::JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    from: u16,
    to: u16,
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let told = |why: &str| format!("{text:?} {why}; write it as \"07:00-19:00\"");
        let (from, to) = text
            .split_once('-')
            .ok_or_else(|| told("is no span of time"))?;
        let parse = |text: &str| minutes(text).ok_or_else(|| told("is no span of time"));
        let (from, to) = (parse(from)?, parse(to)?);
        if from == to || from == DAY {
            return Err(told("is no span that begins and ends"));
        }
        Ok(Self { from, to })
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        format!("{}-{}", clock(span.from), clock(span.to))
    }
}

/// Minutes since midnight of "HH:MM", up to 24:00.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |text: &str| {
        let plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= DAY).then_some(total)
}

/// A day of the week.
#[derive(schemars::JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    fn of(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

/// Whether the local time is in the span on one of the days; no span is the whole day, no days
/// are all of them. A span over midnight belongs to the day on which it begins: with "fri" and
/// "22:00-06:00" the small hours of Saturday are in it, those of Friday are not. Where summer
/// time skips or repeats an hour, what the clock on the wall shows counts.
pub fn covers(between: Option<Span>, days: &[Day], local: DateTime) -> bool {
    let minute = local.hour() as u16 * 60 + local.minute() as u16;
    let today = local.date();
    let begun = match between {
        None => Some(today),
        Some(Span { from, to }) if from < to => (from..to).contains(&minute).then_some(today),
        Some(Span { from, .. }) if minute >= from => Some(today),
        Some(Span { to, .. }) if minute < to => today.yesterday().ok(),
        Some(_) => None,
    };
    begun.is_some_and(|date| days.is_empty() || days.contains(&Day::of(date.weekday())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: &str) -> Option<Span> {
        (!text.is_empty()).then(|| Span::try_from(text.to_string()).unwrap())
    }

    #[test]
    fn spans_and_days() {
        use Day::{Fri, Mon, Sat, Sun};
        // 2026-03-06 is a Friday.
        for (between, days, local, expected) in [
            ("07:00-19:00", &[][..], "2026-03-06T07:00:00", true),
            ("07:00-19:00", &[], "2026-03-06T06:59:59.999", false),
            ("07:00-19:00", &[], "2026-03-06T18:59:59.999", true),
            ("07:00-19:00", &[], "2026-03-06T19:00:00", false),
            ("07:00-24:00", &[], "2026-03-06T23:59:59", true),
            ("07:00-24:00", &[], "2026-03-07T00:00:00", false),
            ("", &[Fri], "2026-03-06T00:00:00", true),
            ("", &[Fri], "2026-03-07T00:00:00", false),
            ("", &[], "2026-03-07T00:00:00", true),
            ("07:00-19:00", &[Sat, Sun], "2026-03-06T12:00:00", false),
            ("07:00-19:00", &[Sat, Sun], "2026-03-08T12:00:00", true),
            // Over midnight: the day on which it begins.
            ("22:00-06:00", &[], "2026-03-06T23:00:00", true),
            ("22:00-06:00", &[], "2026-03-06T05:59:59", true),
            ("22:00-06:00", &[], "2026-03-06T06:00:00", false),
            ("22:00-06:00", &[], "2026-03-06T21:59:00", false),
            ("22:00-06:00", &[Fri], "2026-03-06T23:00:00", true),
            ("22:00-06:00", &[Fri], "2026-03-07T03:00:00", true),
            ("22:00-06:00", &[Fri], "2026-03-06T03:00:00", false),
            ("22:00-06:00", &[Sun], "2026-03-09T03:00:00", true),
            ("22:00-06:00", &[Mon], "2026-03-09T03:00:00", false),
            // Over the end of a year.
            ("22:00-06:00", &[], "2027-01-01T00:30:00", true),
        ] {
            let at: DateTime = local.parse().unwrap();
            assert_eq!(
                covers(span(between), days, at),
                expected,
                "{between} {days:?} {local}"
            );
        }
    }

    #[test]
    fn spans_that_are_none_are_told() {
        for text in [
            "",
            "7-19",
            "07:00",
            "7:00-19:00",
            "07:60-19:00",
            "24:01-05:00",
            "07:00-25:00",
            "+7:00-19:00",
            "07:00–19:00",
        ] {
            let told = Span::try_from(text.to_string()).unwrap_err();
            let expected = format!("{text:?} is no span of time; write it as \"07:00-19:00\"");
            assert_eq!(told, expected);
        }
        for text in ["07:00-07:00", "24:00-06:00"] {
            let told = Span::try_from(text.to_string()).unwrap_err();
            assert!(told.contains("is no span that begins and ends"), "{told}");
        }
        for text in ["07:00-19:00", "22:00-06:00", "00:00-24:00"] {
            assert_eq!(String::from(span(text).unwrap()), text);
        }
    }
}
