//! PAX extended headers (POSIX.1-2017, pax, "pax Extended Header"): records parsed by their length.
//!
//! The tar crate splits them at newlines, which cuts binary attribute values (a capability holding
//! 0x0A) in two; the length in front of each record is what counts.

use std::collections::BTreeMap;

use crate::error::{Error, Kind, Result};
use crate::units::Timestamp;

/// Keyword prefix under which GNU tar, star and bsdtar store extended attributes unchanged.
pub const XATTR: &[u8] = b"SCHILY.xattr.";

const NANOS: u32 = 1_000_000_000;

/// The records of one header; of a keyword that comes twice, the last value counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records(BTreeMap<Vec<u8>, Vec<u8>>);

impl Records {
    /// Parses `LENGTH KEYWORD=VALUE\n` records; an empty value takes a record back.
    pub fn extend_from(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (record, rest) = split_record(bytes)?;
            let cut = record.iter().position(|&b| b == b'=').ok_or_else(|| wrong("no \"=\""))?;
            let (keyword, value) = (&record[..cut], &record[cut + 1..]);
            if value.is_empty() && !keyword.starts_with(XATTR) {
                self.0.remove(keyword);
            } else {
                self.0.insert(keyword.to_vec(), value.to_vec());
            }
            bytes = rest;
        }
        Ok(())
    }

    /// The value of a keyword.
    pub fn get(&self, keyword: &[u8]) -> Option<&[u8]> {
        self.0.get(keyword).map(Vec::as_slice)
    }

    /// A decimal number.
    pub fn number(&self, keyword: &str) -> Result<Option<u64>> {
        let Some(value) = self.get(keyword.as_bytes()) else { return Ok(None) };
        let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| wrong(&format!("{keyword} is not a number")))
    }

    /// A time in seconds with an optional sign and fraction.
    pub fn time(&self, keyword: &str) -> Result<Option<Timestamp>> {
        let Some(value) = self.get(keyword.as_bytes()) else { return Ok(None) };
        parse_time(value).map(Some).ok_or_else(|| wrong(&format!("{keyword} is not a time")))
    }

    /// The extended attributes.
    pub fn xattrs(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let with_prefix = self.0.iter().filter_map(|(k, v)| Some((k.strip_prefix(XATTR)?, v)));
        with_prefix.map(|(name, value)| (name.to_vec(), value.clone())).collect()
    }

    /// The first keyword that starts with one of `prefixes`.
    pub fn starting_with(&self, prefixes: &[&[u8]]) -> Option<&[u8]> {
        self.0.keys().find(|k| prefixes.iter().any(|p| k.starts_with(p))).map(Vec::as_slice)
    }
}

fn split_record(bytes: &[u8]) -> Result<(&[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|&b| b == b' ');
    let space = space.ok_or_else(|| wrong("no length"))?;
    let length: usize = std::str::from_utf8(&bytes[..space])
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| wrong("its length is not a number"))?;
    if length <= space + 1 || length > bytes.len() || bytes[length - 1] != b'\n' {
        return Err(wrong("its length is wrong"));
    }
    Ok((&bytes[space + 1..length - 1], &bytes[length..]))
}

fn wrong(why: &str) -> Error {
    Error::new(Kind::Damaged, format!("a PAX record is damaged: {why}"))
}

fn parse_time(value: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(value).ok()?;
    let negative = text.starts_with('-');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(fraction) || !digits(whole.strip_prefix('-').unwrap_or(whole)) {
        return None;
    }
    // parsed with its sign: the lowest number has no positive counterpart
    let seconds: i64 = whole.parse().ok()?;
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nanos: u32 = digits.parse().ok()?;
    Some(match (negative, nanos) {
        (false, _) => Timestamp { seconds, nanos },
        (true, 0) => Timestamp { seconds, nanos: 0 },
        (true, _) => Timestamp { seconds: seconds.checked_sub(1)?, nanos: NANOS - nanos },
    })
}

/// Appends one record to `out`; its length counts its own digits.
pub fn push(out: &mut Vec<u8>, keyword: &[u8], value: &[u8]) {
    let body = keyword.len() + value.len() + 3;
    let mut length = body;
    while body + length.to_string().len() != length {
        length = body + length.to_string().len();
    }
    out.extend_from_slice(length.to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(keyword);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// The time as a record's value.
pub fn format_time(time: Timestamp) -> String {
    match (time.seconds, time.nanos) {
        (seconds, 0) => seconds.to_string(),
        (seconds, nanos) if seconds >= 0 => format!("{seconds}.{nanos:09}"),
        (seconds, nanos) => format!("-{}.{:09}", -(seconds + 1), NANOS - nanos),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_newlines_and_equal_signs_reads_back() {
        let mut bytes = Vec::new();
        push(&mut bytes, b"SCHILY.xattr.security.capability", b"\n=\0\n9 a=b\n");
        push(&mut bytes, b"path", &[b'x'; 200]);
        let mut records = Records::default();
        records.extend_from(&bytes).unwrap();
        assert_eq!(records.xattrs()[&b"security.capability"[..]], b"\n=\0\n9 a=b\n");
        assert_eq!(records.get(b"path").unwrap().len(), 200);
    }

    #[test]
    fn a_records_length_counts_its_own_digits() {
        for length in 0..2000 {
            let mut bytes = Vec::new();
            push(&mut bytes, b"k", &vec![b'v'; length]);
            let text = String::from_utf8(bytes.clone()).unwrap();
            let said: usize = text.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(said, bytes.len());
        }
    }

    #[test]
    fn fractional_and_negative_times_read_back() {
        for (text, seconds, nanos) in [
            ("12", 12, 0),
            ("12.000000005", 12, 5),
            ("-1.500000000", -2, 500_000_000),
            ("-0.000000001", -1, 999_999_999),
            ("-7", -7, 0),
            ("-9223372036854775808", i64::MIN, 0),
        ] {
            let time = parse_time(text.as_bytes()).unwrap();
            assert_eq!(time, Timestamp { seconds, nanos });
            assert_eq!(format_time(time), text);
        }
        for wrong in ["", "x", "1.x", "--1", "1.-5", "+1", "-", "-9223372036854775808.5"] {
            assert_eq!(parse_time(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn damaged_records_are_errors() {
        for bytes in [&b"x"[..], b"5 a=b", b"99 a=b\n", b"6 a=b\n\n", b"3 a\n", b"6 abc\n"] {
            assert!(Records::default().extend_from(bytes).is_err(), "{bytes:?}");
        }
    }
}
