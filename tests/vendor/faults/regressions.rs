//! The bugs that the runs found, each by itself, with a store that follows a script.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipway::blob::{
    self, Answer, Ask, Body, Clock, Content, Created, Head, Key, Patience, Publish, Put, Settings,
    Small, Store, Tag,
};
use slipway::bundle::Wanted;
use slipway::error::{Kind, Result};
use slipway::progress::Quiet;

use crate::common::vendor::{Vendor, name};
use crate::faults::http::{Answer as Raw, Request};
use crate::faults::proxy::{Origin, Proxy};

/// A second passes whenever somebody looks at the clock.
#[derive(Debug, Default)]
struct Ticking(Mutex<Duration>);

impl Clock for Ticking {
    fn now(&self) -> Duration {
        let mut now = self.0.lock().unwrap();
        *now += Duration::from_secs(1);
        *now
    }

    fn sleep(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

fn patience() -> Patience {
    let clock = Arc::new(Ticking::default());
    Patience { total: Duration::from_secs(600), clock, ..Patience::default() }
}

/// A store in which every name is taken. It returns these bytes one after the other, and then a
/// byte at a time for ever.
#[derive(Debug)]
struct Scripted {
    bodies: Mutex<VecDeque<&'static [u8]>>,
    patience: Patience,
}

impl Scripted {
    fn new(bodies: &[&'static [u8]]) -> Self {
        Self { bodies: Mutex::new(bodies.iter().copied().collect()), patience: patience() }
    }
}

struct Dripping;

impl Read for Dripping {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        buffer[0] = b'.';
        Ok(1)
    }
}

impl Store for Scripted {
    fn shown(&self) -> &str {
        "test://scripted"
    }

    fn patience(&self) -> &Patience {
        &self.patience
    }

    fn get(&self, _: &Key, _: &Ask<'_>) -> Result<Answer> {
        let bytes: Box<dyn Read + Send> = match self.bodies.lock().unwrap().pop_front() {
            Some(bytes) => Box::new(bytes),
            None => Box::new(Dripping),
        };
        Ok(Answer::Body(Body { from: 0, tag: None, bytes }))
    }

    fn head(&self, _: &Key) -> Result<Head> {
        unreachable!()
    }

    fn list(&self, _: &Key) -> Result<Vec<Key>> {
        unreachable!()
    }
}

impl Publish for Scripted {
    fn put_new(&self, _: &Key, _: Content<'_>) -> Result<Put> {
        Ok(Put::Taken)
    }

    fn swap(&self, _: &Key, _: Option<&Tag>, _: &[u8]) -> Result<Put> {
        unreachable!()
    }
}

fn key() -> Key {
    Key::new("channels/x/stable.json").unwrap()
}

#[test]
fn a_store_that_gives_a_byte_now_and_then_is_given_up_when_the_time_is_over() {
    let store = Scripted::new(&[]);
    let read = blob::read(&store, &key(), 1 << 20, &Quiet).unwrap_err();
    let compared = blob::create_bytes(&store, &key(), b"ours", &Quiet).unwrap_err();
    for error in [read, compared] {
        assert_eq!(error.kind(), Kind::Network, "{error:?}");
        let said = "channels/x/stable.json of test://scripted took longer than 600 s";
        assert!(error.to_string().starts_with(said), "{error}");
    }
}

#[test]
fn an_object_that_was_damaged_on_its_way_is_compared_once_more() {
    let ours = &b"ours"[..];
    let create =
        |bodies: &[&'static [u8]]| blob::create_bytes(&Scripted::new(bodies), &key(), ours, &Quiet);
    assert_eq!(create(&[b"ouzs", ours]).unwrap(), Created::AlreadyThere);
    assert_eq!(create(&[b"ouzs", b"our", b"ours"]).unwrap(), Created::AlreadyThere);
    assert_eq!(create(&[b"other", b"other"]).unwrap_err().kind(), Kind::Refused);
}

/// Gives one answer after the other, whatever the request.
struct Sequence(Vec<Raw>);

impl Origin for Sequence {
    fn answer(&mut self, _: &Request) -> Raw {
        self.0.remove(0)
    }

    fn older(&mut self, _: &Request) -> Option<Raw> {
        None
    }
}

#[test]
fn unchanged_that_nobody_asked_for_is_tried_again() {
    let unchanged = Raw::new("304 Not Modified", &[], b"");
    let proxy = Proxy::before(Sequence(vec![unchanged, Raw::new("200 OK", &[], b"new")]));
    let settings = Settings { patience: patience(), ..Settings::default() };
    let store = blob::open(&proxy.url, &settings).unwrap();
    let read = blob::small(store.as_ref(), &key(), 10, None, &Quiet).unwrap();
    assert_eq!(read, Small::New(b"new".to_vec(), None));
}

#[test]
fn a_record_that_cannot_be_read_is_an_error_that_names_release_and_store() {
    let proxy = Proxy::before(Sequence(vec![Raw::new("200 OK", &[], b"{\"format\": 2, ")]));
    let store = blob::open(&proxy.url, &Settings::default()).unwrap();
    let (vendor, cache) = (Vendor::of(&["x"]), tempfile::tempdir().unwrap());
    let wanted = Wanted::Version("1.0.0+b1".parse().unwrap());
    let error =
        vendor.reader(store.as_ref(), cache.path()).pull(&name("x"), &wanted, &Quiet).unwrap_err();
    assert_eq!(error.kind(), Kind::Damaged);
    let said = format!("the record of x-1.0.0+b1 of {} cannot be read", store.shown());
    assert_eq!(error.to_string(), said);
}

#[test]
fn a_name_that_is_taken_is_taken_also_where_the_explanation_was_cut() {
    let mut cut = Raw::new("409 X", &[("x-ms-error-code", "BlobAlreadyExists")], b"<?xml");
    cut.length = 500;
    let headers = [("etag", "\"1\""), ("last-modified", "Tue, 14 Nov 2023 22:13:20 GMT")];
    let there = Raw::new("200 OK", &headers, b"ours");
    let proxy = Proxy::before(Sequence(vec![cut, there]));
    let variables = [
        ("AZURE_STORAGE_USE_EMULATOR".to_owned(), "true".to_owned()),
        ("AZURITE_BLOB_STORAGE_URL".to_owned(), proxy.url.clone()),
    ];
    let settings = Settings { variables: variables.into(), ..Settings::default() };
    let store = blob::open_for_publishing("azure://devstoreaccount1/x", &settings).unwrap();
    let created = blob::create_bytes(store.as_ref(), &key(), b"ours", &Quiet).unwrap();
    assert_eq!(created, Created::AlreadyThere);
}
