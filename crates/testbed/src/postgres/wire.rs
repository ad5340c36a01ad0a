//! The little of the PostgreSQL protocol that a laboratory needs, blocking, without passwords.

use super::cluster::SERVER;
use crate::error::TestbedError;
use std::io::{BufReader, Read, Result, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Runs statements as superuser; an error of the server is an error of this call.
pub(super) fn execute(port: u16, database: &str, statements: &str) -> std::result::Result<(), TestbedError> {
    let refused =
        |answer: String| TestbedError::Refused { server: SERVER, request: statements.into(), answer };
    match exchange(port, database, statements) {
        Ok(None) => Ok(()),
        Ok(Some(answer)) => Err(refused(answer)),
        Err(error) => Err(refused(error.to_string())),
    }
}

/// The first error that the server reported, if any.
fn exchange(port: u16, database: &str, statements: &str) -> Result<Option<String>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    let mut replies = BufReader::new(stream.try_clone()?);
    let version = [0, 3, 0, 0];
    let who = format!("user\0postgres\0database\0{database}\0\0");
    stream.write_all(&message(None, &[&version, who.as_bytes()]))?;
    if let Some(error) = until_ready(&mut replies)? {
        return Ok(Some(error));
    }
    stream.write_all(&message(Some(b'Q'), &[statements.as_bytes(), &[0]]))?;
    let answer = until_ready(&mut replies)?;
    stream.write_all(&message(Some(b'X'), &[]))?;
    Ok(answer)
}

fn message(kind: Option<u8>, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len() + 4).expect("statements of a test are short");
    kind.into_iter().chain(length.to_be_bytes()).chain(body).collect()
}

/// Reads until the server waits for a query.
fn until_ready(replies: &mut impl Read) -> Result<Option<String>> {
    let mut error = None;
    loop {
        let mut head = [0; 5];
        match replies.read_exact(&mut head) {
            // It closes the connection after a fatal error.
            Err(_) if error.is_some() => return Ok(error),
            result => result?,
        }
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]).saturating_sub(4);
        let mut body = Vec::new();
        replies.take(u64::from(length)).read_to_end(&mut body)?;
        match head[0] {
            b'Z' => return Ok(error),
            b'E' => {
                // Fields that end with a zero byte; that of the kind M is the message.
                let message = body.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"M"));
                let text = String::from_utf8_lossy(message.unwrap_or(b"an error without a message"));
                error.get_or_insert(text.into_owned());
            }
            _ => {}
        }
    }
}
