//! What every store must do, tested with each kind.

use slipway::blob::{
    self, Answer, Ask, Created, Expected, Key, Publish, Put, Settings, Small, create, create_bytes,
};
use slipway::error::Kind;
use slipway::progress::Quiet;
use slipway::units::{Digest, MIB};

use crate::common::servers::{azure_client, azure_settings, bucket, file, s3_settings, settings};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn read(store: &dyn Publish, name: &str) -> Vec<u8> {
    blob::read(store, &key(name), MIB, &Quiet).unwrap()
}

/// The interface's promises, which every kind of store must keep.
fn keeps_its_promises(url: &str, settings: &Settings) {
    let store = blob::open_for_publishing(url, settings).unwrap();
    let store = store.as_ref();

    let absent = blob::read(store, &key("a/absent"), MIB, &Quiet).unwrap_err();
    assert_eq!(absent.kind(), Kind::NotFound, "{absent:?}");
    assert_eq!(store.head(&key("a/absent")).unwrap_err().kind(), Kind::NotFound);

    // put if absent
    let name = key("a/one-1.0.0+b1.tgz");
    let content = file(b"0123456789");
    assert_eq!(create(store, &name, content.path(), &Quiet).unwrap(), Created::Written);
    assert_eq!(create(store, &name, content.path(), &Quiet).unwrap(), Created::AlreadyThere);
    let other = create_bytes(store, &name, b"9876543210", &Quiet).unwrap_err();
    assert_eq!(other.kind(), Kind::Refused, "{other:?}");
    assert_eq!(store.head(&name).unwrap().size, 10);

    // ranges of one state
    let Answer::Body(whole) = store.get(&name, &Ask::default()).unwrap() else { panic!() };
    let tag = whole.tag.unwrap();
    let ask = Ask { from: 7, only: Some(&tag), unless: None };
    let Answer::Body(mut rest) = store.get(&name, &ask).unwrap() else { panic!() };
    let mut text = String::new();
    std::io::Read::read_to_string(&mut rest.bytes, &mut text).unwrap();
    assert_eq!((rest.from, text.as_str()), (7, "789"));
    let behind = Ask { from: 10, only: Some(&tag), unless: None };
    match store.get(&name, &behind) {
        Err(e) => assert_eq!(e.kind(), Kind::Damaged, "{e:?}"),
        Ok(Answer::Body(mut end)) => assert_eq!(end.bytes.read(&mut [0]).unwrap(), 0),
        Ok(Answer::Unchanged) => panic!("nobody asked"),
    }

    // conditional get and compare-and-swap
    let pointer = key("c/pointer.json");
    assert_eq!(store.swap(&pointer, None, b"1").unwrap(), Put::Done);
    assert_eq!(store.swap(&pointer, None, b"x").unwrap(), Put::Taken);
    let Small::New(_, seen) = blob::small(store, &pointer, MIB, None, &Quiet).unwrap() else {
        panic!()
    };
    let known = blob::small(store, &pointer, MIB, seen.as_ref(), &Quiet).unwrap();
    assert_eq!(known, Small::Unchanged);
    assert_eq!(store.swap(&pointer, seen.as_ref(), b"2").unwrap(), Put::Done);
    assert_eq!(store.swap(&pointer, seen.as_ref(), b"x").unwrap(), Put::Taken);
    assert_eq!(read(store, "c/pointer.json"), b"2");

    // a state that no longer exists is not read further
    let stale = store.get(&pointer, &Ask { only: seen.as_ref(), ..Ask::default() });
    assert_eq!(stale.err().unwrap().kind(), Kind::Damaged);

    create_bytes(store, &key("a/b/two"), b"", &Quiet).unwrap();
    assert_eq!(store.list(&key("a")).unwrap(), [key("a/b/two"), name]);
    assert!(store.list(&key("nothing")).unwrap().is_empty());
}

#[test]
fn a_folder_keeps_its_promises() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/store", folder.path().display());
    keeps_its_promises(&url, &settings(&[]));
}

#[test]
fn azure_keeps_its_promises() {
    azure_client(&["create", "promises"]);
    keeps_its_promises("azure://devstoreaccount1/promises/below/here", &azure_settings());
    let theirs = azure_client(&["cat", "promises", "below/here/a/one-1.0.0+b1.tgz"]);
    assert_eq!(theirs, b"0123456789");
}

#[test]
fn s3_keeps_its_promises() {
    bucket("promises");
    keeps_its_promises("s3://promises", &s3_settings());
}

#[test]
fn a_large_file_goes_to_a_cloud_in_parts_and_comes_back_whole() {
    azure_client(&["create", "large"]);
    bucket("large");
    let bytes: Vec<u8> = (0..65 * MIB / 4).flat_map(|n| (n as u32).to_le_bytes()).collect();
    let content = file(&bytes);
    let expected = Expected { digest: Digest::of(&bytes), size: bytes.len() as u64 };
    let name = key(&format!("{}.tgz", expected.digest));
    for (url, settings) in
        [("azure://devstoreaccount1/large", azure_settings()), ("s3://large/x", s3_settings())]
    {
        let store = blob::open_for_publishing(url, &settings).unwrap();
        assert_eq!(
            create(store.as_ref(), &name, content.path(), &Quiet).unwrap(),
            Created::Written
        );
        let mut to = tempfile::tempfile().unwrap();
        blob::download(store.as_ref(), &name, expected, &mut to, &Quiet).unwrap();
    }
}
