//! Why a design cannot be simulated as asked.

use std::fmt;

/// Something that keeps a simulation from starting. All of them are told at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub problem: String,
    /// What can be done about it.
    pub way_out: String,
}

impl Refusal {
    pub(crate) fn new(problem: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self { problem: problem.into(), way_out: way_out.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  = {}", self.problem, self.way_out)
    }
}
