//! From a site's folder to its bundle. Same sources, same bytes: no clock, no order of a folder, no umask.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::manifest::{App, FORMAT, FileRecord, Manifest, Module, RELEASE_ID};
use super::package::{Apt, Deb};
use super::release::{Version, release_id};
use super::site::{ModuleSource, SITE, Site};
use super::{Bundle, app, archive, digest_of, generated, module, path};
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Progress;
use crate::units::{Digest, Hasher, Timestamp};

/// What to build, and what is known of its source.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The folder with SITE.toml.
    pub site: &'a Path,
    /// The vendor's build number.
    pub build: u32,
    /// The commit of the sources.
    pub commit: Option<String>,
    /// When the sources were last changed.
    pub created: Timestamp,
    /// Where the bundle goes.
    pub out: &'a Path,
    /// Where indexes of archives are kept.
    pub cache: &'a Path,
}

/// Builds `<out>/<site>-<version>+b<build>.tgz`.
pub fn build(request: &Request<'_>, progress: &dyn Progress) -> Result<Bundle> {
    let site = Site::read(request.site)?;
    let version = Version { number: site.number()?, build: request.build };
    let release = release_id(&site.site, version);
    fs::create_dir_all(request.out).at("cannot create the folder", request.out)?;
    let work = tempfile::Builder::new()
        .prefix(".bundle-")
        .tempdir_in(request.out)
        .at("cannot create a folder in", request.out)?;

    let mut files = Files::default();
    files.add_site(request.site)?;
    let modules = add_modules(&mut files, &site, request, work.path(), progress)?;
    let apps = add_apps(&mut files, &site, request.site, work.path(), progress)?;
    add_generated(&mut files, request.site, &release, &apps)?;

    let manifest = Manifest {
        format: FORMAT,
        site: site.site,
        version,
        release,
        commit: request.commit.clone(),
        created: request.created,
        min_builder: site.min_builder,
        needs: site.needs,
        health: site.health,
        modules,
        apps,
        files: files.records()?,
    };
    write(manifest, &files, request.out)
}

fn write(manifest: Manifest, files: &Files, out: &Path) -> Result<Bundle> {
    // what we would refuse to read must not be written
    path::check_list(&manifest.files)?;
    let target = out.join(format!("{}.tgz", manifest.release));
    let mut file = tempfile::Builder::new()
        .prefix(".bundle-")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(out)
        .at("cannot create a file in", out)?;
    let buffered = std::io::BufWriter::new(file.as_file_mut());
    archive::write(buffered, &manifest, |record| files.open(&record.path))?;
    file.as_file().sync_all().at("cannot flush", &target)?;
    let (digest, size) = digest_of(file.path())?;
    file.persist(&target).map_err(|e| e.error).at("cannot write", &target)?;
    Ok(Bundle { manifest, path: target, digest, size })
}

