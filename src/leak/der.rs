//! Keys in bytes: DER, as PKCS#8, PKCS#1 and SEC 1 write it, and in the keystores of PKCS#12 and Java.
//!
//! Each begins with a sequence (the byte 0x30), whose length is checked against what follows: a program that knows these
//! formats holds their identifiers, too.

use std::collections::BTreeSet;

use super::LeakRule;
use super::secret::Secret;
use super::shape::{Around, holds};

/// Tags (X.690, 8.1.2).
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
/// The identifier of RSA's keys (RFC 8017, A.1), with the end of what is around it in PKCS#8.
const RSA: &[u8] = b"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01\x05\x00\x04";
/// The identifier of PKCS#12's encrypted keys (RFC 7292, A), which hold keys as PKCS#8 encrypts them.
const BAG: &[u8] = b"\x2A\x86\x48\x86\xF7\x0D\x01\x0C\x0A\x01\x02";

const fn key(begins: &'static [u8], what: &'static str, is: fn(&Around<'_>) -> bool) -> Secret {
    Secret { begins, rule: LeakRule::PrivateKey, what, is }
}

const PKCS8: &str = "a private key in DER";
const SEALED: &str = "an encrypted private key in DER";
const STORE: &str = "a private key in a keystore of PKCS#12";
const JAVA: &str = "a private key in a keystore of Java";

/// Every kind.
pub(super) const KEYS: &[Secret] = &[
    // PKCS#8 (RFC 5958, 2): a version, the algorithm, the key
    key(
        b"\x02\x01\x00\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01\x05\x00\x04",
        PKCS8,
        |a| headed(a.before) && nested(a.after),
    ),
    key(b"\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01", PKCS8, elliptic),
    key(b"\x06\x07\x2A\x86\x48\xCE\x38\x04\x01\x30", PKCS8, elliptic),
    // the curves of RFC 8410, 7
    key(b"\x30\x05\x06\x03\x2B\x65\x6E\x04\x22\x04\x20", PKCS8, short),
    key(b"\x30\x05\x06\x03\x2B\x65\x70\x04\x22\x04\x20", PKCS8, short),
    key(b"\x30\x05\x06\x03\x2B\x65\x6F\x04\x3A\x04\x38", PKCS8, short),
    key(b"\x30\x05\x06\x03\x2B\x65\x71\x04\x3B\x04\x39", PKCS8, short),
    // PKCS#1 (RFC 8017, A.1.2): the version, then a modulus of 1024 bits, or of up to 65,535
    key(b"\x02\x01\x00\x02\x81\x81\x00", PKCS8, |a| numbers(a, 0x81)),
    key(b"\x02\x01\x00\x02\x82", PKCS8, |a| numbers(a, a.after.len())),
    // SEC 1 (RFC 5915, 3), for curves of 224, 256, 384 and 521 bits
    key(b"\x02\x01\x01\x04\x1C", PKCS8, |a| on_curve(a, 28)),
    key(b"\x02\x01\x01\x04\x20", PKCS8, |a| on_curve(a, 32)),
    key(b"\x02\x01\x01\x04\x30", PKCS8, |a| on_curve(a, 48)),
    key(b"\x02\x01\x01\x04\x42", PKCS8, |a| on_curve(a, 66)),
    // PKCS#8, encrypted (RFC 5958, 3) by PBES2 (RFC 8018, A.4) or PKCS#12's own ways (RFC 7292, C)
    key(b"\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x05\x0D\x30", SEALED, sealed),
    key(b"\x06\x0A\x2A\x86\x48\x86\xF7\x0D\x01\x0C\x01\x03\x30", SEALED, sealed),
    // PKCS#12's bags (RFC 7292, A): a key in the clear, an encrypted one
    key(b"\x06\x0B\x2A\x86\x48\x86\xF7\x0D\x01\x0C\x0A\x01\x01\xA0", STORE, bag),
    key(b"\x06\x0B\x2A\x86\x48\x86\xF7\x0D\x01\x0C\x0A\x01\x02\xA0", STORE, bag),
    // what encrypts keys in a JKS and a JCEKS (sun.security.provider.KeyProtector, com.sun.crypto.provider.KeyProtector)
    key(b"\x06\x0A\x2B\x06\x01\x04\x01\x2A\x02\x11\x01\x01\x05\x00\x04", JAVA, |a| {
        headed_twice(a.before) && nested_octets(a.after)
    }),
    key(b"\x06\x09\x2B\x06\x01\x04\x01\x2A\x02\x13\x01\x30", JAVA, |a| headed_twice(a.before)),
];

/// A length, and the bytes that it takes (X.690, 8.1.3).
fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes {
        [short @ ..=0x7F, ..] => Some((short.into(), 1)),
        [0x81, long, ..] => Some((long.into(), 2)),
        [0x82, high, low, ..] => Some((usize::from(high) << 8 | usize::from(low), 3)),
        _ => None,
    }
}

