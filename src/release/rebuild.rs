//! Building a release again from what its record names, and comparing every byte.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::record::Release;
use super::same::same_disk;
use crate::build::{self, Artifact};
use crate::desk::{Desk, Ticket};
use crate::error::{Context as _, Error, Kind, Result};
use crate::inspect::{self, Image, Source};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::units::{Digest, MIB};

/// How an image that was built again compares with the released one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The image's name.
    pub file: String,
    /// The digest of the image that was built again.
    pub sha256: Option<Digest>,
    /// The first thing that differs, by what it is and where; none where every byte is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differs: Option<String>,
}

/// Builds a release again, in all its formats, into `work`, and compares each image with that in `folder`. Nothing that was
/// encoded before is taken from the cache.
///
/// # Errors
/// [`Kind::Refused`] when what its record names is not what would be built here: the message says which input differs.
pub fn rebuild(
    desk: &Desk,
    ticket: &Ticket,
    release: &Release,
    folder: &Path,
    work: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Compared>> {
    let version = release.bundle.version().parse()?;
    let bundle = desk.fetch_version(ticket, version, progress)?;
    let prepared = desk.prepare(ticket, bundle, progress)?;
    same_plan(&prepared.plan, release)?;
    let contents = desk.contents(ticket, prepared, progress)?;
    let formats: Vec<_> = release.artifacts.iter().map(|artifact| artifact.format).collect();
    let again =
        build::write(&contents, &formats, work, &release.id, None, &desk.workshop, progress)?;
    let pairs = release.artifacts.iter().zip(&again);
    pairs.map(|(ours, again)| compare(ours, again, folder, work, progress)).collect()
}

/// Refuses to compare what was made of other inputs.
fn same_plan(plan: &Plan, release: &Release) -> Result<()> {
    if plan.digest()? == release.plan {
        return Ok(());
    }
    let differs = if plan.builder != release.builder {
        format!("it was built by slipway {}, and this is {}", release.builder, plan.builder)
    } else if plan.bundle != release.bundle {
        format!("it has the bundle {} with other bytes", release.bundle.release)
    } else if plan.base != release.base {
        let (then, now) = (&release.base, &plan.base);
        format!(
            "its base was {} {}, and is {} {} here",
            then.name,
            then.digest.short(),
            now.name,
            now.digest.short()
        )
    } else {
        "its profile was another one".to_owned()
    };
    Err(Error::new(Kind::Refused, format!("{} cannot be built again here: {differs}", release.id))
        .remedy("take the project as it was at that time, with the base that it had (`slipway base list`)"))
}

fn compare(
    ours: &Artifact,
    again: &Artifact,
    folder: &Path,
    work: &Path,
    progress: &dyn Progress,
) -> Result<Compared> {
    let (path, other) = (folder.join(&ours.file), work.join(&again.file));
    progress.step(&format!("comparing {}", ours.file), Some(ours.size.bytes()));
    let differs = match first_difference(&path, &other, progress)? {
        None => None,
        Some(at) => Some(named(&path, &other, at, progress)?),
    };
    Ok(Compared { file: ours.file.clone(), sha256: again.sha256, differs })
}

/// The first byte in which two files differ.
fn first_difference(left: &Path, right: &Path, progress: &dyn Progress) -> Result<Option<u64>> {
    let (left, right) = (Source::open(left)?, Source::open(right)?);
    let both = left.length().min(right.length());
    let (mut ours, mut theirs) = (vec![0; MIB as usize], vec![0; MIB as usize]);
    let mut offset = 0;
    while offset < both {
        progress.go_on()?;
        let step = (both - offset).min(MIB) as usize;
        left.read_at(&mut ours[..step], offset)?;
        right.read_at(&mut theirs[..step], offset)?;
        if let Some(at) = ours[..step].iter().zip(&theirs[..step]).position(|(a, b)| a != b) {
            return Ok(Some(offset + at as u64));
        }
        progress.advance(step as u64);
        offset += step as u64;
    }
    Ok((left.length() != right.length()).then_some(both))
}

/// What lies at a byte that differs: on the disk, if the disks differ, else in what the format puts around it.
fn named(path: &Path, other: &Path, at: u64, progress: &dyn Progress) -> Result<String> {
    let opened = Image::open(path).and_then(|image| Ok((Arc::new(image), Image::open(other)?)));
    let Ok((image, again)) = opened else {
        return Ok(format!("the file's byte {at}; it cannot be read as an image"));
    };
    let Some(on_disk) = same_disk(&image, &again, progress)? else {
        return Ok(format!("the {} around the disk, at the file's byte {at}", image.format()));
    };
    let table = inspect::table::read(&image)?;
    let inside = table.partitions.iter().find(|partition| {
        (partition.offset..partition.offset + partition.size.bytes()).contains(&on_disk)
    });
    Ok(match inside {
        Some(partition) => {
            let within = on_disk - partition.offset;
            format!(
                "the partition {}, at its byte {within} (the disk's byte {on_disk})",
                partition.name
            )
        }
        None => format!("the disk's byte {on_disk}, outside of all partitions"),
    })
}

/// A hidden folder in out/ for what is built again, or fetched to be examined; removed by whoever made it.
pub fn work_folder(home: &Path) -> Result<tempfile::TempDir> {
    std::fs::create_dir_all(home).at("cannot create the folder", home)?;
    tempfile::Builder::new()
        .prefix(".verify-")
        .tempdir_in(home)
        .at("cannot create a folder in", home)
}
