//! One request: what it needs, and how it is carried.

mod attempt;
mod desk;
mod drive;
mod passage;
mod relay;
mod tunnel;

pub(crate) use desk::{Desk, Stage, Tale};
pub(crate) use drive::HalfClosed;
pub(crate) use passage::Passage;
