//! Why a message is not taken.
//!
//! Two programs that read the same bytes differently are how requests are smuggled, so whatever
//! could be read in two ways is refused, and nothing is repaired. After a refusal the position in
//! the stream is not known any more: answer, then close the connection.

use core::fmt;

/// What was wrong with a head, a body or a trailer section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "`sentence` says what each one is")]
pub enum Refusal {
    // Lines.
    LeadingBytes,
    BareCr,
    BareLf,
    ControlByte,
    ObsFold,
    // Start lines.
    StartLine,
    Method,
    Target,
    TargetForm,
    Scheme,
    Userinfo,
    Authority,
    Version,
    VersionUnsupported,
    StatusLine,
    StatusCode,
    // Limits.
    LineTooLong,
    HeadTooLarge,
    TooManyFields,
    TooManyOptions,
    // Fields.
    FieldName,
    FieldValue,
    SpaceBeforeColon,
    HostMissing,
    HostRepeated,
    HostInvalid,
    Expectation,
    MaxForwards,
    // Framing.
    LengthInvalid,
    LengthTooLarge,
    LengthRepeated,
    LengthAndEncoding,
    EncodingInHttp10,
    EncodingInvalid,
    EncodingRepeated,
    EncodingNotChunked,
    EncodingUnknown,
    // Bodies.
    ChunkSize,
    ChunkTooLarge,
    ChunkExtension,
    ChunkExtensionTooLong,
    ChunkEnd,
    TrailersTooLarge,
    Truncated,
    // Answers that nobody asked for.
    UnaskedSwitch,
}

impl Refusal {
    /// The status to answer when a client sent it. When an upstream sent it the answer is 502,
    /// whatever the reason.
    pub fn status(self) -> u16 {
        match self {
            Self::LineTooLong => 414,
            Self::Expectation => 417,
            Self::HeadTooLarge | Self::TooManyFields | Self::TrailersTooLarge => 431,
            Self::EncodingUnknown => 501,
            Self::VersionUnsupported => 505,
            _ => 400,
        }
    }

    /// A short name for logs and metrics, of lower-case letters, digits and hyphens.
    pub fn token(self) -> &'static str {
        self.words().0
    }

    /// What was wrong, for people.
    pub fn sentence(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::LeadingBytes => ("leading-bytes", "There are bytes before the start line."),
            Self::BareCr => ("bare-cr", "A carriage return is not followed by a line feed."),
            Self::BareLf => ("bare-lf", "A line feed does not follow a carriage return."),
            Self::ControlByte => ("control-byte", "The head contains a control byte."),
            Self::ObsFold => ("obs-fold", "A field value goes on in the next line."),
            Self::StartLine => ("start-line", "The first line is not a request line."),
            Self::Method => ("method", "The method is not a token."),
            Self::Target => ("target", "The request target contains a byte that no URI may."),
            Self::TargetForm => ("target-form", "The method does not take this form of target."),
            Self::Scheme => ("scheme", "The target's scheme is neither http nor https."),
            Self::Userinfo => ("userinfo", "The target names a user, which http does not allow."),
            Self::Authority => ("authority", "The target's host or port is not valid."),
            Self::Version => ("version", "The version is not of the form HTTP/1.1."),
            Self::VersionUnsupported => {
                ("version-unsupported", "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
            }
            Self::StatusLine => ("status-line", "The first line is not a status line."),
            Self::StatusCode => ("status-code", "The status is not between 100 and 599."),
            Self::LineTooLong => ("line-too-long", "The first line is longer than allowed."),
            Self::HeadTooLarge => ("head-too-large", "The head is larger than allowed."),
            Self::TooManyFields => ("too-many-fields", "The head has more fields than allowed."),
            Self::TooManyOptions => ("too-many-options", "Connection has too many options."),
            Self::FieldName => ("field-name", "A field name is empty or not a token."),
            Self::FieldValue => ("field-value", "A field value contains a forbidden byte."),
            Self::SpaceBeforeColon => {
                ("space-before-colon", "There is white space between a field name and its colon.")
            }
            Self::HostMissing => ("host-missing", "An HTTP/1.1 request must have a Host field."),
            Self::HostRepeated => ("host-repeated", "There is more than one Host field."),
            Self::HostInvalid => ("host-invalid", "The Host field is not a host and port."),
            Self::Expectation => ("expectation", "The only expectation known is 100-continue."),
            Self::MaxForwards => ("max-forwards", "Max-Forwards is not one whole number."),
            Self::LengthInvalid => ("length-invalid", "Content-Length is not only digits."),
            Self::LengthTooLarge => ("length-too-large", "Content-Length is too large to count."),
            Self::LengthRepeated => ("length-repeated", "Content-Length is given more than once."),
            Self::LengthAndEncoding => {
                ("length-and-encoding", "Both Content-Length and Transfer-Encoding are given.")
            }
            Self::EncodingInHttp10 => {
                ("encoding-in-http10", "HTTP/1.0 does not have Transfer-Encoding.")
            }
            Self::EncodingInvalid => ("encoding-invalid", "Transfer-Encoding is not a clean list."),
            Self::EncodingRepeated => ("encoding-repeated", "The body is chunked more than once."),
            Self::EncodingNotChunked => {
                ("encoding-not-chunked", "The last transfer coding is not chunked.")
            }
            Self::EncodingUnknown => {
                ("encoding-unknown", "A transfer coding other than chunked is used.")
            }
            Self::ChunkSize => ("chunk-size", "A chunk size is not one to sixteen hex digits."),
            Self::ChunkTooLarge => ("chunk-too-large", "A chunk size is too large to count."),
            Self::ChunkExtension => ("chunk-extension", "A chunk extension is malformed."),
            Self::ChunkExtensionTooLong => {
                ("chunk-extension-too-long", "Chunk extensions are longer than allowed.")
            }
            Self::ChunkEnd => ("chunk-end", "A chunk is not followed by CR LF."),
            Self::TrailersTooLarge => {
                ("trailers-too-large", "The trailer section is larger than allowed.")
            }
            Self::Truncated => ("truncated", "The connection closed before the message ended."),
            Self::UnaskedSwitch => {
                ("unasked-switch", "The protocol was switched although nobody asked for it.")
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl core::error::Error for Refusal {}
