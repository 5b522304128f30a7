//! The machine's disk: an overlay on the artifact, so that the artifact is only ever read.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};

use super::machine;
use crate::convert::{self, How};
use crate::error::{Context, Error, Kind, Result};
use crate::format::Wanted;
use crate::inspect::Image;
use crate::profile::Format;
use crate::progress::{Progress, Stoppable};
use crate::units::ByteSize;
use crate::whole::Draft;

const PACKAGE: &str = "qemu-utils";

/// A machine's disk: the overlay, and what lies under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// The overlay (qcow2).
    pub path: PathBuf,
    /// The image, or what was unpacked from it.
    pub base: PathBuf,
    /// How QEMU reads the base.
    pub driver: Driver,
}

/// What QEMU reads by itself of a foreign file.
///
/// It follows what other containers say to files that they name, whatever folder those are in (a description in
/// a VMDK of no capacity, a parent's name). So our own readers unpack all but the two that cannot name a file: a
/// raw disk, and a qcow2 that our reader found without a backing file and without data elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// The file is the disk.
    Raw,
    /// QEMU's own format.
    Qcow2,
}

impl Driver {
    /// How QEMU reads a format in place; none where our own readers must unpack it.
    fn of(format: Format) -> Option<Self> {
        match format {
            Format::Raw => Some(Self::Raw),
            Format::Qcow2 | Format::Qcow2Zstd | Format::Qcow2Plain => Some(Self::Qcow2),
            Format::Vmdk
            | Format::VmdkSparse
            | Format::Vhd
            | Format::VhdDynamic
            | Format::Vhdx
            | Format::RawZst
            | Format::Ova
            | Format::Gce => None,
        }
    }

    /// QEMU's name for it.
    fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

impl Overlay {
    /// Makes a qcow2 overlay at `path` on `image`, of `size` when one is given.
    ///
    /// What QEMU shall not read is unpacked beside the overlay; `stop` ends that.
    pub fn create(
        image: &Arc<Image>,
        size: Option<ByteSize>,
        path: &Path,
        stop: &AtomicBool,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let own = ByteSize(image.size());
        let size = size.unwrap_or(own);
        if size < own {
            // the image's partitions would be cut off
            let message = format!("a disk of {size} is smaller than the image's {own}");
            return Err(Error::new(Kind::Input, message)
                .at(image.path())
                .remedy("give a larger --disk-size"));
        }
        let (base, driver) = match Driver::of(image.format()) {
            // absolute: QEMU looks for a relative backing file beside the overlay
            Some(driver) => {
                (image.path().canonicalize().at("cannot find the image", image.path())?, driver)
            }
            None => {
                let unpacked = path.with_extension("unpacked.raw");
                unpack(image, &unpacked, stop, progress)?;
                (unpacked, Driver::Raw)
            }
        };
        // -u: the size is given, so that the base is not opened
        let mut command = Command::new("qemu-img");
        command.args(["create", "-q", "-u", "-f", "qcow2", "-F", driver.name(), "-b"]).arg(&base);
        command.arg(path).arg(size.bytes().to_string());
        crate::command::output(&mut command, PACKAGE)?;
        Ok(Self { path: path.to_owned(), base, driver })
    }

    /// What lies under the overlay, as a node of QEMU's. Its own word for what lies under it is not believed a
    /// second time: nothing does.
    pub fn backing(&self) -> Value {
        let file = json!({"driver": "file", "filename": self.base, "read-only": true});
        let mut node = json!({"driver": self.driver.name(), "read-only": true, "file": file});
        if self.driver == Driver::Qcow2 {
            node["backing"] = Value::Null;
        }
        node
    }

