use std::io::{Read, Write};
use std::time::Duration;

use backstock_testbed::HttpServer;

use super::super::Next;
use super::*;

fn images(options: HttpOptions) -> HttpImages {
    HttpImages::new(HttpOptions { allow_private_addresses: true, ..options })
}

fn with(limits: RequestLimits) -> HttpImages {
    images(HttpOptions { limits, ..HttpOptions::default() })
}

fn fetch(server: &HttpServer) -> Result<Fetched, FetchError> {
    with(RequestLimits { max_bytes: 1000, ..RequestLimits::default() }).fetch(&server.url("a.jpg"), None)
}

fn code(result: Result<Fetched, FetchError>) -> &'static str {
    result.err().map_or("no error", |error| error.code())
}

#[test]
fn a_picture_comes_with_what_is_needed_to_ask_again() {
    let server = HttpServer::saying(
        "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nETag: \"v1\"\r\nLast-Modified: Sat, 21 Nov 2026 08:00:00 GMT\r\n\
         Content-Length: 4\r\nConnection: close\r\n\r\nbody",
    );
    let validators = Validators {
        etag: Some("\"v1\"".to_owned()),
        last_modified: Some("Sat, 21 Nov 2026 08:00:00 GMT".to_owned()),
    };
    assert_eq!(fetch(&server), Ok(Fetched::New { bytes: b"body".to_vec(), validators }));
}

#[test]
fn an_unchanged_picture_costs_one_conditional_request() {
    let server = HttpServer::saying("HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n");
    let known = Validators { etag: Some("\"v1\"".to_owned()), last_modified: None };
    assert_eq!(
        images(HttpOptions::default()).fetch(&server.url("a.jpg"), Some(&known)),
        Ok(Fetched::Unchanged)
    );
    let head = server.heads.recv().unwrap().to_ascii_lowercase();
    assert!(head.contains("if-none-match: \"v1\""), "{head}");
    assert!(server.heads.try_recv().is_err(), "one request");
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let server = HttpServer::new(|_, connection| {
        // Until the other side hangs up.
        let _ = connection.read(&mut [0]);
    });
    let impatient = with(RequestLimits { timeout: Duration::from_millis(150), ..RequestLimits::default() });
    let error = impatient.fetch(&server.url("a.jpg"), None).unwrap_err();
    assert_eq!((error.code(), error.next()), ("fetch_took_too_long", Next::Retry));
}

#[test]
fn an_answer_in_drops_is_given_up_as_well() {
    let server = HttpServer::new(|_, connection| {
        let _ = connection
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 900\r\n\r\nx");
        let _ = connection.read(&mut [0]);
    });
    let impatient = with(RequestLimits { timeout: Duration::from_millis(150), ..RequestLimits::default() });
    assert_eq!(code(impatient.fetch(&server.url("a.jpg"), None)), "fetch_took_too_long");
}

#[test]
fn an_endless_answer_ends_at_the_limit() {
    let server = HttpServer::new(|_, connection| {
        let _ =
            connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nConnection: close\r\n\r\n");
        while connection.write_all(&[b'x'; 4096]).is_ok() {}
    });
    assert_eq!(code(fetch(&server)), "too_large_file");
}

#[test]
fn an_announced_flood_is_refused_before_it_comes() {
    let server = HttpServer::saying(
        "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 99999999999\r\n\r\n",
    );
    assert_eq!(code(fetch(&server)), "too_large_file");
}

#[test]
fn an_answer_shorter_than_announced_may_be_better_next_time() {
    let server = HttpServer::saying(
        "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 500\r\nConnection: close\r\n\r\nhalf",
    );
    let error = fetch(&server).unwrap_err();
    assert_eq!((error.code(), error.next()), ("connection_failed", Next::Retry));
}

#[test]
fn an_answer_longer_than_announced_is_cut_there() {
    let server = HttpServer::saying(
        "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 2\r\nConnection: close\r\n\r\nabcdef",
    );
    assert!(matches!(fetch(&server), Ok(Fetched::New { bytes, .. }) if bytes == b"ab"));
}

