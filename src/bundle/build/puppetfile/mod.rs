//! The Puppetfile: which modules a site is made of, as r10k and librarian-puppet read it.
//!
//! It is Ruby to them. Evaluating it was rejected: a configuration repository would run code on the
//! builder, and an answer could depend on the machine. What is read is the subset that people write:
//! `forge`, `moduledir` and `mod` with a version, a git revision or a path. Everything must be pinned.

mod parse;
mod words;

pub(crate) use parse::check_url;

use crate::error::Result;

/// A Puppetfile, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Puppetfile {
    /// Where releases come from.
    pub forge: Option<String>,
    /// The modules in the file's order.
    pub modules: Vec<Wanted>,
}

/// One `mod`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The folder's name below modules/: `stdlib`.
    pub name: String,
    /// The line that it is on.
    pub line: usize,
    /// Where it comes from.
    pub from: From,
}

/// Where a module comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// A release of the forge.
    Forge {
        /// `puppetlabs-stdlib`.
        slug: String,
        /// `9.4.1`.
        version: String,
    },
    /// A revision of a repository.
    Git {
        /// The repository.
        url: String,
        /// The revision.
        rev: Rev,
    },
    /// A folder, relative to the Puppetfile's.
    Path(String),
}

/// What names a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rev {
    /// A whole commit.
    Commit(String),
    /// A tag.
    Tag(String),
    /// A commit, tag or branch: what it was is recorded as a commit.
    Ref(String),
}

impl std::fmt::Display for Rev {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Commit(id) => write!(f, "commit {id}"),
            Self::Tag(tag) => write!(f, "tag {tag}"),
            Self::Ref(name) => write!(f, "ref {name}"),
        }
    }
}

/// Reads the text of a Puppetfile. Pure.
///
/// # Errors
/// With the line, and what is allowed there; the file's path is for the caller to attach.
pub(crate) fn parse(text: &str) -> Result<Puppetfile, Fault> {
    parse::file(text)
}

/// What is wrong in a Puppetfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The fact.
    pub fact: String,
    /// What is allowed.
    pub remedy: &'static str,
}
