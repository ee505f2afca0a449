//! The two versions that share this syntax.

/// The version a peer speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// No chunks, no interim responses, one request a connection unless both ends ask for more.
    Http10,
    /// RFC 9112.
    #[default]
    Http11,
}

impl Version {
    /// As it stands in `Via`, which drops the protocol's name.
    pub fn number(self) -> &'static str {
        match self {
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
        }
    }
}
