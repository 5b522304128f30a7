//! One error type for the whole crate: what kind it is, one fact, where, what to do, and why.
//!
//! A central enum with a variant per failure was rejected: nobody branches on a hundred variants, and
//! every new room would have to edit it. Callers branch on [`Kind`]; people read the rest.

mod told;

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use told::{FileError, Told};

/// What a caller may want to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// What the user wrote (a profile, a definition, an argument) is wrong.
    Input,
    /// Something that was asked for does not exist.
    NotFound,
    /// The operating system refused a file operation.
    Io,
    /// The disk is full, or would be.
    NoSpace,
    /// A remote end failed, was cut off, or answered nonsense; trying again may help.
    Network,
    /// Bytes are not what their digest, checksum or format says.
    Damaged,
    /// A program that we ran failed or is missing.
    Tool,
    /// The request is understood and declined by policy.
    Refused,
    /// A signal asked us to stop.
    Interrupted,
}

/// An error with its place, its cause and its remedy.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    path: Option<PathBuf>,
    offset: Option<u64>,
    remedy: Option<String>,
    errors: Vec<FileError>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// One fact, lowercase, without the cause and without the path: both are attached.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            path: None,
            offset: None,
            remedy: None,
            errors: Vec::new(),
            source: None,
        }))
    }

    /// Attaches the file or folder that this is about.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<Path>) -> Self {
        self.0.path = Some(path.as_ref().to_owned());
        self
    }

    /// Attaches the byte offset in that file.
    #[must_use]
    pub fn offset(mut self, bytes: u64) -> Self {
        self.0.offset = Some(bytes);
        self
    }

    /// Says what the reader can do about it, as an imperative.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    /// Attaches what is wrong in files, where this says of a file that something is. Its cause is then their text,
    /// for people to look at.
    #[must_use]
    pub fn for_files(mut self, errors: Vec<FileError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Attaches the cause; its text is never repeated in ours.
    #[must_use]
    pub fn because(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The file or folder that this is about.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The causes, the nearest first.
    pub fn causes(&self) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
        std::iter::successors(std::error::Error::source(self), |cause| cause.source())
    }

    /// The nearest remedy in the chain of causes.
    pub fn find_remedy(&self) -> Option<&str> {
        if let Some(remedy) = &self.0.remedy {
            return Some(remedy);
        }
        let source = self.0.source.as_deref()?;
        source.downcast_ref::<Self>()?.find_remedy()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.0.path {
            write!(f, "{}: ", path.display())?;
        }
        f.write_str(&self.0.message)?;
        if let Some(offset) = self.0.offset {
            write!(f, " at byte {offset}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

/// Turns foreign errors into ours where they happen, while the place is still known.
pub trait Context<T> {
    /// `message` is what we were doing ("cannot read"); the path is attached, the cause kept.
    fn at(self, message: &str, path: impl AsRef<Path>) -> Result<T>;
    /// The same without a path.
    fn doing(self, message: impl Into<String>) -> Result<T>;
}

impl<T> Context<T> for std::io::Result<T> {
    fn at(self, message: &str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|e| from_io(e, message).at(path))
    }

    fn doing(self, message: impl Into<String>) -> Result<T> {
        self.map_err(|e| from_io(e, message))
    }
}

fn from_io(error: std::io::Error, message: impl Into<String>) -> Error {
    use std::io::ErrorKind;
    let kind = match error.kind() {
        ErrorKind::NotFound => Kind::NotFound,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Kind::NoSpace,
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData => Kind::Damaged,
        ErrorKind::Interrupted => Kind::Interrupted,
        _ => Kind::Io,
    };
    Error::new(kind, message).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn an_error_shows_place_and_fact_but_never_its_cause() {
        let cause = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = Err::<(), _>(cause).at("cannot write", "/x/disk.raw").unwrap_err();
        assert_eq!(error.to_string(), "/x/disk.raw: cannot write");
        assert_eq!(error.kind(), Kind::NoSpace);
        assert!(error.source().is_some());
    }

    #[test]
    fn a_remedy_is_found_through_the_chain() {
        let inner = Error::new(Kind::Tool, "mmdebstrap is missing").remedy("install it");
        let outer = Error::new(Kind::Tool, "cannot make the base").because(inner);
        assert_eq!(outer.find_remedy(), Some("install it"));
    }
}
