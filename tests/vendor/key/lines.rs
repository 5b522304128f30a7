//! Lines of allowed_signers: ssh-keygen accepts whatever we accept, for the same sites, uses and
//! times.

use std::fs;
use std::path::Path;

use slipway::key::{Namespace, SecretKey, Signature, Trust};
use slipway::units::{Digest, Timestamp};

use super::openssh::keygen;

/// The time at which every line is judged, by them and by us.
const NOW: &str = "20261130120000Z";
const NOW_SECONDS: i64 = 1_796_040_000;
const BYTES: &[u8] = b"a bundle's bytes";
/// Enough for each pair of pieces to meet several times.
const LINES: usize = 300;

/// A piece of a line, and whether we may refuse it although ssh-keygen reads it: the head of
/// `src/key/allowed.rs` lists what we do not support.
type Piece = (&'static str, bool);

const PRINCIPALS: [Piece; 8] = [
    ("demo", false),
    ("acme,demo", false),
    ("*", false),
    ("other", false),
    ("\"demo\"", true),
    ("d*", true),
    ("demo,!acme", true),
    ("demo,", true),
];

const OPTIONS: [Piece; 22] = [
    ("namespaces=\"slipway-bundle\"", false),
    ("namespaces=\"slipway-bundle,slipway-pointer\"", false),
    ("namespaces=\"slipway-pointer\"", false),
    ("NameSpaces=\"slipway-pointer,slipway-bundle\"", false),
    ("namespaces=\"other, slipway-bundle\"", false),
    ("namespaces=slipway-bundle", false),
    ("namespaces=\"slipway-*\"", true),
    ("namespaces=\"slipway-bundle", false),
    ("namespaces=\"slipway\\\"-bundle\"", true),
    ("namespaces=\"\"", true),
    ("valid-after=\"20200101Z\"", false),
    ("valid-after=\"20990101Z\"", false),
    ("valid-after=\"19700101Z\"", false),
    ("valid-after=\"20200101\"", true),
    ("valid-before=\"20990101Z\"", false),
    ("Valid-Before=\"209901011200Z\"", false),
    ("valid-before=\"20200101000000Z\"", false),
    ("valid-before=20990101Z", false),
    ("valid-before=\"20991332Z\"", false),
    ("valid-before=\"20990101\"x", false),
    ("cert-authority", true),
    ("no-such=\"x\"", false),
];

const BETWEEN_OPTIONS: [Piece; 6] =
    [(",", false), (",", false), (",", false), (",,", true), (", ", false), ("", false)];

const BLANKS: [Piece; 8] = [
    (" ", false),
    (" ", false),
    (" ", false),
    ("\t", false),
    ("  ", false),
    (" \t ", false),
    ("\u{a0}", false),
    ("\r", true),
];

/// SplitMix64's step: the same lines in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    /// Mostly the first piece, so that many lines have one oddity and not five.
    fn piece(&mut self, pieces: &[Piece]) -> Piece {
        match self.below(3) {
            0 => pieces[self.below(pieces.len())],
            _ => pieces[0],
        }
    }
}

/// A line, and whether we may refuse it.
fn line(draw: &mut Draw, key: &str) -> (String, bool) {
    let mut text = String::new();
    let mut odd = false;
    let mut add = |(piece, may): Piece, text: &mut String| {
        text.push_str(piece);
        odd |= may;
    };
    add([("", false), ("", false), (" ", false), ("\t", false)][draw.below(4)], &mut text);
    add(draw.piece(&PRINCIPALS), &mut text);
    add(draw.piece(&BLANKS), &mut text);
    for n in 0..draw.below(4) {
        if n > 0 {
            add(draw.piece(&BETWEEN_OPTIONS), &mut text);
        }
        add(OPTIONS[draw.below(OPTIONS.len())], &mut text);
    }
    if !text.ends_with([' ', '\t']) {
        add(draw.piece(&BLANKS), &mut text);
    }
    let (kind, rest) = key.split_once(' ').unwrap();
    text.push_str(kind);
    add(draw.piece(&BLANKS), &mut text);
    let (data, comment) = rest.split_once(' ').unwrap();
    text.push_str(if draw.below(12) == 0 { &data[1..] } else { data });
    if draw.below(3) > 0 {
        add(draw.piece(&BLANKS), &mut text);
        text.push_str(comment);
    }
    (text, odd)
}

