//! A pinned release's bytes, from the cache where they are there and whole.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::reader::{BundleReader, Place};
use super::record;
use crate::blob::{self, Expected, Store};
use crate::bundle::form::release::bundle_key;
use crate::bundle::{Bundle, Pin, digest_of};
use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::lock;
use crate::progress::Progress;
use crate::signed::Refusal;
use crate::signed::kept::replace;
use crate::whole;

/// Gets what was pinned.
pub(super) fn fetch(
    reader: &BundleReader<'_>,
    pin: &Pin,
    progress: &dyn Progress,
) -> Result<Bundle> {
    let folder = reader.cache.join("bundles");
    let path = folder.join(format!("{}.tgz", pin.digest));
    sweep(&folder, &part_of(&path));
    if !is_whole(&path, pin)? {
        let Place::Store(store) = reader.place else {
            let message = format!("the bundle {} is not in the cache", pin.release);
            return Err(Error::new(Kind::NotFound, message)
                .at(path)
                .remedy("run it once without --offline"));
        };
        fs::create_dir_all(&folder).at("cannot create the cache", &folder)?;
        download(store, pin, &path, progress)?;
    }
    let bundle = Bundle::proven(&path, pin.digest, pin.size)?;
    // the manifest lies within the signed bytes: another release under this one's name ends here
    if bundle.manifest.release != pin.release {
        let what = format!("{} of {}", pin.release, reader.shown());
        return Err(Refusal::OtherRelease { found: bundle.manifest.release }.about(&what));
    }
    Ok(bundle)
}

/// Gets a signature of what was pinned, by a key that is trusted now; from the cache where there is one.
pub(super) fn signature(
    reader: &BundleReader<'_>,
    pin: &Pin,
    progress: &dyn Progress,
) -> Result<String> {
    let folder = reader.cache.join("bundles");
    let path = folder.join(format!("{}.sig", pin.digest));
    // one that is not believed any more is asked for again: a newer key may have signed since
    let kept = file::read(&path, record::LARGEST, "cannot read the signature");
    if let Ok(bytes) = &kept
        && let Ok(text) = str::from_utf8(bytes)
        && record::prove(pin, text, reader.trust, reader.now).is_ok()
    {
        return Ok(text.to_owned());
    }
    let Place::Store(store) = reader.place else {
        if let Err(e) = kept
            && e.kind() != Kind::NotFound
        {
            return Err(e);
        }
        let message = format!("a signature of {} is not in the cache", pin.release);
        return Err(Error::new(Kind::NotFound, message)
            .at(path)
            .remedy("pull it once without --offline"));
    };
    let text = record::signature(store, pin, reader.trust, reader.now, progress)?;
    fs::create_dir_all(&folder).at("cannot create the cache", &folder)?;
    replace(&path, text.as_bytes())?;
    Ok(text)
}

fn is_whole(path: &Path, pin: &Pin) -> Result<bool> {
    Ok(file::look(path)?.is_some() && digest_of(path)? == (pin.digest, pin.size))
}

/// What the name of a bundle ends with while it is downloaded. It is not hidden as what others make is: that would
/// be swept by whoever puts something into the cache, and could not be gone on with.
const PART: &str = "part";

fn part_of(path: &Path) -> PathBuf {
    path.with_extension(PART)
}

/// Removes what killed processes left of other bundles: the channel has gone on, and nobody goes on with them.
fn sweep(folder: &Path, but: &Path) {
    let other = |name: &OsStr| {
        let name = Path::new(name);
        name.extension().is_some_and(|end| end == PART) && Some(name.as_os_str()) != but.file_name()
    };
    whole::sweep_those(folder, other);
}

/// Downloads beside the name that it will have. A process that was killed leaves its part for the next one
/// to go on with; of two at the same time one waits for the other.
fn download(store: &dyn Store, pin: &Pin, path: &Path, progress: &dyn Progress) -> Result<()> {
    let part = part_of(path);
    let key = bundle_key(&pin.site, pin.version, &pin.digest)?;
    let expected = Expected { digest: pin.digest, size: pin.size };
    loop {
        let mut file = file::open_or_make(&part).at("cannot create", &part)?;
        lock::wait_for(&file, &part, progress)?;
        if is_whole(path, pin)? {
            return Ok(());
        }
        // whoever had the lock before may have given this file its name: then it is damaged by now
        if !is_named(&file, &part)? {
            continue;
        }
        progress.step(&format!("bundle {}", pin.release), Some(pin.size));
        if let Err(failed) = blob::download(store, &key, expected, &mut file, progress) {
            // what was cut is gone on with; what is wrong, or fills the disk, must not lie here
            if matches!(failed.kind(), Kind::Damaged | Kind::NoSpace) {
                fs::remove_file(&part).at("cannot remove", &part)?;
            }
            return Err(failed);
        }
        file.sync_all().at("cannot flush", &part)?;
        return fs::rename(&part, path).at("cannot keep in the cache", path);
    }
}

fn is_named(file: &File, path: &Path) -> Result<bool> {
    let ours = file.metadata().at("cannot look at", path)?;
    match fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        named => {
            named.at("cannot look at", path).map(|m| (m.dev(), m.ino()) == (ours.dev(), ours.ino()))
        }
    }
}
