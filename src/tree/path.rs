//! A name inside a root filesystem, as bytes.

use std::borrow::Borrow;
use std::fmt;

use crate::error::{Error, Kind, Result};

/// A path below the root: components joined by `/`, none of them empty, `.` or `..`; no leading
/// slash. The root itself is the empty path. Names are bytes: not every archive is UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(Vec<u8>);

impl TreePath {
    /// Normalises `./a//b/` and `/a/b` to `a/b`.
    ///
    /// # Errors
    /// A path with `..` or a zero byte is refused: it would name something other than it says.
    pub fn new(raw: &[u8]) -> Result<Self> {
        let mut path = Vec::with_capacity(raw.len());
        for part in raw.split(|&b| b == b'/') {
            match part {
                b"" | b"." => {}
                b".." => return Err(refused(raw, "it holds \"..\"")),
                part if part.contains(&0) => return Err(refused(raw, "it holds a zero byte")),
                part => {
                    if !path.is_empty() {
                        path.push(b'/');
                    }
                    path.extend_from_slice(part);
                }
            }
        }
        Ok(Self(path))
    }

    /// The root folder.
    pub fn root() -> Self {
        Self::default()
    }

    /// Whether this is the root folder.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, without a leading slash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The last component; empty for the root.
    pub fn name(&self) -> &[u8] {
        self.0.rsplit(|&b| b == b'/').next().unwrap_or_default()
    }

    /// The folder that holds it; none for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let cut = self.0.iter().rposition(|&b| b == b'/').unwrap_or(0);
        Some(Self(self.0[..cut].to_vec()))
    }

    /// The folders above it, from the root down.
    pub fn ancestors(&self) -> Vec<Self> {
        let mut all: Vec<Self> = std::iter::successors(self.parent(), Self::parent).collect();
        all.reverse();
        all
    }

    /// Whether it is `folder` or lies below it.
    pub fn starts_with(&self, folder: &Self) -> bool {
        folder.is_root()
            || self.0.strip_prefix(folder.as_bytes()).is_some_and(|r| matches!(r, [] | [b'/', ..]))
    }
}

fn refused(raw: &[u8], why: &str) -> Error {
    let shown = raw.escape_ascii();
    Error::new(Kind::Input, format!("the path \"{shown}\" is refused: {why}"))
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", String::from_utf8_lossy(&self.0))
    }
}

// sound for maps: the derived Ord, Eq and Hash of a one-field struct over Vec<u8> are those of the
// slice
impl Borrow<[u8]> for TreePath {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for TreePath {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised() {
        for raw in [&b"./a//b/"[..], b"/a/b", b"a/./b"] {
            assert_eq!(TreePath::new(raw).unwrap().as_bytes(), b"a/b");
        }
        assert!(TreePath::new(b"./").unwrap().is_root());
    }

    #[test]
    fn a_path_that_climbs_is_refused() {
        assert!(TreePath::new(b"a/../b").is_err());
        assert!(TreePath::new(b"a\0b").is_err());
    }

    #[test]
    fn ancestors_run_from_the_root_down() {
        let path = TreePath::new(b"a/b/c").unwrap();
        let all: Vec<String> = path.ancestors().iter().map(ToString::to_string).collect();
        assert_eq!(all, ["/", "/a", "/a/b"]);
        assert_eq!(path.name(), b"c");
    }
}
