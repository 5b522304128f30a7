//! The machine's disk: an overlay on the artifact, so that the artifact is only ever read.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crate::convert;
use crate::error::{Context, Error, Kind, Result};
use crate::format::Wanted;
use crate::inspect::Image;
use crate::profile::Format;
use crate::progress::Progress;
use crate::units::ByteSize;

const PACKAGE: &str = "qemu-utils";
/// QEMU's name for a raw disk.
const RAW: &str = "raw";

/// Makes a qcow2 overlay on `image`, of `size` when one is given.
///
/// What QEMU cannot read in place (a package, or a disk compressed as a whole) is unpacked beside the overlay.
pub fn create(
    image: &Path,
    format: Format,
    size: Option<ByteSize>,
    overlay: &Path,
    progress: &dyn Progress,
) -> Result<()> {
    // absolute: QEMU looks for a relative backing file beside the overlay
    let image = image.canonicalize().at("cannot find the image", image)?;
    let (image, driver) = match driver(format) {
        Some(driver) => (image, driver),
        None => {
            let unpacked = overlay.with_extension("unpacked.raw");
            unpack(&image, &unpacked, progress)?;
            (unpacked, RAW)
        }
    };
    let mut command = Command::new("qemu-img");
    command.args(["create", "-q", "-f", "qcow2", "-F", driver, "-b"]).arg(&image).arg(overlay);
    if let Some(size) = size {
        check_size(&image, driver, size)?;
        command.arg(size.bytes().to_string());
    }
    crate::command::output(&mut command, PACKAGE).map(drop)
}

fn unpack(image: &Path, target: &Path, progress: &dyn Progress) -> Result<()> {
    let image = Arc::new(Image::open(image)?);
    let wanted = Wanted { format: Format::Raw, path: target.to_owned() };
    convert::convert(&image, &convert::machine(&image), &wanted, false, progress).map(drop)
}

/// A smaller disk would cut the image's partitions off.
fn check_size(image: &Path, driver: &str, size: ByteSize) -> Result<()> {
    let mut command = Command::new("qemu-img");
    command.args(["info", "--output=json", "-f", driver]).arg(image);
    let info = crate::command::output(&mut command, PACKAGE)?;
    let info: serde_json::Value = serde_json::from_slice(&info)
        .map_err(|e| Error::new(Kind::Tool, "qemu-img info gives no JSON").because(e))?;
    match info["virtual-size"].as_u64() {
        Some(own) if own > size.bytes() => Err(Error::new(
            Kind::Input,
            format!("a disk of {size} is smaller than the image's {}", ByteSize(own)),
        )
        .at(image)
        .remedy("give a larger --disk-size")),
        _ => Ok(()),
    }
}

/// Writes the overlay and what lies under it as one qcow2 file; a half-written one has another name.
pub fn keep(overlay: &Path, target: &Path) -> Result<()> {
    let folder = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // the user's umask decides who may read it, not the privacy of temporary files
    let file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .at("cannot write in", folder)?;
    let mut command = Command::new("qemu-img");
    command.args(["convert", "-f", "qcow2", "-O", "qcow2"]).arg(overlay).arg(file.path());
    crate::command::output(&mut command, PACKAGE)?;
    file.persist(target).map_err(|e| e.error).at("cannot write", target)?;
    Ok(())
}

/// QEMU's name for what reads a format in place; none where nothing does.
fn driver(format: Format) -> Option<&'static str> {
    match format {
        Format::Raw => Some(RAW),
        Format::Qcow2 | Format::Qcow2Zstd | Format::Qcow2Plain => Some("qcow2"),
        Format::Vmdk | Format::VmdkSparse => Some("vmdk"),
        Format::Vhd | Format::VhdDynamic => Some("vpc"),
        Format::Vhdx => Some("vhdx"),
        Format::RawZst | Format::Ova | Format::Gce => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Quiet;
    use crate::units::MIB;

    #[test]
    fn an_overlay_leaves_the_image_alone_and_may_be_larger() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("a, b:c.raw");
        std::fs::write(&image, vec![7; MIB as usize]).unwrap();
        let overlay = folder.path().join("overlay.qcow2");
        create(&image, Format::Raw, Some(ByteSize(4 * MIB)), &overlay, &Quiet).unwrap();
        let kept = folder.path().join("kept.qcow2");
        keep(&overlay, &kept).unwrap();
        check_size(&kept, "qcow2", ByteSize(4 * MIB)).unwrap();
        assert!(check_size(&kept, "qcow2", ByteSize(3 * MIB)).is_err());
    }

    #[test]
    fn a_smaller_disk_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("a.raw");
        std::fs::write(&image, vec![7; 2 * MIB as usize]).unwrap();
        let overlay = folder.path().join("overlay.qcow2");
        let error = create(&image, Format::Raw, Some(ByteSize(MIB)), &overlay, &Quiet).unwrap_err();
        assert_eq!(error.kind(), Kind::Input);
    }
}
