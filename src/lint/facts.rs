//! Everything that rules look at, read once.

use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::inspect::{Container, Image, Inside, PackageText};
use crate::profile::Format;

use super::package::Package;

/// What is known about an image.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its format.
    pub format: Format,
    /// The size of its disk, in bytes.
    pub size: u64,
    /// The length of its file, in bytes.
    pub length: u64,
    /// What the file around the disk says.
    pub container: Container,
    /// Why the file lacks part of the disk; none when it is complete.
    pub cut_off: Option<String>,
    /// The package around the disk.
    pub package: Option<Package>,
    /// What is on the disk, or why that is unknown.
    pub inside: Result<Inside, Unread>,
}

/// Why something was not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Its bytes make no sense.
    Damaged(String),
    /// It may be sound, but is not supported here.
    Refused {
        /// What it is.
        reason: String,
        /// What to do about it.
        fix: Option<String>,
    },
}

impl Unread {
    /// The reason, from an error about an image's bytes; none for any other error, such as a
    /// failing disk.
    pub fn of(error: &Error) -> Option<Self> {
        match error.kind() {
            Kind::Damaged => Some(Self::Damaged(with_causes(error))),
            Kind::Refused => Some(Self::Refused {
                reason: with_causes(error),
                fix: error.find_remedy().map(str::to_owned),
            }),
            Kind::Input
            | Kind::NotFound
            | Kind::Io
            | Kind::NoSpace
            | Kind::Network
            | Kind::Tool
            | Kind::Interrupted => None,
        }
    }
}

/// Reads everything. Packages are hashed to check their manifest.
pub fn gather(image: &Arc<Image>) -> Result<Facts> {
    let package = match image.container() {
        Container::Ova(ova, _) => Some(Package::new(&PackageText::read(ova)?)),
        _ => None,
    };
    Ok(Facts {
        format: image.format(),
        size: image.size(),
        length: image.length(),
        container: image.container().clone(),
        cut_off: image.check_whole().err().map(|e| e.to_string()),
        package,
        inside: match crate::inspect::look_inside(image) {
            Ok(inside) => Ok(inside),
            Err(error) => Err(Unread::of(&error).ok_or(error)?),
        },
    })
}

fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}
