//! What every rule of the review says about itself.

use config::diagnostic::Severity;

use crate::{Facts, Notes};

/// One rule of the review.
#[derive(Debug)]
pub struct Rule {
    /// A letter for what it is about, and a number that never changes its meaning.
    pub code: &'static str,
    /// What a design does wrong that breaks it, in half a sentence.
    pub title: &'static str,
    /// The number of the well-known trap in failure handling that it guards against.
    pub trap: Option<u8>,
    /// How bad that is. An error: the design is incomplete, contradicts itself, or is known to
    /// fail this way. A warning: it may be meant so, and somebody should have decided it.
    pub severity: Severity,
    /// Why it is wrong: what happens to a system that does it.
    pub reason: &'static str,
    /// Looks for it.
    pub check: fn(&Facts<'_>, &mut Notes<'_>),
    /// A small design that breaks it, and no other.
    pub failing: &'static str,
    /// The same design with this mended.
    pub passing: &'static str,
}
