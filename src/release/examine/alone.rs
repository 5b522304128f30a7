//! Examining an image without the rest of its release: what it says whose it is, and whether the record of that release,
//! wherever it lies, names these very bytes.

use std::path::Path;
use std::sync::Arc;

use super::super::believing::Believing;
use super::super::fault::{Fault, Rule};
use super::super::pointer::is_release_of;
use super::super::record::{RECORD, Release};
use super::{Examined, Examining, is_plain, judge, said};
use crate::error::{Error, Kind, Result};
use crate::inspect::{self, Image};
use crate::key::Namespace;
use crate::progress::Progress;
use crate::units::Digest;

/// The customer and the release that an image says it is of; anybody may have written that.
///
/// # Errors
/// [`Kind::Refused`] when it says nothing, or what cannot be: the name leads to no folder outside.
pub fn claimed(image: &Path) -> Result<(String, String)> {
    let opened = Arc::new(Image::open(image)?);
    let refused = |what| {
        Error::new(Kind::Refused, what).at(image).remedy("name the folder of the image's release")
    };
    let record = inspect::record(&opened)?
        .ok_or_else(|| refused("the image does not say which release it is of"))?;
    let (customer, id) = (record.profile.customer.id.clone(), record.stem());
    if !is_plain(&customer) || !is_plain(&id) || !is_release_of(&customer, &id) {
        return Err(refused("the image says that it is of a release that cannot be"));
    }
    Ok((customer, id))
}

/// The record of a release's folder, proven; its other files are not read.
pub fn examine_record(folder: &Path, believing: &Believing<'_>) -> Examined {
    let mut examining = Examining { folder, faults: Vec::new() };
    let bytes = examining.text(RECORD);
    let sha256 = bytes.as_ref().map(Digest::of);
    let release = bytes.as_deref().and_then(|bytes| examining.record(bytes));
    if let Some(release) = &release {
        examining.signed(RECORD, Namespace::Release, &release.site, believing);
        examining.consistent(release);
    }
    Examined { release, sha256, faults: examining.faults }
}

/// What keeps a file from being one of a release's images.
pub fn compare(path: &Path, release: &Release, progress: &dyn Progress) -> Result<Vec<Fault>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let source = inspect::Source::open(path)?;
    progress.step(&format!("reading {name}"), Some(source.length()));
    let digest = source.digest(progress)?;
    let Some(artifact) = release.artifacts.iter().find(|a| a.sha256 == Some(digest)) else {
        let reason = format!("its SHA-256 is {digest}, and no image of {} has that", release.id);
        return Ok(vec![Fault::of(&name, Rule::Changed, reason)]);
    };
    Ok(match judge(path, artifact, release) {
        Ok(reasons) => reasons
            .into_iter()
            .map(|reason| Fault::of(&name, Rule::Contradiction, reason))
            .collect(),
        Err(e) => vec![Fault::of(&name, Rule::Unreadable, said(&e))],
    })
}
