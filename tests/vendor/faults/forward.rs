//! Another server behind the proxy, with a new connection for each request.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::faults::http::{Answer, Request, find, split, value};
use crate::faults::proxy::Origin;

/// A server's host and port.
pub struct Forward(pub String);

impl Origin for Forward {
    fn answer(&mut self, request: &Request) -> Answer {
        let mut text =
            format!("{} {} HTTP/1.1\r\nconnection: close\r\n", request.method, request.path);
        for (name, value) in request.headers.iter().filter(|(name, _)| name != "connection") {
            text += &format!("{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(&self.0).unwrap();
        stream.write_all(&[format!("{text}\r\n").as_bytes(), &request.body].concat()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        parse(&bytes)
    }

    fn older(&mut self, _: &Request) -> Option<Answer> {
        None
    }
}

fn parse(bytes: &[u8]) -> Answer {
    let end = find(bytes, b"\r\n\r\n").unwrap() + 4;
    let (first, mut headers) = split(&String::from_utf8_lossy(&bytes[..end]));
    let mut body = bytes[end..].to_vec();
    if value(&headers, "transfer-encoding") == Some("chunked") {
        body = joined(&body);
    }
    let length = value(&headers, "content-length").map_or(body.len(), |v| v.parse().unwrap());
    headers.retain(|(name, _)| {
        !["connection", "keep-alive", "content-length", "transfer-encoding"]
            .contains(&name.as_str())
    });
    let status = first.split_once(' ').unwrap().1.to_owned();
    Answer { status, headers, length, body }
}

/// A body that came in chunks (RFC 9112, 7.1).
fn joined(mut bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(end) = find(bytes, b"\r\n") {
        let length =
            usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        all.extend_from_slice(&bytes[end + 2..end + 2 + length]);
        bytes = &bytes[end + 2 + length + 2..];
        if length == 0 {
            break;
        }
    }
    all
}
