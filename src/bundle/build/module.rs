//! Where modules' files come from, and what is known of each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::folder;
use super::forge::Forge;
use super::lock::Pins;
use super::package::{Apt, Deb};
use super::puppetfile::{self, From, Puppetfile};
use super::request::{Inputs, Request};
use super::site::{ModuleSource, Site, is_module};
use super::{ignored, repository, submodule};
use crate::app;
use crate::error::{Context, Error, Kind, Result};
use crate::file;
use crate::progress::Progress;

/// Where Debian's module packages put their modules; `modules` holds the alternatives' links to it.
const PACKAGED: [&str; 2] = ["usr/share/puppet/modules.available", "usr/share/puppet/modules"];

/// A module whose files are on this machine.
#[derive(Debug)]
pub(super) struct Gathered {
    /// Its folder's name below modules/.
    pub name: String,
    /// Its files.
    pub folder: PathBuf,
    /// The distribution's package, `name=version`.
    pub package: Option<String>,
    /// The commit of its repository.
    pub commit: Option<String>,
    /// The repository's URL, or the forge's release, as in `forge:puppetlabs-stdlib-9.4.1`.
    pub source: Option<String>,
    /// Paths in the folder that do not belong to it.
    pub ignored: BTreeSet<String>,
    /// What the site asks for, in the words of its lock file; none for the vendor's own.
    pub wanted: Option<String>,
}

