//! The web applications of a bundle and the npm packages inside them, from their .tgz as it lies in the image.

use std::collections::BTreeMap;
use std::io::{BufReader, Seek as _};

use serde::Deserialize;
use serde_json::Value;

use super::component::{Component, Sort};
use super::{licence, purl};
use crate::app::archive::{ROOT, descriptions};
use crate::error::{Context as _, Result};
use crate::inspect::root::Root;
use crate::progress::Progress;
use crate::units::Digest;
use crate::written;

/// The folder that npm installs into.
const MODULES: &str = "node_modules/";

/// Every app in a release's folder, and all that is in them.
pub(super) fn of(
    root: &Root,
    release: &str,
    within: &[String],
    progress: &dyn Progress,
) -> Result<Vec<Component>> {
    let folder = format!("{release}/apps");
    let mut found = Vec::new();
    for name in root.names(&folder)? {
        progress.go_on()?;
        let path = format!("{folder}/{name}");
        if name.ends_with(".tgz") && root.is_file(&path)? {
            let inside = packed(root, &path).map_err(|e| e.at(&path))?;
            found.extend(inside.into_iter().map(|component| match component.sort {
                Sort::App => Component { within: within.to_vec(), ..component },
                _ => component,
            }));
        }
    }
    Ok(found)
}

fn packed(root: &Root, path: &str) -> Result<Vec<Component>> {
    // an app has hundreds of MiB at most, which a file without a name takes
    let mut file = tempfile::tempfile().doing("cannot make a temporary file")?;
    root.copy(path, &mut file)?;
    file.rewind().doing("cannot read a temporary file")?;
    let (sha256, _) = Digest::of_reader(&file).doing("cannot read a temporary file")?;
    file.rewind().doing("cannot read a temporary file")?;
    Ok(inside(&descriptions(BufReader::with_capacity(1 << 17, file))?, sha256))
}

/// An app and the packages in it, by all its package.json files.
fn inside(files: &BTreeMap<String, Vec<u8>>, sha256: Digest) -> Vec<Component> {
    let mut found = Vec::new();
    let mut app = None;
    for (name, bytes) in files {
        let Some(place) = place(name) else { continue };
        let written: Written = serde_json::from_slice(written::bare(bytes)).unwrap_or_default();
        let Written { name, version, .. } = &written;
        let (name, version) = (name.as_deref().unwrap_or(place), version.as_deref().unwrap_or(""));
        if place.is_empty() {
            let purl = purl::own(Sort::App, name, version);
            app = Some(purl.clone());
            let component = Component::new(Sort::App, purl, name, version);
            found.push(Component { sha256: Some(sha256), licence: written.licence(), ..component });
        } else {
            let component = Component::new(Sort::Npm, purl::npm(name, version), name, version);
            let (licence, supplier) = (written.licence(), written.author());
            found.push(Component { licence, supplier, ..component });
        }
    }
    for component in found.iter_mut().filter(|component| component.sort == Sort::Npm) {
        component.within.extend(app.clone());
    }
    found
}

/// The package whose description this is, by its folder: empty for the app itself, none for a package.json deeper
/// inside a package, which tells Node how to read a folder and describes no package.
fn place(file: &str) -> Option<&str> {
    let folder = file.strip_prefix(ROOT)?.strip_suffix("package.json")?.trim_end_matches('/');
    if folder.is_empty() {
        return Some("");
    }
    let start = folder.rfind(MODULES).map(|at| at + MODULES.len())?;
    let whole = start == MODULES.len() || folder[..start - MODULES.len()].ends_with('/');
    let name = &folder[start..];
    let parts = name.split('/').count();
    (whole && parts == if name.starts_with('@') { 2 } else { 1 }).then_some(name)
}

/// What is read of a package.json; anything may be of another type in packages of others.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Written {
    #[serde(deserialize_with = "text")]
    name: Option<String>,
    #[serde(deserialize_with = "text")]
    version: Option<String>,
    license: Value,
    licenses: Value,
    author: Value,
}

fn text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_str().map(str::to_owned).filter(|text| !text.is_empty()))
}

