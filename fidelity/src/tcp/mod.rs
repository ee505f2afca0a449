//! TCP against probabilities, formulas, another simulator and the kernel.

pub mod formulas;
pub mod short;
pub mod stage;
