//! The design file: from text to meaning, with all diagnostics at once.

pub mod design;
mod span;

pub use design::Design;
pub use span::{Span, Traced};
