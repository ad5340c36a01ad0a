use std::io::Write;
use std::time::Duration;

use backstock_testbed::HttpServer;

use super::super::Next;
use super::*;

const LINK: &str = "s3://pictures/m/h/hoodie 1.jpg";

fn options(server: &HttpServer) -> S3Options {
    S3Options {
        endpoint: format!("http://{}", server.address),
        region: "eu-central-1".to_owned(),
        credentials: Some(S3Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI".to_owned(),
            session_token: "lent-for-an-hour".to_owned(),
        }),
        buckets: vec!["pictures".to_owned()],
        allow_http: true,
        limits: RequestLimits { max_bytes: 1000, ..RequestLimits::default() },
    }
}

fn images(server: &HttpServer) -> S3Images {
    S3Images::new(&options(server)).unwrap()
}

/// Code and consequence of asking a server that answers everything so.
fn refusal(answer: &'static str) -> (&'static str, Next) {
    let error = images(&HttpServer::saying(answer)).fetch(LINK, None).unwrap_err();
    (error.code(), error.next())
}

fn tagged(etag: &str) -> Validators {
    Validators { etag: Some(etag.to_owned()), last_modified: None }
}

/// A store with one object: 200 with its tag, 304 for who shows that tag, and 404 for other keys.
fn store() -> HttpServer {
    HttpServer::new(|head, connection| {
        let lower = head.to_ascii_lowercase();
        let answer = if !head.starts_with("GET /pictures/m/h/hoodie%201.jpg HTTP/1.1\r\n") {
            "HTTP/1.1 404 Not Found\r\nContent-Length: 57\r\n\r\n<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>"
        } else if lower.contains("if-none-match: \"v1\"\r\n") {
            "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nConnection: close\r\n\r\n"
        } else {
            "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nLast-Modified: Sat, 21 Nov 2026 08:00:00 GMT\r\n\
             Content-Type: binary/octet-stream\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
        };
        let _ = connection.write_all(answer.as_bytes());
    })
}

#[test]
fn an_object_comes_with_its_tag_after_one_signed_request() {
    let server = store();
    let fetched = images(&server).fetch(LINK, None);
    assert_eq!(fetched, Ok(Fetched::New { bytes: b"body".to_vec(), validators: tagged("\"v1\"") }));
    let head = server.heads.recv().unwrap();
    let lower = head.to_ascii_lowercase();
    assert!(lower.contains("authorization: aws4-hmac-sha256 credential=akidexample/"), "{head}");
    assert!(lower.contains("/eu-central-1/s3/aws4_request"), "{head}");
    assert!(lower.contains("x-amz-security-token: lent-for-an-hour"), "{head}");
    assert!(!head.contains("wJalrXUtnFEMI"), "the key itself stays here");
    assert!(server.heads.try_recv().is_err(), "one request");
}

#[test]
fn an_unchanged_object_costs_one_conditional_request() {
    let server = store();
    let images = images(&server);
    assert_eq!(images.fetch(LINK, Some(&tagged("\"v1\""))), Ok(Fetched::Unchanged));
    assert_eq!(server.heads.try_iter().count(), 1);
    assert!(matches!(images.fetch(LINK, Some(&tagged("\"v0\""))), Ok(Fetched::New { .. })));
    assert!(matches!(images.fetch(LINK, Some(&Validators::default())), Ok(Fetched::New { .. })));
}

#[test]
fn without_credentials_nothing_is_signed() {
    let server = store();
    let images = S3Images::new(&S3Options { credentials: None, ..options(&server) }).unwrap();
    assert!(matches!(images.fetch(LINK, None), Ok(Fetched::New { .. })));
    assert!(!server.heads.recv().unwrap().to_ascii_lowercase().contains("authorization"));
}

#[test]
fn what_is_missing_or_forbidden_stays_so() {
    let missing = images(&store()).fetch("s3://pictures/none.jpg", None).unwrap_err();
    assert_eq!((missing.code(), missing.next()), ("not_found", Next::GiveUp));
    let denied =
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 39\r\n\r\n<Error><Code>AccessDenied</Code></Error>";
    assert_eq!(refusal(denied), ("refused_by_server", Next::GiveUp));
    let silent = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(refusal(silent), ("refused_by_server", Next::GiveUp));
}

#[test]
fn wrong_settings_are_no_fault_of_the_pictures() {
    for (status, code) in [
        ("403 Forbidden", "SignatureDoesNotMatch"),
        ("404 Not Found", "NoSuchBucket"),
        ("301 Moved", "PermanentRedirect"),
    ] {
        let body = format!("<Error><Code>{code}</Code></Error>");
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let server = HttpServer::new(move |_, connection| drop(connection.write_all(answer.as_bytes())));
        let error = images(&server).fetch(LINK, None).unwrap_err();
        assert_eq!((error.code(), error.next()), ("store_misconfigured", Next::Retry), "{code}");
        assert!(error.to_string().contains(code), "{error}");
    }
}

