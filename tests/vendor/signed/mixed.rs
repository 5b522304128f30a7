//! A store that changes while it is read, and the cost of a second read.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use slipway::blob::{Answer, Ask, Head, Key, Patience, Publish, Store};
use slipway::error::{Error, Kind, Result};
use slipway::progress::Quiet;

use crate::common::vendor::{Vendor, name};
use crate::signed::place::{Place, build, stable};

/// What happens when a bundle is first looked for.
type Meanwhile<'a> = Box<dyn FnOnce() + Send + 'a>;

/// A store whose first bundle is withdrawn just before it is read, while a newer one is published.
struct Changing<'a> {
    inner: &'a dyn Publish,
    meanwhile: Mutex<Option<Meanwhile<'a>>>,
    unchanged: AtomicUsize,
}

impl std::fmt::Debug for Changing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Changing")
    }
}

impl Store for Changing<'_> {
    fn shown(&self) -> &str {
        self.inner.shown()
    }

    fn patience(&self) -> &Patience {
        self.inner.patience()
    }

    fn get(&self, key: &Key, ask: &Ask<'_>) -> Result<Answer> {
        if key.as_str().ends_with(".tgz")
            && let Some(happens) = self.meanwhile.lock().unwrap().take()
        {
            happens();
            return Err(Error::new(Kind::NotFound, "it was withdrawn"));
        }
        let answer = self.inner.get(key, ask)?;
        if matches!(answer, Answer::Unchanged) {
            self.unchanged.fetch_add(1, Ordering::Relaxed);
        }
        Ok(answer)
    }

    fn head(&self, key: &Key) -> Result<Head> {
        self.inner.head(key)
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>> {
        self.inner.list(folder)
    }
}

#[test]
fn a_bundle_that_was_withdrawn_meanwhile_makes_the_pointer_be_read_once_more() {
    for place in Place::both("withdrawn") {
        let (store, cache) = (place.store(), place.cache("cache"));
        let vendor = Vendor::of(&["tiny"]);
        let publisher = vendor.publisher(store.as_ref(), &cache);
        let [first, second] = [1, 2].map(|n| build(place.folder.path(), n));
        publisher.publish(&first, &name("stable"), &Quiet).unwrap();
        let publish = || drop(publisher.publish(&second, &name("stable"), &Quiet).unwrap());
        for (meanwhile, becomes) in
            [(Box::new(|| ()) as Meanwhile<'_>, None), (Box::new(publish), Some(second.digest))]
        {
            let store = Changing {
                inner: store.as_ref(),
                meanwhile: Mutex::new(Some(meanwhile)),
                unchanged: AtomicUsize::new(0),
            };
            let reader = vendor.reader(&store, &cache);
            let pulled = reader.pull(&name("tiny"), &stable(), &Quiet);
            match becomes {
                // the same pointer again: then the bundle really is missing, and that is the error
                None => assert_eq!(pulled.unwrap_err().kind(), Kind::NotFound),
                Some(digest) => assert_eq!(pulled.unwrap().digest, digest),
            }
        }
    }
}

#[test]
fn a_channel_that_did_not_change_is_not_sent_again() {
    for place in Place::both("unchanged") {
        let (store, cache) = (place.store(), place.cache("cache"));
        let vendor = Vendor::of(&["tiny"]);
        let bundle = build(place.folder.path(), 1);
        vendor.publisher(store.as_ref(), &cache).publish(&bundle, &name("stable"), &Quiet).unwrap();
        let store = Changing {
            inner: store.as_ref(),
            meanwhile: Mutex::new(None),
            unchanged: AtomicUsize::new(0),
        };
        for _ in 0..3 {
            let reader = vendor.reader(&store, &cache);
            let pulled = reader.pull(&name("tiny"), &stable(), &Quiet).unwrap();
            assert_eq!(pulled.digest, bundle.digest);
        }
        assert_eq!(store.unchanged.load(Ordering::Relaxed), 2);
    }
}
