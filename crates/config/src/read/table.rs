//! Tables of the file, and tables that lie over each other.

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use super::Value;
use super::homes::home_of;
use crate::codes::{MISSING_KEY, UNKNOWN_KEY, WRONG_TYPE};
use crate::names::{meant, one_of, shown};
use crate::report::Report;
use crate::span::Span;

/// A table with its name and where its name stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'t> {
    /// Its last name, `svc` of `[call.lb.svc]`.
    pub(crate) name: &'t str,
    /// Where that stands.
    pub(crate) span: Span,
    table: &'t DeTable<'t>,
}

impl<'t> Table<'t> {
    pub(crate) const fn new(name: &'t str, span: Span, table: &'t DeTable<'t>) -> Self {
        Self { name, span, table }
    }

    /// What stands under a key.
    pub(crate) fn get(&self, key: &str) -> Option<Value<'t>> {
        let (key, value) = self.table.get_key_value(key)?;
        Some(Value::new(key.get_ref(), key.span().into(), value))
    }

    /// What stands under a key that must be there.
    pub(crate) fn require(
        &self,
        key: &str,
        example: &str,
        report: &mut Report,
    ) -> Option<Value<'t>> {
        let value = self.get(key);
        if value.is_none() {
            let message = format!("`{}` has no `{key}`", shown(self.name));
            report.push(
                MISSING_KEY
                    .at(self.span, message)
                    .instead(format!("write for example `{key} = {example}`")),
            );
        }
        value
    }

    /// Whether a key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Everything in it, in the order of the file.
    pub(crate) fn entries(&self) -> Vec<Value<'t>> {
        let entry = |(key, value): (&'t toml::Spanned<_>, _)| {
            let key: &'t toml::Spanned<std::borrow::Cow<'t, str>> = key;
            Value::new(key.get_ref(), key.span().into(), value)
        };
        let mut entries: Vec<_> = self.table.iter().map(entry).collect();
        entries.sort_by_key(|value| value.key_span.start);
        entries
    }

    /// The tables in it, in the order of the file. What is no table is reported.
    pub(crate) fn tables(&self, report: &mut Report) -> Vec<Table<'t>> {
        self.entries().into_iter().filter_map(|value| value.table(report)).collect()
    }

    /// The tables under `section.NAME`.
    pub(crate) fn section(&self, section: &str, report: &mut Report) -> Vec<Table<'t>> {
        let Some(value) = self.get(section) else {
            return Vec::new();
        };
        if matches!(value.value, DeValue::Table(_)) {
            return value.table(report).map(|table| table.tables(report)).unwrap_or_default();
        }
        let message = format!("`{section}` is {}, not a table of names", value.type_with_article());
        let way_out = format!("write `[{section}.NAME]`");
        report.push(WRONG_TYPE.at(value.key_span, message).instead(way_out));
        Vec::new()
    }

    /// Reports every key that is not in any of the lists.
    pub(crate) fn allow(&self, known: &[&[&'static str]], report: &mut Report) {
        self.allow_in(self.name, known, report);
    }

    /// The same for a table whose last name alone would not tell which one it is.
    pub(crate) fn allow_in(&self, name: &str, known: &[&[&'static str]], report: &mut Report) {
        let known: BTreeSet<&'static str> = known.iter().flat_map(|keys| *keys).copied().collect();
        let mut unknown: Vec<_> = self
            .table
            .iter()
            .filter(|(key, _)| !known.contains(key.get_ref().as_ref()))
            .map(|(key, _)| key)
            .collect();
        unknown.sort_by_key(|key| key.span().start);
        for (at, key) in unknown.iter().enumerate() {
            if report.is_full() {
                report.skip(unknown.len() - at);
                return;
            }
            let key_text: &str = key.get_ref();
            let message = if name.is_empty() {
                format!("unknown section `{}`", shown(key_text))
            } else {
                format!("unknown key `{}` in `{}`", shown(key_text), shown(name))
            };
            let way_out = match (meant(key_text, known.iter().copied()), home_of(key_text)) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, Some(home)) => format!("`{key_text}` belongs in {home}: move it there"),
                (None, None) => format!("known here: {}", one_of(known.iter().copied())),
            };
            report.push(UNKNOWN_KEY.at(key.span().into(), message).instead(way_out));
        }
    }
}

/// Tables that lie over each other: a key is looked up in the first, then in the next. A value is
/// taken as a whole: `retry = { … }` of a call replaces `retry` of its rules, and nothing of the
/// latter shines through.
#[derive(Debug)]
pub(crate) struct Layers<'t> {
    layers: Vec<Table<'t>>,
}

impl<'t> Layers<'t> {
    /// The nearest first.
    pub(crate) const fn new(layers: Vec<Table<'t>>) -> Self {
        Self { layers }
    }

    /// What stands under a key in the first table that has it.
    pub(crate) fn get(&self, key: &str) -> Option<Value<'t>> {
        self.layers.iter().find_map(|table| table.get(key))
    }

    /// Whether two keys are said in the same table, not one of them further down.
    pub(crate) fn are_in_one_table(&self, a: &str, b: &str) -> bool {
        let place = |key| self.layers.iter().position(|table| table.has(key));
        place(a).is_some() && place(a) == place(b)
    }
}
