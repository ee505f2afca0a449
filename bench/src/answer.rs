//! The bodies that the upstream sends and the load expects, and how an answer is framed.

/// Bytes of the answer to most paths.
pub const SMALL: usize = 100;

/// Bytes of the answer to a path that ends in `/large`.
pub const LARGE: usize = 64 * 1024;

/// Whether a path asks for the large answer.
pub fn is_large(path: &str) -> bool {
    path.ends_with("/large")
}

/// How large the answer to a path is.
pub fn size_of(path: &str) -> usize {
    if is_large(path) { LARGE } else { SMALL }
}

/// A body of `size` bytes in which no two neighbouring lines are equal: a piece that is lost,
/// doubled or out of place shows.
pub fn body(size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| b'!' + u8::try_from((at / LINE + at % LINE) % PRINTABLE).unwrap_or(0))
        .collect()
}

/// What the head of an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// Bytes of the head itself.
    pub len: usize,
    /// Bytes of the body that follows.
    pub body: usize,
}

/// Why an answer cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Reads the head of an answer; `None` while it is not complete.
///
/// # Errors
///
/// [`Malformed`] for bytes that are no HTTP/1.1 answer with a `Content-Length`.
pub fn head(bytes: &[u8]) -> Result<Option<Head>, Malformed> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut answer = httparse::Response::new(&mut fields);
    match answer.parse(bytes) {
        Err(_) => Err(Malformed),
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(len)) => {
            let body = content_length(answer.headers).ok_or(Malformed)?;
            Ok(Some(Head { status: answer.code.ok_or(Malformed)?, len, body }))
        }
    }
}

fn content_length(fields: &[httparse::Header<'_>]) -> Option<usize> {
    let field = fields.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"))?;
    std::str::from_utf8(field.value).ok()?.parse().ok()
}

/// Fields that a head may have.
pub const FIELDS: usize = 64;

const LINE: usize = 61;
const PRINTABLE: usize = 90;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_complete() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

        assert_eq!(head(&bytes[..20]), Ok(None));
        assert_eq!(head(bytes), Ok(Some(Head { status: 200, len: 38, body: 5 })));
    }

    #[test]
    fn an_answer_without_a_length_is_malformed() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\n\r\n"), Err(Malformed));
        assert_eq!(head(b"SSH-2.0-x\r\n\r\n"), Err(Malformed));
    }

    #[test]
    fn a_body_shows_when_a_piece_of_it_is_missing() {
        let whole = body(LARGE);

        assert_eq!(whole.len(), size_of("/r7/large"));
        assert_ne!(whole[..1_000], whole[LINE..LINE + 1_000]);
        assert_ne!(whole[..1_000], whole[1_448..2_448]);
    }
}
