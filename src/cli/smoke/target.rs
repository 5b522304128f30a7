//! Which image a user means.

use std::sync::Arc;

use crate::cli::images;
use crate::error::Result;
use crate::inspect::Image;
use crate::project::Surroundings;
use crate::smoke::Target;

/// `wanted` is an image's path or a profile's name; `release` takes the place of the recorded one.
pub(super) fn find(
    wanted: &str,
    release: Option<&str>,
    surroundings: &Surroundings,
) -> Result<Target> {
    Target::of(Arc::new(Image::open(&images::find(wanted, surroundings)?)?), release)
}
