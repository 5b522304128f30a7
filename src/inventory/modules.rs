//! The Puppet modules of a bundle, as they lie in the image.

use serde::Deserialize;

use super::component::{Component, Sort};
use super::{licence, purl};
use crate::error::{Error, Kind, Result};
use crate::inspect::root::Root;
use crate::progress::Progress;
use crate::units::{Digest, Hasher, MIB};
use crate::written;

/// The largest metadata.json that is read, in bytes.
const METADATA: u64 = MIB;
/// The largest file of a module, in bytes; a bundle takes no larger ones.
const LARGEST: u64 = 512 * MIB;
/// The most folders below each other, as for a bundle's paths.
const DEEPEST: usize = 256;

/// Every module in a release's folder.
pub(super) fn of(
    root: &Root,
    release: &str,
    within: &[String],
    progress: &dyn Progress,
) -> Result<Vec<Component>> {
    let folder = format!("{release}/modules");
    let mut found = Vec::new();
    for name in root.names(&folder)? {
        progress.go_on()?;
        let home = format!("{folder}/{name}");
        let text = root.bytes(&format!("{home}/metadata.json"), METADATA)?;
        let metadata: Metadata = text
            .and_then(|text| serde_json::from_slice(written::bare(&text)).ok())
            .unwrap_or_default();
        let mut files = Vec::new();
        list(root, &home, "", DEEPEST, &mut files)?;
        let tree = digest(root, &home, files)?;
        let component = component(&name, &metadata);
        found.push(Component { tree: Some(tree), within: within.to_vec(), ..component });
    }
    Ok(found)
}

/// What is read of a module's own description.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    name: Option<String>,
    version: Option<String>,
    author: Option<String>,
    license: Option<String>,
}

fn component(folder: &str, metadata: &Metadata) -> Component {
    let Metadata { name, version, author, license } = metadata;
    let (name, version) = (name.as_deref().unwrap_or(folder), version.as_deref().unwrap_or(""));
    // the Forge writes either between the two
    let purl = match name.split_once(['-', '/']) {
        Some((author, module)) => purl::puppet(author, module, version),
        None => purl::own(Sort::Module, name, version),
    };
    let licence = license.as_deref().and_then(licence::of_spdx);
    let supplier = author.clone().filter(|author| !author.trim().is_empty());
    Component { licence, supplier, ..Component::new(Sort::Module, purl, name, version) }
}

/// The names of all files below a folder.
fn list(root: &Root, home: &str, below: &str, depth: usize, files: &mut Vec<String>) -> Result<()> {
    if depth == 0 {
        return Err(Error::new(Kind::Damaged, "folders are nested too deeply").at(home));
    }
    for name in root.names(&format!("{home}/{below}"))? {
        let path = format!("{below}{name}");
        match root.is_file(&format!("{home}/{path}"))? {
            true => files.push(path),
            false => list(root, home, &format!("{path}/"), depth - 1, files)?,
        }
    }
    Ok(())
}

/// The digest that a bundle's manifest has of the module: over its files' modes, digests and paths.
fn digest(root: &Root, home: &str, mut files: Vec<String>) -> Result<Digest> {
    files.sort();
    let mut hasher = Hasher::default();
    for path in files {
        let whole = format!("{home}/{path}");
        let bytes = root.bytes(&whole, LARGEST)?.unwrap_or_default();
        let mode = root.mode(&whole)?;
        hasher.update(format!("{mode:04o} {} {path}\n", Digest::of(bytes)));
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_has_its_authors_purl_and_one_without_an_author_is_the_vendors_own() {
        let named = |name: Option<&str>| {
            let name = name.map(str::to_owned);
            component(
                "profile",
                &Metadata { name, version: Some("1.0.0".into()), ..Metadata::default() },
            )
        };
        assert_eq!(named(Some("puppetlabs-stdlib")).purl, "pkg:puppet/puppetlabs/stdlib@1.0.0");
        assert_eq!(named(Some("puppet/archive")).purl, "pkg:puppet/puppet/archive@1.0.0");
        assert_eq!(named(None).purl, "pkg:generic/module/profile@1.0.0");
    }
}
