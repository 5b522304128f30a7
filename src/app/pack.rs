//! The recipe: copy, test, install for production, pack, prove, write again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::archive::{self, Held};
use super::copy;
use super::lock::{self, INSTALLED, Installed, LOCKS};
use super::npm::Npm;
use super::package::{self, Given, Package};
use super::{App, Numbering, Version, check, git};
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;
use crate::whole::{Draft, Work};

/// npm's note to itself in a package. It names the mirror that the builder used.
const NOTE: &str = "package/node_modules/.package-lock.json";
/// The app's scripts that npm runs before packing: what they build is packed, too.
const BEFORE: [&str; 2] = ["prepare", "prepack"];

/// Whether the app's own tests are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tests {
    /// Yes; a failed one ends the packing.
    Run,
    /// No, because the user said so.
    Skip,
}

/// What to pack.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The app's folder, with package.json and package-lock.json.
    pub folder: &'a Path,
    /// Which version it gets.
    pub numbering: &'a Numbering,
    /// Whether its tests are run.
    pub tests: Tests,
    /// Variables of our environment that its scripts and tests see in addition to the plain ones
    /// (where programs and the home folder are, the language): keys for clouds and paths to secrets
    /// are none of their business.
    pub variables: &'a [String],
    /// Where the .tgz goes.
    pub out: &'a Path,
    /// The folder for working copies.
    pub work: &'a Path,
}

/// The result of packing an app.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The package.
    pub app: App,
    /// Whether its tests were run and passed; false if it has none, or if they were skipped.
    pub tested: bool,
}

/// Packs an app into `<out>/<name>-<version>.tgz`. Its folder is only read.
///
/// # Errors
/// Fails, among other reasons, when a dependency would be missing on a machine without a network.
pub fn pack(request: &Request<'_>, progress: &dyn Progress) -> Result<Packed> {
    let (json, package) = read(request.folder)?;
    let version = request.numbering.apply(&package.version)?;
    let commit = git::source(request.folder, git::Scope::Folder)?.map(|source| source.commit);
    fs::create_dir_all(request.out).at("cannot create the folder", request.out)?;
    let work = Work::new_in(request.work)?;
    let at = |error: Error| match error.path() {
        None => error.at(request.folder),
        Some(_) => error,
    };

    let tested = test(request, &package, &work, progress).map_err(at)?;
    progress.step(&format!("packing {} {version}", package.name), None);
    let copied = Copied { folder: install(request, &package, &work).map_err(at)?, json, package };
    let installed = copied.installed()?;
    for name in &installed.scripted {
        progress.note(&format!("the install script of {name} was not run"));
    }
    let held = copied.pack(&installed, &version, commit.as_deref(), &work).map_err(at)?;
    check::complete(&held).map_err(at)?;
    for package in check::native(&held).map_err(at)?.uncompiled {
        progress
            .note(&format!("{package} has no compiled module for the appliance, and is optional"));
    }
    let file = work.path().join("app.tgz");
    archive::write(&held.files, &file)?;
    Ok(Packed { app: keep(&file, request.out)?, tested })
}

/// Moves the package to the requested place, as a whole or not at all.
fn keep(file: &Path, out: &Path) -> Result<App> {
    let app = App::open(file)?;
    let path = out.join(app.file_name());
    // the work folder may be on another disk: first copied under another name, then renamed
    let mut draft = Draft::beside(&path, 0o644)?;
    let mut packed = File::open(file).at("cannot open", file)?;
    std::io::copy(&mut packed, draft.file()).at("cannot write", &path)?;
    draft.replace(&path)?;
    Ok(App { path, ..app })
}

fn read(folder: &Path) -> Result<(Vec<u8>, Package)> {
    let path = folder.join("package.json");
    let json = fs::read(&path).at("cannot read the app", &path)?;
    let package = Package::parse(&json).map_err(|e| e.at(&path))?;
    let (path, lock) = lock_file(folder)?.ok_or_else(|| no_lock(folder))?;
    lock::check(&lock).map_err(|e| e.at(&path))?;
    Ok((json, package))
}

/// The lock file that npm uses.
fn lock_file(folder: &Path) -> Result<Option<(PathBuf, Vec<u8>)>> {
    for name in LOCKS {
        let path = folder.join(name);
        match fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            read => return Ok(Some((path.clone(), read.at("cannot read", &path)?))),
        }
    }
    Ok(None)
}

