//! What an upload sends, and what it does after something has ended it.

use slipway::blob::{self, Key};
use slipway::error::Kind;
use slipway::profile::Format;
use slipway::progress::Quiet;
use slipway::units::{Digest, MIB};

use crate::common::servers::{azure_client, azure_settings};
use crate::pieces::stage::{Image, Until, folder_store, lists, objects};

#[test]
fn the_second_customer_sends_only_what_the_first_one_did_not() {
    for format in [Format::Qcow2, Format::Raw] {
        let root = tempfile::tempdir().unwrap();
        let store = folder_store(root.path());
        let [acme, other] = ["acme", "other"].map(|customer| Image::new(customer, 1, format));
        let first = acme.upload(store.as_ref(), &Quiet).unwrap();
        assert_eq!((first.pieces, first.new_pieces), (8, 8));
        let second = other.upload(store.as_ref(), &Quiet).unwrap();
        // the front, and the tables, which are one piece
        assert_eq!((second.pieces, second.new_pieces), (8, 2));
        assert!(second.new_bytes < 110_000 && second.bytes > 6 * MIB, "{second:?}");
        let again = other.upload(store.as_ref(), &Quiet).unwrap();
        assert_eq!((again.new_pieces, again.new_bytes), (0, 0));
        let all = objects(store.as_ref());
        assert_eq!(all.len(), 10);
        // an object is what its name says
        for key in &all {
            let stored = std::fs::read(root.path().join(key.as_str())).unwrap();
            let bytes = match key.name().split_once('.') {
                None => stored,
                Some((_, "zst")) => zstd::decode_all(&stored[..]).unwrap(),
                Some(_) => panic!("{key}"),
            };
            assert!(key.name().starts_with(&Digest::of(&bytes).to_string()), "{key}");
        }
    }
}

#[test]
fn an_upload_that_ends_at_any_moment_goes_on_and_sends_nothing_twice() {
    azure_client(&["create", "uploads"]);
    let image = Image::new("acme", 1, Format::Qcow2);
    let list = image.list_key();
    let mut ended = 0;
    for moment in (0..).step_by(3) {
        let url = format!("azure://devstoreaccount1/uploads/m{moment}");
        let store = blob::open_for_publishing(&url, &azure_settings()).unwrap();
        let store = store.as_ref();
        let first = image.upload(store, &Until::asked(moment));
        let there = objects(store).len() as u64;
        match first {
            Ok(_) => break,
            Err(e) => assert_eq!(e.kind(), Kind::Interrupted, "{e}"),
        }
        ended += 1;
        // who finds the list finds all that it names
        if store.head(&list).is_ok() {
            assert_eq!(there, 8);
        }
        let rest = image.upload(store, &Quiet).unwrap();
        assert_eq!((there + rest.new_pieces, rest.pieces), (8, 8), "moment {moment}");
        assert_eq!(objects(store).len(), 8);
    }
    assert!(ended > 5, "{ended}");
}

#[test]
fn an_image_that_was_changed_is_not_stored_and_nothing_names_it() {
    let root = tempfile::tempdir().unwrap();
    let store = folder_store(root.path());
    let image = Image::new("acme", 1, Format::Qcow2);
    let mut bytes = image.bytes.clone();
    bytes[4_000_000] ^= 1;
    std::fs::write(image.path(), bytes).unwrap();
    let error = image.upload(store.as_ref(), &Quiet).unwrap_err();
    assert_eq!((error.kind(), error.path()), (Kind::Damaged, Some(image.path().as_path())));
    assert!(lists(store.as_ref()).is_empty());
    // neither is one that is changed when its list is there already
    std::fs::write(image.path(), &image.bytes).unwrap();
    image.upload(store.as_ref(), &Quiet).unwrap();
    std::fs::remove_dir_all(root.path().join("pieces")).unwrap();
    std::fs::write(image.path(), vec![7; image.bytes.len()]).unwrap();
    assert_eq!(image.upload(store.as_ref(), &Quiet).unwrap_err().kind(), Kind::Damaged);
    assert!(objects(store.as_ref()).is_empty());
}

#[test]
fn pieces_that_somebody_removed_from_the_store_are_put_there_again() {
    let root = tempfile::tempdir().unwrap();
    let store = folder_store(root.path());
    let image = Image::new("acme", 1, Format::Qcow2);
    image.upload(store.as_ref(), &Quiet).unwrap();
    let gone = &objects(store.as_ref())[3];
    std::fs::remove_file(root.path().join(gone.as_str())).unwrap();
    assert_eq!(image.upload(store.as_ref(), &Quiet).unwrap().new_pieces, 1);
    // and one that cannot be whole is named
    std::fs::write(root.path().join(gone.as_str()), "short").unwrap();
    let settings = blob::Settings { patience: impatient(), ..blob::Settings::default() };
    let store =
        blob::open_for_publishing(&format!("file://{}", root.path().display()), &settings).unwrap();
    let error = image.upload(store.as_ref(), &Quiet).unwrap_err();
    assert_eq!(error.kind(), Kind::Damaged);
    assert!(error.to_string().contains(gone.as_str()), "{error}");
}

pub fn impatient() -> blob::Patience {
    blob::Patience { attempts: 1, ..blob::Patience::default() }
}

#[test]
fn several_requests_at_a_time_reach_a_cloud_and_each_gets_its_own_answer() {
    azure_client(&["create", "lines"]);
    let store =
        blob::open_for_publishing("azure://devstoreaccount1/lines", &azure_settings()).unwrap();
    let store = store.as_ref();
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            scope.spawn(move || {
                for n in 0..20 {
                    let key = Key::new(format!("t{thread}/{n}")).unwrap();
                    assert_eq!(store.head(&key).unwrap_err().kind(), Kind::NotFound);
                    blob::create_bytes(store, &key, &[thread, n], &Quiet).unwrap();
                    assert_eq!(blob::read(store, &key, 10, &Quiet).unwrap(), [thread, n]);
                }
            });
        }
    });
}
