//! Archives that the usual programs made, and hostile ones.

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::command;
use crate::leak::LeakRule;
use crate::leak::needle::Needles;
use crate::progress::Quiet;
use crate::units::{GIB, MIB};

/// A token whose beginning is not in the sources in one piece.
fn token() -> String {
    format!("{}{}0123456789abcdefghijABCDEFGHIJ012345", "gh", "p_")
}

fn shell(folder: &Path, script: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-ec", script]).current_dir(folder);
    command::output(&mut shell, "sh").unwrap();
}

fn search(bytes: Vec<u8>, limits: Limits, left: u64) -> Vec<Found> {
    let needles = Needles::default();
    with(&Scanner::new(&needles).unwrap(), bytes, limits, left)
}

fn with(scanner: &Scanner<'_>, bytes: Vec<u8>, limits: Limits, left: u64) -> Vec<Found> {
    let mut inside = Inside { scanner, progress: &Quiet, limits, left };
    inside.search(&mut Cursor::new(bytes)).unwrap()
}

/// What is found in a file: the rule, the member and the offset.
fn found(file: &Path) -> Vec<(LeakRule, String, Option<u64>)> {
    let all = search(std::fs::read(file).unwrap(), Limits::default(), GIB);
    all.into_iter().map(|f| (f.rule, f.member, f.offset)).collect()
}

fn planted(folder: &Path) {
    std::fs::create_dir_all(folder.join("d/etc")).unwrap();
    std::fs::write(folder.join("d/etc/token"), format!("{}{}\n", ".".repeat(70_000), token()))
        .unwrap();
    std::fs::write(folder.join("d/clean"), "nothing\n".repeat(1000)).unwrap();
}

#[test]
fn a_secret_is_found_in_every_kind_of_archive_with_its_member_and_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    planted(folder);
    shell(
        folder,
        "cd d
        tar cf ../a.tar clean ./etc/token; tar czf ../a.tgz clean etc/token; tar cJf ../a.txz clean etc/token
        find . | cpio --quiet -o -H newc > ../a.cpio
        zip -q ../a.zip clean etc/token; zip -q -0 ../stored.zip clean etc/token
        zip -q - clean etc/token > ../streamed.zip
        cd ..
        xz -k -c d/etc/token > token.xz; zstd -q -c d/etc/token > token.zst; gzip -c d/etc/token > token.gz
        zstd -q -c a.cpio > one.zst; xz -c a.cpio > one.xz; gzip -c a.cpio > one.gz
        (printf '#!/bin/sh\\nexit\\n'; cat a.zip) > started.jar
        zip -q jars.zip a.zip started.jar; tar czf nested.tgz jars.zip",
    );
    let at = |member: &str| (LeakRule::GithubToken, member.to_owned(), Some(70_000));
    for name in
        ["a.tar", "a.tgz", "a.txz", "a.cpio", "a.zip", "stored.zip", "streamed.zip", "started.jar"]
    {
        assert_eq!(found(&folder.join(name)), [at("etc/token")], "{name}");
    }
    for name in ["one.zst", "one.xz", "one.gz"] {
        assert_eq!(found(&folder.join(name)), [at("etc/token")], "{name}");
    }
    for name in ["token.xz", "token.zst", "token.gz"] {
        assert_eq!(found(&folder.join(name)), [at("")], "{name}");
    }
    let nested = ["jars.zip!a.zip!etc/token", "jars.zip!started.jar!etc/token"].map(at);
    assert_eq!(found(&folder.join("nested.tgz")), nested);
}