/// The error for a missing lock file. A workspace's packages share the one in its root, and saying
/// so helps more.
fn no_lock(folder: &Path) -> Error {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    // this only improves the message: a file that cannot be read says nothing about a workspace
    let is_root = |above: &&Path| {
        let json = fs::read(above.join("package.json")).unwrap_or_default();
        package::read::<serde_json::Value>(&json).is_ok_and(|v| v.get("workspaces").is_some())
    };
    match folder.ancestors().skip(1).find(is_root) {
        Some(root) => {
            let message = format!("the app is a package of the workspace {}", root.display());
            Error::new(Kind::Input, message).at(&folder).remedy(
                "give it a lock file of its own: `npm install --package-lock-only --workspaces=false`",
            )
        }
        None => {
            Error::new(Kind::Input, "the app has no package-lock.json, and no npm-shrinkwrap.json")
                .at(&folder)
                .remedy("run `npm install` once and commit the file")
        }
    }
}

/// Runs the app's tests in a separate copy: what they leave behind must not be packed.
fn test(
    request: &Request<'_>,
    package: &Package,
    work: &Work,
    progress: &dyn Progress,
) -> Result<bool> {
    let name = &package.name;
    if request.tests == Tests::Skip {
        progress.note(&format!("the tests of {name} were skipped"));
        return Ok(false);
    }
    if package.script("test").is_none() {
        progress.note(&format!("{name} has no tests"));
        return Ok(false);
    }
    progress.step(&format!("testing {name}"), None);
    // not named "test": `node --test` takes every file below such a folder as a test
    let folder = work.path().join("tried");
    copy::sources(request.folder, &folder)?;
    let npm = Npm { folder: &folder, variables: request.variables };
    npm.install(None)?;
    npm.script("prepare")?;
    npm.test()?;
    Ok(true)
}

/// A copy with its build output and only its production dependencies.
fn install(request: &Request<'_>, package: &Package, work: &Work) -> Result<PathBuf> {
    let folder = work.path().join("package");
    copy::sources(request.folder, &folder)?;
    let npm = Npm { folder: &folder, variables: request.variables };
    if BEFORE.iter().any(|name| package.script(name).is_some()) {
        npm.install(None)?;
        BEFORE.iter().try_for_each(|name| npm.script(name))?;
    }
    npm.install(Some("dev"))?;
    Ok(folder)
}

/// The copy that is packed.
struct Copied {
    folder: PathBuf,
    json: Vec<u8>,
    package: Package,
}

impl Copied {
    fn installed(&self) -> Result<Installed> {
        let path = self.folder.join(INSTALLED);
        let json = match fs::read(&path) {
            // npm writes no note if there are no dependencies
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            read => Some(read.at("cannot read", &path)?),
        };
        lock::installed(json.as_deref())
    }

    fn pack(
        &self,
        installed: &Installed,
        version: &Version,
        commit: Option<&str>,
        work: &Work,
    ) -> Result<Held> {
        let mut dependencies = self.package.dependencies.clone();
        let held = self.pack_with(&dependencies, installed, version, commit, work)?;
        let left_out = check::left_out(&held, installed);
        if left_out.is_empty() {
            return Ok(held);
        }
        // a dependency's peers are installed beside it, but npm bundles only the app's own
        // dependencies
        for (name, version) in &installed.top {
            if left_out.contains(&format!("node_modules/{name}").as_str()) {
                dependencies.insert(name.clone(), version.clone());
            }
        }
        let held = self.pack_with(&dependencies, installed, version, commit, work)?;
        match check::left_out(&held, installed).first() {
            None => Ok(held),
            Some(folder) => Err(Error::new(Kind::Tool, format!("npm did not pack {folder}"))
                .remedy("add the package to the app's own dependencies")),
        }
    }

    fn pack_with(
        &self,
        dependencies: &BTreeMap<String, String>,
        installed: &Installed,
        version: &Version,
        commit: Option<&str>,
        work: &Work,
    ) -> Result<Held> {
        let names: BTreeSet<&String> =
            dependencies.keys().chain(self.package.optional.keys()).collect();
        let there = names.into_iter().filter(|name| installed.top.contains_key(*name));
        let bundled: Vec<String> = there.cloned().collect();
        let given = Given { version, commit, dependencies, bundled: &bundled };
        let path = self.folder.join("package.json");
        fs::write(&path, package::rewrite(&self.json, &given)?).at("cannot write", &path)?;
        let to = tempfile::tempdir_in(work.path()).at("cannot create a folder in", work.path())?;
        Npm { folder: &self.folder, variables: &[] }.pack(to.path())?;
        let made = fs::read_dir(to.path()).at("cannot list", to.path())?.next().transpose();
        let made = made.at("cannot list", to.path())?;
        let made = made.ok_or_else(|| Error::new(Kind::Tool, "npm pack left no package"))?;
        let mut held = archive::read(&made.path())?;
        held.files.remove(NOTE);
        Ok(held)
    }
}
