//! Characters that word processors, telephones and old programs write instead of those that TOML
//! means: curly quotes, blanks that are not spaces, Latin-1. The parser would say "invalid key"
//! about a character that looks right.

use super::diagnostic::{Diagnostic, Place};

/// A character that looks like another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Odd {
    /// With an article.
    name: &'static str,
    /// What to type.
    meant: &'static str,
}

fn odd(c: char) -> Option<Odd> {
    let (name, meant) = match c {
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ff02}' | '\u{ab}' | '\u{bb}' => {
            ("a typographic quote", "\"")
        }
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{b4}' | '\u{ff07}' => {
            ("a typographic apostrophe", "'")
        }
        '\u{a0}' | '\u{2007}' | '\u{202f}' => ("a no-break space", " "),
        '\u{1680}'
        | '\u{2000}'..='\u{2006}'
        | '\u{2008}'..='\u{200a}'
        | '\u{205f}'
        | '\u{3000}' => ("a wide or narrow space", " "),
        '\u{2028}' | '\u{2029}' | '\u{85}' => ("a line end of word processors", "Enter"),
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {
            ("an invisible character", "")
        }
        '\u{2010}'..='\u{2015}' | '\u{2212}' => ("a dash", "-"),
        '\u{2026}' => ("an ellipsis", "..."),
        '\u{ff1d}' => ("a wide equals sign", "="),
        '\u{ff0e}' => ("a wide full stop", "."),
        _ => return None,
    };
    Some(Odd { name, meant })
}

impl Odd {
    fn remedy(self) -> String {
        match self.meant {
            "" => "delete it".to_owned(),
            " " => "type a space".to_owned(),
            "Enter" => "press Enter".to_owned(),
            meant => format!("type {meant}"),
        }
    }
}

/// What is odd in a refused value, which may look like a good one.
pub(super) fn in_value(value: &str) -> Option<String> {
    let named = |c: char| match c {
        '\t' => Some(Odd { name: "a tab", meant: " " }),
        c => odd(c),
    };
    let (c, odd) = value.chars().find_map(|c| Some((c, named(c)?)))?;
    Some(format!("it holds {} (U+{:04X}): {}", odd.name, u32::from(c), odd.remedy()))
}

/// The scanner's state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Plain,
    Comment,
    /// In a string: its quote character, and how many of them end it.
    Text(char, usize),
}

/// Odd characters outside strings and comments, and those that should have ended a string: one
/// error per line.
pub(super) fn find(text: &str, file: usize) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    let mut state = State::Plain;
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        let (after, found) = scan(line, state);
        state = after;
        if let Some(at) = found {
            errors.extend(error(line, line_start, at, file));
        }
        line_start += line.len();
    }
    errors
}

/// The state after a line, and the first odd character in it.
fn scan(line: &str, mut state: State) -> (State, Option<usize>) {
    let mut found = None;
    let mut rest = line.char_indices();
    while let Some((at, c)) = rest.next() {
        let run = |quote: char| line[at..].chars().take_while(|c| *c == quote).count();
        match state {
            State::Comment => {}
            State::Plain if c == '#' => state = State::Comment,
            State::Plain if matches!(c, '"' | '\'') => {
                let quotes = run(c);
                match quotes {
                    // two are an empty text
                    2 | 6.. => {}
                    3..=5 => state = State::Text(c, 3),
                    _ => state = State::Text(c, 1),
                }
                skip(&mut rest, quotes - 1);
            }
            State::Plain if odd(c).is_some() => found = found.or(Some(at)),
            State::Plain => {}
            State::Text('"', _) if c == '\\' => skip(&mut rest, 1),
            State::Text(quote, count) if c == quote && run(quote) >= count => {
                skip(&mut rest, if count == 1 { 0 } else { run(quote) - 1 });
                state = State::Plain;
            }
            State::Text(..) => {}
        }
    }
    match state {
        // a one-line string that does not end on its line: perhaps it ends with another kind of
        // quote
        State::Text(_, 1) => {
            let written = line.trim_end().trim_end_matches([',', ']', '}']).trim_end();
            let last = written.char_indices().next_back();
            let end = last.filter(|(_, c)| odd(*c).is_some_and(|o| matches!(o.meant, "\"" | "'")));
            (State::Plain, found.or(end.map(|(at, _)| at)))
        }
        State::Comment => (State::Plain, found),
        state => (state, found),
    }
}

