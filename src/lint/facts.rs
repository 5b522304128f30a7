//! Everything that rules look at, read once.

use std::sync::Arc;

use crate::error::Result;
use crate::inspect::{Container, Image, Inside, PackageText};
use crate::profile::Format;

use super::package::Package;

/// What is known of an image.
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
    /// Why the file lacks a part of the disk; none when it does not.
    pub cut_off: Option<String>,
    /// The package around the disk.
    pub package: Option<Package>,
    /// What is on the disk, or why nobody can tell.
    pub inside: Result<Inside, String>,
}

/// Reads all of it. Packages are hashed for their manifest.
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
        inside: crate::inspect::look_inside(image).map_err(|e| with_causes(&e)),
    })
}

fn with_causes(error: &crate::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}
