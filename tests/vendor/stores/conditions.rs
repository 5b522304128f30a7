//! Stores that ignore conditions, or answer them in their own way: they are refused, waited for, or
//! named.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use slipway::blob::{self, Created, Key, Settings, create_bytes, update};
use slipway::error::{Error, Kind};
use slipway::progress::Quiet;
use slipway::units::Digest;

use crate::common::servers::{azure_client, azure_settings, bucket, s3_settings, settings};

/// How a store answers a write with a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// Like s3rver: it writes, whatever the condition says.
    Ignores,
    /// Like some stores: it honours `If-None-Match`, but not `If-Match`.
    IgnoresSwaps,
    /// Like S3 now and then: "409 ConditionalRequestConflict", this many times.
    Busy(usize),
    /// Like older Ceph: "501 NotImplemented".
    Lacks,
    /// As in RFC 9110, but with the status for reading: 304.
    Says304,
}

/// An S3 with a habit: it need not handle signatures and names as a real object store does.
struct Likeness {
    url: String,
    /// The number of write requests.
    writes: Arc<AtomicUsize>,
}

impl Likeness {
    fn new(habit: Habit) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let writes = Arc::new(AtomicUsize::new(0));
        let counted = writes.clone();
        // it ends with this process
        std::thread::spawn(move || {
            let mut objects = BTreeMap::new();
            for stream in listener.incoming() {
                let _ = serve(stream.unwrap(), habit, &mut objects, &counted);
            }
        });
        Self { url, writes }
    }

    fn settings(&self) -> Settings {
        settings(&[
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_ACCESS_KEY_ID", "id-of-test"),
            ("AWS_SECRET_ACCESS_KEY", "key-of-test"),
        ])
    }
}

struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

fn read(stream: &TcpStream) -> std::io::Result<Request> {
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        lines.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    lines.read_exact(&mut body)?;
    Ok(Request { method, path, headers, body })
}

