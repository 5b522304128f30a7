//! What travels for an image, and that it is the image whatever happened on the way.

use std::os::unix::fs::FileExt;
use std::path::Path;

use slipway::blob::Publish;
use slipway::error::{Error, Kind};
use slipway::profile::Format;
use slipway::progress::{Progress, Quiet};
use slipway::release::fetch::{Fetched, Near, Source, fetch};
use slipway::units::{Digest, MIB};

use crate::pieces::stage::{Image, Until, folder_store};

/// A store with these images.
fn stored(images: &[&Image]) -> (tempfile::TempDir, Box<dyn Publish>) {
    let root = tempfile::tempdir().unwrap();
    let store = folder_store(root.path());
    for image in images {
        image.upload(store.as_ref(), &Quiet).unwrap();
    }
    (root, store)
}

fn get(
    image: &Image,
    store: &dyn Publish,
    to: &Path,
    have: Option<&Path>,
    progress: &dyn Progress,
) -> Result<Fetched, Error> {
    let near = Near { image: have, cache: None };
    fetch(&Source { store, artifact: &image.artifact }, to, near, progress)
}

fn names(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn an_image_comes_back_equal_and_is_not_fetched_twice() {
    for format in [Format::Qcow2, Format::Vmdk, Format::Raw, Format::Vhd] {
        let image = Image::new("acme", 1, format);
        let (_root, store) = stored(&[&image]);
        let to = tempfile::tempdir().unwrap();
        let fetched = get(&image, store.as_ref(), to.path(), None, &Quiet).unwrap();
        assert!(std::fs::read(&fetched.path).unwrap() == image.bytes);
        assert!(fetched.travelled > 6 * MIB && fetched.copied + fetched.kept == 0, "{fetched:?}");
        assert_eq!(names(to.path()), std::slice::from_ref(&image.artifact.file));
        let again = get(&image, store.as_ref(), to.path(), None, &Quiet).unwrap();
        assert_eq!((again.travelled, again.kept), (0, image.bytes.len() as u64));
        // a file that is not the image is replaced
        std::fs::write(&fetched.path, "mine").unwrap();
        get(&image, store.as_ref(), to.path(), None, &Quiet).unwrap();
        assert!(std::fs::read(&fetched.path).unwrap() == image.bytes);
    }
}

#[test]
fn what_an_older_image_has_does_not_travel_however_it_is_known() {
    let [old, new] = [1, 2].map(|build| Image::new("acme", build, Format::Qcow2));
    let (_root, store) = stored(&[&old, &new]);
    let few = |fetched: &Fetched| {
        assert!(std::fs::read(&fetched.path).unwrap() == new.bytes);
        assert!(fetched.travelled < new.bytes.len() as u64 / 10, "{fetched:?}");
        assert_eq!(fetched.copied, 6 * MIB);
    };
    // by the list in the store
    let to = tempfile::tempdir().unwrap();
    few(&get(&new, store.as_ref(), to.path(), Some(&old.path()), &Quiet).unwrap());
    // by the record beside it, in a store that has never heard of it
    let (_root, other) = stored(&[&new]);
    let record = serde_json::json!({ "artifacts": [old.artifact] }).to_string();
    for name in ["release.json", &format!("{}.json", old.release)] {
        let beside = old.folder.path().join(name);
        std::fs::write(&beside, &record).unwrap();
        let to = tempfile::tempdir().unwrap();
        few(&get(&new, other.as_ref(), to.path(), Some(&old.path()), &Quiet).unwrap());
        std::fs::remove_file(beside).unwrap();
    }
    // by nothing: then only what lies at the same place
    let to = tempfile::tempdir().unwrap();
    let fetched = get(&new, other.as_ref(), to.path(), Some(&old.path()), &Quiet).unwrap();
    assert!(fetched.travelled > 6 * MIB && std::fs::read(&fetched.path).unwrap() == new.bytes);
}

#[test]
fn an_older_image_with_wrong_bytes_only_costs_what_is_wrong() {
    let [old, new] = [1, 2].map(|build| Image::new("acme", build, Format::Qcow2));
    let (_root, store) = stored(&[&old, &new]);
    let file = std::fs::OpenOptions::new().write(true).open(old.path()).unwrap();
    file.write_all_at(b"damaged", 1_500_000).unwrap();
    // which image it was, says the record beside it
    let record = serde_json::json!({ "artifacts": [old.artifact] }).to_string();
    std::fs::write(old.folder.path().join("release.json"), record).unwrap();
    let to = tempfile::tempdir().unwrap();
    let fetched = get(&new, store.as_ref(), to.path(), Some(&old.path()), &Quiet).unwrap();
    assert_eq!(fetched.copied, 5 * MIB);
    assert!(std::fs::read(&fetched.path).unwrap() == new.bytes);
    // one that is cut off, and nothing that is an image at all
    file.set_len(3_000_000).unwrap();
    let text = to.path().join("text");
    std::fs::write(&text, "no image").unwrap();
    for have in [old.path(), text] {
        let to = tempfile::tempdir().unwrap();
        let fetched = get(&new, store.as_ref(), to.path(), Some(&have), &Quiet).unwrap();
        assert!(std::fs::read(&fetched.path).unwrap() == new.bytes);
    }
}

#[test]
fn a_fetch_that_ends_at_any_moment_goes_on_and_the_name_is_never_half_an_image() {
    let image = Image::new("acme", 1, Format::Qcow2);
    let (_root, store) = stored(&[&image]);
    let mut ended = 0;
    for moment in 0.. {
        let to = tempfile::tempdir().unwrap();
        let first = get(&image, store.as_ref(), to.path(), None, &Until::asked(moment));
        let Err(error) = first else { break };
        assert_eq!(error.kind(), Kind::Interrupted, "{error}");
        assert!(!to.path().join(&image.artifact.file).exists(), "moment {moment}");
        ended += 1;
        let rest = get(&image, store.as_ref(), to.path(), None, &Quiet).unwrap();
        assert!(std::fs::read(&rest.path).unwrap() == image.bytes, "moment {moment}");
        assert_eq!(names(to.path()), std::slice::from_ref(&image.artifact.file));
        let data: u64 = image.list().pieces.iter().map(|piece| piece.length()).sum();
        let list = image.list().text().unwrap().len() as u64;
        assert_eq!(rest.kept + rest.travelled, data + list, "moment {moment}");
    }
    assert!(ended > 10, "{ended}");
}

#[test]
fn what_a_power_cut_left_wrong_is_fetched_again_and_the_rest_is_kept() {
    for format in [Format::Qcow2, Format::Raw] {
        let image = Image::new("acme", 1, format);
        let (_root, store) = stored(&[&image]);
        let to = tempfile::tempdir().unwrap();
        // all of it but some bytes, also where there should be zeros
        let hidden = to.path().join(format!(".{}.slipway-part", image.artifact.file));
        let mut torn = image.bytes.clone();
        let zeros = image.list().zeros[0].at as usize;
        for at in [500, zeros + 77, torn.len() - 1] {
            torn[at] ^= 0x55;
        }
        std::fs::write(&hidden, &torn).unwrap();
        let fetched = get(&image, store.as_ref(), to.path(), None, &Quiet).unwrap();
        assert!(std::fs::read(&fetched.path).unwrap() == image.bytes);
        assert!(fetched.kept >= 5 * MIB && fetched.travelled > 0, "{fetched:?}");
        // one that is too long, or was another image's
        std::fs::remove_file(&fetched.path).unwrap();
        std::fs::write(&hidden, [torn, vec![9; 100]].concat()).unwrap();
        let fetched = get(&image, store.as_ref(), to.path(), None, &Quiet).unwrap();
        assert_eq!(
            Digest::of(std::fs::read(&fetched.path).unwrap()),
            image.artifact.sha256.unwrap()
        );
    }
}

#[test]
fn two_who_fetch_the_same_file_do_not_mix() {
    let image = Image::new("acme", 1, Format::Qcow2);
    let (_root, store) = stored(&[&image]);
    let to = tempfile::tempdir().unwrap();
    let hidden = to.path().join(format!(".{}.slipway-part", image.artifact.file));
    let held = std::fs::File::create(&hidden).unwrap();
    held.lock().unwrap();
    let error = get(&image, store.as_ref(), to.path(), None, &Quiet).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    drop(held);
    get(&image, store.as_ref(), to.path(), None, &Quiet).unwrap();
}
