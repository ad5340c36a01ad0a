//! Pictures in an S3-compatible store, by `s3://BUCKET/KEY`.
//!
//! `object_store` knows the protocol: addresses of objects, signatures, conditional requests. Its requests go through
//! our own [`Client`], so that they meet the same limits, the same breaker and the same judgement as those to web servers.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::sync::Arc;

use async_trait::async_trait;
use futures::executor::block_on;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::path::Path;
use object_store::{ClientOptions, GetOptions, ObjectStore, RetryConfig};
use ureq::Body;
use ureq::http::{HeaderMap, Method, Response, StatusCode, Uri, header};

use super::client::Client;
use super::{FetchError, Fetched, RequestLimits, Validators};

/// Longest description of an error that is looked at, in bytes.
const MAX_ERROR_BYTES: u64 = 16 << 10;

/// Key of the object that is asked for to learn whether a bucket can be read.
const PROBED_KEY: &str = ".backstock/probe";

/// Errors of the protocol that speak of how we ask and not of the object.
const ABOUT_US: [&str; 10] = [
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidBucketName",
    "InvalidToken",
    "NoSuchBucket",
    "PermanentRedirect",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TemporaryRedirect",
];

/// Which store, and what may be read there.
#[derive(Clone, Debug)]
pub struct S3Options {
    /// Address of the store, as in `https://minio.example:9000`; empty: Amazon's in `region`. Objects are asked for below
    /// `/BUCKET/`. Whoever configures it vouches for it: it may be inside the house.
    pub endpoint: String,
    /// Region that requests are signed for. Default `us-east-1`, which servers outside Amazon accept.
    pub region: String,
    /// Who asks; none: requests are not signed, which suits buckets that anybody may read.
    pub credentials: Option<S3Credentials>,
    /// Buckets that links may name. Links come from deliveries, and the credentials may open more than pictures.
    pub buckets: Vec<String>,
    /// Whether the endpoint may be `http://…`, in which everybody on the way can read along. Default no.
    pub allow_http: bool,
    /// Bounds on every request.
    pub limits: RequestLimits,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            region: "us-east-1".to_owned(),
            credentials: None,
            buckets: Vec::new(),
            allow_http: false,
            limits: RequestLimits::default(),
        }
    }
}

/// Who asks. Debugging shows no part of it but the name of the key.
#[derive(Clone)]
pub struct S3Credentials {
    /// Name of the key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
    /// Goes with keys that are lent for a time; empty: none.
    pub session_token: String,
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidS3Options(String);

/// Fetches pictures by `s3://BUCKET/KEY`. One for the process: it counts the requests and the failures of the store.
pub struct S3Images {
    buckets: BTreeMap<String, AmazonS3>,
}

impl fmt::Debug for S3Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Images").field("buckets", &self.buckets.keys()).finish_non_exhaustive()
    }
}

impl S3Images {
    /// Connects to nothing yet. Credentials are those given: neither the environment nor a machine's metadata service is
    /// asked.
    ///
    /// # Errors
    /// [`InvalidS3Options`]: an endpoint that is no plain `https` URL (`http` where allowed), an impossible bucket.
    pub fn new(options: &S3Options) -> Result<Self, InvalidS3Options> {
        check_endpoint(options)?;
        // The endpoint is the operator's own word, and stores are mostly inside the house.
        let transport = Transport(Arc::new(Client::new(options.limits.clone(), true)));
        let mut buckets = BTreeMap::new();
        for bucket in &options.buckets {
            if !is_bucket(bucket) {
                return Err(InvalidS3Options(format!("{bucket:?} is no name of a bucket")));
            }
            let store = open(options, bucket, transport.clone());
            buckets.insert(bucket.clone(), store.map_err(|error| InvalidS3Options(error.to_string()))?);
        }
        Ok(Self { buckets })
    }

    /// Whether the link names a bucket that is read.
    pub fn takes(&self, link: &str) -> bool {
        parse(link).is_ok_and(|(bucket, _)| self.buckets.contains_key(bucket))
    }

    /// Names of the buckets that are read.
    pub fn buckets(&self) -> impl Iterator<Item = &str> {
        self.buckets.keys().map(String::as_str)
    }

