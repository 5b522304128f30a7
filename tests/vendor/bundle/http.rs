//! Stores over HTTP, with a server that follows a script.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipway::blob::{self, Expected, Key, Patience, Settings};
use slipway::bundle::Wanted;
use slipway::error::{Kind, Result};
use slipway::progress::Quiet;
use slipway::units::Digest;

use crate::bundle::flow::{build, vendor};
use crate::common::vendor::{Vendor, name};

fn quick() -> Settings {
    let first_wait = Duration::from_millis(5);
    let patience = Patience { attempts: 4, first_wait, ..Patience::default() };
    Settings { patience, ..Settings::default() }
}

const BODY: &[u8] = b"the very bytes that were published";

/// Gives each connection the next raw answer, and keeps the requests.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    headers: Arc<Mutex<Vec<String>>>,
}

fn serve(answer: impl Fn(usize, &str) -> Vec<u8> + Send + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let headers = Arc::new(Mutex::new(Vec::new()));
    let heads = headers.clone();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            let head: Vec<String> =
                lines.map(std::io::Result::unwrap).take_while(|l| !l.is_empty()).collect();
            heads.lock().unwrap().push(head.join("\n").to_ascii_lowercase());
            log.lock().unwrap().push(first.clone());
            // a client that has seen enough may have hung up already
            let _ = stream.write_all(&answer(n, first.split(' ').nth(1).unwrap()));
        }
    });
    Server { url, asked, headers }
}

fn answer(status: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn ok() -> Vec<u8> {
    answer("200 OK", BODY.len(), BODY)
}

fn get(url: &str) -> Result<Vec<u8>> {
    let expected = Expected { digest: Digest::of(BODY), size: BODY.len() as u64 };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let key = Key::new("bundles/demo/demo-1.0.0+b1.tgz")?;
    let store = blob::open(url, &quick())?;
    blob::download(store.as_ref(), &key, expected, file.as_file_mut(), &Quiet)?;
    Ok(std::fs::read(file.path()).unwrap())
}

#[test]
fn what_passes_by_itself_is_tried_again_until_the_right_bytes_came() {
    let server = serve(|n, _| match n {
        0 => answer("503 Service Unavailable", 0, b""),
        1 => answer("200 OK", BODY.len(), &BODY[..10]),
        2 => answer("200 OK", BODY.len(), &BODY.to_ascii_uppercase()),
        _ => ok(),
    });
    assert_eq!(get(&server.url).unwrap(), BODY);
    assert_eq!(server.asked.lock().unwrap().len(), 4);
}

/// The error's text, the server's answer, the error's kind, and the number of tries.
type Wrong = (&'static str, fn() -> Vec<u8>, Kind, usize);

#[test]
fn an_answer_that_stays_wrong_is_an_error_and_never_wrong_bytes() {
    let cases: [Wrong; 6] = [
        ("answered 500", || answer("500 X", 0, b""), Kind::Network, 4),
        ("was cut off after 7 of 34 bytes", || answer("200 OK", 34, &BODY[..7]), Kind::Network, 4),
        ("has SHA-256", || answer("200 OK", 34, &[0; 34]), Kind::Damaged, 4),
        ("is larger than 34 B", || answer("200 OK", 90, &[0; 90]), Kind::Damaged, 4),
        ("does not have", || answer("404 X", 0, b""), Kind::NotFound, 1),
        ("does not allow us", || answer("403 X", 0, b""), Kind::Refused, 1),
    ];
    for (says, make, kind, tries) in cases {
        let server = serve(move |_, _| make());
        let error = get(&server.url).unwrap_err();
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert_eq!((error.kind(), server.asked.lock().unwrap().len()), (kind, tries), "{says}");
    }
}

#[test]
fn a_query_in_the_url_is_refused_and_not_repeated() {
    let error = get("https://127.0.0.1/base?sv=1&sig=SECRET").unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
}

#[test]
fn a_cut_download_goes_on_where_it_was_cut_if_the_object_is_the_same() {
    let tagged = |status: &str, more: &str, length: usize, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 {status}\r\netag: \"1\"\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    };
    let server = serve(move |n, _| match n {
        0 => tagged("200 OK", "", BODY.len(), &BODY[..10]),
        1 => tagged("412 X", "", 0, b""),
        2 => tagged("200 OK", "", BODY.len(), &BODY[..20]),
        _ => tagged("206 X", "content-range: bytes 20-33/34\r\n", BODY.len() - 20, &BODY[20..]),
    });
    assert_eq!(get(&server.url).unwrap(), BODY);
    let ranges: Vec<String> = server.headers.lock().unwrap().iter().map(|h| range(h)).collect();
    assert_eq!(ranges, ["", "bytes=10- \"1\"", "", "bytes=20- \"1\""]);
}

/// A request's Range and If-Match.
fn range(headers: &str) -> String {
    let value = |name: &str| {
        let line = headers.lines().find_map(|l| l.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    format!("{} {}", value("range:"), value("if-match:")).trim().to_owned()
}

#[test]
fn plain_http_is_for_this_machine_alone_also_after_a_redirect() {
    assert_eq!(
        blob::open("http://example.com/x", &Settings::default()).unwrap_err().kind(),
        Kind::Refused
    );
    assert_eq!(
        blob::open("http://127.0.0.1.example.com/x", &Settings::default()).unwrap_err().kind(),
        Kind::Refused
    );
    assert_eq!(
        blob::open("https://user:word@example.com/x", &Settings::default()).unwrap_err().kind(),
        Kind::Refused
    );
    let server = serve(|_, _| {
        b"HTTP/1.1 302 Found\r\nlocation: http://example.com/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()
    });
    assert!(format!("{:?}", get(&server.url).unwrap_err()).contains("without encryption"));
}

#[test]
fn a_published_folder_shown_by_a_web_server_is_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let built = build(&vendor().join("sites/tiny"), folder.path(), 3);
    let root = folder.path().join("store");
    let store =
        blob::open_for_publishing(&format!("file://{}", root.display()), &Settings::default())
            .unwrap();
    let tiny = Vendor::of(&["tiny"]);
    let publisher = tiny.publisher(store.as_ref(), folder.path());
    publisher.publish(&built, &name("stable"), &Quiet).unwrap();

    let server = serve(move |_, path| {
        match std::fs::read(root.join(path.trim_start_matches('/').replace("%2B", "+"))) {
            Ok(bytes) => answer("200 OK", bytes.len(), &bytes),
            Err(_) => answer("404 Not Found", 0, b""),
        }
    });
    let store = blob::open(&server.url, &quick()).unwrap();
    for wanted in [Wanted::Channel(name("stable")), Wanted::Version("1.0.0+b3".parse().unwrap())] {
        let cache = tempfile::tempdir().unwrap();
        let reader = tiny.reader(store.as_ref(), cache.path());
        let fetched = reader.pull(&name("tiny"), &wanted, &Quiet).unwrap();
        assert_eq!((fetched.digest, &fetched.manifest), (built.digest, &built.manifest));
    }
    let absent = Wanted::Channel(name("nightly"));
    let reader = tiny.reader(store.as_ref(), folder.path());
    let error = reader.pull(&name("tiny"), &absent, &Quiet).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
}
