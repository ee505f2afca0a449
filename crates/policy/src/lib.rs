//! The rules, one folder each. A rule judges; it does not act.
//!
//! Every rule has the same shape: `Params` that say what an operator may set and refuse what makes
//! no sense, `new(now, params)`, `on_…(now, …)` for what it learns, and a verb that gives a verdict
//! with its reason. Time and chance are arguments. Nothing here waits, logs, locks or allocates
//! on the way of a request.
//!
//! Rules do not know each other: `engine` introduces them.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod admission;
pub mod balance;
pub mod breaker;
pub mod deadline;
pub mod health;
mod invalid;
pub mod region;
pub mod retry;

pub use invalid::Invalid;
