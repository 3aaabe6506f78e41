//! Why a message is refused: each reason is one word in answers, logs and counters.

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The first line is not `METHOD target HTTP/1.x` or `HTTP/1.x status reason`.
    #[error("the first line is malformed")]
    StartLine,
    /// A version other than 1.0 and 1.1.
    #[error("the version is not HTTP/1.0 or HTTP/1.1")]
    Version,
    /// The target is none of the four forms of RFC 9112 §3.2, or has bytes that no URI has.
    #[error("the target is malformed")]
    Target,
    /// The target is too long.
    #[error("the target is too long")]
    TargetTooLong,
    /// A field name or value with bytes that are not allowed, or space before the colon.
    #[error("a header field is malformed")]
    Field,
    /// A field that continues on the next line (RFC 9112 §5.2).
    #[error("a header field is folded")]
    Folded,
    /// A line that ends in LF alone, or a CR that ends none (RFC 9112 §2.2).
    #[error("a line does not end in CR LF")]
    LineEnd,
    /// More bytes of head than allowed.
    #[error("the head is too large")]
    HeadTooLarge,
    /// More fields than allowed.
    #[error("the head has too many fields")]
    TooManyFields,
    /// `Content-Length` beside `Transfer-Encoding` (RFC 9112 §6.3).
    #[error("both a length and a transfer coding")]
    LengthAndCoding,
    /// A `Content-Length` that is not one number, or more than one.
    #[error("the content length is not one number")]
    Length,
    /// A transfer coding other than exactly `chunked`.
    #[error("the transfer coding is not chunked alone")]
    Coding,
    /// A transfer coding in HTTP/1.0.
    #[error("a transfer coding in HTTP/1.0")]
    CodingInHttp10,
    /// A body beside a wish to speak another protocol.
    #[error("an upgrade with a body")]
    UpgradeWithBody,
    /// `Host` says something else than the target.
    #[error("the host and the target disagree")]
    HostMismatch,
    /// The target carries a user or a password (RFC 9110 §4.2.4).
    #[error("the target carries credentials")]
    Credentials,
    /// A chunk whose size or end is malformed.
    #[error("a chunk is malformed")]
    Chunk,
    /// Trailers that are malformed, too many, or not allowed there (RFC 9110 §6.5.1).
    #[error("a trailer field is malformed or not allowed")]
    Trailer,
    /// Bytes of another protocol: TLS on a plain port, for example.
    #[error("what arrived is not HTTP")]
    NotHttp,
    /// More interim responses (1xx) than anybody sends before a response.
    #[error("too many interim responses")]
    Interims,
}

impl Refusal {
    /// All of them, in the order of [`Refusal::index`].
    pub const ALL: [Self; 20] = [
        Self::StartLine,
        Self::Version,
        Self::Target,
        Self::TargetTooLong,
        Self::Field,
        Self::Folded,
        Self::LineEnd,
        Self::HeadTooLarge,
        Self::TooManyFields,
        Self::LengthAndCoding,
        Self::Length,
        Self::Coding,
        Self::CodingInHttp10,
        Self::UpgradeWithBody,
        Self::HostMismatch,
        Self::Credentials,
        Self::Chunk,
        Self::Trailer,
        Self::NotHttp,
        Self::Interims,
    ];

    /// Its place in [`Refusal::ALL`], for counters.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The reason as one word.
    pub const fn token(self) -> &'static str {
        match self {
            Self::StartLine => "start_line",
            Self::Version => "version",
            Self::Target => "target",
            Self::TargetTooLong => "target_too_long",
            Self::Field => "field",
            Self::Folded => "folded_field",
            Self::LineEnd => "line_end",
            Self::HeadTooLarge => "head_too_large",
            Self::TooManyFields => "too_many_fields",
            Self::LengthAndCoding => "length_and_coding",
            Self::Length => "content_length",
            Self::Coding => "transfer_coding",
            Self::CodingInHttp10 => "coding_in_http10",
            Self::UpgradeWithBody => "upgrade_with_body",
            Self::HostMismatch => "host_mismatch",
            Self::Credentials => "credentials",
            Self::Chunk => "chunk",
            Self::Trailer => "trailer",
            Self::NotHttp => "not_http",
            Self::Interims => "interim_responses",
        }
    }

    /// The status that tells a caller.
    pub const fn status(self) -> u16 {
        match self {
            Self::TargetTooLong => 414,
            Self::HeadTooLarge | Self::TooManyFields => 431,
            Self::Version => 505,
            _ => 400,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_place_and_word() {
        for (place, refusal) in Refusal::ALL.iter().enumerate() {
            assert_eq!(refusal.index(), place);
        }
        let words: std::collections::BTreeSet<_> = Refusal::ALL.iter().map(|r| r.token()).collect();
        assert_eq!(words.len(), Refusal::ALL.len());
    }
}
