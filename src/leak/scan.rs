//! Finds all needles and the beginnings of all secrets in a stream of bytes, in one pass.

use aho_corasick::{AhoCorasick, MatchKind};

use super::LeakRule;
use super::der::KEYS;
use super::needle::{LONG, Needles};
use super::secret::SECRETS;
use super::shape::Around;
use crate::error::{Error, Kind, Result};

/// Bytes after a beginning that are looked at: a certificate has up to a few thousand.
pub(super) const AHEAD: usize = 8192;
/// Bytes before it.
const BEHIND: usize = 512;
/// Where a byte of zero means that a file is no text, in bytes from its start; as git does it.
const TEXT: usize = 8000;
/// The most places of one kind that are kept of one file.
const PLACES: usize = 5;

/// What is looked for.
pub(super) struct Scanner<'a> {
    needles: &'a Needles,
    automaton: AhoCorasick,
}

/// One place that was found.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub rule: LeakRule,
    pub what: String,
    pub offset: u64,
    /// Which needle it is; none for a secret.
    pub needle: Option<usize>,
}

/// The state of one stream.
#[derive(Debug, Default)]
pub(super) struct Stream {
    buffer: Vec<u8>,
    /// Where the buffer begins in the stream.
    base: u64,
    /// How many of its bytes need no look as beginnings.
    done: usize,
    /// Whether it is a text; not known before its first byte.
    text: Option<bool>,
    pub hits: Vec<Hit>,
}

impl<'a> Scanner<'a> {
    pub fn new(needles: &'a Needles) -> Result<Self> {
        let secrets = SECRETS.iter().chain(KEYS).map(|secret| secret.begins);
        let patterns = secrets.chain(needles.all.iter().map(|needle| needle.text.as_bytes()));
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(patterns);
        let automaton = automaton.map_err(|e| {
            Error::new(Kind::Input, "there are too many texts to look for").because(e)
        })?;
        Ok(Self { needles, automaton })
    }

    /// The next bytes of a stream.
    pub fn push(&self, stream: &mut Stream, bytes: &[u8]) {
        let start = || !bytes[..bytes.len().min(TEXT)].contains(&0);
        stream.text.get_or_insert_with(start);
        stream.buffer.extend_from_slice(bytes);
        let end = stream.buffer.len().saturating_sub(AHEAD);
        if end <= stream.done {
            return;
        }
        self.look(stream, end);
        let keep = end.saturating_sub(BEHIND);
        stream.buffer.drain(..keep);
        stream.base += keep as u64;
        stream.done = end - keep;
    }

    /// The end of a stream.
    pub fn finish(&self, stream: &mut Stream) {
        let end = stream.buffer.len();
        self.look(stream, end);
        stream.buffer.clear();
        stream.done = 0;
    }

    /// Looks at every beginning before `end`.
    fn look(&self, stream: &mut Stream, end: usize) {
        let mut found = Vec::new();
        for place in self.automaton.find_overlapping_iter(&stream.buffer) {
            if place.start() < stream.done || place.start() >= end {
                continue;
            }
            let behind = place.start().saturating_sub(BEHIND);
            let around = Around {
                before: &stream.buffer[behind..place.start()],
                after: &stream.buffer[place.end()..],
                host: self.needles.host.as_deref(),
            };
            let offset = stream.base + place.start() as u64;
            found.extend(self.judge(
                place.pattern().as_usize(),
                &around,
                offset,
                stream.text == Some(true),
            ));
        }
        for hit in found {
            let same = |other: &&Hit| other.what == hit.what;
            if stream.hits.iter().filter(same).count() < PLACES {
                stream.hits.push(hit);
            }
        }
    }

    fn judge(&self, pattern: usize, around: &Around<'_>, offset: u64, text: bool) -> Option<Hit> {
        if let Some(secret) = SECRETS.iter().chain(KEYS).nth(pattern) {
            let (rule, what) = (secret.rule, secret.what.to_owned());
            return (secret.is)(around).then_some(Hit { rule, what, offset, needle: None });
        }
        let index = pattern - SECRETS.len() - KEYS.len();
        let needle = self.needles.all.get(index)?;
        let far = needle.text.len() >= LONG || text;
        let whole = edge(needle.text.bytes().next(), around.before.last())
            && edge(needle.text.bytes().last(), around.after.first())
            && !goes_on(needle.text.bytes().last(), around.after);
        let (rule, what) = (needle.rule, needle.what.clone());
        (far && whole).then_some(Hit { rule, what, offset, needle: Some(index) })
    }
}

/// Whether a word ends between two bytes.
fn edge(inside: Option<u8>, outside: Option<&u8>) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b >= 0x80;
    !(inside.is_some_and(word) && outside.is_some_and(|b| word(*b)))
}

/// Whether a number goes on behind its point: the site `shop` in its version 1.0.0 is not the customer `shop-1`.
fn goes_on(inside: Option<u8>, outside: &[u8]) -> bool {
    let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_digit);
    digit(inside.as_ref()) && outside.first() == Some(&b'.') && digit(outside.get(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leak::Builder;

    fn needles() -> Needles {
        let builder = Builder { user: Some("mart".to_owned()), ..Builder::default() };
        Needles::new(None, &[], &builder)
    }

    fn offsets(pieces: &[&[u8]]) -> Vec<u64> {
        let needles = needles();
        let scanner = Scanner::new(&needles).unwrap();
        let mut stream = Stream::default();
        pieces.iter().for_each(|piece| scanner.push(&mut stream, piece));
        scanner.finish(&mut stream);
        stream.hits.iter().map(|hit| hit.offset).collect()
    }

    #[test]
    fn a_secret_is_found_once_wherever_the_pieces_end() {
        let token = b"ghp_0123456789abcdefghijABCDEFGHIJ012345\n";
        for before in [0, 1, 511, 513, 8191, 8192, 20_000] {
            let text = [&vec![b'.'; before][..], token, &[b'.'; 9000]].concat();
            for cut in [1, 7, 4000, 8200, 19_999, 20_010] {
                let cut = cut.min(text.len());
                assert_eq!(
                    offsets(&[&text[..cut], &text[cut..]]),
                    [before as u64],
                    "{before} {cut}"
                );
            }
            let bytes: Vec<&[u8]> = text.chunks(13).collect();
            assert_eq!(offsets(&bytes), [before as u64], "{before}");
        }
    }

    #[test]
    fn a_number_that_goes_on_is_another_one() {
        let builder = Builder { user: Some("shop-1".to_owned()), ..Builder::default() };
        let needles = Needles::new(None, &[], &builder);
        let scanner = Scanner::new(&needles).unwrap();
        let mut stream = Stream::default();
        scanner.push(&mut stream, b"shop-1.0.0+b1 shop-1. shop-1.example shop-1");
        scanner.finish(&mut stream);
        assert_eq!(stream.hits.iter().map(|hit| hit.offset).collect::<Vec<_>>(), [14, 22, 37]);
    }

    #[test]
    fn a_short_word_is_looked_for_as_a_whole_word_in_text() {
        assert_eq!(offsets(&[b"user mart, home/mart"]), [5, 16]);
        assert_eq!(offsets(&[b"smart mart1 martini"]), Vec::<u64>::new());
        assert_eq!(offsets(&[b"\0 mart "]), Vec::<u64>::new());
    }
}
