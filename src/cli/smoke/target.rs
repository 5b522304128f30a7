//! Which image a user means, and what is expected of it.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::cli::project;
use crate::error::{Context, Error, Kind, Result};
use crate::inspect;
use crate::manifest::ImageRecord;
use crate::profile::{Format, Hardware, Probe};

/// An image and what is expected of it.
#[derive(Debug)]
pub(super) struct Target {
    pub image: PathBuf,
    pub format: Format,
    pub release: String,
    pub hardware: Hardware,
    pub probes: Vec<Probe>,
}

/// `wanted` is an image's path or a profile's name; `release` takes the place of the recorded one.
///
/// An image without a record can be booted as well, by who knows what release it must have: nothing but
/// that and its status page is asked then.
pub(super) fn find(
    wanted: &str,
    release: Option<&str>,
    project: &project::Options,
) -> Result<Target> {
    let image = image(wanted, project)?;
    let format = inspect::Image::open(&image)?.format();
    let record = match (inspect::inspect(&image), release) {
        (Ok(report), _) => report.record,
        (Err(error), Some(_)) if error.kind() == Kind::Damaged => None,
        (Err(error), _) => return Err(error),
    };
    let (recorded, hardware, probes) = match record {
        Some(ImageRecord { bundle, profile, .. }) => {
            (Some(bundle.release), profile.hardware, profile.probes)
        }
        None => (None, Hardware::default(), Vec::new()),
    };
    match release.map(str::to_owned).or(recorded) {
        Some(release) => Ok(Target { image, format, release, hardware, probes }),
        None => Err(Error::new(Kind::Input, "the image does not tell which release it must have")
            .at(&image)
            .remedy("name the release with --release")),
    }
}

fn image(wanted: &str, project: &project::Options) -> Result<PathBuf> {
    let path = Path::new(wanted);
    if path.is_file() {
        return Ok(path.to_owned());
    }
    if wanted.contains('/') || is_named_as_image(path) {
        return Err(Error::new(Kind::NotFound, "there is no such image").at(path));
    }
    let project = project.open()?;
    let customer = project.load(wanted)?.profile.customer.id;
    let folder = project.out.join(&customer);
    let remedy = format!("build one with `slipway build {wanted}`");
    newest(&folder)?
        .ok_or_else(|| Error::new(Kind::NotFound, "there is no image").at(&folder).remedy(remedy))
}

/// The image in `folder` that was written last.
fn newest(folder: &Path) -> Result<Option<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).at("cannot list", folder),
    };
    let mut images: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in entries {
        let entry = entry.at("cannot list", folder)?;
        let path = entry.path();
        let about = entry.metadata().at("cannot read", &path)?;
        if about.is_file() && is_named_as_image(&path) {
            images.push((about.modified().at("cannot read the time of", &path)?, path));
        }
    }
    Ok(images.into_iter().max().map(|(_, path)| path))
}

fn is_named_as_image(path: &Path) -> bool {
    matches!(path.extension().and_then(|e| e.to_str()), Some("raw" | "qcow2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_image_is_taken_and_what_is_no_image_is_not() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(newest(&folder.path().join("none")).unwrap(), None);
        for (name, second) in [("a-2.qcow2", 1), ("a-1.qcow2", 2), ("a-3.json", 3)] {
            let file = std::fs::File::create(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second))
                .unwrap();
        }
        std::fs::create_dir(folder.path().join("a-4.raw")).unwrap();
        assert_eq!(newest(folder.path()).unwrap(), Some(folder.path().join("a-1.qcow2")));
    }
}
