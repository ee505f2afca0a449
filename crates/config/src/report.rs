//! Collects what a design is told while it is read.

use base::CallId;

use crate::codes::{Code, MISSING_KEY, MORE, NO_CALL, SHARES, SYNTAX, UNKNOWN_NAME};
use crate::defaults;
use crate::design::DefaultUsed;
use crate::diagnostic::{Diagnostic, Severity, sort};
use crate::span::Span;

/// A file with more problems than this has one problem: it is not a design.
const MOST: usize = 200;

/// What is wrong because something is not there.
const BY_ABSENCE: [Code; 4] = [MISSING_KEY, UNKNOWN_NAME, NO_CALL, SHARES];

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    diagnostics: Vec<Diagnostic>,
    beyond: usize,
    used: Vec<DefaultUsed>,
}

impl Report {
    /// Something is wrong. Rules that several calls take are read for each, and told once. When
    /// there is no room left, an error takes the place of something milder.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.contains(&diagnostic) {
            return;
        }
        if !self.is_full() {
            self.diagnostics.push(diagnostic);
            return;
        }
        self.beyond += 1;
        let milder = self.diagnostics.iter().rposition(|told| !told.is_error());
        if let Some(milder) = milder.filter(|_| diagnostic.is_error()) {
            self.diagnostics[milder] = diagnostic;
        }
    }

    /// Whether something of these kinds was found.
    pub(crate) fn has_any(&self, codes: &[Code]) -> bool {
        self.diagnostics.iter().any(|told| codes.iter().any(|code| code.code == told.code))
    }

    /// Whether something was found because of which there is no design.
    pub(crate) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// A table that could not be read is missing to all who name it: what follows from that is
    /// not told.
    pub(crate) fn drop_consequences(&mut self) {
        if self.has_any(&[SYNTAX]) {
            self.diagnostics.retain(|told| !BY_ABSENCE.iter().any(|code| code.code == told.code));
        }
    }

    /// Whether more would only be counted: then their texts need not be made.
    pub(crate) fn is_full(&self) -> bool {
        self.diagnostics.len() >= MOST
    }

    /// So many more were seen that nobody would read.
    pub(crate) fn skip(&mut self, count: usize) {
        self.beyond += count;
    }

    /// Applies a default, and remembers that it did.
    pub(crate) fn assume<T: Copy>(
        &mut self,
        default: &defaults::Default<T>,
        call: Option<CallId>,
    ) -> T {
        let used = DefaultUsed { default: default.code, call };
        if call.is_some() || !self.used.contains(&used) {
            self.used.push(used);
        }
        default.value
    }

    /// The defaults that were applied.
    pub(crate) fn take_used(&mut self) -> Vec<DefaultUsed> {
        std::mem::take(&mut self.used)
    }

    /// All of them, errors first.
    pub(crate) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        sort(&mut self.diagnostics);
        // What cannot be parsed is the cause of much that seems to be missing.
        self.diagnostics.sort_by_key(|told| told.code != SYNTAX.code);
        self.diagnostics = merged(self.diagnostics);
        if self.beyond > 0 {
            let message = format!("{} more problems are not shown", self.beyond);
            self.diagnostics.push(
                Diagnostic::new(MORE.code, Severity::Error, Span::default(), message)
                    .because(MORE.reason)
                    .instead("repair the first ones and check again"),
            );
        }
        self.diagnostics
    }
}

/// What is said in the same words of several places is said once, at the first of them: one slip
/// of a name is one problem, however often the name is used.
fn merged(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut merged: Vec<Diagnostic> = Vec::with_capacity(diagnostics.len());
    for told in diagnostics {
        match merged.iter_mut().find(|first| first.says_the_same(&told)) {
            Some(first) => {
                first.related.push((told.span, "here too".to_owned()));
                first.related.extend(told.related);
            }
            None => merged.push(told),
        }
    }
    merged
}

impl Code {
    /// This problem, at a place. Its reason is the code's own unless a better one is given.
    pub(crate) fn at(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.code, self.severity, span, message).because(self.reason)
    }
}