/// Gets all modules of a site, sorted by name. What must be unpacked goes below `work`.
pub(super) fn gather(
    site: &Site,
    request: &Request<'_>,
    pins: &Pins<'_>,
    work: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Gathered>> {
    let mut found = named(site, request, pins, work, progress)?;
    for folder in &site.module_folders {
        let folder = request.site.join(folder);
        for entry in folder::sorted(&folder)? {
            let name = folder::name_of(&entry)?;
            if !name.starts_with('.') && file::is_folder(&entry)? {
                found.push(own(name, entry, progress)?);
            }
        }
    }
    if let Some(path) = &site.puppetfile {
        let path = request.site.join(path);
        let wanted = read(&path)?;
        let inputs = Fetching { site, request, pins, home: parent(&path), work, progress };
        found.extend(inputs.all(&wanted, &path)?);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = found.windows(2).find(|pair| pair[0].name == pair[1].name) {
        let places = format!("{} and {}", pair[0].folder.display(), pair[1].folder.display());
        let message = format!("the module {} is there twice: {places}", pair[0].name);
        return Err(Error::new(Kind::Input, message).at(request.site));
    }
    Ok(found)
}

/// The modules that SITE.toml names one by one.
fn named(
    site: &Site,
    request: &Request<'_>,
    pins: &Pins<'_>,
    work: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Gathered>> {
    let debs = fetch_packages(site, pins, request.cache, work, progress)?;
    let mut found = Vec::new();
    for (name, source) in &site.modules {
        found.push(match source {
            ModuleSource { package: None, path, .. } => {
                let path = request.site.join(path.as_deref().unwrap_or_default());
                own(name.clone(), path, progress)?
            }
            ModuleSource { package: Some(package), version, .. } => {
                let wanted = Some(wanted(package, version.as_deref()));
                let deb = debs.get(package).ok_or_else(|| {
                    Error::new(Kind::Tool, format!("apt-get download left no {package}"))
                })?;
                let (folder, package) = (in_package(deb, name)?, Some(deb.id.clone()));
                Gathered {
                    name: name.clone(),
                    folder,
                    package,
                    commit: None,
                    source: None,
                    wanted,
                    ignored: BTreeSet::new(),
                }
            }
        });
    }
    Ok(found)
}

/// A module in a folder of the vendor's; a submodule's commit is its own.
fn own(name: String, folder: PathBuf, progress: &dyn Progress) -> Result<Gathered> {
    if !is_module(&name) {
        let message = format!("{name:?} cannot be a module's name");
        return Err(Error::new(Kind::Input, message).at(folder));
    }
    if fs::read_dir(&folder).at("cannot list", &folder)?.next().is_none() {
        // a submodule that nobody fetched is an empty folder; puppet would only miss its classes
        // only for better words: what cannot be looked at says nothing of a submodule
        let is_list = |above: &Path| file::is_file(&above.join(".gitmodules")).unwrap_or(false);
        let remedy = match folder.ancestors().any(is_list) {
            true => "run `git submodule update --init`, in CI too",
            false => "put the module's files there, or remove the folder",
        };
        return Err(Error::new(Kind::Input, "the module's folder is empty")
            .at(folder)
            .remedy(remedy));
    }
    submodule::check_fetched(&folder)?;
    let ignored = ignored::hidden(&folder, progress)?;
    let commit = app::source(&folder, app::Scope::Folder)?.map(|source| source.commit);
    Ok(Gathered { name, folder, package: None, commit, source: None, wanted: None, ignored })
}

/// A package in the words of the lock file.
fn wanted(package: &str, version: Option<&str>) -> String {
    version.map_or_else(|| package.to_owned(), |version| format!("{package}={version}"))
}

fn fetch_packages(
    site: &Site,
    pins: &Pins<'_>,
    cache: &Path,
    work: &Path,
    progress: &dyn Progress,
) -> Result<BTreeMap<String, Deb>> {
    let mut exact = BTreeMap::new();
    let mut pinned = false;
    for (name, source) in &site.modules {
        if let ModuleSource { package: Some(package), version, .. } = source {
            let locked = pins.module(name, &wanted(package, version.as_deref()))?;
            let locked = locked.and_then(|l| l.source.split_once('=')).map(|(_, version)| version);
            pinned |= locked.is_some();
            exact.insert(package.as_str(), locked.or(version.as_deref()));
        }
    }
    match &site.archive {
        Some(archive) if !exact.is_empty() => {
            progress.step(&format!("modules from {}", archive.suite), None);
            let fetched = Apt::open(archive, cache)?.fetch(&exact, work);
            fetched.map_err(|e| match pinned {
                false => e,
                true => Error::new(e.kind(), "cannot get the packages that the lock file names")
                    .remedy("where the archive has one no more: `slipway bundle update`")
                    .because(e),
            })
        }
        // packages without an archive were refused when SITE.toml was read
        _ => Ok(BTreeMap::new()),
    }
}

/// The folder of module `name` in an unpacked package.
fn in_package(deb: &Deb, name: &str) -> Result<PathBuf> {
    for parent in PACKAGED {
        let parent = deb.root.join(parent);
        let entries = match fs::read_dir(&parent) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            found => found.at("cannot list", &parent)?,
        };
        for entry in entries {
            let path = entry.at("cannot list", &parent)?.path();
            let folder = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Debian prefixes the author: puppetlabs-stdlib
            let bare = folder.rsplit('-').next().unwrap_or(&folder);
            if bare == name && file::is_folder(&path)? {
                return Ok(path);
            }
        }
    }
    Err(Error::new(Kind::Input, format!("{} has no module {name}", deb.id))
        .remedy("name the module in SITE.toml as its package does"))
}

fn read(path: &Path) -> Result<Puppetfile> {
    let text = fs::read_to_string(path).at("cannot read the Puppetfile", path)?;
    puppetfile::parse(&text).map_err(|fault| {
        let place = format!("{}:{}", path.display(), fault.line);
        Error::new(Kind::Input, fault.fact).at(place).remedy(fault.remedy)
    })
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// Gets what a Puppetfile names.
struct Fetching<'a> {
    site: &'a Site,
    request: &'a Request<'a>,
    pins: &'a Pins<'a>,
    home: &'a Path,
    work: &'a Path,
    progress: &'a dyn Progress,
}

impl Fetching<'_> {
    fn all(&self, file: &Puppetfile, path: &Path) -> Result<Vec<Gathered>> {
        let mut forge = None;
        let mut found = Vec::new();
        for wanted in &file.modules {
            let one = match &wanted.from {
                From::Path(folder) => {
                    own(wanted.name.clone(), self.home.join(folder), self.progress)
                }
                From::Git { url, rev } => {
                    self.folder(&wanted.name).and_then(|to| self.git(&wanted.name, url, rev, to))
                }
                From::Forge { slug, version } => {
                    if forge.is_none() {
                        forge = Some(self.forge(file)?);
                    }
                    self.folder(&wanted.name).and_then(|to| {
                        if let Some(forge) = &forge {
                            forge.fetch(slug, version, &to, self.progress)?;
                        }
                        let source = Some(format!("forge:{slug}-{version}"));
                        let (name, ask) = (wanted.name.clone(), format!("{slug} {version}"));
                        self.pins.module(&name, &ask)?;
                        Ok(Gathered {
                            name,
                            folder: to,
                            package: None,
                            commit: None,
                            source,
                            wanted: Some(ask),
                            ignored: BTreeSet::new(),
                        })
                    })
                }
            };
            found.push(one.map_err(|e| {
                let place = format!("{}:{}", path.display(), wanted.line);
                let message = format!("cannot get the module {}", wanted.name);
                Error::new(e.kind(), message).at(place).because(e)
            })?);
        }
        Ok(found)
    }

    fn git(&self, name: &str, url: &str, rev: &puppetfile::Rev, to: PathBuf) -> Result<Gathered> {
        repository::check_address(url)?;
        let wanted = format!("{url} {rev}");
        let locked = self.pins.module(name, &wanted)?.and_then(|l| l.commit.clone());
        let rev = match (rev, locked) {
            // a branch moves; a tag that does is refused when its commit is compared
            (puppetfile::Rev::Ref(_), Some(commit)) => &puppetfile::Rev::Commit(commit),
            _ => rev,
        };
        let commit = repository::fetch(url, rev, self.request.cache, &to, self.progress)?;
        Ok(Gathered {
            name: name.to_owned(),
            folder: to,
            package: None,
            commit: Some(commit),
            source: Some(url.to_owned()),
            wanted: Some(wanted),
            ignored: BTreeSet::new(),
        })
    }

    /// The argument's forge, then SITE.toml's, then the Puppetfile's, then the public one.
    fn forge(&self, file: &Puppetfile) -> Result<Forge> {
        let Inputs { forge, settings, .. } = &self.request.inputs;
        let (place, home) = match (forge, &self.site.store.forge) {
            (Some(place), _) => (Some(place.as_str()), Path::new("")),
            (None, Some(place)) => (Some(place.as_str()), self.request.site),
            (None, None) => (file.forge.as_deref(), self.home),
        };
        Forge::open(place, home, settings)
    }

    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.work.join("modules").join(name);
        fs::create_dir_all(&folder).at("cannot create the folder", &folder)?;
        Ok(folder)
    }
}