fn skip(rest: &mut std::str::CharIndices<'_>, count: usize) {
    for _ in 0..count {
        rest.next();
    }
}

fn error(line: &str, line_start: usize, at: usize, file: usize) -> Option<Diagnostic> {
    let c = line[at..].chars().next()?;
    let odd = odd(c)?;
    let start = line_start + at;
    let place = Place { file, span: start..start + c.len_utf8() };
    let message = format!("this is {} (U+{:04X})", odd.name, u32::from(c));
    let error = Diagnostic::at(&place, message, odd.remedy());
    let better = straight(line.trim_end());
    Some(error.help(format!("write the line like this: {better}")).help(
        "a word processor wrote it: use a plain text editor, and its plain quotes and spaces",
    ))
}

/// The line as it was meant. An apostrophe between letters belongs to a word.
fn straight(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let letter = |i: Option<usize>| i.and_then(|i| chars.get(i)).is_some_and(|c| c.is_alphabetic());
    let mut text = String::new();
    for (i, c) in chars.iter().enumerate() {
        let in_word = letter(i.checked_sub(1)) && letter(Some(i + 1));
        match odd(*c) {
            Some(odd) if !(odd.meant == "'" && in_word) && odd.meant != "Enter" => {
                text.push_str(odd.meant);
            }
            _ => text.push(*c),
        }
    }
    text
}

/// Bytes that are not UTF-8: their text as it was probably meant, and the error in it.
pub(super) fn not_utf8(bytes: &[u8], valid_up_to: usize, file: usize) -> (String, Diagnostic) {
    let wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    if wide {
        let error = Diagnostic::of_file(file, "this file is in UTF-16");
        return (String::new(), error.help(SAVE));
    }
    // the bytes before it are good; from there on each byte is a character in Latin-1
    let mut text = String::from_utf8_lossy(&bytes[..valid_up_to]).into_owned();
    let start = text.len();
    text.extend(bytes[valid_up_to..].iter().map(|byte| windows_1252(*byte)));
    let c = text[start..].chars().next().unwrap_or_default();
    let place = Place { file, span: start..start + c.len_utf8() };
    let message = format!("this file is not in UTF-8: byte 0x{:02X}", bytes[valid_up_to]);
    (text, Diagnostic::at(&place, message, format!("type {c} here")).help(SAVE))
}

const SAVE: &str = "save the file as UTF-8: editors have it under \"Save as\" as the encoding";

/// The encoding that old Windows programs write (Windows-1252, which includes Latin-1).
fn windows_1252(byte: u8) -> char {
    match byte {
        0x80 => '€',
        0x82 | 0x91 | 0x92 => '\u{2019}',
        0x84 | 0x93 => '\u{201c}',
        0x94 => '\u{201d}',
        0x96 => '–',
        byte => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        find(text, 0).iter().map(|e| &text[e.span.clone().unwrap()]).collect()
    }

    #[test]
    fn odd_characters_are_found_outside_of_texts_and_comments_only() {
        assert_eq!(found("a = \u{201c}b\u{201d}\n"), ["\u{201c}"]);
        assert_eq!(found("a = \"b\u{201d}\nc = 1\n"), ["\u{201d}"]);
        assert_eq!(found("a\u{a0}= 1\n[b]\nc =\u{a0}2\n"), ["\u{a0}", "\u{a0}"]);
        assert_eq!(found("a = [\"b\u{201d}]\n"), ["\u{201d}"]);
        for good in [
            "# \u{201c}b\u{201d}\na = \"\u{201c}\"\n",
            "a = \"\"\"\n\u{201c}b\u{201d}\n\"quoted\" \\\"\"\"\"\nb = ''\n",
            "a = '\\' # \u{2019}\nb = '''\u{2019}''''\n",
            "a = \"\" # \u{2026}\n",
        ] {
            assert!(find(good, 0).is_empty(), "{good}");
        }
    }

    #[test]
    fn the_better_line_keeps_apostrophes_in_words() {
        assert_eq!(straight("a\u{a0}= \u{201c}O\u{2019}Neill\u{201d}"), "a = \"O\u{2019}Neill\"");
        assert_eq!(straight("b = \u{2018}x\u{2019}"), "b = 'x'");
    }
}
