//! Cuts the output of a serial console or a program into lines of text. Anything may come: invalid
//! UTF-8, endless lines, escape sequences. Pure.

/// A longer line is cut, in bytes: a state line with its failures stays far below.
pub(crate) const LONGEST_LINE: usize = 16 << 10;

/// Cuts a stream of bytes into lines of text of bounded length.
#[derive(Clone, Debug, Default)]
pub struct Splitter {
    line: Vec<u8>,
}

impl Splitter {
    /// Takes bytes and returns every line that they complete, without line ends and control
    /// characters.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' => lines.extend(self.finish()),
                _ if self.line.len() < LONGEST_LINE => self.line.push(*byte),
                _ => {}
            }
        }
        lines
    }

    /// What is left: the last line of a machine that was switched off in the middle of it.
    pub fn finish(&mut self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.line);
        let text = plain(&text);
        self.line.clear();
        (!text.trim().is_empty()).then_some(text)
    }
}

/// Removes terminal escapes and control characters: neither a guest nor a package's script may
/// drive the user's terminal.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\t' => out.push(' '),
            _ if c.is_control() => {}
            _ => out.push(c),
        }
    }
    out
}

/// Skips the rest of an escape sequence (ECMA-48: a CSI ends with a byte from `@` to `~`).
fn skip_escape(chars: &mut std::str::Chars<'_>) {
    if chars.next() == Some('[') {
        chars.find(|c| ('@'..='~').contains(c));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_from_any_bytes_and_cannot_drive_a_terminal() {
        let mut splitter = Splitter::default();
        assert_eq!(splitter.push(b"one\r\nt\x1b[2Jw"), ["one"]);
        assert_eq!(splitter.push(b"o \xff\x07\n\r\n"), ["two \u{fffd}"]);
        splitter.push(&vec![b'x'; 3 * LONGEST_LINE]);
        assert_eq!(splitter.finish().unwrap().len(), LONGEST_LINE);
    }
}
