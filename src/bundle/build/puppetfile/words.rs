//! The words of a Puppetfile: the part of Ruby's that a Puppetfile needs.

use super::Fault;

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// `mod`, `forge`.
    Bare(String),
    /// `'text'`, `"text"`.
    Text(String),
    /// `:git`.
    Symbol(String),
    /// `git:` before a value.
    Label(String),
    /// `=>`.
    Arrow,
    /// `,`.
    Comma,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// The end of a statement.
    End,
}

const REMEDY: &str =
    "a Puppetfile is read without running it: write plain strings, symbols and `#` comments";

/// All words, each with its line.
pub(super) fn split(text: &str) -> Result<Vec<(usize, Word)>, Fault> {
    let mut scan = Scan { rest: text, line: 1, words: Vec::new() };
    while let Some(first) = scan.rest.chars().next() {
        scan.word(first)?;
    }
    scan.end();
    Ok(scan.words)
}

struct Scan<'a> {
    rest: &'a str,
    line: usize,
    words: Vec<(usize, Word)>,
}

impl Scan<'_> {
    fn word(&mut self, first: char) -> Result<(), Fault> {
        match first {
            '\n' | ';' => {
                self.end();
                self.line += usize::from(first == '\n');
                self.rest = &self.rest[1..];
            }
            c if c.is_whitespace() => self.rest = &self.rest[c.len_utf8()..],
            '#' => self.rest = &self.rest[self.rest.find('\n').unwrap_or(self.rest.len())..],
            '\'' | '"' => self.text(first)?,
            ',' => self.sign(Word::Comma, 1),
            '(' => self.sign(Word::Open, 1),
            ')' => self.sign(Word::Close, 1),
            '=' if self.rest.starts_with("=>") => self.sign(Word::Arrow, 2),
            ':' => {
                self.rest = &self.rest[1..];
                let name = self.name()?;
                self.push(Word::Symbol(name));
            }
            '{' | '}' => {
                return Err(Fault {
                    line: self.line,
                    fact: "options in braces are not read".to_owned(),
                    remedy: "write them without the braces: they mean the same",
                });
            }
            _ => {
                let name = self.name()?;
                let label = self.rest.starts_with(':') && !self.rest.starts_with("::");
                if label {
                    self.rest = &self.rest[1..];
                }
                self.push(if label { Word::Label(name) } else { Word::Bare(name) });
            }
        }
        Ok(())
    }

    fn push(&mut self, word: Word) {
        self.words.push((self.line, word));
    }

    fn sign(&mut self, word: Word, length: usize) {
        self.push(word);
        self.rest = &self.rest[length..];
    }

    /// A line ends a statement, unless it ends with what must be followed by something.
    fn end(&mut self) {
        let goes_on = [Word::Comma, Word::Arrow, Word::Open];
        match self.words.last() {
            None | Some((_, Word::End)) => {}
            Some((_, last)) if goes_on.contains(last) => {}
            Some(_) => self.push(Word::End),
        }
    }

    fn name(&mut self) -> Result<String, Fault> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = self.rest.find(|c: char| !allowed(c)).unwrap_or(self.rest.len());
        if end == 0 {
            let shown = self.rest.chars().next().unwrap_or_default();
            return Err(self.fault(format!("{shown:?} has no place in a Puppetfile")));
        }
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(name.to_owned())
    }

    fn text(&mut self, quote: char) -> Result<(), Fault> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = &self.rest[at + 1..];
                    self.push(Word::Text(text));
                    return Ok(());
                }
                '\n' => break,
                '\\' => match chars.next() {
                    Some((_, c)) if c == quote || c == '\\' => text.push(c),
                    // in single quotes Ruby keeps any other backslash
                    Some((_, c)) if quote == '\'' => text.extend(['\\', c]),
                    _ => return Err(self.fault("this escape is not read".to_owned())),
                },
                '#' if quote == '"' && self.rest[at + 1..].starts_with('{') => {
                    return Err(self.fault("a string computes something".to_owned()));
                }
                c => text.push(c),
            }
        }
        Err(self.fault("a string does not end on its line".to_owned()))
    }

    fn fault(&self, fact: String) -> Fault {
        Fault { line: self.line, fact, remedy: REMEDY }
    }
}