#[test]
fn a_store_that_is_unwell_is_asked_once_and_later_again() {
    let server = HttpServer::saying("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let images = images(&server);
    for _ in 0..5 {
        let error = images.fetch(LINK, None).unwrap_err();
        assert_eq!((error.code(), error.next()), ("server_failed", Next::Retry));
    }
    assert_eq!(images.fetch(LINK, None).unwrap_err().code(), "host_resting");
    assert_eq!(server.heads.try_iter().count(), 5, "nothing is repeated in here, and the sixth is not sent");
    let slow_down = "HTTP/1.1 503 Slow Down\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(refusal(slow_down), ("host_resting", Next::Wait(Duration::from_secs(9))));
}

#[test]
fn slow_endless_and_lying_answers_are_bounded() {
    let silent = HttpServer::new(|_, connection| drop(connection.read(&mut [0])));
    let limits = RequestLimits { timeout: Duration::from_millis(150), ..RequestLimits::default() };
    let impatient = S3Images::new(&S3Options { limits, ..options(&silent) }).unwrap();
    let error = impatient.fetch(LINK, None).unwrap_err();
    assert_eq!((error.code(), error.next()), ("fetch_took_too_long", Next::Retry));

    let endless = HttpServer::new(|_, connection| {
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while connection.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let error = images(&endless).fetch(LINK, None).unwrap_err();
    assert_eq!((error.code(), error.next()), ("too_large_file", Next::GiveUp));

    assert_eq!(refusal("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").0, "too_large_file");
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\nConnection: close\r\n\r\nhalf";
    assert_eq!(refusal(short), ("connection_failed", Next::Retry));
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\n<";
    assert_eq!(refusal(page), ("wrong_content_type", Next::GiveUp));
    assert_eq!(
        refusal("HTTP/1.1 304 Not Modified\r\n\r\n"),
        ("refused_by_server", Next::GiveUp),
        "nobody asked"
    );
    let odd = "HTTP/1.1 200 OK\r\nLast-Modified: yesterday\r\nContent-Length: 2\r\n\r\nok";
    assert!(matches!(images(&HttpServer::saying(odd)).fetch(LINK, None), Ok(Fetched::New { .. })));
}

#[test]
fn redirects_are_not_followed() {
    let answer = "HTTP/1.1 307 Go\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(refusal(answer), ("refused_by_server", Next::GiveUp));
}

#[test]
fn links_open_only_the_buckets_that_are_listed() {
    let server = store();
    let images = images(&server);
    assert!(
        images.takes(LINK) && !images.takes("s3://payroll/a.jpg") && !images.takes("https://pictures/a.jpg")
    );
    assert_eq!(images.fetch("s3://payroll/a.jpg", None).unwrap_err().code(), "forbidden_bucket");
    for link in [
        "s3://pictures",
        "s3://pictures/",
        "s3://pictures//a.jpg",
        "s3://pictures/a/",
        "s3://pictures/../payroll/a.jpg",
        "a.jpg",
    ] {
        assert_eq!(images.fetch(link, None).unwrap_err().code(), "invalid_url", "{link}");
    }
    assert!(server.heads.try_recv().is_err(), "nobody asked");
}

#[test]
fn settings_that_cannot_work_are_told_at_once() {
    let with = |endpoint: &str, allow_http, bucket: &str| {
        let (endpoint, buckets) = (endpoint.to_owned(), vec![bucket.to_owned()]);
        S3Images::new(&S3Options { endpoint, buckets, allow_http, ..S3Options::default() }).err()
    };
    for (endpoint, allow_http) in [
        ("", false),
        ("https://s3.example", false),
        ("http://minio:9000", true),
        ("https://s3.example/below", false),
    ] {
        assert_eq!(with(endpoint, allow_http, "pictures"), None, "{endpoint}");
    }
    for endpoint in [
        "http://minio:9000",
        "ftp://s3.example",
        "minio",
        "https://name:key@s3.example",
        "https://s3.example/?a=b",
    ] {
        assert!(with(endpoint, false, "pictures").is_some(), "{endpoint}");
    }
    for bucket in ["", "a", "pictures/../payroll", "pictures?x", "..pictures"] {
        assert!(with("", false, bucket).is_some(), "{bucket}");
    }
}

#[test]
fn debugging_shows_no_key() {
    let server = store();
    let shown = format!("{:?} {:?}", options(&server), images(&server));
    assert!(
        shown.contains("AKIDEXAMPLE") && !shown.contains("wJalrXUtnFEMI") && !shown.contains("lent-for"),
        "{shown}"
    );
}

#[test]
fn a_bucket_is_probed_by_asking_for_what_is_not_there() {
    let server = store();
    let images = images(&server);
    assert_eq!(images.buckets().collect::<Vec<_>>(), ["pictures"]);
    assert_eq!(images.probe("pictures"), Ok(()));
    assert!(server.heads.recv().unwrap().starts_with("GET /pictures/.backstock/probe HTTP/1.1\r\n"));
    assert_eq!(images.probe("others").unwrap_err().code(), "forbidden_bucket");
    let refusing = HttpServer::saying(
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 47\r\n\r\n<Error><Code>InvalidAccessKeyId</Code></Error>\n",
    );
    assert_eq!(self::images(&refusing).probe("pictures").unwrap_err().code(), "store_misconfigured");
}