impl Written {
    /// `license`, or `licenses` as old packages have it, of which any may be chosen.
    fn licence(&self) -> Option<String> {
        let name = |value: &Value| value["type"].as_str().or(value.as_str()).map(str::to_owned);
        if let Some(one) = name(&self.license) {
            return licence::of_spdx(&one);
        }
        let names: Vec<String> = self.licenses.as_array()?.iter().filter_map(name).collect();
        let all: Vec<String> = names.iter().filter_map(|name| licence::of_spdx(name)).collect();
        (!all.is_empty()).then(|| all.join(" OR "))
    }

    fn author(&self) -> Option<String> {
        match &self.author {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Object(author) => {
                let name = author.get("name")?.as_str()?;
                match author.get("email").and_then(Value::as_str) {
                    Some(email) => Some(format!("{name} <{email}>")),
                    None => Some(name.to_owned()),
                }
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::archive;

    #[test]
    fn an_app_brings_the_packages_of_all_its_folders_and_no_other_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ui.tgz");
        let member = |text: &str| archive::Member { executable: false, bytes: text.into() };
        let files = [
            ("package.json", r#"{"name":"@acme/ui","version":"1.0.0","license":"MIT"}"#),
            ("server.js", "not read"),
            ("node_modules/ms/package.json", r#"{"name":"ms","version":"2.1.3","license":"MIT"}"#),
            ("node_modules/ms/esm/package.json", r#"{"type":"module"}"#),
            ("node_modules/alias/package.json", r#"{"name":"real","version":"1.0.0"}"#),
            ("node_modules/broken/package.json", "{"),
        ];
        let files = files.map(|(name, text)| (format!("{ROOT}{name}"), member(text)));
        archive::write(&files.into(), &path).unwrap();
        let file = BufReader::new(std::fs::File::open(&path).unwrap());
        let read = descriptions(file).unwrap();
        assert_eq!(read.len(), 5);
        let found = inside(&read, Digest::of("file"));
        let purls: Vec<&str> = found.iter().map(|component| component.purl.as_str()).collect();
        let app = "pkg:generic/app/%40acme/ui@1.0.0";
        assert_eq!(purls, ["pkg:npm/real@1.0.0", "pkg:npm/broken", "pkg:npm/ms@2.1.3", app]);
        assert!(found.iter().all(|c| c.sort == Sort::App || c.within == [app]), "{found:?}");
        assert_eq!(found[3].sha256, Some(Digest::of("file")));
    }

    #[test]
    fn a_package_is_told_by_its_folder_and_a_hint_for_node_is_no_package() {
        for (file, expected) in [
            ("package/package.json", Some("")),
            ("package/node_modules/ms/package.json", Some("ms")),
            ("package/node_modules/@a/b/node_modules/@c/d/package.json", Some("@c/d")),
            ("package/node_modules/ms/dist/esm/package.json", None),
            ("package/node_modules/@a/package.json", None),
            ("package/lib/package.json", None),
            ("package/my_node_modules/ms/package.json", None),
            ("package/node_modules/ms/index.js", None),
        ] {
            assert_eq!(place(file), expected, "{file}");
        }
    }

    #[test]
    fn licences_and_authors_are_read_in_all_their_spellings() {
        let read = |text: &str| serde_json::from_str::<Written>(text).unwrap();
        for (text, expected) in [
            (r#"{"license":"MIT"}"#, Some("MIT")),
            (r#"{"license":{"type":"ISC","url":"u"}}"#, Some("ISC")),
            (r#"{"licenses":[{"type":"MIT"},{"type":"Apache-2.0"}]}"#, Some("MIT OR Apache-2.0")),
            (r#"{"license":7,"name":[],"version":false}"#, None),
        ] {
            assert_eq!(read(text).licence().as_deref(), expected, "{text}");
        }
        let author = read(r#"{"author":{"name":"A","email":"a@b.example"}}"#).author();
        assert_eq!(author.as_deref(), Some("A <a@b.example>"));
        assert_eq!(read(r#"{"author":"A"}"#).author().as_deref(), Some("A"));
    }
}
