//! Which image a user means.

use std::path::{Path, PathBuf};

use crate::desk;
use crate::error::{Error, Kind, Result};
use crate::file;
use crate::format;
use crate::profile::Format;
use crate::project::{Project, Surroundings};

/// An image's path, or a profile's name, which means its newest image in out/.
pub(super) fn find(wanted: &str, surroundings: &Surroundings) -> Result<PathBuf> {
    let path = Path::new(wanted);
    if file::is_file(path)? {
        return Ok(path.to_owned());
    }
    if wanted.contains('/') || is_named_as_image(path) {
        return Err(Error::new(Kind::NotFound, "there is no such image").at(path));
    }
    desk::newest_image(&Project::open(surroundings)?, wanted)
}

fn is_named_as_image(path: &Path) -> bool {
    let name = path.to_string_lossy();
    Format::ALL.into_iter().any(|f| name.ends_with(&format!(".{}", format::extension(f))))
}
