//! One value of the file, read as what its key means.

use base::{Bytes, Duration, Rate, Share};
use toml::Spanned;
use toml::de::DeValue;

use super::Table;
use super::amount::{self, Kind};
use crate::codes::{BAD_AMOUNT, Code, OUT_OF_BOUNDS, UNKNOWN_WORD, WRONG_TYPE};
use crate::design::Part;
use crate::diagnostic::Diagnostic;
use crate::names::{meant, one_of, shown};
use crate::report::Report;
use crate::span::Span;
use crate::units::{self, Unreadable};

/// A value with its key and where both stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'t> {
    pub(crate) key: &'t str,
    pub(crate) key_span: Span,
    pub(crate) span: Span,
    pub(crate) value: &'t DeValue<'t>,
}

impl<'t> Value<'t> {
    pub(crate) fn new(key: &'t str, key_span: Span, value: &'t Spanned<DeValue<'t>>) -> Self {
        Self { key, key_span, span: value.span().into(), value: value.get_ref() }
    }

    /// Something is wrong with it.
    pub(crate) fn wrong(&self, code: &Code, what: impl std::fmt::Display) -> Diagnostic {
        code.at(self.span, format!("`{}` {what}", shown(self.key)))
    }

    /// Text, as it stands.
    pub(crate) fn text(&self, report: &mut Report) -> Option<&'t str> {
        match self.value {
            DeValue::String(text) => Some(text),
            _ => self.mistyped("a text", "\"…\"", report),
        }
    }

    pub(crate) fn flag(&self, report: &mut Report) -> Option<bool> {
        match self.value {
            DeValue::Boolean(flag) => Some(*flag),
            _ => {
                let message =
                    format!("must be `true` or `false`, not {}", self.type_with_article());
                let way_out = "write `true` or `false`, without quotes";
                report.push(self.wrong(&WRONG_TYPE, message).instead(way_out));
                None
            }
        }
    }

    pub(crate) fn table(&self, report: &mut Report) -> Option<Table<'t>> {
        match self.value {
            DeValue::Table(table) => Some(Table::new(self.key, self.key_span, table)),
            _ => self.mistyped("a table", "{ … }", report),
        }
    }

    /// The table it is, if it is one.
    pub(crate) fn as_table(&self) -> Option<Table<'t>> {
        match self.value {
            DeValue::Table(table) => Some(Table::new(self.key, self.key_span, table)),
            _ => None,
        }
    }

    /// The text it is, if it is one.
    pub(crate) fn as_text(&self) -> Option<&'t str> {
        self.value.as_str()
    }

    /// Whether it is the word that says "there is none".
    pub(crate) fn is_none(&self) -> bool {
        self.as_text() == Some("none")
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.value, DeValue::Array(_))
    }

    /// The elements of a list; each has the list's key.
    pub(crate) fn list(&self, report: &mut Report) -> Option<Vec<Value<'t>>> {
        match self.value {
            DeValue::Array(array) => {
                let element = |value: &'t Spanned<DeValue<'t>>| {
                    Value::new(self.key, value.span().into(), value)
                };
                Some(array.iter().map(element).collect())
            }
            DeValue::String(text) => {
                let example = format!("[\"{}\"]", shown(text));
                self.mistyped("a list", &example, report)
            }
            _ => self.mistyped("a list", "[ … ]", report),
        }
    }

    /// A whole number within bounds.
    pub(crate) fn count(&self, least: u32, most: u32, report: &mut Report) -> Option<u32> {
        let DeValue::Integer(number) = self.value else {
            let unquoted = self.as_text().and_then(|text| text.parse().ok());
            let example = unquoted.unwrap_or(16_u32).clamp(least, most);
            return self.mistyped("a whole number", &example.to_string(), report);
        };
        let count = u32::from_str_radix(number.as_str(), number.radix()).ok();
        let within = count.filter(|count| (least..=most).contains(count));
        if within.is_none() {
            self.out_of_bounds(&least.to_string(), &most.to_string(), report);
        }
        within
    }

    /// A number within bounds.
    pub(crate) fn number(&self, least: f64, most: f64, report: &mut Report) -> Option<f64> {
        self.number_told_from(least, (least, most), report)
    }

    /// The same where what is below `sensible` has a diagnostic of its own, and is not offered.
    pub(crate) fn number_told_from(
        &self,
        sensible: f64,
        (least, most): (f64, f64),
        report: &mut Report,
    ) -> Option<f64> {
        let text = match self.value {
            DeValue::Float(number) => number.as_str(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            _ => return self.mistyped("a number", "1.5", report),
        };
        let number: Option<f64> = text.parse().ok();
        let within = number.filter(|number| (least..=most).contains(number));
        if within.is_none() {
            self.out_of_bounds(&sensible.to_string(), &most.to_string(), report);
        }
        within
    }

    pub(crate) fn duration(&self, report: &mut Report) -> Option<Duration> {
        self.amount(units::duration, &amount::TIME, report)
    }

    /// A duration that is some time.
    pub(crate) fn some_time(&self, report: &mut Report) -> Option<Duration> {
        let duration = self.duration(report)?;
        if duration.is_zero() {
            report.push(
                self.wrong(&OUT_OF_BOUNDS, "is no time at all")
                    .instead("write a time above nothing, or leave the key out"),
            );
            return None;
        }
        Some(duration)
    }

    /// A duration of at least so much.
    pub(crate) fn time_from(&self, least: Duration, report: &mut Report) -> Option<Duration> {
        let duration = self.duration(report)?;
        if duration < least {
            report.push(
                self.wrong(&OUT_OF_BOUNDS, "is out of bounds")
                    .instead(format!("write a time of at least \"{least}\"")),
            );
            return None;
        }
        Some(duration)
    }

    pub(crate) fn rate(&self, report: &mut Report) -> Option<Rate> {
        self.amount(units::rate, &amount::RATE, report)
    }

    /// A share of a whole: at most 100 %.
    pub(crate) fn share(&self, report: &mut Report) -> Option<Share> {
        let share = self.amount(units::share, &amount::SHARE, report)?;
        if share > Share::WHOLE {
            self.out_of_bounds("0%", "100%", report);
            return None;
        }
        Some(share)
    }

    pub(crate) fn bytes(&self, report: &mut Report) -> Option<Bytes> {
        self.amount(units::bytes, &amount::BYTES, report)
    }

    pub(crate) fn bits_per_sec(&self, report: &mut Report) -> Option<u64> {
        self.amount(units::bits_per_sec, &amount::BITS, report)
    }

    pub(crate) fn range(&self, report: &mut Report) -> Option<(Duration, Duration)> {
        self.amount(units::range, &amount::RANGE, report)
    }

    pub(crate) fn part(&self, report: &mut Report) -> Option<Part> {
        let part = self.amount(units::part, &amount::PART, report)?;
        if matches!(part, Part::Share(share) if share > Share::WHOLE) {
            self.out_of_bounds("0%", "100%", report);
            return None;
        }
        Some(part)
    }

    /// One of some words.
    pub(crate) fn word<T: Copy>(
        &self,
        choices: &[(&'static str, T)],
        report: &mut Report,
    ) -> Option<T> {
        let example = choices.first().map_or_else(String::new, |(word, _)| format!("\"{word}\""));
        let Some(word) = self.as_text() else {
            return self.mistyped("a word", &example, report);
        };
        let choice = choices.iter().find(|(name, _)| *name == word).map(|&(_, choice)| choice);
        if choice.is_none() {
            self.unknown_word(word, choices.iter().map(|(name, _)| *name), report);
        }
        choice
    }

    /// A word that is none of those.
    pub(crate) fn unknown_word<'k>(
        &self,
        word: &str,
        known: impl Iterator<Item = &'k str> + Clone,
        report: &mut Report,
    ) {
        let way_out = match meant(word, known.clone()) {
            Some(near) => format!("did you mean \"{near}\"? The choices are {}", one_of(known)),
            None => format!("the choices are {}", one_of(known)),
        };
        let message = format!("cannot be \"{}\"", shown(word));
        report.push(self.wrong(&UNKNOWN_WORD, message).instead(way_out));
    }

    /// Reports that the value is something else than it should be.
    pub(crate) fn mistyped<T>(
        &self,
        expected: &str,
        example: &str,
        report: &mut Report,
    ) -> Option<T> {
        let message = format!("must be {expected}, not {}", self.type_with_article());
        let way_out = format!("write `{} = {example}`", shown(self.key));
        report.push(self.wrong(&WRONG_TYPE, message).instead(way_out));
        None
    }

    pub(crate) fn type_with_article(&self) -> &'static str {
        match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "`true` or `false`",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }

    fn out_of_bounds(&self, least: &str, most: &str, report: &mut Report) {
        report.push(
            self.wrong(&OUT_OF_BOUNDS, "is out of bounds")
                .instead(format!("write a value from {least} to {most}")),
        );
    }

    fn amount<T>(
        &self,
        read: impl Fn(&str) -> Result<T, Unreadable>,
        kind: &Kind,
        report: &mut Report,
    ) -> Option<T> {
        let Some(text) = self.as_text() else {
            report.push(self.without_unit(kind, |guess| read(guess).is_ok()));
            return None;
        };
        match read(text) {
            Ok(amount) => Some(amount),
            Err(unreadable) => {
                let text = shown(text);
                let (what, way_out) =
                    amount::unreadable(&text, unreadable, kind, |guess| read(guess).is_ok());
                report.push(self.wrong(&BAD_AMOUNT, what).instead(way_out));
                None
            }
        }
    }

    /// An amount that is no text. What a bare number was probably meant as is offered.
    fn without_unit(&self, kind: &Kind, reads: impl Fn(&str) -> bool) -> Diagnostic {
        let number = match self.value {
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            _ => String::new(),
        };
        let key = shown(self.key);
        let guesses = kind.guesses(&number, reads);
        let guesses: Vec<_> =
            guesses.iter().map(|guess| format!("`{key} = \"{guess}\"`")).collect();
        let units = kind.units;
        self.wrong(&WRONG_TYPE, format!("must be {}, not {}", kind.name, self.type_with_article()))
            .because(
                "an amount is written with its unit, so that nobody takes seconds for milliseconds",
            )
            .instead(format!("write the unit: {} (units: {units})", guesses.join(" or ")))
    }
}