/// Whether a sequence begins directly before, whose length is not absurd.
fn headed(before: &[u8]) -> bool {
    (2..=4).any(|head| {
        let Some(start) = before.len().checked_sub(head) else { return false };
        let head = &before[start..];
        head[0] == SEQUENCE
            && length(&head[1..]).is_some_and(|(n, took)| took + 1 == head.len() && n > 16)
    })
}

/// The same with a second sequence in it, of less than 256 bytes.
fn headed_twice(before: &[u8]) -> bool {
    let short =
        before.len().checked_sub(2).filter(|at| before[*at] == SEQUENCE && before[at + 1] < 0x80);
    let long =
        before.len().checked_sub(3).filter(|at| before[*at..].starts_with(&[SEQUENCE, 0x81]));
    short.or(long).is_some_and(|at| headed(&before[..at]))
}

/// Whether a version stands directly before, and the beginning of a sequence before that.
fn versioned(before: &[u8]) -> bool {
    let versions = [[INTEGER, 1, 0], [INTEGER, 1, 1]];
    versions.iter().any(|version| before.strip_suffix(version).is_some_and(headed))
}

/// A key of one of the short curves: bytes as different as chance makes them. Programs hold what stands before a key.
fn short(around: &Around<'_>) -> bool {
    /// Of 32 bytes, 30 are different on average; fewer than 22 are one case of many millions.
    const DIFFERENT: usize = 22;
    let key: BTreeSet<u8> = around.after.iter().take(32).copied().collect();
    versioned(around.before) && key.len() >= DIFFERENT
}

/// A sequence in a string of bytes, as long as that is.
fn nested(after: &[u8]) -> bool {
    let Some((outer, took)) = length(after) else { return false };
    let inner = after.get(took..).filter(|inner| inner.first() == Some(&SEQUENCE));
    let inner = inner.and_then(|inner| length(&inner[1..]));
    inner.is_some_and(|(inner, took)| inner + took + 1 == outer)
}

/// A string of bytes of a key's length.
fn nested_octets(after: &[u8]) -> bool {
    length(after).is_some_and(|(length, _)| length > 32)
}

/// An identifier of a key on a curve, or of DSA, in PKCS#8 and in no public key: those have no version.
fn elliptic(around: &Around<'_>) -> bool {
    let Some(start) = around.before.len().checked_sub(4) else { return false };
    let before = around.before;
    // the algorithm's sequence has a length of one, two or three bytes
    let at = (2..=4).find(|head| {
        before.len().checked_sub(*head).is_some_and(|at| {
            before[at] == SEQUENCE
                && length(&before[at + 1..]).is_some_and(|(_, took)| took + 1 == *head)
                && versioned(&before[..at])
        })
    });
    start > 0 && at.is_some()
}

