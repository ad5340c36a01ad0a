//! The little of the Redis protocol that a laboratory needs, blocking.

use std::io::{BufRead, BufReader, Error, ErrorKind, Result, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Sends each command to the server on `port` over one connection; the last answer as text, arrays one item a line.
/// An error of the server is an error of this call.
pub(super) fn ask(port: u16, commands: &[&[&str]]) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    let mut replies = BufReader::new(stream.try_clone()?);
    let mut answer = String::new();
    for command in commands {
        let mut request = Vec::new();
        write!(request, "*{}\r\n", command.len())?;
        for word in *command {
            write!(request, "${}\r\n{word}\r\n", word.len())?;
        }
        stream.write_all(&request)?;
        answer = read(&mut replies)?;
    }
    Ok(answer)
}

fn read(replies: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    replies.read_line(&mut line)?;
    let (kind, rest) = line.trim_end().split_at_checked(1).ok_or(ErrorKind::UnexpectedEof)?;
    let count = || rest.parse::<i64>().map_err(|error| Error::new(ErrorKind::InvalidData, error));
    match kind {
        "+" | ":" => Ok(rest.to_owned()),
        "-" => Err(Error::other(rest.to_owned())),
        "$" => {
            let Ok(length) = usize::try_from(count()?) else { return Ok(String::new()) };
            let mut bytes = vec![0; length + 2];
            replies.read_exact(&mut bytes)?;
            bytes.truncate(length);
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        "*" => {
            let items: Result<Vec<_>> = (0..count()?).map(|_| read(replies)).collect();
            Ok(items?.join("\n"))
        }
        _ => Err(Error::new(ErrorKind::InvalidData, format!("not a Redis answer: {line:?}"))),
    }
}
