//! A store whose owner means ill: nothing that it has becomes an image, and nothing is written outside the folder.

use std::path::Path;

use slipway::blob::{self, Settings};
use slipway::error::Kind;
use slipway::profile::Format;
use slipway::progress::Quiet;
use slipway::release::fetch::{Near, Source, fetch};
use slipway::release::pieces::{Form, List, Span};
use slipway::units::Digest;

use crate::pieces::stage::{Image, folder_store, objects};
use crate::pieces::upload::impatient;

/// Fetches after `change` was made to the store; gives the error's kind, and what is left in the folder.
fn refused(format: Format, what: &str, change: &dyn Fn(&Path, &Image)) {
    let image = Image::new("acme", 1, format);
    let root = tempfile::tempdir().unwrap();
    image.upload(folder_store(root.path()).as_ref(), &Quiet).unwrap();
    change(root.path(), &image);
    let settings = Settings { patience: impatient(), ..Settings::default() };
    let store = blob::open(&format!("file://{}", root.path().display()), &settings).unwrap();
    let to = tempfile::tempdir().unwrap();
    let source = Source { store: store.as_ref(), artifact: &image.artifact };
    let error = fetch(&source, to.path(), Near::default(), &Quiet).unwrap_err();
    assert!(matches!(error.kind(), Kind::Damaged | Kind::Refused), "{what}: {error:?}");
    assert!(!to.path().join(&image.artifact.file).exists(), "{what}");
}

fn with_list(what: &str, change: &dyn Fn(&mut List)) {
    refused(Format::Qcow2, what, &|root, image| {
        let mut list = image.list();
        change(&mut list);
        let key = image.list_key();
        std::fs::write(root.join(key.as_str()), list.text().unwrap()).unwrap();
    });
}

#[test]
fn a_list_that_lies_is_refused() {
    with_list("another size", &|list| list.size += 1);
    with_list("another image", &|list| list.sha256 = Digest::of("x"));
    with_list("a gap", &|list| drop(list.pieces.remove(2)));
    with_list("an overlap", &|list| list.pieces[2].at[0].at -= 5);
    with_list("a range behind the end", &|list| list.pieces[1].at[0].length = u64::MAX);
    with_list("one piece twice", &|list| list.pieces[3].sha256 = list.pieces[4].sha256);
    with_list("pieces exchanged", &|list| {
        let (one, other) = (list.pieces[3].sha256, list.pieces[4].sha256);
        (list.pieces[3].sha256, list.pieces[4].sha256) = (other, one);
    });
    with_list("zeros for a piece", &|list| {
        let piece = list.pieces.remove(3);
        list.zeros.extend(piece.at);
    });
    with_list("a piece for zeros", &|list| {
        let zeros: Vec<Span> = list.zeros.drain(..).collect();
        list.pieces[3].at.extend(zeros);
    });
    with_list("another form", &|list| list.form = Form::Zstd);
    with_list("a later format", &|list| list.format += 1);
}

#[test]
fn pieces_that_are_something_else_are_refused() {
    let piece = |root: &Path, n: usize| {
        let keys = objects(folder_store(root).as_ref());
        root.join(keys[n].as_str())
    };
    for format in [Format::Qcow2, Format::Raw] {
        for n in 0..8 {
            refused(format, "a flipped bit", &|root, _| {
                let path = piece(root, n);
                let mut bytes = std::fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 4;
                std::fs::write(path, bytes).unwrap();
            });
        }
        refused(format, "cut off", &|root, _| {
            let path = piece(root, 1);
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
        });
        refused(format, "another piece", &|root, _| {
            std::fs::copy(piece(root, 1), piece(root, 2)).unwrap();
        });
        refused(format, "none", &|root, _| std::fs::remove_file(piece(root, 5)).unwrap());
        refused(format, "more than a piece can be", &|root, _| {
            std::fs::write(piece(root, 5), vec![7; 40 << 20]).unwrap();
        });
    }
    // a GiB of zeros in some KiB
    let bomb = zstd::encode_all(std::io::Read::take(std::io::repeat(0), 1 << 30), 1).unwrap();
    refused(Format::Raw, "a bomb", &|root, _| std::fs::write(piece(root, 5), &bomb).unwrap());
}

#[test]
fn a_name_in_a_record_does_not_lead_out_of_the_folder() {
    let image = Image::new("acme", 1, Format::Qcow2);
    let root = tempfile::tempdir().unwrap();
    let store = folder_store(root.path());
    image.upload(store.as_ref(), &Quiet).unwrap();
    let to = tempfile::tempdir().unwrap();
    for name in ["../x.qcow2", "/tmp/x.qcow2", "a/b.qcow2", "", ".", "..", ".hidden"] {
        let artifact = slipway::build::Artifact { file: name.into(), ..image.artifact.clone() };
        let source = Source { store: store.as_ref(), artifact: &artifact };
        assert_eq!(
            fetch(&source, to.path(), Near::default(), &Quiet).unwrap_err().kind(),
            Kind::Damaged,
            "{name}"
        );
    }
    assert_eq!(std::fs::read_dir(to.path()).unwrap().count(), 0);
}

#[test]
fn a_link_in_the_place_of_the_unfinished_file_is_not_written_through() {
    let image = Image::new("acme", 1, Format::Qcow2);
    let root = tempfile::tempdir().unwrap();
    let store = folder_store(root.path());
    image.upload(store.as_ref(), &Quiet).unwrap();
    let to = tempfile::tempdir().unwrap();
    let theirs = to.path().join("theirs");
    std::fs::write(&theirs, "theirs").unwrap();
    let hidden = to.path().join(format!(".{}.slipway-part", image.artifact.file));
    std::os::unix::fs::symlink(&theirs, &hidden).unwrap();
    let source = Source { store: store.as_ref(), artifact: &image.artifact };
    assert!(fetch(&source, to.path(), Near::default(), &Quiet).is_err());
    assert_eq!(std::fs::read(&theirs).unwrap(), b"theirs");
}

#[test]
fn a_list_of_each_released_form_is_read_also_with_more_in_it() {
    let text = include_str!("../../records/pieces/list-1.json");
    let list = List::parse(text.as_bytes()).unwrap();
    let file = b"first\0\0\0\0\0\0\0secondty";
    list.expect(file.len() as u64, Digest::of(file)).unwrap();
    assert_eq!((list.form, list.zeros[0].length), (Form::Plain, 7));
    assert_eq!((list.pieces[1].at.len(), list.pieces[1].sha256), (2, Digest::of("firstty")));
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    for place in ["", "/pieces/0"] {
        value.pointer_mut(place).unwrap()["later"] = serde_json::json!({ "a": [1] });
    }
    assert_eq!(List::parse(value.to_string().as_bytes()).unwrap(), list);
}
