//! How roots are made: the inputs, the programs that run, and the results.

use std::path::Path;
use std::sync::Arc;

use super::mmdebstrap::{self, Run};
use super::{Definition, DefinitionKind, LayerSpec, Root, entry, packages, seal, seed, tarball};
use crate::error::{Error, Kind, Result};
use crate::manifest::Package;
use crate::pack::Pack;
use crate::progress::Progress;
use crate::tree::tar::Archive;
use crate::tree::{Layer, Tree, diff};
use crate::units::Timestamp;

/// Part of every key: raise it when the code below works differently, so that all roots are made
/// anew.
pub const VERSION: u32 = 2;

const BOOT: &str = include_str!("files/boot.sh");
const SERVICES: &str = include_str!("files/services.sh");

/// Where GRUB's image for BIOS is put.
const CORE_IMAGE: &str = "usr/lib/slipway/boot/core.img";
/// Prefix of GRUB's image for BIOS: the third partition of the disk that it was read from.
const GRUB_PREFIX: &str = "(,gpt3)/boot/grub";
/// The modules that GRUB's image for BIOS needs to reach and run its menu.
const GRUB_MODULES: &str = "biosdisk part_gpt ext2 normal linux search search_fs_uuid configfile \
    serial terminal gzio test echo all_video minicmd reboot halt sleep";

/// The scripts and configuration that go in; part of every key as well.
pub fn texts() -> [&'static str; 7] {
    [
        seed::TEXTS,
        mmdebstrap::INSTALL,
        mmdebstrap::IN_ROOT,
        BOOT,
        SERVICES,
        GRUB_PREFIX,
        GRUB_MODULES,
    ]
}

fn boot_script() -> String {
    format!("GRUB_PREFIX='{GRUB_PREFIX}' GRUB_MODULES='{GRUB_MODULES}'\n{BOOT}")
}

/// The result of a recipe; the pack is in the work folder.
pub struct Made {
    /// The difference to the parent, or to nothing.
    pub layer: Layer,
    /// The pack, with its sums.
    pub pack: Arc<Pack>,
    /// Names in the whole tree.
    pub entries: u64,
    /// Not earlier than anything that went in.
    pub time: Timestamp,
    /// All packages of the whole tree.
    pub packages: Vec<Package>,
}

/// Makes a base in `work`; the output of a failed program goes to `logs`.
pub fn base(
    definition: &Definition,
    work: &Path,
    logs: &Path,
    progress: &dyn Progress,
) -> Result<Made> {
    let scratch = Scratch::beside(work)?;
    let (mut archive, time, pinned) = match definition.kind {
        DefinitionKind::Mmdebstrap => {
            let (archive, time) = bootstrapped(definition, scratch.path(), logs, progress)?;
            (archive, time, None)
        }
        DefinitionKind::Tarball => from_tarball(definition, scratch.path(), logs, progress)?,
    };
    progress.step("taking the root into the cache", None);
    seal::clean(&mut archive);
    let (mut tree, pack) = archive.into_tree(&work.join(entry::PACK), None, progress)?;
    if let Some(pinned) = pinned {
        seed::restore_devices(&mut tree, &pinned);
        seed::restore_times(&mut tree, &pinned, time);
    }
    seal::finish(&mut tree, definition, time)?;
    finish(tree, None, pack, time)
}

fn bootstrapped(
    definition: &Definition,
    scratch: &Path,
    logs: &Path,
    progress: &dyn Progress,
) -> Result<(Archive, Timestamp)> {
    let run = Run {
        what: &format!("base {}", definition.name),
        definition,
        bootstrap: true,
        seed: &seed::base()?,
        packages: &definition.all_packages(),
        script: Some(&(boot_script() + SERVICES)),
        scratch,
        logs,
    };
    mmdebstrap::run(&run, Timestamp::default(), progress)
}

/// A root made by somebody else is used as it is, except for GRUB's image, which only its own GRUB
/// can make. If that had to be done, the original tree is returned, too.
fn from_tarball(
    definition: &Definition,
    scratch: &Path,
    logs: &Path,
    progress: &dyn Progress,
) -> Result<(Archive, Timestamp, Option<Tree>)> {
    let tarball = definition
        .tarball
        .as_ref()
        .ok_or_else(|| Error::new(Kind::Input, "the definition has no [tarball]"))?;
    let time = tarball.time.parse()?;
    let plain = scratch.join("fetched.tar");
    tarball::fetch(tarball, &definition.folder, &plain, progress)?;
    // the copy no longer exists when somebody reads the error
    let named = |e: Error| e.at(&tarball.source);
    let archive = Archive::open(&plain).map_err(named)?;
    if archive.holds(CORE_IMAGE) || !archive.holds("usr/bin/grub-mkimage") {
        return Ok((archive, time, None));
    }
    let unpacked = archive.into_tree(&scratch.join("fetched.pack"), None, progress);
    let (tree, _) = unpacked.map_err(named)?;
    let run = Run {
        what: &format!("base {}", definition.name),
        definition,
        bootstrap: false,
        seed: &seed::without_devices(&tree),
        packages: &[],
        script: Some(&boot_script()),
        scratch,
        logs,
    };
    let (archive, time) = mmdebstrap::run(&run, time, progress)?;
    Ok((archive, time, Some(tree)))
}

/// Makes a layer on `parent` in `work`.
pub fn layer(
    parent: &Root,
    spec: &LayerSpec,
    work: &Path,
    logs: &Path,
    progress: &dyn Progress,
) -> Result<Made> {
    let definition = &parent.definition;
    if definition.archives.is_empty() && !spec.packages.is_empty() {
        return Err(Error::new(
            Kind::Refused,
            format!("the base {} has no [[archives]] to take packages from", definition.name),
        )
        .remedy("add them to its definition, or leave the packages out"));
    }
    let scratch = Scratch::beside(work)?;
    let seed = seed::layer(parent, spec)?;
    let run = Run {
        what: &format!("layer {}", spec.name),
        definition,
        bootstrap: false,
        seed: &seed,
        packages: &spec.packages,
        script: spec.script.as_deref(),
        scratch: scratch.path(),
        logs,
    };
    let (mut archive, time) = mmdebstrap::run(&run, parent.time, progress)?;
    progress.step("taking the layer into the cache", None);
    seal::clean(&mut archive);
    let parents = Some(&parent.tree);
    let (mut tree, pack) = archive.into_tree(&work.join(entry::PACK), parents, progress)?;
    seed::restore_devices(&mut tree, &parent.tree);
    seal::finish(&mut tree, definition, time)?;
    finish(tree, Some(&parent.tree), pack, time)
}

fn finish(tree: Tree, parent: Option<&Tree>, pack: Arc<Pack>, time: Timestamp) -> Result<Made> {
    seal::check(&tree)?;
    let packages = packages::installed(&tree)?;
    let nothing = Tree::new();
    let layer = diff(parent.unwrap_or(&nothing), &tree);
    Ok(Made { layer, pack, entries: tree.len() as u64, time, packages })
}

/// A folder for files that are needed only while a root is made. It is beside the entry, on the
/// same disk.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn beside(work: &Path) -> Result<Self> {
        let parent = work.parent().unwrap_or(work);
        let folder = tempfile::Builder::new().prefix("scratch-").tempdir_in(parent);
        Ok(Self(crate::error::Context::at(folder, "cannot make a folder in", parent)?))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}
