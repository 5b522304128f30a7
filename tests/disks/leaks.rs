//! What the leak check says of a base: identity in it, and the distribution's own files.

use std::path::Path;
use std::sync::Arc;

use md5::{Digest as _, Md5};

use crate::common::appliance::disk_with;
use crate::common::artifact;
use slipway::inspect::Image;
use slipway::leak::{self, Builder, Finding, LeakRule, Needles};
use slipway::profile::Format;
use slipway::progress::Quiet;
use slipway::units::MIB;

fn findings(folder: &Path, files: &[(&str, &str)], needles: &Needles) -> Vec<Finding> {
    let path = artifact::write(Format::Qcow2, &disk_with(256 * MIB, files), folder);
    leak::check(&Arc::new(Image::open(&path).unwrap()), needles, &[], &Quiet).unwrap()
}

fn key() -> String {
    let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n";
    format!("-----BEGIN PRIVATE KEY-----\n{line}{line}-----END PRIVATE KEY-----\n")
}

fn md5(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn identity_that_a_base_brings_is_found_by_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
        ("/etc/ssh/ssh_host_ed25519_key", "key"),
        ("/etc/ssh/ssh_host_ed25519_key.pub", "public"),
        ("/etc/shadow", "root:*:1::::::\nadmin:$y$j9T$abc$def:1::::::\n"),
        ("/var/lib/urandom/random-seed", "seed"),
        ("/var/lib/puppet/ssl/certs/build-7.pem", "certificate"),
        ("/etc/ssl/private/ssl-cert-snakeoil.key", "key"),
    ];
    let found = findings(folder.path(), &files, &Needles::default());
    let found: Vec<_> = found.iter().map(|f| (f.rule, f.file.as_str())).collect();
    assert_eq!(
        found,
        [
            (LeakRule::PrivateKey, "/etc/ssl/private/ssl-cert-snakeoil.key"),
            (LeakRule::HostKey, "/etc/ssh/ssh_host_ed25519_key"),
            (LeakRule::MachineId, "/etc/machine-id"),
            (LeakRule::RandomSeed, "/var/lib/urandom/random-seed"),
            (LeakRule::Certificate, "/var/lib/puppet/ssl/certs/build-7.pem"),
            (LeakRule::PasswordHash, "/etc/shadow"),
        ]
    );
}

#[test]
fn what_a_package_brought_and_nobody_changed_is_no_leak_and_its_words_are_everybodys() {
    let folder = tempfile::tempdir().unwrap();
    let (key, words) = (key(), "the word zenith-mining is common here\n");
    let sums = format!(
        "{}  usr/share/doc/lib/test.pem\n{}  usr/share/doc/lib/changed.pem\n{}  usr/share/doc/lib/words\n",
        md5(&key),
        md5("another"),
        md5(words)
    );
    let status =
        format!("Package: lib\nConffiles:\n /etc/lib/example.pem {}\nDescription: x\n", md5(&key));
    let files = [
        ("/usr/share/doc/lib/test.pem", key.as_str()),
        ("/usr/share/doc/lib/changed.pem", &key),
        ("/usr/share/doc/lib/words", words),
        ("/etc/lib/example.pem", &key),
        ("/opt/of/nobody.pem", &key),
        ("/opt/words", "zenith-mining and marta-builder\n"),
        ("/var/lib/dpkg/info/lib.md5sums", &sums),
        ("/var/lib/dpkg/status", &status),
    ];
    let builder = Builder {
        user: Some("marta-builder".to_owned()),
        host: Some("zenith-mining".to_owned()),
        paths: Vec::new(),
    };
    let found = findings(folder.path(), &files, &Needles::new(None, &[], &builder));
    let found: Vec<_> = found.iter().map(|f| (f.rule, f.file.as_str(), f.offset)).collect();
    assert_eq!(
        found,
        [
            (LeakRule::PrivateKey, "/opt/of/nobody.pem", Some(0)),
            (LeakRule::PrivateKey, "/usr/share/doc/lib/changed.pem", Some(0)),
            (LeakRule::Builder, "/opt/words", Some(18)),
        ]
    );
}
