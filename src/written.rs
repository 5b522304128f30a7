//! TOML files that people write, except profiles, which have a schema. All are read the same way:
//! an error shows the place, the line itself, and what was probably meant.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::error::{Context, Error, Kind, Result};

/// Below this likeness (Jaro-Winkler, 0 to 1) a suggestion confuses more than it helps.
const LIKE_ENOUGH: f64 = 0.8;

/// The text of a file. `what` names it in messages, as in "the site".
///
/// # Errors
/// [`Kind::Input`] with the line that is not UTF-8.
pub(crate) fn text(path: &Path, what: &str) -> Result<String> {
    let bytes = std::fs::read(path).at(&format!("cannot read {what}"), path)?;
    String::from_utf8(bare(&bytes).to_vec()).map_err(|e| {
        let before = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        Error::new(Kind::Input, format!("{what} is not UTF-8"))
            .at(format!("{}:{line}", path.display()))
            .remedy("save the file as UTF-8")
    })
}

/// The bytes without the byte order mark that Windows editors put in front (Unicode 16, 2.13).
pub(crate) fn bare(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// Parses a text.
///
/// # Errors
/// [`Kind::Input`] with line and column, the line itself and what was probably meant.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, path: &Path, what: &str) -> Result<T> {
    // Windows editors put a byte order mark in front
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    toml::from_str(text).map_err(|e| fault(&e, text, path, what))
}

fn fault(error: &toml::de::Error, text: &str, path: &Path, what: &str) -> Error {
    let message = error.message().trim_end().replace("unknown field", "unknown key");
    let start = error.span().map(|span| span.start);
    let line = start.map_or("", |start| whole_line(text, start));
    let message = match line {
        "" => format!("{what} is not valid: {message}"),
        line => format!("{what} is not valid: {message}\n    {}", line.trim()),
    };
    let found = Error::new(Kind::Input, message);
    let found = match start.map(|start| place(text, start)) {
        Some((line, column)) => found.at(placed(path, line, column)),
        None => found.at(path),
    };
    match nearest(error.message()) {
        Some(near) => found.remedy(format!("did you mean `{near}`?")),
        None => found,
    }
}

fn placed(path: &Path, line: usize, column: usize) -> PathBuf {
    PathBuf::from(format!("{}:{line}:{column}", path.display()))
}

/// The first line that begins with a word, or else the first that contains it: the place of a fault
/// that is found only after parsing.
pub(crate) fn place_of(word: &str, text: &str, path: &Path) -> PathBuf {
    let begins = |line: &str| line.trim_start().trim_start_matches('"').starts_with(word);
    let line = text.lines().position(begins);
    match line.or_else(|| text.lines().position(|line| line.contains(word))) {
        Some(line) => PathBuf::from(format!("{}:{}", path.display(), line + 1)),
        None => path.to_owned(),
    }
}

/// Line and column of a byte, both from 1, the column in characters.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

fn whole_line(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    text[start..].lines().next().unwrap_or_default()
}

/// From serde's "unknown field `x`, expected one of `a`, `b`": the name that is most like the one
/// written.
fn nearest(message: &str) -> Option<&str> {
    let mut names = message.split('`').skip(1).step_by(2);
    let written = names.next().filter(|_| message.starts_with("unknown "))?.to_lowercase();
    names
        .map(|name| (strsim::jaro_winkler(&written, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(rename = "health")]
        _health: String,
    }

    #[test]
    fn a_fault_has_its_place_its_line_and_what_was_meant() {
        let path = Path::new("SITE.toml");
        let error = parse::<File>("\u{feff}# é\n  helth = \"x\"\n", path, "the site").unwrap_err();
        assert_eq!(error.path(), Some(Path::new("SITE.toml:2:3")));
        assert_eq!(error.find_remedy(), Some("did you mean `health`?"));
        assert!(error.to_string().contains("unknown key `helth`"), "{error}");
        assert!(error.to_string().contains("\n    helth = \"x\""), "{error}");
        let error = parse::<File>("health = 1\n", path, "the site").unwrap_err();
        assert_eq!(error.path(), Some(Path::new("SITE.toml:1:10")));
        assert!(parse::<File>("\u{feff}health = 'x'\n", path, "the site").is_ok());
    }
}
