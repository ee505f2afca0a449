//! From text to typed values, each with where it stands.

mod amount;
mod homes;
mod table;
mod text;
mod twice;
mod value;

pub(crate) use table::{Layers, Table};
pub(crate) use text::{parse, to_text};
pub(crate) use value::Value;
