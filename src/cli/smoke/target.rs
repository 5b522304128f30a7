//! Which image a user means, and what is expected of it.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::cli::project;
use crate::error::{Context, Error, Kind, Result};
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
pub(super) fn find(
    wanted: &str,
    release: Option<&str>,
    project: &project::Options,
) -> Result<Target> {
    let image = image(wanted, project)?;
    let format = format_of(&image).ok_or_else(|| {
        Error::new(Kind::Input, "the name does not tell an image's format")
            .at(&image)
            .remedy("smoke boots .raw and .qcow2")
    })?;
    let release = release.ok_or_else(|| {
        Error::new(Kind::Input, "the expected release is not known")
            .at(&image)
            .remedy("give --release")
    })?;
    let (hardware, probes) = (Hardware::default(), Vec::new());
    Ok(Target { image, format, release: release.to_owned(), hardware, probes })
}

fn image(wanted: &str, project: &project::Options) -> Result<PathBuf> {
    let path = Path::new(wanted);
    if path.is_file() {
        return Ok(path.to_owned());
    }
    if wanted.contains('/') || format_of(path).is_some() {
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
        if about.is_file() && format_of(&path).is_some() {
            images.push((about.modified().at("cannot read the time of", &path)?, path));
        }
    }
    Ok(images.into_iter().max().map(|(_, path)| path))
}

fn format_of(image: &Path) -> Option<Format> {
    match image.extension()?.to_str()? {
        "raw" => Some(Format::Raw),
        "qcow2" => Some(Format::Qcow2),
        _ => None,
    }
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
