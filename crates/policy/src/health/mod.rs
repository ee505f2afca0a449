//! Which endpoints are fit to be asked: by [checking](check) them, and by how real attempts
//! [went](ejection).

pub mod check;
pub mod ejection;
