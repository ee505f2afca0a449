//! TCP against probabilities, formulas, another simulator and the kernel.

pub mod cubic;
pub mod dumbbell;
pub mod fairness;
pub mod formulas;
pub mod kernel;
pub mod long;
pub mod ns3;
pub mod short;
pub mod speed;
pub mod stage;
