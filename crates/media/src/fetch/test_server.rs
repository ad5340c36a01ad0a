//! A server on this machine that answers as a test says.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

/// A server on this machine. `answer` is called with each request's head and the connection, which closes after it.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) heads: Receiver<String>,
}

impl Server {
    pub(super) fn new(answer: impl Fn(&str, &mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, heads) = channel();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(mut connection) = connection else { return };
                let mut head = String::new();
                let mut lines = BufReader::new(connection.try_clone().unwrap());
                while lines.read_line(&mut head).is_ok_and(|length| length > 2) {}
                if tell.send(head.clone()).is_err() {
                    return;
                }
                answer(&head, &mut connection);
            }
        });
        Self { address, heads }
    }

    /// Answers everything with this text.
    pub(super) fn saying(text: &'static str) -> Self {
        Self::new(move |_, connection| drop(connection.write_all(text.as_bytes())))
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}
