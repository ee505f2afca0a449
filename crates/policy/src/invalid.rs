//! Parameters that make no sense, whatever the rest of the design says.

use core::fmt;

/// Why a rule does not take its parameters. The operator is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// This must be more than nothing.
    Zero(&'static str),
    /// The first must not be more than the second.
    Order(&'static str, &'static str),
    /// This is a share, and more than the whole.
    OverWhole(&'static str),
}

impl Invalid {
    /// The key of the design file that is wrong.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Zero(key) | Self::Order(key, _) | Self::OverWhole(key) => key,
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero(key) => write!(f, "`{key}` must be more than nothing"),
            Self::Order(less, more) => write!(f, "`{less}` must not be more than `{more}`"),
            Self::OverWhole(key) => write!(f, "`{key}` is a share and cannot be more than 100%"),
        }
    }
}

impl core::error::Error for Invalid {}
