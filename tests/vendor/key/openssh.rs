//! OpenSSH reads what we write, and we read what OpenSSH writes.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use slipway::key::{
    Distrust, Keyring, Namespace, Passphrase, PublicKey, SecretKey, Signature, Sites, Trust,
};
use slipway::units::{Digest, Timestamp};

/// Runs ssh-keygen with `input` on its standard input.
pub fn keygen(arguments: &[&str], folder: &Path, input: &[u8]) -> Output {
    let mut child = Command::new("ssh-keygen")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // it may have refused before it read everything
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

pub fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// Whether `ssh-keygen -Y verify` accepts the signature `sig` of `bytes` in `folder` for a site.
fn accepts(folder: &Path, site: &str, namespace: &str, bytes: &[u8]) -> bool {
    let output = keygen(
        &["-Y", "verify", "-f", "trust", "-I", site, "-n", namespace, "-s", "sig"],
        folder,
        bytes,
    );
    output.status.success()
}

#[test]
fn ssh_keygen_accepts_our_signatures_by_our_trust_file_and_refuses_all_others() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let key = SecretKey::generate("ci@vendor").unwrap();
    let mut trust = Trust::default();
    trust.add(key.public(), Sites::named(["acme", "demo"]).unwrap());
    trust.save(&folder.join("trust")).unwrap();
    let bytes = b"a bundle's bytes".repeat(10_000);
    let signature = key.sign(Namespace::Bundle, &Digest::of(&bytes)).unwrap();
    fs::write(folder.join("sig"), signature.to_string()).unwrap();

    assert!(accepts(folder, "demo", "slipway-bundle", &bytes));
    assert!(accepts(folder, "acme", "slipway-bundle", &bytes));
    assert!(!accepts(folder, "other", "slipway-bundle", &bytes));
    assert!(!accepts(folder, "demo", "slipway-pointer", &bytes));
    assert!(!accepts(folder, "demo", "slipway-bundle", &bytes[1..]));

    // a key that has ended for us has ended for them
    trust.end(&key.public(), "2999-01-01T00:00:00Z".parse().unwrap()).unwrap();
    trust.save(&folder.join("trust")).unwrap();
    assert!(accepts(folder, "demo", "slipway-bundle", &bytes));
    trust.end(&key.public(), "2020-01-01T00:00:00Z".parse().unwrap()).unwrap();
    trust.save(&folder.join("trust")).unwrap();
    assert!(!accepts(folder, "demo", "slipway-bundle", &bytes));
}

#[test]
fn signatures_and_keys_that_ssh_keygen_made_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let made = ["-q", "-t", "ed25519", "-f", "key", "-N", "correct horse", "-C", "ana"];
    assert!(keygen(&made, folder, b"").status.success());
    let passphrase = || Passphrase::new("correct horse".to_owned());
    let key = SecretKey::read(&folder.join("key"), &mut || Ok(passphrase())).unwrap();
    let public = PublicKey::read(&folder.join("key.pub")).unwrap();
    assert_eq!(key.public().fingerprint(), public.fingerprint());
    let shown = said(&keygen(&["-l", "-f", "key.pub"], folder, b""));
    assert!(shown.contains(&public.fingerprint()), "{shown}");

    // removes the passphrase, to sign without a terminal
    let bare = ["-q", "-p", "-f", "key", "-P", "correct horse", "-N", ""];
    assert!(keygen(&bare, folder, b"").status.success());
    let sign = |hash: &str| {
        let option = format!("hashalg={hash}");
        let arguments = ["-Y", "sign", "-f", "key", "-n", "slipway-pointer", "-O", &option];
        let output = keygen(&arguments, folder, b"text");
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let mut trust = Trust::default();
    trust.add(public, Sites::All);
    let now = Timestamp::from_seconds(1_800_000_000);
    let theirs = Signature::parse(&sign("sha256")).unwrap();
    trust.verify("demo", Namespace::Pointer, &Digest::of("text"), &theirs, now).unwrap();
    // Ed25519 uses no randomness: the same key gives the same signature for the same text
    let ours = key.sign(Namespace::Pointer, &Digest::of("text")).unwrap();
    assert_eq!(ours.to_string(), theirs.to_string());
    let Err(Distrust::Malformed(why)) = Signature::parse(&sign("sha512")) else { panic!() };
    assert!(why.contains("-O hashalg=sha256"), "{why}");
}

#[test]
fn an_encrypted_key_of_ours_opens_for_ssh_keygen_with_its_passphrase_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ring = Keyring::new(folder.path().join("keys"));
    let secret = Passphrase::new("correct horse".to_owned());
    let (path, public) = ring.make("ci", Some(&secret)).unwrap();
    let open = |passphrase: &str| {
        let path = path.to_str().unwrap();
        keygen(&["-y", "-f", path, "-P", passphrase], folder.path(), b"")
    };
    let line = said(&open("correct horse"));
    assert_eq!(PublicKey::parse(&line).unwrap().fingerprint(), public.fingerprint());
    assert!(!open("wrong").status.success());
}

#[test]
fn keys_of_other_kinds_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["rsa", "ecdsa"] {
        let made = ["-q", "-t", kind, "-f", kind, "-N", ""];
        assert!(keygen(&made, folder.path(), b"").status.success());
        let error = PublicKey::read(&folder.path().join(format!("{kind}.pub"))).unwrap_err();
        assert!(error.find_remedy().unwrap().contains("Ed25519"), "{error:?}");
    }
}

#[test]
fn a_signature_that_was_changed_anywhere_is_refused_or_the_same() {
    let key = SecretKey::generate("ci").unwrap();
    let mut trust = Trust::default();
    trust.add(key.public(), Sites::All);
    let digest = Digest::of("text");
    let good = key.sign(Namespace::Bundle, &digest).unwrap();
    let text = good.to_string();
    let now = Timestamp::from_seconds(1_800_000_000);
    for at in 0..text.len() {
        for other in ["A", "/", "\n", "=", ""] {
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            let Ok(signature) = Signature::parse(&changed) else { continue };
            let believed = trust.verify("demo", Namespace::Bundle, &digest, &signature, now);
            assert!(believed.is_err() || signature == good, "byte {at}: {changed}");
        }
    }
}