fn accepted(folder: &Path) -> bool {
    let time = format!("verify-time={NOW}");
    let arguments = ["-Y", "verify", "-f", "line", "-I", "demo", "-n", "slipway-bundle"];
    let output = keygen(&[&arguments[..], &["-s", "sig", "-O", &time]].concat(), folder, BYTES);
    output.status.success()
}

/// Our verdict on a line: none if it is refused, or else whether the key may sign demo's bundles
/// now.
fn ours(line: &str, signature: &Signature) -> Option<bool> {
    let trust = Trust::parse(line).ok()?;
    let now = Timestamp::from_seconds(NOW_SECONDS);
    let digest = Digest::of(BYTES);
    Some(trust.verify("demo", Namespace::Bundle, &digest, signature, now).is_ok())
}

#[test]
fn no_line_is_trusted_that_ssh_keygen_refuses_and_none_is_read_differently() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let key = SecretKey::generate("ci@vendor").unwrap();
    let signature = key.sign(Namespace::Bundle, &Digest::of(BYTES)).unwrap();
    fs::write(folder.join("sig"), signature.to_string()).unwrap();
    let public = key.public().line().unwrap();
    // the judge works
    fs::write(folder.join("line"), format!("demo {public}\n")).unwrap();
    assert!(accepted(folder));
    let mut draw = Draw(16);
    let mut verdicts = [0; 3];
    for n in 0..LINES {
        let (line, odd) = line(&mut draw, &public);
        fs::write(folder.join("line"), format!("{line}\n")).unwrap();
        let theirs = accepted(folder);
        match ours(&line, &signature) {
            Some(ours) => assert_eq!(ours, theirs, "line {n}: {line:?}"),
            None => assert!(odd || !theirs, "line {n} is refused: {line:?}"),
        }
        verdicts[ours(&line, &signature).map_or(2, usize::from)] += 1;
    }
    // trusted, accepted but not trusted, refused: each often enough to mean something
    assert!(verdicts.iter().all(|count| *count > LINES / 50), "{verdicts:?}");
}

#[test]
fn a_signature_is_read_at_every_width_that_ssh_keygen_reads() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let key = SecretKey::generate("ci").unwrap();
    let text = key.sign(Namespace::Bundle, &Digest::of(BYTES)).unwrap().to_string();
    fs::write(folder.join("line"), format!("demo {}\n", key.public().line().unwrap())).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let (end, begin) = (lines.pop().unwrap(), lines.remove(0));
    let base64 = lines.concat();
    let folded = |columns: usize, newline: &str| {
        let body: Vec<String> = base64
            .as_bytes()
            .chunks(columns)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        [&[begin.to_owned()], &body[..], &[end.to_owned()]].concat().join(newline) + newline
    };
    let forms = [
        folded(64, "\n"),
        folded(76, "\n"),
        folded(7, "\n"),
        folded(base64.len(), "\n"),
        folded(70, "\r\n"),
        folded(70, "\n") + "more\n",
        folded(70, "\n").trim_end().to_owned(),
        format!("\n{text}"),
        format!("{begin}\n{base64}{end}\n"),
        format!("{begin}\n{}\n{end}\n", &base64[4..]),
        text.replacen("SSH SIGNATURE", "SSH SIGNATURES", 1),
    ];
    let read: Vec<bool> = forms
        .iter()
        .map(|form| {
            fs::write(folder.join("sig"), form).unwrap();
            let signature = Signature::parse(form).ok();
            let ours =
                signature.and_then(|s| ours(&format!("demo {}", key.public().line().unwrap()), &s));
            let theirs = accepted(folder);
            assert_eq!(ours.unwrap_or(false), theirs, "{form}");
            theirs
        })
        .collect();
    assert_eq!(read.iter().filter(|read| **read).count(), 6, "{read:?}");
}