fn serve(
    mut stream: TcpStream,
    habit: Habit,
    objects: &mut BTreeMap<String, Vec<u8>>,
    writes: &AtomicUsize,
) -> std::io::Result<()> {
    let request = read(&stream)?;
    let present = objects.get(&request.path).cloned();
    let etag = |bytes: &[u8]| format!("\"{}\"", Digest::of(bytes));
    let (status, code, body) = match request.method.as_str() {
        "PUT" => {
            let nth = writes.fetch_add(1, Ordering::SeqCst);
            let create = request.headers.get("if-none-match").is_none_or(|_| present.is_none());
            let swap = request.headers.get("if-match");
            let same = swap.is_none_or(|tag| present.as_deref().map(etag).as_ref() == Some(tag));
            match habit {
                Habit::Lacks => ("501 Not Implemented", "NotImplemented", Vec::new()),
                Habit::Busy(times) if nth < times => {
                    ("409 Conflict", "ConditionalRequestConflict", Vec::new())
                }
                Habit::Says304 if !create || !same => ("304 Not Modified", "", Vec::new()),
                Habit::IgnoresSwaps if !create => {
                    ("412 Precondition Failed", "PreconditionFailed", Vec::new())
                }
                Habit::Busy(_) if !create || !same => {
                    ("412 Precondition Failed", "PreconditionFailed", Vec::new())
                }
                _ => {
                    objects.insert(request.path.clone(), request.body);
                    ("200 OK", "", Vec::new())
                }
            }
        }
        _ => match present {
            Some(bytes) => ("200 OK", "", bytes),
            None => ("404 Not Found", "NoSuchKey", Vec::new()),
        },
    };
    let body = match code {
        "" => body,
        code => format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>").into_bytes(),
    };
    let tag = objects.get(&request.path).map_or_else(String::new, |bytes| etag(bytes));
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\netag: {tag}\r\nconnection: close\r\n\
         last-modified: Mon, 30 Nov 2026 00:00:00 GMT\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// The result of the first test of a store's conditions, and the number of writes that it took.
fn proven(habit: Habit) -> (Result<(), Error>, usize) {
    let (server, cache) = (Likeness::new(habit), tempfile::tempdir().unwrap());
    let store = blob::open_for_publishing("s3://demo/x", &server.settings()).unwrap();
    let proven = blob::prove_conditions(store.as_ref(), "channels/demo", cache.path(), &Quiet);
    let first = server.writes.load(Ordering::SeqCst);
    // a good result is remembered, a bad one is tested again
    let again = blob::prove_conditions(store.as_ref(), "channels/demo", cache.path(), &Quiet);
    assert_eq!(again.is_ok(), proven.is_ok());
    assert_eq!(server.writes.load(Ordering::SeqCst) == first, proven.is_ok(), "{habit:?}");
    (proven, first)
}

#[test]
fn a_store_that_leaves_conditions_out_is_refused_before_anything_is_published() {
    for (habit, condition) in [(Habit::Ignores, "If-None-Match"), (Habit::IgnoresSwaps, "If-Match")]
    {
        let (proven, _) = proven(habit);
        let error = proven.unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{error:?}");
        assert!(error.to_string().contains(condition), "{error}");
    }
    let (proven, writes) = proven(Habit::Lacks);
    let error = proven.unwrap_err();
    assert!(error.to_string().contains("no conditional writes"), "{error}");
    // asking again would not change that
    assert_eq!(writes, 1);
}

#[test]
fn a_store_that_keeps_them_in_its_own_words_is_taken() {
    for habit in [Habit::Says304, Habit::Busy(0), Habit::Busy(1)] {
        proven(habit).0.unwrap_or_else(|error| panic!("{habit:?}: {error:?}"));
    }
    azure_client(&["create", "conditions"]);
    bucket("conditions");
    for (url, settings) in [
        ("azure://devstoreaccount1/conditions", azure_settings()),
        ("s3://conditions", s3_settings()),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let store = blob::open_for_publishing(url, &settings).unwrap();
        for _ in 0..2 {
            blob::prove_conditions(store.as_ref(), "channels/demo", cache.path(), &Quiet).unwrap();
        }
        std::fs::remove_dir_all(cache.path().join("stores")).unwrap();
        blob::prove_conditions(store.as_ref(), "channels/demo", cache.path(), &Quiet).unwrap();
    }
}

#[test]
fn a_conflict_of_this_moment_is_waited_for() {
    let server = Likeness::new(Habit::Busy(2));
    let store = blob::open_for_publishing("s3://demo/x", &server.settings()).unwrap();
    let created = create_bytes(store.as_ref(), &key("a"), b"ours", &Quiet).unwrap();
    assert_eq!(created, Created::Written);
    let server = Likeness::new(Habit::Busy(2));
    let store = blob::open_for_publishing("s3://demo/x", &server.settings()).unwrap();
    let mut up = |old: Option<&[u8]>| Ok(vec![b'.'; old.map_or(0, <[u8]>::len) + 1]);
    assert_eq!(update(store.as_ref(), &key("p"), 10, &mut up, &Quiet).unwrap(), b".");
    // it gives up after a while, and does not report absence
    let server = Likeness::new(Habit::Busy(usize::MAX));
    let store = blob::open_for_publishing("s3://demo/x", &server.settings()).unwrap();
    let error = create_bytes(store.as_ref(), &key("a"), b"ours", &Quiet).unwrap_err();
    assert_eq!(error.kind(), Kind::Network, "{error:?}");
    assert!(error.to_string().contains("409"), "{error}");
}

#[test]
fn a_bucket_that_is_not_there_is_not_an_object_that_is_not_there() {
    for (url, settings, make) in [
        ("azure://devstoreaccount1/nowhere", azure_settings(), "az storage container create"),
        ("s3://nowhere", s3_settings(), "aws s3 mb s3://nowhere"),
    ] {
        let store = blob::open_for_publishing(url, &settings).unwrap();
        let read = blob::read(store.as_ref(), &key("a"), 10, &Quiet).unwrap_err();
        let put = create_bytes(store.as_ref(), &key("a"), b"x", &Quiet).unwrap_err();
        let listed = store.list(&key("a")).unwrap_err();
        for error in [read, put, listed] {
            assert_eq!(error.kind(), Kind::Input, "{error:?}");
            assert!(error.find_remedy().unwrap().contains(make), "{error:?}");
        }
    }
}
