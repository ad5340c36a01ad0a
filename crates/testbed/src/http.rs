//! A server on this machine that answers as a test says.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

/// An HTTP server of one connection at a time, each for one request. It ends with the first request after its drop.
#[derive(Debug)]
pub struct HttpServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// The head of each request, as it came.
    pub heads: Receiver<String>,
}

impl HttpServer {
    /// `answer` is called with each request's head and the connection, which closes after it.
    ///
    /// # Panics
    /// When no port of this machine is free.
    pub fn new(answer: impl Fn(&str, &mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port of this machine");
        let address = listener.local_addr().expect("what was just bound has an address");
        let (tell, heads) = channel();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(mut connection) = connection else { return };
                let Ok(reading) = connection.try_clone() else { return };
                let (mut head, mut lines) = (String::new(), BufReader::new(reading));
                while lines.read_line(&mut head).is_ok_and(|length| length > 2) {}
                if tell.send(head.clone()).is_err() {
                    return;
                }
                answer(&head, &mut connection);
            }
        });
        Self { address, heads }
    }

    /// As [`HttpServer::new`]; `answer` returns all that is sent.
    pub fn answering(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        Self::new(move |head, connection| drop(connection.write_all(&answer(head))))
    }

    /// As [`HttpServer::new`]; everything is answered with this text.
    pub fn saying(text: &'static str) -> Self {
        Self::answering(move |_| text.into())
    }

    /// The URL of a path, which has no slash in front.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}
