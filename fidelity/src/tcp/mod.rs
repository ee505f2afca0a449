//! TCP against probabilities, formulas, another simulator and the kernel.

pub mod dumbbell;
pub mod formulas;
pub mod short;
pub mod stage;