/// RSA's other numbers: a modulus and an exponent, in a sequence whose length all nine fill.
fn numbers(around: &Around<'_>, first: usize) -> bool {
    let in_pkcs8 = holds(&around.before[around.before.len().saturating_sub(24)..], RSA);
    if in_pkcs8 || !headed(around.before) {
        return false;
    }
    // the modulus, whose length the beginning may have taken
    let rest = match first {
        0x81 => around.after.get(0x80..),
        _ => match around.after {
            [high, low, rest @ ..] => rest.get(usize::from(*high) << 8 | usize::from(*low)..),
            _ => None,
        },
    };
    let Some(mut rest) = rest else { return false };
    for _ in 0..7 {
        let [INTEGER, number @ ..] = rest else { return false };
        let Some((length, took)) = length(number) else { return false };
        match number.get(took + length..) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    true
}

/// A key of `bytes` bytes, and behind it its curve; in PKCS#8 the curve is elsewhere.
fn on_curve(around: &Around<'_>, bytes: usize) -> bool {
    let curve = around.after.get(bytes..).unwrap_or_default();
    let named =
        matches!(curve, [0xA0, outer, 0x06, inner, ..] if *inner > 4 && *outer == inner + 2);
    headed(around.before) && named
}

/// An encrypted key: an algorithm, and a string of bytes behind it. In PKCS#12 the bag is told.
fn sealed(around: &Around<'_>) -> bool {
    let before = &around.before[around.before.len().saturating_sub(32)..];
    if holds(before, BAG) || !headed_twice(around.before) {
        return false;
    }
    // the beginning took the tag of the algorithm's parameters
    let behind = length(around.after).and_then(|(n, took)| around.after.get(n + took..));
    matches!(behind, Some([OCTETS, rest @ ..]) if nested_octets(rest))
}

/// What a bag of PKCS#12 holds: a sequence that fills it.
fn bag(around: &Around<'_>) -> bool {
    headed(around.before) && nested(around.after)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::command;
    use crate::leak::needle::Needles;
    use crate::leak::scan::{Scanner, Stream};

    fn found(bytes: &[u8]) -> Vec<(String, u64)> {
        let needles = Needles::default();
        let scanner = Scanner::new(&needles).unwrap();
        let mut stream = Stream::default();
        scanner.push(&mut stream, bytes);
        scanner.finish(&mut stream);
        stream.hits.into_iter().map(|hit| (hit.what, hit.offset)).collect()
    }

    fn run(folder: &Path, program: &str, line: &str) {
        let mut command = Command::new(program);
        command.args(line.split(' ')).current_dir(folder);
        command::output(&mut command, program).unwrap();
    }

    /// Every file was made by OpenSSL.
    #[test]
    fn every_form_of_a_key_in_bytes_is_found_once_and_no_public_key_is() {
        let folder = tempfile::tempdir().unwrap();
        let openssl = |line: &str| run(folder.path(), "openssl", line);
        let algorithms = [
            ("rsa1", "RSA -pkeyopt rsa_keygen_bits:1024"),
            ("rsa2", "RSA -pkeyopt rsa_keygen_bits:2048"),
            ("rsa4", "RSA -pkeyopt rsa_keygen_bits:4096"),
            ("p256", "EC -pkeyopt ec_paramgen_curve:P-256"),
            ("p384", "EC -pkeyopt ec_paramgen_curve:P-384"),
            ("p521", "EC -pkeyopt ec_paramgen_curve:P-521"),
            ("ed25519", "ED25519"),
            ("ed448", "ED448"),
            ("x25519", "X25519"),
        ];
        let what = |name: &str| -> Vec<String> {
            let bytes = std::fs::read(folder.path().join(name)).unwrap();
            let padded = [&[7; 5000][..], &bytes, &[9; 9000]].concat();
            found(&padded).into_iter().map(|(what, _)| what).collect()
        };
        for (name, algorithm) in algorithms {
            openssl(&format!("genpkey -algorithm {algorithm} -out {name}.pem"));
            openssl(&format!("pkcs8 -topk8 -nocrypt -in {name}.pem -outform DER -out {name}.p8"));
            openssl(&format!(
                "pkcs8 -topk8 -passout pass:x -in {name}.pem -outform DER -out {name}.sealed"
            ));
            openssl(&format!("pkey -in {name}.pem -pubout -outform DER -out {name}.pub"));
            assert_eq!(what(&format!("{name}.p8")), [PKCS8], "{name}");
            assert_eq!(what(&format!("{name}.sealed")), [SEALED], "{name}");
            assert_eq!(what(&format!("{name}.pub")), Vec::<String>::new(), "{name}");
        }
        for name in ["rsa1", "rsa2", "rsa4"] {
            openssl(&format!("rsa -in {name}.pem -traditional -outform DER -out {name}.p1"));
            assert_eq!(what(&format!("{name}.p1")), [PKCS8], "{name}");
        }
        for name in ["p256", "p384", "p521"] {
            openssl(&format!("ec -in {name}.pem -outform DER -out {name}.sec1"));
            assert_eq!(what(&format!("{name}.sec1")), [PKCS8], "{name}");
        }
        openssl("req -x509 -key rsa2.pem -subj /CN=x -out cert.pem");
        openssl("x509 -in cert.pem -outform DER -out cert.der");
        openssl("pkcs12 -export -inkey rsa2.pem -in cert.pem -passout pass:x -out key.p12");
        openssl("pkcs12 -export -nokeys -in cert.pem -passout pass:x -out certs.p12");
        assert_eq!(what("cert.der"), Vec::<String>::new());
        assert_eq!(what("key.p12"), [STORE]);
        assert_eq!(what("certs.p12"), Vec::<String>::new());
        // what stands before a key, as a program has it, and marshalled values behind it
        let before = b"\x30\x2E\x02\x01\x00\x30\x05\x06\x03\x2B\x65\x6E\x04\x22\x04\x20";
        let behind =
            b"\xE9\x30\0\0\0r\x02\0\0\0\xE9\x10\0\0\0)\x0Fr\xB8\0\0\0r\xF0\0\0\0\xDA\x11_ze";
        assert_eq!(found(&[&before[..], behind].concat()), []);
    }

    /// The shape of a JKS (sun.security.provider.JavaKeyStore), with a key that is none.
    #[test]
    fn a_keystore_of_java_is_found_by_how_it_encrypts_a_key() {
        let algorithm = b"\x30\x0E\x06\x0A\x2B\x06\x01\x04\x01\x2A\x02\x11\x01\x01\x05\x00";
        let sealed = [&algorithm[..], b"\x04\x82\x04\x00", &[5; 1024]].concat();
        let key = [&[0x30, 0x82, 4, 20][..], &sealed].concat();
        let head =
            b"\xFE\xED\xFE\xED\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\x01a\0\0\0\0\0\0\0\0\0\0\x04\x18";
        assert_eq!(found(&[&head[..], &key].concat()), [(JAVA.to_owned(), 37)]);
        // the identifier alone, as in the program that reads them
        assert_eq!(found(algorithm), []);
    }
}
