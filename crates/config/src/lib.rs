//! The design file: from text to meaning, with all diagnostics at once.
//!
//! [`load`] reads a file in one pass over a tree that keeps where everything stands: first the
//! names, then what they stand for, then the graph of calls. Nothing stops at the first problem.
//! Whether a design that reads well is a *good* one is for `checklist` to say.

mod calls;
pub mod codes;
pub mod defaults;
pub mod design;
pub mod diagnostic;
mod effective;
mod files;
pub mod graph;
mod idle_faults;
mod incidents;
mod index;
mod links;
mod listeners;
mod load;
mod loss;
mod matching;
mod names;
mod nodes;
pub mod path;
mod reach;
mod read;
mod report;
mod rules;
mod span;
mod takes;
pub mod units;

pub use design::Design;
pub use diagnostic::{Diagnostic, Severity, json, render};
pub use effective::{EffectiveCall, EffectiveValue, effective};
pub use files::{Beside, Files, NoFiles};
pub use idle_faults::idle_fault;
pub use incidents::can_happen;
pub use load::{Loaded, load, load_bytes};
pub use names::meant;
pub use span::{LineIndex, Position, Span, Traced};
