//! Requests and answers.

mod exchange;
mod io;
mod outputs;

pub use exchange::Exchange;
pub use io::{Body, Input, Key, Output, Request};
