//! What an image is made of, component by component, and the two forms in which the world exchanges that.
//!
//! The way through: [`of`] reads an image and gives an [`Inventory`] (`packages` and `copyright` of dpkg, `apps` and the
//! npm packages in them, `modules` of Puppet; `purl` and `licence` name things as everybody does). With a
//! [`Subject`] it becomes an SPDX document ([`spdx()`]) and a CycloneDX one ([`cyclonedx()`]), which hold the same set;
//! [`matches()`] says where two such documents say something else.
//!
//! Everything is read from the image, and nothing from what a build remembers: so an image of any age or maker has
//! an inventory, and it is one of the bytes that are shipped. What leaves no trace there (a library inside a
//! compiled program, or in an app's bundled script) is in no inventory.

mod apps;
mod component;
mod copyright;
mod cyclonedx;
mod licence;
mod matching;
mod modules;
mod packages;
mod purl;
mod spdx;
mod stanza;
mod subject;

use std::sync::Arc;

pub use component::{Component, FORMAT, Inventory, OperatingSystem, Sort, SourcePackage};
pub use cyclonedx::cyclonedx;
pub use matching::matches;
pub use spdx::spdx;
pub use subject::{File, Subject};

use crate::error::Result;
use crate::inspect::root::Root;
use crate::inspect::{Image, open_root, table};
use crate::layer::config::CODE;
use crate::manifest::ImageRecord;
use crate::progress::Progress;

/// The name of an inventory in a release's folder.
pub const INVENTORY: &str = "inventory.json";
/// The name of an SPDX document there.
pub const SPDX: &str = "sbom.spdx.json";
/// The name of a CycloneDX document there.
pub const CYCLONEDX: &str = "sbom.cdx.json";

/// Reads an image's components.
///
/// # Errors
/// As for [`crate::inspect::inspect`]; an app in the image that is no package of npm's is damage, too.
pub fn of(image: &Arc<Image>, progress: &dyn Progress) -> Result<Inventory> {
    let root = open_root(image, &table::read(image)?)?;
    let system = operating_system(&root)?;
    let record = root.record()?;
    let (base, bundle) = record.as_ref().map(own).unzip();
    let purls = |component: &Option<Component>| -> Vec<String> {
        component.iter().map(|component| component.purl.clone()).collect()
    };
    let mut found = packages::of(&root, system.as_ref(), &purls(&base), progress)?;
    let releases = format!("{CODE}/releases");
    let built = record.as_ref().map(|record| &record.bundle.release);
    for name in root.names(&releases)? {
        let release = format!("{releases}/{name}");
        let within = if built == Some(&name) { purls(&bundle) } else { Vec::new() };
        found.extend(modules::of(&root, &release, &within, progress)?);
        found.extend(apps::of(&root, &release, &within, progress)?);
    }
    found.extend(base);
    found.extend(bundle);
    Ok(Inventory::new(system, found))
}

/// The base and the bundle.
fn own(record: &ImageRecord) -> (Component, Component) {
    let (base, bundle) = (&record.base, &record.bundle);
    let digest = base.digest.to_string();
    let purl = purl::own(Sort::Base, &base.name, &digest);
    let base = Component {
        tree: Some(base.digest),
        ..Component::new(Sort::Base, purl, &base.name, &digest)
    };
    let purl = purl::own(Sort::Bundle, &bundle.site, bundle.version());
    let bundle = Component {
        sha256: Some(bundle.digest),
        ..Component::new(Sort::Bundle, purl, &bundle.site, bundle.version())
    };
    (base, bundle)
}

fn operating_system(root: &Root) -> Result<Option<OperatingSystem>> {
    let text = root.small("/etc/os-release")?.unwrap_or_default();
    let field = |name: &str| {
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.trim().trim_matches(['"', '\'']).to_owned()).filter(|value| !value.is_empty())
    };
    let Some(id) = field("ID") else { return Ok(None) };
    Ok(Some(OperatingSystem { id, version: field("VERSION_ID"), name: field("PRETTY_NAME") }))
}
