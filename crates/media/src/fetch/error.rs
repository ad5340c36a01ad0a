//! Why a picture could not be fetched, and what happens next.

use std::time::Duration;

/// Why a picture could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No URL of a kind that is fetched.
    #[error("not a URL that can be fetched: {reason}")]
    InvalidUrl {
        /// What is wrong with it.
        reason: String,
    },
    /// The host, or one that it redirects to, is not on the public internet.
    #[error("{host} is not on the public internet; `media.fetch.allow_private_addresses` allows it")]
    ForbiddenAddress {
        /// Name or address in the URL.
        host: String,
    },
    /// The source that the link belongs to is off.
    #[error("not fetched; `{setting}` turns it on")]
    SourceOff {
        /// What turns it on.
        setting: &'static str,
    },
    /// The link names a bucket that is not to be read.
    #[error("bucket {bucket:?} is not among `media.s3.buckets`")]
    ForbiddenBucket {
        /// Name in the link, cut to 100 characters.
        bucket: String,
    },
    /// The store does not accept how it is asked; no picture is to blame.
    #[error("the store says {code}; correct `media.s3`")]
    StoreMisconfigured {
        /// What the store calls it, as in `SignatureDoesNotMatch`.
        code: &'static str,
    },
    /// One redirect after the other.
    #[error("more than {max} redirects")]
    TooManyRedirects {
        /// Redirects allowed.
        max: u32,
    },
    /// The server says that it is something else than a picture.
    #[error("the server calls it {found}, which is no picture")]
    WrongContentType {
        /// Content type, cut to 100 characters.
        found: String,
    },
    /// Longer than allowed, as announced or as found.
    #[error("longer than {max} bytes")]
    TooLarge {
        /// Bytes allowed.
        max: u64,
    },
    /// The server says no (any other 4xx).
    #[error("the server answered {status}")]
    Refused {
        /// HTTP status.
        status: u16,
    },
    /// The server is unwell (5xx, 408, 425).
    #[error("the server failed with {status}")]
    ServerFailed {
        /// HTTP status.
        status: u16,
    },
    /// The answer was not complete in time.
    #[error("no whole answer within {max_ms} ms")]
    TookTooLong {
        /// Milliseconds allowed.
        max_ms: u64,
    },
    /// No connection, or one that broke.
    #[error("connection failed: {reason}")]
    ConnectionFailed {
        /// What the system said.
        reason: String,
    },
    /// The host asked for peace (429, or 503 with `Retry-After`), or failed so often that it gets some.
    #[error("{host} is left alone for {} ms", wait.as_millis())]
    HostResting {
        /// Name or address in the URL.
        host: String,
        /// How long from now.
        wait: Duration,
    },
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It will not go better another time.
    GiveUp,
    /// It may go better another time; this was an attempt.
    Retry,
    /// Nothing was tried, or nothing could be: later, without counting an attempt.
    Wait(Duration),
}

impl FetchError {
    /// Stable `snake_case` code for reports and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidUrl { .. } => "invalid_url",
            Self::ForbiddenAddress { .. } => "forbidden_address",
            Self::SourceOff { .. } => "fetching_is_off",
            Self::ForbiddenBucket { .. } => "forbidden_bucket",
            Self::StoreMisconfigured { .. } => "store_misconfigured",
            Self::TooManyRedirects { .. } => "too_many_redirects",
            Self::WrongContentType { .. } => "wrong_content_type",
            Self::TooLarge { .. } => "too_large_file",
            Self::Refused { status: 404 | 410 } => "not_found",
            Self::Refused { .. } => "refused_by_server",
            Self::ServerFailed { .. } => "server_failed",
            Self::TookTooLong { .. } => "fetch_took_too_long",
            Self::ConnectionFailed { .. } => "connection_failed",
            Self::HostResting { .. } => "host_resting",
        }
    }

    /// What happens next.
    pub fn next(&self) -> Next {
        match self {
            Self::HostResting { wait, .. } => Next::Wait(*wait),
            Self::ServerFailed { .. }
            | Self::TookTooLong { .. }
            | Self::ConnectionFailed { .. }
            | Self::StoreMisconfigured { .. } => Next::Retry,
            _ => Next::GiveUp,
        }
    }

    /// Whether it says that the host is unwell, rather than the link wrong.
    pub(super) fn blames_host(&self) -> bool {
        self.next() == Next::Retry
    }
}
