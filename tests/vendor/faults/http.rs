//! As much of HTTP as a proxy that corrupts answers needs: one request per connection.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A request, as received.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// An answer; the head states its length, whatever the body is.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: String,
    pub headers: Vec<(String, String)>,
    pub length: usize,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let headers = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Self { status: status.to_owned(), headers, length: body.len(), body: body.to_vec() }
    }

    pub fn head(&self) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {}\r\n", self.status);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        // 304 has no body and no length
        if !self.status.starts_with("304") {
            text += &format!("content-length: {}\r\n", self.length);
        }
        (text + "connection: close\r\n\r\n").into_bytes()
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(n, _)| n != name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }
}

pub fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// Reads a request except for its last byte, which stays unread: closing a connection with
    /// unread bytes resets it.
    pub fn peek(stream: &mut TcpStream) -> Option<Self> {
        let mut buffer = vec![0; 1 << 16];
        let begun = Instant::now();
        let end = loop {
            let n = stream.peek(&mut buffer).ok().filter(|&n| n > 0)?;
            if let Some(end) = find(&buffer[..n], b"\r\n\r\n") {
                break end + 4;
            }
            if begun.elapsed() > Duration::from_secs(5) {
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        let (first, headers) = split(&head);
        let mut words = first.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let length = value(&headers, "content-length").map_or(0, |v| v.parse().unwrap());
        let mut all = vec![0; end + length];
        let last = all.len() - 1;
        stream.read_exact(&mut all[..last]).ok()?;
        stream.peek(&mut all[last..]).ok()?;
        Some(Self { method, path, headers, body: all.split_off(end) })
    }
}

/// The first line and the headers of a head.
pub fn split(head: &str) -> (String, Vec<(String, String)>) {
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    };
    (first, lines.filter_map(header).collect())
}

pub fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
