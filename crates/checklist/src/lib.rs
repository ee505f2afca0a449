//! The review of a design: five questions for every network call, and what follows from the
//! answers.
//!
//! * [`review`] holds a design against every [`Rule`] and gives its [`Findings`].
//! * [`sound`] is the only way to a [`SoundDesign`], which is what the live plane takes.
//! * [`not_built`] names what a design asks for and `plimsoll run` does not carry yet, [`nowhere`]
//!   what it has to know to carry a call.
//! * [`bounds`] says what is known of a design without a run.
//! * [`report`] puts it all into a table, into text and into JSON.
//!
//! A rule is one file in `rules/`, with its code, its reason, and two designs in `fixtures/`: one
//! that fails it and one that passes.

mod amounts;
pub mod bounds;
mod built;
pub mod facts;
mod finding;
mod nowhere;
pub mod question;
pub mod report;
mod rule;
mod rules;
mod sound;

pub use built::{NOT_BUILT, not_built};
pub use config::diagnostic::Severity;
pub use facts::Facts;
pub use finding::{Finding, Findings, Notes, Place};
pub use nowhere::{NOWHERE, nowhere};
pub use question::Question;
pub use rule::Rule;
pub use rules::{ALL, rule_named};
pub use sound::{SoundDesign, sound};

use config::Design;

/// Holds a design against every rule. Errors come first, then in the order of the file.
pub fn review(design: &Design) -> Findings {
    let facts = Facts::of(design);
    let mut found = Vec::new();
    for &rule in ALL {
        (rule.check)(&facts, &mut Notes::new(rule, &facts, &mut found));
    }
    Findings::sorted(found)
}