fn add_modules(
    files: &mut Files,
    site: &Site,
    request: &Request<'_>,
    work: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Module>> {
    let debs = fetch_packages(site, request.cache, work, progress)?;
    let mut modules = Vec::new();
    for (name, source) in &site.modules {
        let (folder, package) = match source {
            ModuleSource::Path { path } => (request.site.join(path), None),
            ModuleSource::Package { package, .. } => {
                let deb = debs.get(package).ok_or_else(|| {
                    Error::new(Kind::Tool, format!("apt-get download left no {package}"))
                })?;
                (module::in_package(deb, name)?, Some(deb.id.clone()))
            }
        };
        let home = format!("modules/{name}");
        files.add_folder(&folder, &home, &module::is_left_out)?;
        let digest = files.digest_below(&home)?;
        let version = module::version(&folder)?;
        modules.push(Module { name: name.clone(), version, package, digest });
    }
    Ok(modules)
}

fn fetch_packages(
    site: &Site,
    cache: &Path,
    work: &Path,
    progress: &dyn Progress,
) -> Result<BTreeMap<String, Deb>> {
    let mut wanted = BTreeMap::new();
    for source in site.modules.values() {
        if let ModuleSource::Package { package, version } = source {
            wanted.insert(package.as_str(), version.as_deref());
        }
    }
    match &site.archive {
        Some(archive) if !wanted.is_empty() => {
            progress.step(&format!("modules from {}", archive.suite), None);
            Apt::open(archive, cache)?.fetch(&wanted, work)
        }
        // packages without an archive were refused when SITE.toml was read
        _ => Ok(BTreeMap::new()),
    }
}

fn add_apps(
    files: &mut Files,
    site: &Site,
    folder: &Path,
    work: &Path,
    progress: &dyn Progress,
) -> Result<Vec<App>> {
    let mut apps = Vec::new();
    for (name, source) in &site.apps {
        progress.step(&format!("app {name}"), None);
        let packed = app::pack(name, &folder.join(&source.path), work)?;
        let (digest, _) = digest_of(&packed.file)?;
        let file = format!("apps/{name}-{}.tgz", packed.version);
        files.add(file.clone(), 0o644, Source::File(packed.file))?;
        apps.push(App { name: name.to_string(), version: packed.version, file, digest });
    }
    Ok(apps)
}

fn add_generated(files: &mut Files, site: &Path, release: &str, apps: &[App]) -> Result<()> {
    let path = site.join("environment.conf");
    let own = match fs::read_to_string(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.at("cannot read", &path)?,
    };
    let environment = generated::environment(&own).map_err(|e| e.at(&path))?;
    files.add("environment.conf".to_owned(), 0o644, Source::Bytes(environment.into_bytes()))?;
    let facts = generated::facts(release, apps)?;
    files.add(generated::FACTS.to_owned(), 0o644, Source::Bytes(facts))?;
    let id = format!("{release}\n").into_bytes();
    files.add(RELEASE_ID.to_owned(), 0o644, Source::Bytes(id))
}

/// Where a file of the bundle comes from.
#[derive(Debug)]
enum Source {
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// The bundle's files by path.
#[derive(Debug, Default)]
struct Files(BTreeMap<String, (u16, Source)>);

impl Files {
    /// Takes over the parts of a site that the format has a place for.
    fn add_site(&mut self, site: &Path) -> Result<()> {
        for entry in sorted(site)? {
            let name = name_of(&entry)?;
            match name.as_str() {
                "manifests" | "data" => self.add_folder(&entry, &name, &|_| false)?,
                "hiera.yaml" => self.add(name, 0o644, Source::File(entry))?,
                "environment.conf" | SITE => {}
                _ if name.starts_with('.') || name.starts_with("README") => {}
                _ => {
                    return Err(Error::new(Kind::Input, "this has no place in a bundle")
                        .at(&entry)
                        .remedy("a site has manifests/, data/, hiera.yaml, environment.conf and SITE.toml"));
                }
            }
        }
        if !self.0.keys().any(|path| path.starts_with("manifests/") && path.ends_with(".pp")) {
            return Err(Error::new(
                Kind::Input,
                "the site has no manifests, it would apply nothing",
            )
            .at(site.join("manifests"))
            .remedy("write manifests/site.pp"));
        }
        Ok(())
    }

    fn add_folder(
        &mut self,
        folder: &Path,
        as_: &str,
        leave_out: &dyn Fn(&str) -> bool,
    ) -> Result<()> {
        for entry in sorted(folder)? {
            let name = name_of(&entry)?;
            if name.starts_with('.') || leave_out(&name) {
                continue;
            }
            let path = format!("{as_}/{name}");
            let meta = fs::metadata(&entry).at("cannot look at", &entry)?;
            let link = fs::symlink_metadata(&entry).at("cannot look at", &entry)?.is_symlink();
            if meta.is_dir() && !link {
                self.add_folder(&entry, &path, &|_| false)?;
            } else if meta.is_file() && !link {
                let mode = if meta.permissions().mode() & 0o100 != 0 { 0o755 } else { 0o644 };
                self.add(path, mode, Source::File(entry))?;
            } else {
                return Err(Error::new(Kind::Input, "a bundle holds files and folders alone")
                    .at(&entry)
                    .remedy("put the file itself in the place of the link"));
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String, mode: u16, source: Source) -> Result<()> {
        path::check(&path)?;
        if self.0.contains_key(&path) {
            return Err(Error::new(Kind::Input, format!("{path} is written by the builder"))
                .remedy("leave the file out of the site"));
        }
        self.0.insert(path, (mode, source));
        Ok(())
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + '_>> {
        match self.0.get(path) {
            Some((_, Source::Bytes(bytes))) => Ok(Box::new(Cursor::new(bytes))),
            Some((_, Source::File(file))) => {
                Ok(Box::new(File::open(file).at("cannot open", file)?))
            }
            None => Err(path::refused(path, "it is not there")),
        }
    }

    fn record(&self, path: &str, mode: u16) -> Result<FileRecord> {
        let (sha256, size) = Digest::of_reader(self.open(path)?).at("cannot read", path)?;
        Ok(FileRecord { path: path.to_owned(), sha256, size, mode })
    }

    fn records(&self) -> Result<Vec<FileRecord>> {
        self.0.iter().map(|(path, (mode, _))| self.record(path, *mode)).collect()
    }

    /// One digest for all that lies below a folder.
    fn digest_below(&self, folder: &str) -> Result<Digest> {
        let prefix = format!("{folder}/");
        let mut hasher = Hasher::default();
        for (path, (mode, _)) in self.0.iter().filter(|(path, _)| path.starts_with(&prefix)) {
            let FileRecord { sha256, mode, .. } = self.record(path, *mode)?;
            hasher.update(format!("{mode:04o} {sha256} {}\n", &path[prefix.len()..]));
        }
        Ok(hasher.finish())
    }
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).at("cannot list", folder)? {
        all.push(entry.at("cannot list", folder)?.path());
    }
    all.sort();
    Ok(all)
}

fn name_of(path: &Path) -> Result<String> {
    let name = path.file_name().and_then(|n| n.to_str());
    name.map(str::to_owned).ok_or_else(|| Error::new(Kind::Input, "the name is not UTF-8").at(path))
}
