//! A store or a cache in a folder that others can also write to.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use slipway::error::Kind;
use slipway::progress::Quiet;

use crate::common::vendor::{Vendor, name};
use crate::signed::place::{Place, build, stable};

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_publishers_lock_is_never_somebody_elses_file() {
    let [place, _] = Place::both("locks");
    let (store, cache) = (place.store(), place.cache("cache"));
    let vendor = Vendor::of(&["tiny"]);
    let bundle = build(place.folder.path(), 1);
    let publisher = vendor.publisher(store.as_ref(), &cache);
    let channel = place.folder.path().join("store/channels/tiny");
    fs::create_dir_all(&channel).unwrap();
    let theirs = place.folder.path().join("theirs");
    fs::write(&theirs, "a publisher's file").unwrap();
    let lock = channel.join(".lock");
    symlink(&theirs, &lock).unwrap();
    let error = publisher.publish(&bundle, &name("stable"), &Quiet).unwrap_err();
    assert!(error.to_string().contains(".lock"), "{error:?}");
    assert_eq!(fs::read(&theirs).unwrap(), b"a publisher's file");
    fs::remove_file(&lock).unwrap();
    fifo(&lock);
    publisher.publish(&bundle, &name("stable"), &Quiet).unwrap_err();
    fs::remove_file(&lock).unwrap();
    fs::write(&lock, "whatever").unwrap();
    publisher.publish(&bundle, &name("stable"), &Quiet).unwrap();
    assert_eq!(fs::read(&lock).unwrap(), b"whatever");
}

#[test]
fn an_object_that_is_a_device_or_a_pipe_is_refused_at_once() {
    let [place, _] = Place::both("devices");
    let (store, cache) = (place.store(), place.cache("cache"));
    let vendor = Vendor::of(&["tiny"]);
    let bundle = build(place.folder.path(), 1);
    let publisher = vendor.publisher(store.as_ref(), &cache);
    publisher.publish(&bundle, &name("stable"), &Quiet).unwrap();
    let folder = place.folder.path().join("store");
    let objects = [
        "channels/tiny/stable.json".to_owned(),
        format!("bundles/tiny/tiny-1.0.0+b1.{}.tgz", bundle.digest),
        format!("bundles/tiny/tiny-1.0.0+b1.{}.tgz.sig", bundle.digest),
    ];
    for (n, object) in objects.iter().enumerate() {
        let path = folder.join(object);
        let good = fs::read(&path).unwrap();
        for device in ["/dev/zero", "fifo"] {
            fs::remove_file(&path).unwrap();
            match device {
                "fifo" => fifo(&path),
                target => symlink(target, &path).unwrap(),
            }
            let cache = place.cache(&format!("cache-{n}-{}", device.trim_start_matches("/dev/")));
            let reader = vendor.reader(store.as_ref(), &cache);
            let error = reader.pull(&name("tiny"), &stable(), &Quiet).unwrap_err();
            assert_eq!(error.kind(), Kind::Io, "{object}: {error:?}");
            // a publisher does not wait for it either
            let again = publisher.publish(&bundle, &name("stable"), &Quiet).unwrap_err();
            assert_eq!(again.kind(), Kind::Io, "{object}: {again:?}");
        }
        fs::remove_file(&path).unwrap();
        fs::write(&path, good).unwrap();
    }
    publisher.publish(&bundle, &name("stable"), &Quiet).unwrap();
}

#[test]
fn what_is_kept_in_a_cache_is_readable_by_all_whom_the_umask_lets() {
    let [place, _] = Place::both("umask");
    let (store, cache) = (place.store(), place.cache("cache"));
    let vendor = Vendor::of(&["tiny"]);
    let bundle = build(place.folder.path(), 1);
    vendor.publisher(store.as_ref(), &cache).publish(&bundle, &name("stable"), &Quiet).unwrap();
    vendor.reader(store.as_ref(), &cache).pull(&name("tiny"), &stable(), &Quiet).unwrap();
    // a file's mode under this process's umask
    let plain = place.folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for folder in ["channels", "bundles"] {
        for entry in fs::read_dir(cache.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), mode(&plain), "{path:?}");
        }
    }
}
