//! Bounded requests: what pictures by URL and pictures in an S3-compatible store have in common.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Response, Uri, header};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body};

use super::FetchError;
use super::hosts::{Ended, Hosts};
use super::resolver::{Forbidden, Guarded};

/// Bounds on every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Longest answer in bytes. Default 32 MiB.
    pub max_bytes: u64,
    /// For one picture, from the first look-up of a name to the last byte, redirects included. Default 20 seconds.
    pub timeout: Duration,
    /// Requests to one host at a time. Default 4.
    pub per_host: usize,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self { max_bytes: 32 << 20, timeout: Duration::from_secs(20), per_host: 4 }
    }
}

/// Makes requests within their limits; counts those that run, and the failures, of each host.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    limits: RequestLimits,
    hosts: Hosts,
}

/// An error, and for how long the host asked to be left alone.
pub(super) struct Failure {
    pub(super) error: FetchError,
    wait: Option<Duration>,
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self { error, wait: None }
    }
}

impl Failure {
    /// Seconds are understood; a date, or nothing, means a minute.
    fn asked(error: FetchError, headers: &HeaderMap) -> Self {
        let seconds = text(headers, header::RETRY_AFTER).and_then(|value| value.trim().parse().ok());
        Self { error, wait: Some(Duration::from_secs(seconds.unwrap_or(60)).max(Duration::from_secs(1))) }
    }
}

impl Client {
    /// Connects to nothing yet. Proxies named by the environment are not used: they would hide the address.
    pub(super) fn new(limits: RequestLimits, allow_private_addresses: bool) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("backstock/", env!("CARGO_PKG_VERSION")))
            .accept("image/webp,image/png,image/jpeg,image/gif;q=0.9,*/*;q=0.1")
            .accept_encoding("identity")
            .max_response_header_size(32 << 10)
            .max_idle_connections_per_host(limits.per_host)
            .build();
        let resolver = Guarded { allow_private: allow_private_addresses, system: DefaultResolver::default() };
        let agent = Agent::with_parts(config, DefaultConnector::default(), resolver);
        Self { agent, hosts: Hosts::new(limits.per_host), limits }
    }

    /// Waits for a free place at the host of `uri`, then does `work`, which is told when its time is over, and counts
    /// how it went. Blocks.
    ///
    /// # Errors
    /// Those of `work`; [`FetchError::HostResting`] where the host is left alone, or asked for it just now.
    pub(super) fn visit<T>(
        &self,
        uri: &Uri,
        work: impl FnOnce(Instant) -> Result<T, Failure>,
    ) -> Result<T, FetchError> {
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let resting = |wait| FetchError::HostResting { host: host.clone(), wait };
        self.hosts.enter(&host, Instant::now).map_err(resting)?;
        let done = work(Instant::now() + self.limits.timeout);
        let ended = match &done {
            Err(Failure { wait: Some(wait), .. }) => Ended::Asked(*wait),
            Err(Failure { error, .. }) if error.blames_host() => Ended::Badly,
            _ => Ended::Well,
        };
        match self.hosts.leave(&host, ended, Instant::now()) {
            Some(wait) => Err(resting(wait)),
            None => done.map_err(|failure| failure.error),
        }
    }

    /// Sends one request and waits for the head of its answer. Follows no redirect.
    pub(super) fn get(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        until: Instant,
    ) -> Result<Response<Body>, FetchError> {
        let mut request = self.agent.get(uri.clone());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let request = request.config().timeout_global(Some(left)).build();
        request.call().map_err(|error| self.failed(uri, error))
    }

    /// The body of an answer, whole; nothing where it says that the picture is unchanged.
    pub(super) fn read(&self, uri: &Uri, response: &mut Response<Body>) -> Result<Option<Vec<u8>>, Failure> {
        match response.status().as_u16() {
            200 => {}
            304 => return Ok(None),
            429 => return Err(Failure::asked(FetchError::ServerFailed { status: 429 }, response.headers())),
            503 if response.headers().contains_key(header::RETRY_AFTER) => {
                return Err(Failure::asked(FetchError::ServerFailed { status: 503 }, response.headers()));
            }
            status @ (408 | 425 | 500..) => return Err(FetchError::ServerFailed { status }.into()),
            status => return Err(FetchError::Refused { status }.into()),
        }
        check_type(response.headers())?;
        let max = self.limits.max_bytes;
        let announced = response.body().content_length();
        if announced.is_some_and(|length| length > max) {
            return Err(FetchError::TooLarge { max }.into());
        }
        let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(4 << 20) as usize);
        let mut body = response.body_mut().as_reader().take(max.saturating_add(1));
        body.read_to_end(&mut bytes).map_err(|error| self.failed(uri, ureq::Error::from(error)))?;
        if bytes.len() as u64 > max {
            return Err(FetchError::TooLarge { max }.into());
        }
        Ok(Some(bytes))
    }

    fn failed(&self, uri: &Uri, error: ureq::Error) -> FetchError {
        let host = uri.host().unwrap_or_default().to_owned();
        let took_too_long = FetchError::TookTooLong { max_ms: self.limits.timeout.as_millis() as u64 };
        match error {
            ureq::Error::Other(other) if other.is::<Forbidden>() => FetchError::ForbiddenAddress { host },
            ureq::Error::Timeout(_) => took_too_long,
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => took_too_long,
            ureq::Error::BadUri(reason) => FetchError::InvalidUrl { reason },
            ureq::Error::HostNotFound => {
                FetchError::ConnectionFailed { reason: format!("{host} is not known") }
            }
            other => FetchError::ConnectionFailed { reason: other.to_string().chars().take(200).collect() },
        }
    }
}

/// Pictures and nameless bytes; what it really is the decoder tells.
fn check_type(headers: &HeaderMap) -> Result<(), FetchError> {
    let Some(found) = text(headers, header::CONTENT_TYPE) else { return Ok(()) };
    let kind = found.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let nameless = ["", "application/octet-stream", "binary/octet-stream"].contains(&kind.as_str());
    if nameless || (kind.starts_with("image/") && !kind.starts_with("image/svg")) {
        return Ok(());
    }
    Err(FetchError::WrongContentType { found: found.chars().take(100).collect() })
}

/// A header's value, if it is text.
pub(super) fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
