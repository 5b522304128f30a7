//! The shapes of secrets: what must follow a beginning, and what may stand before it.

use std::ops::RangeInclusive;

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};

/// A match with what is around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// Some bytes before it.
    pub before: &'a [u8],
    /// The bytes after the beginning, as many as any shape looks at where the file has them.
    pub after: &'a [u8],
    /// The building machine's name, for certificates.
    pub host: Option<&'a str>,
}

pub(super) fn alnum(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

pub(super) fn upper(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit()
}

pub(super) fn hex(b: u8) -> bool {
    b.is_ascii_hexdigit()
}

pub(super) fn base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')
}

pub(super) fn url(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

pub(super) fn dotted(b: u8) -> bool {
    url(b) || b == b'.'
}

pub(super) fn path(b: u8) -> bool {
    url(b) || b == b'/'
}

pub(super) fn count(bytes: &[u8], of: fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|b| of(**b)).count()
}

pub(super) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Whether bytes are as different as a secret's: a manual's example is a row of x.
pub(super) fn varied(bytes: &[u8]) -> bool {
    let mut seen = [false; 256];
    bytes.iter().for_each(|b| seen[usize::from(*b)] = true);
    seen.iter().filter(|seen| **seen).count() >= 8
}

/// Whether nothing before makes it a part of a longer word.
pub(super) fn alone(around: &Around<'_>) -> bool {
    !around.before.last().is_some_and(|b| url(*b) || matches!(b, b'+' | b'/'))
}

/// As many characters of a set as a token has, and no more.
pub(super) fn run(around: &Around<'_>, of: fn(u8) -> bool, length: RangeInclusive<usize>) -> bool {
    let count = count(around.after, of);
    alone(around) && length.contains(&count) && varied(&around.after[..count])
}

/// What stands between a name and its value, in any language: blanks, quotes, a colon or an equals sign.
pub(super) fn value(after: &[u8]) -> Option<&[u8]> {
    let gap = count(after, |b| b" \t\"':=>".contains(&b));
    let sign = after[..gap].iter().any(|b| matches!(b, b':' | b'='));
    (sign && gap < 16).then(|| &after[gap..])
}

/// A value of exactly or, without an end, at least `length` characters of a set.
pub(super) fn assigned(around: &Around<'_>, of: fn(u8) -> bool, length: usize, end: &[u8]) -> bool {
    let Some(value) = value(around.after) else { return false };
    let count = count(value, of);
    let enough = if end.is_empty() { count >= length } else { count == length };
    enough && value[count..].starts_with(end) && varied(&value[..count])
}

/// A block with this at the end of its label, and a body: programs that read keys hold the label alone.
pub(super) fn pem(around: &Around<'_>, label: &str) -> bool {
    let length = count(around.after, |b| upper(b) || b == b' ');
    let (found, rest) = around.after.split_at(length);
    found.ends_with(label.as_bytes())
        && length < 40
        && rest.starts_with(b"-----")
        && body(&rest[5..])
}

/// Whether a block's body begins here: perhaps lines with a colon (RFC 1421), then base64. A line may end as in JSON.
pub(super) fn body(mut after: &[u8]) -> bool {
    const LEAST: usize = 64;
    let mut body = Vec::new();
    for _ in 0..16 {
        let end =
            after.iter().position(|b| matches!(b, b'\n' | b'\r' | b'\\')).unwrap_or(after.len());
        let line = after[..end].trim_ascii();
        let headed = line.iter().any(|b| matches!(b, b':' | b'-' | b'"'));
        if !headed || !body.is_empty() {
            let count = count(line, |b| base64(b) || b == b'=');
            body.extend_from_slice(&line[..count]);
            if body.len() >= LEAST {
                return varied(&body);
            }
            if count < line.len() {
                return false;
            }
        }
        // "\n" of JSON is two bytes
        let skip = if after.get(end) == Some(&b'\\') { 2 } else { 1 };
        match after.get(end + skip..) {
            Some(rest) => after = rest,
            None => return false,
        }
    }
    false
}

/// A certificate with the building machine's name in it, which DER holds in the clear.
pub(super) fn names_host(around: &Around<'_>) -> bool {
    let Some(host) = around.host.filter(|host| host.len() >= 4) else { return false };
    let end = around.after.windows(8).position(|w| w == b"-----END").unwrap_or(around.after.len());
    let text: String = around.after[..end]
        .iter()
        .filter(|b| !b.is_ascii_whitespace())
        .map(|b| char::from(*b))
        .collect();
    Base64::decode_vec(&text).is_ok_and(|der| holds(&der, host.as_bytes()))
}

pub(super) fn aws_id(around: &Around<'_>) -> bool {
    // Amazon's own example
    run(around, upper, 16..=16)
        && !around.after[..16].ends_with(b"EXAMPLE")
        && !around.after[16..].first().is_some_and(|b| base64(*b))
}

pub(super) fn aws_secret(around: &Around<'_>) -> bool {
    let Some(value) = value(around.after) else { return false };
    let count = count(value, base64);
    count == 40 && varied(&value[..40]) && !value[..40].ends_with(b"EXAMPLEKEY")
}

/// The key that every copy of Azure's emulator has.
const EMULATOR: &[u8] = b"Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq";

pub(super) fn azure_account(around: &Around<'_>) -> bool {
    let count = count(around.after, base64);
    count == 86 && around.after[86..].starts_with(b"==") && !around.after.starts_with(EMULATOR)
}

/// A signature beside the version of the service that every such address names.
pub(super) fn azure_signature(around: &Around<'_>) -> bool {
    let count = count(around.after, |b| base64(b) || matches!(b, b'%' | b'=' | b'-' | b'_'));
    let near = &around.after[..around.after.len().min(512)];
    let version = |bytes: &[u8]| holds(bytes, b"sv=20");
    let begins = matches!(
        around.before.last(),
        None | Some(b'?' | b'&' | b' ' | b'"' | b'\'' | b'\n' | b';')
    );
    begins
        && (40..=200).contains(&count)
        && varied(&around.after[..count])
        && (version(around.before) || version(near))
}

/// Three parts, the first two JSON, the first with a real algorithm (RFC 7519).
pub(super) fn jwt(around: &Around<'_>) -> bool {
    if !alone(around) || around.before.last() == Some(&b'.') {
        return false;
    }
    let mut rest = around.after;
    let mut parts = Vec::new();
    for _ in 0..3 {
        let count = count(rest, url);
        parts.push(&rest[..count]);
        rest = rest.get(count..).unwrap_or_default();
        rest = rest.strip_prefix(b".").unwrap_or(rest);
    }
    let json = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok()?;
        let decoded = Base64UrlUnpadded::decode_vec(text).ok()?;
        serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&decoded).ok()
    };
    let head = json(&[b"eyJ", parts[0]].concat());
    let signed = head.is_some_and(|head| head.get("alg").is_some_and(|alg| alg != "none"));
    signed && parts[2].len() >= 20 && json(parts[1]).is_some()
}