    /// Whether objects of a bucket could be read, by one request for an object that is not there. A server that answers
    /// such a request with 403 may be hiding what there is from somebody who may read it, but not list it: that is an
    /// error here, though pictures may come. Blocks as [`fetch`](Self::fetch).
    ///
    /// # Errors
    /// [`FetchError`]: what fetching a picture would end with.
    pub fn probe(&self, bucket: &str) -> Result<(), FetchError> {
        match self.fetch(&format!("s3://{bucket}/{PROBED_KEY}"), None) {
            Ok(_) | Err(FetchError::Refused { status: 404 }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The picture behind a link, unless it is still the one of `known`: one conditional request. Blocks up to the
    /// time-out, and before that for a free place at the store. Safe to repeat. Not to be called on a thread of an
    /// asynchronous runtime.
    ///
    /// # Errors
    /// [`FetchError`], whose [`next`](FetchError::next) says whether it passes.
    pub fn fetch(&self, link: &str, known: Option<&Validators>) -> Result<Fetched, FetchError> {
        let (bucket, key) = parse(link)?;
        let store = self
            .buckets
            .get(bucket)
            .ok_or_else(|| FetchError::ForbiddenBucket { bucket: bucket.chars().take(100).collect() })?;
        let if_none_match = known.and_then(|known| known.etag.clone());
        let options = GetOptions { if_none_match, ..GetOptions::default() };
        let got = block_on(async {
            let object = store.get_opts(&key, options).await?;
            let etag = object.meta.e_tag.clone();
            Ok((object.bytes().await?, etag))
        });
        match got {
            Ok((bytes, etag)) => {
                let validators = Validators { etag, last_modified: None };
                Ok(Fetched::New { bytes: bytes.into(), validators })
            }
            Err(object_store::Error::NotModified { .. }) => Ok(Fetched::Unchanged),
            Err(error) => Err(cause(&error)),
        }
    }
}

fn check_endpoint(options: &S3Options) -> Result<(), InvalidS3Options> {
    let invalid = |reason: &str| Err(InvalidS3Options(format!("endpoint {:?} {reason}", options.endpoint)));
    if options.endpoint.is_empty() {
        return Ok(());
    }
    let Ok(uri) = options.endpoint.parse::<Uri>() else { return invalid("is no URL") };
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if options.allow_http => {}
        Some("http") => return invalid("is not encrypted; `media.s3.allow_http` allows that"),
        _ => return invalid("does not begin with https://"),
    }
    // A name and password would be shown wherever the endpoint is.
    let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if plain && uri.query().is_none() { Ok(()) } else { invalid("is more than a host and a path") }
}

/// Letters, digits and little else, so that a name cannot lead anywhere in a URL.
fn is_bucket(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    (3..=63).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.')
}

fn open(options: &S3Options, bucket: &str, transport: Transport) -> object_store::Result<AmazonS3> {
    // The queue repeats what may pass; a client that repeated it, too, would hold up its thread.
    let once = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(&options.region)
        .with_allow_http(options.allow_http)
        .with_retry(once)
        .with_http_connector(transport);
    if !options.endpoint.is_empty() {
        builder = builder.with_endpoint(&options.endpoint);
    }
    match &options.credentials {
        Some(credentials) => {
            builder = builder
                .with_access_key_id(&credentials.access_key_id)
                .with_secret_access_key(&credentials.secret_access_key);
            if !credentials.session_token.is_empty() {
                builder = builder.with_token(&credentials.session_token);
            }
        }
        None => builder = builder.with_skip_signature(true),
    }
    builder.build()
}

/// Bucket and key of a link. A key is taken as it stands: nothing in it is decoded.
fn parse(link: &str) -> Result<(&str, Path), FetchError> {
    let invalid = |reason: &str| FetchError::InvalidUrl { reason: reason.to_owned() };
    let (scheme, rest) = link.trim().split_once("://").ok_or_else(|| invalid("no scheme"))?;
    if !scheme.eq_ignore_ascii_case("s3") {
        return Err(invalid("not s3"));
    }
    let (bucket, key) = rest.split_once('/').ok_or_else(|| invalid("no key behind the bucket"))?;
    let path = Path::parse(key).map_err(|_| invalid("a key with empty, `.` or `..` parts"))?;
    // The parser is silent about slashes at the ends, which belong to a key.
    if path.as_ref().is_empty() || path.as_ref() != key {
        return Err(invalid("a key that is empty, or begins or ends with a slash"));
    }
    Ok((bucket, path))
}

/// What [`Transport`] said, below everything that was wrapped around it.
fn cause(error: &(dyn std::error::Error + 'static)) -> FetchError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<FetchError>() {
            return found.clone();
        }
        cause = error.source();
    }
    FetchError::ConnectionFailed { reason: error.to_string().chars().take(200).collect() }
}

/// Sends the requests of `object_store`. It blocks, as [`S3Images::fetch`] says.
#[derive(Clone, Debug)]
struct Transport(Arc<Client>);

impl HttpConnector for Transport {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = if request.method() == Method::GET {
            self.get(request.uri(), request.headers())
        } else {
            Err(FetchError::InvalidUrl { reason: format!("{} is not for reading", request.method()) })
        };
        // Of an unknown kind, so that nothing is tried again in here.
        answer.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))
    }
}

impl Transport {
    /// The whole answer, or that nothing changed; all else is an error by its meaning.
    fn get(&self, uri: &Uri, headers: &HeaderMap) -> Result<HttpResponse, FetchError> {
        self.0.visit(uri, |until| {
            let mut response = self.0.get(uri, headers, until)?;
            if let Some(code) = about_us(&mut response) {
                return Err(FetchError::StoreMisconfigured { code }.into());
            }
            let etag = Validators::of(response.headers()).etag;
            let Some(bytes) = self.0.read(uri, &mut response)? else {
                if !headers.contains_key(header::IF_NONE_MATCH) {
                    return Err(FetchError::Refused { status: 304 }.into());
                }
                return Ok(answer(StatusCode::NOT_MODIFIED, Vec::new(), None));
            };
            Ok(answer(StatusCode::OK, bytes, etag))
        })
    }
}

/// Only what is needed of an answer's head: what else a server writes there cannot do any harm.
fn answer(status: StatusCode, bytes: Vec<u8>, etag: Option<String>) -> HttpResponse {
    let length = bytes.len();
    let mut answer = Response::new(bytes.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    if let Some(etag) = etag.and_then(|etag| etag.parse().ok()) {
        answer.headers_mut().insert(header::ETAG, etag);
    }
    answer
}

/// Which of [`ABOUT_US`] an answer describes, if it is one of them.
fn about_us(response: &mut Response<Body>) -> Option<&'static str> {
    if !matches!(response.status().as_u16(), 300..=303 | 305..=499) {
        return None;
    }
    let mut body = Vec::new();
    // What cannot be read leaves the status to speak for itself.
    let _ = response.body_mut().as_reader().take(MAX_ERROR_BYTES).read_to_end(&mut body);
    let text = String::from_utf8_lossy(&body);
    let (_, code) = text.split_once("<Code>")?;
    let (code, _) = code.split_once("</Code>")?;
    ABOUT_US.into_iter().find(|known| *known == code.trim())
}

#[cfg(test)]
mod tests;
