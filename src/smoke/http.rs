//! Asks the machine over HTTP/1.0 through a forwarded port of 127.0.0.1.
//!
//! Twenty lines of our own rather than the client that fetches bundles: that one takes proxies from the
//! environment, follows redirects and wants TLS set up, and here each of these would make a probe lie.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::{Context, Error, Kind, Result};

/// More of an answer is not read, in bytes.
const LONGEST_ANSWER: u64 = 1 << 20;

/// What to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// With a leading slash.
    pub path: String,
    /// A body and its type make it a POST.
    pub post: Option<(String, String)>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, as far as it is text.
    pub body: String,
}

impl Question {
    /// GET `path`.
    pub fn get(path: impl Into<String>) -> Self {
        Self { path: path.into(), post: None }
    }

    /// Asks on a port of this host; `limit` is for each wait for bytes.
    pub fn ask(&self, port: u16, limit: Duration) -> Result<Answer> {
        let text = self.text()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, limit).doing("cannot connect")?;
        stream.set_read_timeout(Some(limit)).doing("cannot set a limit")?;
        stream.set_write_timeout(Some(limit)).doing("cannot set a limit")?;
        stream.write_all(text.as_bytes()).doing("cannot send the request")?;
        let mut bytes = Vec::new();
        stream.take(LONGEST_ANSWER).read_to_end(&mut bytes).doing("no answer")?;
        parse(&bytes)
    }

    /// HTTP/1.0: the answer ends with the connection, and is never in chunks.
    fn text(&self) -> Result<String> {
        let bad = |c: char| c.is_control() || c == ' ';
        if !self.path.starts_with('/') || self.path.contains(bad) {
            return Err(Error::new(Kind::Input, format!("{:?} is not a path of a URL", self.path))
                .remedy("start it with a slash, and write spaces as %20"));
        }
        if self.post.as_ref().is_some_and(|(kind, _)| kind.contains(char::is_control)) {
            return Err(Error::new(Kind::Input, "a content type has no control characters"));
        }
        let host = "Host: localhost\r\nConnection: close\r\nUser-Agent: slipway-smoke\r\n";
        Ok(match &self.post {
            None => format!("GET {} HTTP/1.0\r\n{host}\r\n", self.path),
            Some((kind, body)) => format!(
                "POST {} HTTP/1.0\r\n{host}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
                self.path,
                body.len()
            ),
        })
    }
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Answer> {
    let text = String::from_utf8_lossy(bytes);
    if text.is_empty() {
        return Err(Error::new(Kind::Network, "nothing answers"));
    }
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut first = head.lines().next().unwrap_or_default().split_whitespace();
    let version = first.next().unwrap_or_default();
    let status = first.next().and_then(|s| s.parse().ok());
    match status {
        Some(status) if version.starts_with("HTTP/") => {
            Ok(Answer { status, body: body.to_owned() })
        }
        _ => Err(Error::new(Kind::Network, "the answer is not HTTP")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Serves one connection; gives what it was asked.
    fn serve(answer: &'static [u8]) -> (u16, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 1024];
            let n = stream.read(&mut buffer).unwrap();
            stream.write_all(answer).unwrap();
            String::from_utf8_lossy(&buffer[..n]).into_owned()
        });
        (port, thread)
    }

    #[test]
    fn status_and_body_come_back() {
        let (port, thread) = serve(b"HTTP/1.1 503 Later\r\nA: b\r\n\r\n{\"state\":\"CA\"}");
        let answer = Question::get("/x").ask(port, Duration::from_secs(5)).unwrap();
        assert_eq!(answer, Answer { status: 503, body: "{\"state\":\"CA\"}".to_owned() });
        assert!(thread.join().unwrap().starts_with("GET /x HTTP/1.0\r\n"));
    }

    #[test]
    fn a_body_makes_it_a_post() {
        let (port, thread) = serve(b"HTTP/1.0 201 Created\r\n\r\n");
        let post = Some(("application/json".to_owned(), "{}".to_owned()));
        let question = Question { path: "/e".to_owned(), post };
        assert_eq!(question.ask(port, Duration::from_secs(5)).unwrap().status, 201);
        let asked = thread.join().unwrap();
        assert!(
            asked.starts_with("POST /e ") && asked.contains("Content-Length: 2\r\n"),
            "{asked}"
        );
    }

    #[test]
    fn a_closed_connection_and_a_foreign_protocol_are_errors() {
        for answer in [&b""[..], b"SSH-2.0-OpenSSH_9.2\r\n"] {
            let (port, thread) = serve(answer);
            assert!(Question::get("/").ask(port, Duration::from_secs(5)).is_err());
            thread.join().unwrap();
        }
    }

    #[test]
    fn a_path_cannot_break_out_of_its_line() {
        for path in ["", "x", "/a b", "/a\r\nX: y"] {
            assert!(Question::get(path).text().is_err(), "{path:?}");
        }
    }
}
