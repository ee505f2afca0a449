//! What is wrong, where, why it matters, and what to write instead.
//!
//! One type for everything that a design is told: by this crate about what the file says, and by
//! `checklist` about what the design would do. All of them are shown at once.

mod render;

pub use render::{json, render};

use crate::span::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what was meant.
    Warning,
    /// The design cannot be taken as it is.
    Error,
}

impl Severity {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that a design is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stands for the kind of problem, and can be asked about: `check --explain CODE`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where; empty if it is about the whole file.
    pub span: Span,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Why it matters.
    pub reason: String,
    /// What to write instead.
    pub way_out: String,
    /// Other places that belong to it, each with a few words.
    pub related: Vec<(Span, String)>,
}

impl Diagnostic {
    /// Something that is wrong at a place.
    pub fn new(
        code: &'static str,
        severity: Severity,
        span: Span,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity,
            span,
            message: message.into(),
            reason: String::new(),
            way_out: String::new(),
            related: Vec::new(),
        }
    }

    /// Why it matters.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// What to write instead.
    #[must_use]
    pub fn instead(mut self, way_out: impl Into<String>) -> Self {
        self.way_out = way_out.into();
        self
    }

    /// Another place that belongs to it.
    #[must_use]
    pub fn see(mut self, span: Span, words: impl Into<String>) -> Self {
        self.related.push((span, words.into()));
        self
    }

    /// Whether another one differs in its place alone.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        self.code == other.code
            && self.message == other.message
            && self.reason == other.reason
            && self.way_out == other.way_out
    }

    /// Whether the design cannot be taken as it is.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Errors before warnings before notes, and each in the order of the file.
pub fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then((a.span.start, a.code).cmp(&(b.span.start, b.code)))
    });
}