/// As mkinitramfs makes one: microcode first, not packed, then what is packed; then what somebody appended.
#[test]
fn every_archive_of_an_initramfs_is_searched() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    planted(folder);
    shell(
        folder,
        "cd d; echo clean | cpio --quiet -o -H newc > ../early; find . | cpio --quiet -o -H newc > ../main; cd ..
        xz -c main > main.xz; zstd -q -c main > main.zst; gzip -c main > main.gz; gzip -c early > early.gz
        for kind in xz zst gz; do
            (cat early; head -c 1024 /dev/zero; cat main.$kind) > initrd.$kind
            (cat early.gz; cat main.$kind early) > appended.$kind
            (cat main.$kind main.$kind) > twice.$kind
        done",
    );
    let token = (LeakRule::GithubToken, "etc/token".to_owned(), Some(70_000));
    for kind in ["xz", "zst", "gz"] {
        for name in ["initrd", "appended", "twice"] {
            assert_eq!(
                found(&folder.join(format!("{name}.{kind}"))),
                std::slice::from_ref(&token),
                "{name}.{kind}"
            );
        }
    }
}

#[test]
fn a_name_counts_in_an_archive_as_it_does_outside() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    shell(
        folder,
        "mkdir -p d/root d/etc/ssh; echo ls > d/root/.bash_history; echo key > d/etc/ssh/ssh_host_rsa_key
        tar czf a.tgz -C d .",
    );
    let mut found = found(&folder.join("a.tgz"));
    found.sort();
    assert_eq!(
        found,
        [
            (LeakRule::HostKey, "etc/ssh/ssh_host_rsa_key".to_owned(), None),
            (LeakRule::ShellHistory, "root/.bash_history".to_owned(), None),
        ]
    );
}

#[test]
fn what_could_not_be_searched_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    planted(folder);
    shell(
        folder,
        "zip -q -P secret locked.zip d/clean
        gzip -c d/etc/token | head -c 100 > cut.gz
        cp d/clean deep; for i in 1 2 3 4 5 6 7; do gzip -f deep; mv deep.gz deep; done
        head -c 3000000 /dev/zero | zstd -q --ultra -22 --long=30 --zstd=wlog=30 -c > window.zst
        head -c 20000000 /dev/zero | gzip > bomb.gz",
    );
    let what = |name: &str, limits: Limits, left: u64| -> Vec<(LeakRule, String, String)> {
        let all = search(std::fs::read(folder.join(name)).unwrap(), limits, left);
        all.into_iter().map(|f| (f.rule, f.member, f.what)).collect()
    };
    let one = |member: &str, why: &str| {
        let what = format!("{why}, so not all of it was searched");
        vec![(LeakRule::NotSearched, member.to_owned(), what)]
    };
    let usual = Limits::default;
    assert_eq!(what("locked.zip", usual(), GIB), one("d/clean", "it is encrypted"));
    assert_eq!(what("cut.gz", usual(), GIB), one("", "it is damaged"));
    assert_eq!(what("deep", usual(), GIB), one("", "it is packed more than 6 times"));
    let few = Limits { bytes: 10 * MIB, ..usual() };
    assert_eq!(what("bomb.gz", few, GIB), one("", "it unpacks to more than 10 MiB"));
    let why = "the image's archives unpack to more than is searched";
    assert_eq!(what("bomb.gz", usual(), MIB), one("", why));
    assert_eq!(
        what("window.zst", usual(), GIB),
        one("", "it needs too much memory to be unpacked")
    );
}

/// Whatever bytes there are: no panic, no endless loop.
#[test]
fn archives_with_any_byte_changed_or_cut_anywhere_are_searched_to_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    shell(
        folder,
        "mkdir d; echo one > d/one; echo two > d/two; tar cf a.tar d; gzip -c a.tar > a.gz; xz -c a.tar > a.xz
        zstd -q -c a.tar > a.zst; find d | cpio --quiet -o -H newc > a.cpio; zip -q -r a.zip d",
    );
    let few = || Limits { bytes: MIB, members: 100, memory: MIB, depth: 4 };
    let needles = Needles::default();
    let scanner = Scanner::new(&needles).unwrap();
    for name in ["a.tar", "a.gz", "a.xz", "a.zst", "a.cpio", "a.zip"] {
        let good = std::fs::read(folder.join(name)).unwrap();
        for at in 0..good.len().min(600) {
            with(&scanner, good[..at].to_vec(), few(), MIB);
            for bits in [1, 0xFF] {
                let mut bad = good.clone();
                bad[at] ^= bits;
                with(&scanner, bad, few(), MIB);
            }
        }
    }
}
