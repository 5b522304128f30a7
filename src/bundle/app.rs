//! A Node application as npm's package file, with every production dependency inside.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use serde::Deserialize;

use super::release::Name;
use crate::command;
use crate::error::{Context, Error, Kind, Result};

/// The folder that every npm package file has its files in.
const ROOT: &str = "package/";
/// npm's note to itself; it names the mirror that the builder used.
const NOTE: &str = "package/node_modules/.package-lock.json";

/// A packed application.
pub(crate) struct Packed {
    pub version: String,
    pub file: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PackageJson {
    name: String,
    version: String,
    #[serde(default)]
    dependencies: BTreeMap<String, String>,
    #[serde(default)]
    bundle_dependencies: Vec<String>,
    #[serde(default)]
    bundled_dependencies: Vec<String>,
}

/// Installs from the lock file and packs, in a copy below `work`: the working tree stays as it is.
pub(crate) fn pack(name: &Name, folder: &Path, work: &Path) -> Result<Packed> {
    let package = read(name, folder)?;
    let copy = work.join("apps").join(name.as_str());
    copy_tree(folder, &copy, true)?;
    // dependencies' install scripts would run the vendor's supply chain on the builder
    npm(&copy, &["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"])?;
    let said = npm(&copy, &["pack", "--ignore-scripts", "--silent"])?;
    let said = String::from_utf8_lossy(&said);
    let made = said.lines().last().unwrap_or_default().trim();
    let file = work.join(format!("{name}-{}.tgz", package.version));
    let held = repack(&copy.join(made), &file)?;
    // `npm pack` leaves bundled dependencies out in silence when it thinks itself in a workspace
    for dependency in package.dependencies.keys() {
        if !held.contains(&format!("{ROOT}node_modules/{dependency}/package.json")) {
            let message = format!("npm did not pack the dependency {dependency} of {name}");
            return Err(Error::new(Kind::Tool, message).at(folder));
        }
    }
    Ok(Packed { version: package.version, file })
}

pub(crate) fn read(name: &Name, folder: &Path) -> Result<PackageJson> {
    let path = folder.join("package.json");
    let text = fs::read(&path).at("cannot read the application", &path)?;
    let package: PackageJson = serde_json::from_slice(&text).map_err(|e| {
        Error::new(Kind::Input, "the application is not valid").at(&path).because(e)
    })?;
    if package.name != name.as_str() {
        let message = format!("the package is named {:?}, SITE.toml says {name}", package.name);
        return Err(Error::new(Kind::Input, message).at(&path));
    }
    if super::release::three(&package.version).is_none() {
        let message = format!("the version {:?} is not three numbers", package.version);
        return Err(Error::new(Kind::Input, message).at(&path).remedy("write it as 1.4.0"));
    }
    let bundled: BTreeSet<&String> =
        package.bundled_dependencies.iter().chain(&package.bundle_dependencies).collect();
    if let Some(missing) = package.dependencies.keys().find(|d| !bundled.contains(d)) {
        let message = format!("the dependency {missing} is not bundled");
        return Err(Error::new(Kind::Input, message)
            .at(&path)
            .remedy("list every dependency in bundleDependencies: the appliance has no network"));
    }
    if !folder.join("package-lock.json").exists() {
        return Err(Error::new(Kind::Input, "the application has no package-lock.json")
            .at(folder)
            .remedy("run `npm install` once and commit the file"));
    }
    Ok(package)
}

fn npm(folder: &Path, args: &[&str]) -> Result<Vec<u8>> {
    let mut command = Command::new("npm");
    command.args(args).current_dir(folder).env("NO_UPDATE_NOTIFIER", "1");
    command::output(&mut command, "npm")
}

/// Copies files and folders; what npm makes itself, and hidden files, stay behind at the top.
fn copy_tree(from: &Path, to: &Path, top: bool) -> Result<()> {
    fs::create_dir_all(to).at("cannot create the folder", to)?;
    for entry in fs::read_dir(from).at("cannot list", from)? {
        let entry = entry.at("cannot list", from)?;
        let (path, name) = (entry.path(), entry.file_name());
        let shown = name.to_string_lossy();
        if top && (shown == "node_modules" || shown.starts_with('.')) {
            continue;
        }
        let kind = entry.file_type().at("cannot look at", &path)?;
        if kind.is_dir() {
            copy_tree(&path, &to.join(&name), false)?;
        } else if kind.is_file() {
            fs::copy(&path, to.join(&name)).at("cannot copy", &path)?;
        } else {
            return Err(
                Error::new(Kind::Input, "an application holds files and folders alone").at(&path)
            );
        }
    }
    Ok(())
}

/// Writes npm's package again with one form for one content: npm's compression depends on its version.
/// Gives the names in it.
fn repack(from: &Path, to: &Path) -> Result<BTreeSet<String>> {
    let file = File::open(from).at("cannot open npm's package", from)?;
    let mut files: BTreeMap<String, (u32, Vec<u8>)> = BTreeMap::new();
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    for entry in archive.entries().at("cannot read npm's package", from)? {
        let mut entry = entry.at("cannot read npm's package", from)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type().is_dir() || path == NOTE {
            continue;
        }
        super::path::check(&path)?;
        let executable = entry.header().mode().at("cannot read npm's package", from)? & 0o111 != 0;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).at("cannot read npm's package", from)?;
        files.insert(path, (if executable { 0o755 } else { 0o644 }, bytes));
    }
    write(&files, to)?;
    Ok(files.into_keys().collect())
}

fn write(files: &BTreeMap<String, (u32, Vec<u8>)>, to: &Path) -> Result<()> {
    let file = File::create(to).at("cannot create", to)?;
    let mut archive = tar::Builder::new(GzBuilder::new().write(file, Compression::best()));
    for (path, (mode, bytes)) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        header.set_entry_type(tar::EntryType::Regular);
        archive.append_data(&mut header, path, &bytes[..]).at("cannot write", to)?;
    }
    archive.into_inner().and_then(|gz| gz.finish()).at("cannot write", to)?;
    Ok(())
}
