//! What a lab lacks.

use std::{error, fmt, io};

/// Something that could not be had.
#[derive(Debug)]
pub struct Error {
    what: String,
    why: io::Error,
}

impl Error {
    pub(crate) fn new(what: impl Into<String>, why: impl Into<io::Error>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.what, self.why)?;
        if self.why.kind() == io::ErrorKind::PermissionDenied {
            f.write_str(" (network namespaces and TUN devices need root)")?;
        }
        Ok(())
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.why)
    }
}