#[test]
fn redirects_are_followed_to_a_limit() {
    let server = HttpServer::new(|head, connection| {
        let answer: &[u8] = if head.starts_with("GET /a.jpg") {
            b"HTTP/1.1 302 Found\r\nLocation: b.jpg\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        } else if head.starts_with("GET /b.jpg") {
            b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
        } else {
            b"HTTP/1.1 301 Moved Permanently\r\nLocation: /round\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        };
        let _ = connection.write_all(answer);
    });
    assert!(matches!(fetch(&server), Ok(Fetched::New { bytes, .. }) if bytes == b"ok"));
    let images = images(HttpOptions { max_redirects: 3, ..HttpOptions::default() });
    assert_eq!(images.fetch(&server.url("round"), None), Err(FetchError::TooManyRedirects { max: 3 }));
}

#[test]
fn a_private_address_is_refused_by_name_by_number_and_behind_a_redirect() {
    let server = HttpServer::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    let guarded = HttpImages::new(HttpOptions::default());
    let port = server.address.port();
    for host in ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433", "127.1"] {
        let error = guarded.fetch(&format!("http://{host}:{port}/a.jpg"), None).unwrap_err();
        // The system's resolver may not take the odd spellings for addresses at all.
        assert!(
            ["forbidden_address", "connection_failed", "invalid_url"].contains(&error.code()),
            "{host}: {error}"
        );
    }
    for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
        let error = guarded.fetch(&format!("http://{host}:{port}/a.jpg"), None).unwrap_err();
        assert_eq!((error.code(), error.next()), ("forbidden_address", Next::GiveUp), "{host}");
    }
    assert!(server.heads.try_recv().is_err(), "nobody connected");
}

#[test]
fn every_redirect_is_looked_at_again() {
    let response = |location: &str| {
        let body = Body::builder().data("");
        Response::builder().status(302).header("location", location).body(body).unwrap()
    };
    let from: Uri = "https://shop.example/a.jpg".parse().unwrap();
    let target =
        |location: &str| redirect(&from, &response(location)).map_err(|failure| failure.error.code());
    assert_eq!(target("//cdn.example/b.jpg"), Ok(Some("https://cdn.example/b.jpg".parse().unwrap())));
    for location in
        ["http://shop.example/b.jpg", "file:///etc/passwd", "https://u:p@shop.example/", "https://"]
    {
        assert_eq!(target(location), Err("invalid_url"), "{location}");
    }
}

#[test]
fn what_is_missing_stays_missing_and_what_is_unwell_may_recover() {
    let missing =
        HttpServer::saying("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let error = fetch(&missing).unwrap_err();
    assert_eq!((error.code(), error.next()), ("not_found", Next::GiveUp));
    let unwell =
        HttpServer::saying("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let error = fetch(&unwell).unwrap_err();
    assert_eq!((error.code(), error.next()), ("server_failed", Next::Retry));
}

#[test]
fn a_host_that_asks_for_peace_is_not_asked_again_and_burns_no_attempt() {
    let server = HttpServer::saying(
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
    let images = images(HttpOptions::default());
    let error = images.fetch(&server.url("a.jpg"), None).unwrap_err();
    assert_eq!(error.next(), Next::Wait(Duration::from_secs(7)));
    assert!(matches!(images.fetch(&server.url("b.jpg"), None).unwrap_err().next(), Next::Wait(_)));
    assert_eq!(server.heads.try_iter().count(), 1);
}

#[test]
fn a_host_that_keeps_failing_is_left_alone() {
    let server = HttpServer::saying("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let images = images(HttpOptions::default());
    for _ in 0..5 {
        assert_eq!(code(images.fetch(&server.url("a.jpg"), None)), "server_failed");
    }
    assert_eq!(code(images.fetch(&server.url("a.jpg"), None)), "host_resting");
    assert_eq!(server.heads.try_iter().count(), 5);
}

#[test]
fn a_page_is_no_picture() {
    for kind in ["text/html; charset=utf-8", "image/svg+xml", "application/json"] {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: 1\r\nConnection: close\r\n\r\n<"
        );
        let server = HttpServer::new(move |_, connection| drop(connection.write_all(answer.as_bytes())));
        assert_eq!(code(fetch(&server)), "wrong_content_type", "{kind}");
    }
}

#[test]
fn links_that_are_no_urls_are_refused() {
    for url in
        ["ftp://host/a.jpg", "a.jpg", "http://", "http://name:password@host/a.jpg", "http://ho st/a.jpg"]
    {
        assert_eq!(code(images(HttpOptions::default()).fetch(url, None)), "invalid_url", "{url}");
    }
}
