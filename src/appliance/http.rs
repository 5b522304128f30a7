//! Asks a machine over HTTP/1.0.
//!
//! Twenty lines of our own rather than the client that fetches bundles: that one takes proxies from the
//! environment, follows redirects and wants TLS set up, and here each of these would make a probe lie.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::error::{Context, Error, Kind, Result};

/// More of an answer is not read, in bytes.
const LONGEST_ANSWER: u64 = 1 << 20;

/// Where one port of a machine is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name, or an IP address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// How a machine's ports are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// By its own name or IP address.
    Direct(String),
    /// Through ports of this host: pairs of (the machine's port, the port on 127.0.0.1).
    Forwarded(Vec<(u16, u16)>),
}

impl Way {
    /// The address that leads to a port of the machine's; none when that port is not forwarded.
    pub fn to(&self, port: u16) -> Option<Address> {
        match self {
            Self::Direct(host) => Some(Address { host: host.clone(), port }),
            Self::Forwarded(pairs) => {
                let (_, port) = pairs.iter().find(|(machine, _)| *machine == port)?;
                Some(Address { host: LOOPBACK.to_owned(), port: *port })
            }
        }
    }
}

/// Where forwarded ports are.
const LOOPBACK: &str = "127.0.0.1";

impl Address {
    /// The first of the host's addresses that takes a connection.
    fn connect(&self, limit: Duration) -> Result<TcpStream> {
        let mut last = None;
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        for address in found.doing("cannot find the host's address")? {
            match TcpStream::connect_timeout(&address, limit) {
                Ok(stream) => return Ok(stream),
                Err(why) => last = Some(why),
            }
        }
        match last {
            Some(why) => Err(why).doing("cannot connect"),
            None => Err(Error::new(Kind::NotFound, format!("{} has no address", self.host))),
        }
    }

    /// What the request calls the host. A machine behind a forwarded port calls itself localhost, as its own health
    /// checks do.
    fn name(&self) -> Result<String> {
        let address = self.host.parse::<IpAddr>();
        let odd = |c: char| c.is_control() || c.is_whitespace() || "/@[]".contains(c);
        match address {
            Ok(address) if address.is_loopback() => Ok("localhost".to_owned()),
            Ok(IpAddr::V6(address)) => Ok(format!("[{address}]:{}", self.port)),
            Err(_) if self.host.is_empty() || self.host.contains(odd) => {
                Err(Error::new(Kind::Input, format!("{:?} is no host", self.host))
                    .remedy("give a name or an IP address, and the port apart"))
            }
            Ok(IpAddr::V4(_)) | Err(_) => Ok(format!("{}:{}", self.host, self.port)),
        }
    }
}

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

    /// Asks there; `limit` is for the connection, and for each wait for bytes.
    pub fn ask(&self, address: &Address, limit: Duration) -> Result<Answer> {
        let text = self.text(&address.name()?)?;
        let mut stream = address.connect(limit)?;
        stream.set_read_timeout(Some(limit)).doing("cannot set a limit")?;
        stream.set_write_timeout(Some(limit)).doing("cannot set a limit")?;
        stream.write_all(text.as_bytes()).doing("cannot send the request")?;
        let mut bytes = Vec::new();
        stream.take(LONGEST_ANSWER).read_to_end(&mut bytes).doing("no answer")?;
        parse(&bytes)
    }

    /// HTTP/1.0: the answer ends with the connection, and is never in chunks.
    fn text(&self, host: &str) -> Result<String> {
        let bad = |c: char| c.is_control() || c == ' ';
        if !self.path.starts_with('/') || self.path.contains(bad) {
            return Err(Error::new(Kind::Input, format!("{:?} is not a path of a URL", self.path))
                .remedy("start it with a slash, and write spaces as %20"));
        }
        if self.post.as_ref().is_some_and(|(kind, _)| kind.contains(char::is_control)) {
            return Err(Error::new(Kind::Input, "a content type has no control characters"));
        }
        let host = format!("Host: {host}\r\nConnection: close\r\nUser-Agent: slipway\r\n");
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
    fn serve(answer: &'static [u8]) -> (Address, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind((LOOPBACK, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = Address { host: LOOPBACK.to_owned(), port };
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 1024];
            let n = stream.read(&mut buffer).unwrap();
            stream.write_all(answer).unwrap();
            String::from_utf8_lossy(&buffer[..n]).into_owned()
        });
        (address, thread)
    }

    #[test]
    fn status_and_body_come_back() {
        let (address, thread) = serve(b"HTTP/1.1 503 Later\r\nA: b\r\n\r\n{\"state\":\"CA\"}");
        let answer = Question::get("/x").ask(&address, Duration::from_secs(5)).unwrap();
        assert_eq!(answer, Answer { status: 503, body: "{\"state\":\"CA\"}".to_owned() });
        assert!(thread.join().unwrap().starts_with("GET /x HTTP/1.0\r\n"));
    }

    #[test]
    fn a_body_makes_it_a_post() {
        let (address, thread) = serve(b"HTTP/1.0 201 Created\r\n\r\n");
        let post = Some(("application/json".to_owned(), "{}".to_owned()));
        let question = Question { path: "/e".to_owned(), post };
        assert_eq!(question.ask(&address, Duration::from_secs(5)).unwrap().status, 201);
        let asked = thread.join().unwrap();
        assert!(
            asked.starts_with("POST /e ") && asked.contains("Content-Length: 2\r\n"),
            "{asked}"
        );
    }

    #[test]
    fn a_closed_connection_and_a_foreign_protocol_are_errors() {
        for answer in [&b""[..], b"SSH-2.0-OpenSSH_9.2\r\n"] {
            let (address, thread) = serve(answer);
            assert!(Question::get("/").ask(&address, Duration::from_secs(5)).is_err());
            thread.join().unwrap();
        }
    }

    #[test]
    fn a_path_cannot_break_out_of_its_line() {
        for path in ["", "x", "/a b", "/a\r\nX: y"] {
            assert!(Question::get(path).text("localhost").is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_host_is_called_by_its_name_and_one_behind_a_forwarded_port_localhost() {
        let name = |host: &str| Address { host: host.to_owned(), port: 8008 }.name();
        assert_eq!(name("demo.acme.example").unwrap(), "demo.acme.example:8008");
        assert_eq!(name("192.0.2.7").unwrap(), "192.0.2.7:8008");
        assert_eq!(name("2001:db8::7").unwrap(), "[2001:db8::7]:8008");
        assert_eq!(name("127.0.0.1").unwrap(), "localhost");
        for bad in ["", "a b", "a\r\nX: y", "[::1]", "a/b", "user@a"] {
            assert_eq!(name(bad).unwrap_err().kind(), Kind::Input, "{bad:?}");
        }
    }

    #[test]
    fn a_way_leads_to_a_port_by_the_machines_own_address_or_through_one_of_ours() {
        let direct = Way::Direct("demo".to_owned()).to(80).unwrap();
        assert_eq!(direct, Address { host: "demo".to_owned(), port: 80 });
        let forwarded = Way::Forwarded(vec![(8008, 35087)]);
        assert_eq!(forwarded.to(8008).unwrap().port, 35087);
        assert_eq!(forwarded.to(80), None);
    }
}
