//! Names of objects.

use std::fmt;

use crate::error::{Error, Kind, Result};

/// The longest key in bytes; every store that we know accepts it.
const LONGEST: usize = 512;

/// The name of an object: components joined by `/`, of ASCII letters, digits and `. _ - +`, none of
/// them starting with a dot. So it means the same in a folder, in a URL and in a bucket, and cannot
/// lead out of any of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Checks a name.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        if text.len() <= LONGEST && text.split('/').all(is_component) {
            return Ok(Self(text));
        }
        Err(Error::new(Kind::Input, format!("{text:?} cannot be the name of an object")))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

fn is_component(part: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-+".contains(&b);
    !part.is_empty() && !part.starts_with('.') && part.bytes().all(allowed)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_store_are_refused() {
        for bad in ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.b", "a b", "a\\b", "a?b", "a%2e"]
        {
            assert!(Key::new(bad).is_err(), "{bad}");
        }
        assert!(Key::new("bundles/demo/demo-1.0.0+b1.tgz").is_ok());
    }
}