    /// Writes the overlay and what lies under it as one qcow2 file; a half-written one has another name.
    pub fn keep(&self, target: &Path, stop: &AtomicBool) -> Result<()> {
        // the user's umask decides who may read it
        let draft = Draft::beside(target, 0o666)?;
        let overlay = json!({"driver": "qcow2", "backing": self.backing(),
            "file": {"driver": "file", "filename": self.path}});
        let mut command = Command::new("qemu-img");
        command.args(["convert", "-O", "qcow2"]).arg(format!("json:{overlay}")).arg(draft.path());
        machine::run_unless_stopped(&mut command, PACKAGE, stop)?;
        draft.replace(target)
    }
}

/// How our readers unpack: nothing of it is hashed, or encoded.
const PLAIN: How = How { digests: false, threads: NonZeroUsize::MIN };

fn unpack(
    image: &Arc<Image>,
    target: &Path,
    stop: &AtomicBool,
    progress: &dyn Progress,
) -> Result<()> {
    let wanted = Wanted { format: Format::Raw, path: target.to_owned() };
    let progress = Stoppable { progress, stop };
    convert::convert(image, &convert::machine(image), &wanted, PLAIN, &progress).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Quiet;
    use crate::units::MIB;

    fn raw(folder: &Path, size: u64) -> Arc<Image> {
        let path = folder.join("a, b:c.raw");
        std::fs::write(&path, vec![7; size as usize]).unwrap();
        Arc::new(Image::open(&path).unwrap())
    }

    fn create(image: &Arc<Image>, size: Option<ByteSize>, path: &Path) -> Result<Overlay> {
        Overlay::create(image, size, path, &Arc::default(), &Quiet)
    }

    #[test]
    fn an_overlay_leaves_the_image_alone_and_may_be_larger() {
        let folder = tempfile::tempdir().unwrap();
        let image = raw(folder.path(), MIB);
        let path = folder.path().join("overlay.qcow2");
        let overlay = create(&image, Some(ByteSize(4 * MIB)), &path).unwrap();
        let kept = folder.path().join("kept.qcow2");
        overlay.keep(&kept, &AtomicBool::new(false)).unwrap();
        let kept = Image::open(&kept).unwrap();
        let mut bytes = vec![1; 4 * MIB as usize];
        kept.read_at(&mut bytes, 0).unwrap();
        let (own, grown) = bytes.split_at(MIB as usize);
        assert!(own.iter().all(|b| *b == 7) && grown.iter().all(|b| *b == 0));
    }

    #[test]
    fn a_smaller_disk_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let image = raw(folder.path(), 2 * MIB);
        let path = folder.path().join("overlay.qcow2");
        let error = create(&image, Some(ByteSize(MIB)), &path).unwrap_err();
        assert_eq!(error.kind(), Kind::Input);
    }

    #[test]
    fn qemu_is_given_nothing_but_raw_disks_and_its_own_format() {
        let folder = tempfile::tempdir().unwrap();
        let own = raw(folder.path(), MIB);
        let machine = convert::machine(&own);
        for format in Format::ALL {
            let path = folder.path().join(format!("image-{format}"));
            let wanted = Wanted { format, path };
            convert::convert(&own, &machine, &wanted, PLAIN, &Quiet).unwrap();
            let image = Arc::new(Image::open(&wanted.path).unwrap());
            let overlay = create(&image, None, &folder.path().join(format!("{format}.o"))).unwrap();
            let mut start = [0; 4];
            let base = std::fs::File::open(&overlay.base).unwrap();
            std::os::unix::fs::FileExt::read_exact_at(&base, &mut start, 0).unwrap();
            match overlay.driver {
                Driver::Raw => assert_eq!(start, [7; 4], "{format}"),
                Driver::Qcow2 => assert_eq!(start, *b"QFI\xFB", "{format}"),
            }
        }
    }

    #[test]
    fn a_signal_ends_the_unpacking_and_the_keeping() {
        let folder = tempfile::tempdir().unwrap();
        let own = raw(folder.path(), MIB);
        let wanted = Wanted { format: Format::Vhdx, path: folder.path().join("image.vhdx") };
        convert::convert(&own, &convert::machine(&own), &wanted, PLAIN, &Quiet).unwrap();
        let image = Arc::new(Image::open(&wanted.path).unwrap());
        let (path, stop) = (folder.path().join("o"), Arc::new(AtomicBool::new(true)));
        let error = Overlay::create(&image, None, &path, &stop, &Quiet).unwrap_err();
        assert_eq!(error.kind(), Kind::Interrupted, "{error}");
        let overlay = create(&image, None, &path).unwrap();
        let target = folder.path().join("kept");
        assert_eq!(overlay.keep(&target, &stop).unwrap_err().kind(), Kind::Interrupted);
        assert!(!target.exists());
    }
}
