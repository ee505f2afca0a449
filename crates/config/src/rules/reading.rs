//! A call that is being read: what it says, what it leaves to a default, what it leaves open.

use std::fmt::Display;

use base::{CallId, NodeId, RegionId};
use engine::Carrier;
use policy::Invalid;

use crate::codes::{CONTRADICTION, OUT_OF_BOUNDS};
use crate::defaults;
use crate::design::{Answer, Protocol, Source};
use crate::index::{Index, Kind};
use crate::read::{Layers, Table, Value};
use crate::report::Report;
use crate::span::Span;

/// A call that is being read.
pub(crate) struct Reading<'r, 't> {
    pub(crate) id: CallId,
    pub(crate) from: NodeId,
    /// How many instances the asking node has.
    pub(crate) from_instances: u32,
    /// Where the asked node is.
    pub(crate) to_regions: Vec<RegionId>,
    pub(crate) protocol: Protocol,
    pub(crate) carrier: Carrier,
    pub(crate) layers: Layers<'t>,
    pub(crate) index: &'r Index<'t>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) report: &'r mut Report,
    /// Where the call's name stands.
    pub(crate) span: Span,
}

/// What stands under a key that is a table or "none".
pub(crate) enum Group<'t> {
    Unsaid,
    None,
    Table(Table<'t>),
    /// It was reported.
    Wrong,
}

impl<'t> Reading<'_, 't> {
    pub(crate) fn get(&self, key: &str) -> Option<Value<'t>> {
        self.layers.get(key)
    }

    pub(crate) fn is_l4(&self) -> bool {
        matches!(self.protocol, Protocol::Tcp | Protocol::Udp)
    }

    /// Connections are all that we see of it.
    pub(crate) fn is_carried_l4(&self) -> bool {
        self.is_l4() && self.is_carried()
    }

    /// Those who ask are many, and share nothing.
    pub(crate) fn is_of_client(&self) -> bool {
        self.index.kind(self.from) == Kind::Client
    }

    pub(crate) fn is_carried(&self) -> bool {
        self.carrier == Carrier::Plimsoll
    }

    /// The file says so.
    pub(crate) fn say(&mut self, key: &'static str, value: impl Display, span: Span) {
        self.answer(key, value.to_string(), Source::File(span));
    }

    /// Nobody says anything: an unanswered question, which is for `checklist` to judge.
    pub(crate) fn missing(&mut self, key: &'static str) {
        self.answer(key, "missing".to_owned(), Source::Missing);
    }

    /// Our default holds.
    pub(crate) fn default<T: Copy + Display>(
        &mut self,
        key: &'static str,
        default: &defaults::Default<T>,
    ) -> T {
        self.default_as(key, default, default.value)
    }

    /// Our default holds, and in this design it comes to this value.
    pub(crate) fn default_as<T: Copy>(
        &mut self,
        key: &'static str,
        default: &defaults::Default<T>,
        value: impl Display,
    ) -> T {
        self.answer(key, value.to_string(), Source::Default(default.code));
        self.report.assume(default, Some(self.id))
    }

    /// A key of a group, or its default; `None` if what is there cannot be read.
    pub(crate) fn one<'v, T: Copy + Display>(
        &mut self,
        group: &Table<'v>,
        key: &'static str,
        dotted: &'static str,
        read: impl Fn(&Value<'v>, &mut Report) -> Option<T>,
        default: &defaults::Default<T>,
    ) -> Option<T> {
        match group.get(key) {
            None => Some(self.default(dotted, default)),
            Some(value) => self.said(&value, dotted, read),
        }
    }

    /// A value that the file gives.
    pub(crate) fn said<'v, T: Display>(
        &mut self,
        value: &Value<'v>,
        dotted: &'static str,
        read: impl Fn(&Value<'v>, &mut Report) -> Option<T>,
    ) -> Option<T> {
        let read = read(value, self.report)?;
        self.say(dotted, &read, value.span);
        Some(read)
    }

    /// A table or "none".
    pub(crate) fn group(&mut self, key: &'static str, known: &[&'static str]) -> Group<'t> {
        let Some(value) = self.get(key) else {
            return Group::Unsaid;
        };
        if value.is_none() {
            self.say(key, "none", value.span);
            return Group::None;
        }
        let Some(table) = value.as_table() else {
            value.mistyped::<()>("a table or \"none\"", "{ … }", self.report);
            return Group::Wrong;
        };
        table.allow(&[known], self.report);
        Group::Table(table)
    }

    /// Parameters that the rule itself takes, or why it does not.
    pub(crate) fn accept<P>(&mut self, params: Result<P, Invalid>) -> Option<P> {
        params.map_err(|invalid| self.refuse(invalid)).ok()
    }

    fn refuse(&mut self, invalid: Invalid) {
        let span = self.span_of(invalid.key()).unwrap_or(self.span);
        let (code, other) = match invalid {
            Invalid::Zero(_) | Invalid::OverWhole(_) => (&OUT_OF_BOUNDS, None),
            Invalid::Order(_, more) => (&CONTRADICTION, self.span_of(more).map(|at| (at, more))),
        };
        let mut told = code.at(span, invalid.to_string()).instead(match invalid {
            Invalid::Zero(key) if self.may_be_none(group_of(key)) => {
                format!("write a value above nothing, or `{}` as \"none\"", group_of(key))
            }
            Invalid::Zero(_) => "write a value above nothing".to_owned(),
            Invalid::Order(less, more) => format!("make `{less}` smaller, or `{more}` larger"),
            Invalid::OverWhole(_) => "write a share of up to \"100%\"".to_owned(),
        });
        if let Some((at, key)) = other.filter(|&(at, _)| at != span) {
            told = told.see(at, format!("`{key}` stands here"));
        }
        self.report.push(told);
    }

    /// Whether "none" would be a way out. What we carry has a timeout.
    fn may_be_none(&self, group: &str) -> bool {
        match group {
            "timeout" => !self.is_carried(),
            "balance" => false,
            _ => true,
        }
    }

    /// Where the file says something.
    pub(crate) fn span_of(&self, key: &str) -> Option<Span> {
        self.answers.iter().find(|answer| answer.key == key).and_then(|answer| {
            match answer.source {
                Source::File(span) => Some(span),
                Source::Default(_) | Source::Missing => None,
            }
        })
    }

    fn answer(&mut self, key: &'static str, value: String, source: Source) {
        self.answers.push(Answer { key, value, source });
    }
}

/// `retry` of `retry.budget.share`.
fn group_of(key: &str) -> &str {
    key.split_once('.').map_or(key, |(group, _)| group)
}
