//! What a request asks to be done, and whether it may be asked twice.

/// A request method. Methods are case-sensitive: `get` is not `GET`, it is [`Method::Other`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the methods")]
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
    /// A safe request with a body (draft-ietf-httpbis-safe-method-w-body).
    Query,
    /// Any other token; [`Request::method_name`](super::Request::method_name) has its bytes.
    Other,
}

impl Method {
    /// Asks for nothing to be changed (RFC 9110 section 9.2.1).
    pub fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options | Self::Trace | Self::Query)
    }

    /// Asking twice means the same as asking once (RFC 9110 section 9.2.2). An unknown method is
    /// taken not to be.
    pub fn is_idempotent(self) -> bool {
        self.is_safe() || matches!(self, Self::Put | Self::Delete)
    }

    /// The method of this exact name.
    pub fn from_bytes(name: &[u8]) -> Self {
        match name {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"CONNECT" => Self::Connect,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"PATCH" => Self::Patch,
            b"QUERY" => Self::Query,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_methods_of_rfc_9110_and_query_are_idempotent() {
        let idempotent = ALL.map(Method::from_bytes).map(Method::is_idempotent);

        assert_eq!(
            idempotent,
            [true, true, false, true, true, false, true, true, false, true, false]
        );
    }

    #[test]
    fn put_and_delete_are_idempotent_but_not_safe() {
        assert!(!Method::Put.is_safe() && Method::Put.is_idempotent());
        assert!(!Method::Delete.is_safe() && Method::Delete.is_idempotent());
    }

    #[test]
    fn a_method_in_lower_case_is_another_method() {
        assert_eq!(Method::from_bytes(b"get"), Method::Other);
        assert!(!Method::from_bytes(b"get").is_idempotent());
    }

    const ALL: [&[u8]; 11] = [
        b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH",
        b"QUERY", b"BREW",
    ];
}
