//! OpenSSH public keys, as a line of authorized_keys without options.

use super::{Complaint, Verdict};
use crate::units::Digest;

/// The types that today's OpenSSH accepts, which no longer include ssh-dss.
const TYPES: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// OpenSSH refuses RSA keys below 2048 bits on Debian and Ubuntu (RequiredRSASize: 1024 upstream).
const RSA_SMALLEST_BITS: usize = 2048;

/// Longest key: an RSA key of 16,384 bits has 2,750 characters.
const KEY_LONGEST: usize = 4000;

/// Type, base64, and an optional comment.
pub(super) fn public_key(text: &str) -> Verdict {
    if text.contains("PRIVATE KEY") {
        return Err(complaint("this is a private key: it must never leave its owner")
            .help("paste the file that ends in .pub"));
    }
    if text.len() > KEY_LONGEST || text.contains(['\n', '\r', '\0']) {
        return Err(complaint("one line, one key"));
    }
    let mut parts = text.splitn(3, ' ');
    let kind = parts.next().unwrap_or_default();
    if !TYPES.contains(&kind) {
        return Err(complaint("it does not begin with a key's type").help(format!(
            "options before the key are not allowed; types are {}",
            TYPES.join(", ")
        )));
    }
    let blob = parts.next().and_then(decode).ok_or_else(|| complaint("its base64 is damaged"))?;
    check_blob(kind, &blob)?;
    let comment = parts.next().unwrap_or_default();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b" @._-+:,()/".contains(&b);
    if !comment.bytes().all(allowed) {
        return Err(complaint("its comment holds a character that is not allowed")
            .help("shorten the comment at the end to A-Z, a-z, 0-9 and @ . _ -"));
    }
    Ok(())
}

/// Kind, fingerprint as `ssh-keygen -l` shows it, and comment.
pub(in crate::profile) fn in_words(text: &str) -> String {
    let mut parts = text.splitn(3, ' ');
    let (kind, blob) = (parts.next().unwrap_or_default(), parts.next().and_then(decode));
    let comment = parts.next().unwrap_or_default();
    let Some(blob) = blob else { return "a damaged key".to_owned() };
    let fingerprint = ssh_key::Fingerprint::Sha256(*Digest::of(blob).as_bytes());
    format!("{kind} {fingerprint} {comment}").trim_end().to_owned()
}

fn complaint(label: &str) -> Complaint {
    Complaint::new("this is not an SSH public key", label)
        .help("paste one line of a .pub file, as in \"ssh-ed25519 AAAA… ana@example\"")
}

/// RFC 4253, 6.6: the blob begins with the type's own name, and its fields end exactly at its end.
fn check_blob(kind: &str, blob: &[u8]) -> Verdict {
    let damaged = || complaint("its base64 is cut off or belongs to another type");
    let mut rest = blob;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (field, after) = field(rest).ok_or_else(damaged)?;
        fields.push(field);
        rest = after;
    }
    let expected = match kind {
        "ssh-ed25519" => 2,
        "sk-ecdsa-sha2-nistp256@openssh.com" => 4,
        _ => 3,
    };
    if fields.len() != expected || fields[0] != kind.as_bytes() {
        return Err(damaged());
    }
    let length = fields[expected - 1].len();
    match kind {
        "ssh-ed25519" if length != 32 => Err(damaged()),
        // the modulus has a leading zero byte, because its highest bit is set
        "ssh-rsa" if (length.saturating_sub(1)) * 8 < RSA_SMALLEST_BITS => {
            Err(complaint("an RSA key below 2048 bits is refused by OpenSSH")
                .help("make a new one: ssh-keygen -t ed25519"))
        }
        _ => Ok(()),
    }
}

/// A length of four bytes, big-endian, and that many bytes (RFC 4251, 5).
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    rest.split_at_checked(length)
}

/// Base64 with padding (RFC 4648, 4), strictly.
fn decode(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(4) {
        return None;
    }
    let body = text.trim_end_matches('=');
    if text.len() - body.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in body.bytes() {
        buffer = buffer << 6 | u32::from(sextet(byte)?);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits & 0xff) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}
