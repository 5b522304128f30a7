//! From a site's folder to its bundle. Same sources, same bytes: no clock, no order of a folder, no umask.
//!
//! The way through: [`site`] reads SITE.toml, [`lock`] what the last build took. [`module`] gathers modules, from
//! [`package`]s, a [`puppetfile`], a [`forge`] or a [`repository`] with its [`submodule`]s, which [`untar`] unpacks;
//! [`apps`] are packed or fetched. [`files`] holds all that goes in, without what [`ignored`] and [`left_out`] name and
//! with what is [`generated`]. [`check`] looks at the whole of it before anything is written.

mod apps;
pub(crate) mod check;
pub(crate) mod files;
mod folder;
mod forge;
pub(super) mod generated;
mod ignored;
mod left_out;
mod lock;
mod module;
mod package;
pub(crate) mod puppetfile;
mod repository;
mod request;
pub(crate) mod site;
mod submodule;
pub(crate) mod untar;

use std::path::Path;

pub use check::Base;
pub use lock::Locking;
pub use request::{Inputs, Request};

use crate::bundle::form::manifest::{App, FORMAT, Manifest, Module, RELEASE_ID};
use crate::bundle::form::parameter::Parameters;
use crate::bundle::form::release::{Version, release_id};
use crate::bundle::form::{archive, path};
use crate::bundle::{Bundle, digest_of};
use crate::error::{Error, Kind, Result};
use crate::progress::Progress;
use crate::whole::{self, Draft, Work};
use crate::written;
use files::{FileBody, Files};
use lock::{LOCK, Locked, Pins};
use site::Site;

/// Builds `<out>/<site>-<version>+b<build>.tgz`.
pub fn build(request: &Request<'_>, progress: &dyn Progress) -> Result<Bundle> {
    let site = Site::read(request.site)?;
    let version = Version { number: site.number()?, build: request.build };
    let release = release_id(&site.site, version);
    let targets = check::targets(&site, request.site, request.inputs.bases.as_deref())?;
    check::packages(&site, request.site, &targets)?;
    let work = Work::new_in(request.out)?;
    whole::sweep(request.site);

    let mut pins = pins(request)?;
    let mut files = Files::default();
    files.add_site(request.site, request.out, progress)?;
    let modules = add_modules(&mut files, &site, request, &mut pins, work.path(), progress)?;
    let apps = apps::add(&mut files, &site, request, &mut pins, work.path(), progress)?;
    pins.check()?;
    add_generated(&mut files, request.site, &release, &apps, site.parameters.as_ref())?;
    check::parameters(&files, site.parameters.as_ref().unwrap_or(&Parameters::new()))?;
    let packaged = modules.iter().filter(|m| m.package.is_some()).map(|m| m.name.clone()).collect();
    check::all(&files, &site.unmet, &packaged, &site.needs.packages, progress)?;
    match request.inputs.puppet {
        true => check::catalog(&files, &site, &targets, work.path(), progress)?,
        false => progress.note("puppet neither checked the manifests nor compiled the catalog"),
    }

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
        parameters: site.parameters,
        modules,
        apps,
        files: files.records()?,
    };
    let bundle = write(manifest, &files, request.out)?;
    if pins.keep()? {
        progress.note(&format!("{LOCK} is written: commit it, and later builds take the same"));
    }
    Ok(bundle)
}

/// Chooses anew what the request's [`Locking::Renew`] says, and writes the site's lock file; gives what changed,
/// one line each.
pub fn update(request: &Request<'_>, progress: &dyn Progress) -> Result<Vec<String>> {
    let site = Site::read(request.site)?;
    let work = Work::new_in(request.out)?;
    // who was killed while writing the lock file left it here, and it may be right now
    whole::sweep(request.site);
    let mut pins = pins(request)?;
    add_modules(&mut Files::default(), &site, request, &mut pins, work.path(), progress)?;
    for (name, source) in site.apps.iter().filter(|(_, source)| source.path.is_none()) {
        apps::fetch(name, source, None, &site, request, &mut pins, progress)?;
    }
    pins.keep()?;
    Ok(pins.changes())
}

fn pins<'a>(request: &'a Request<'_>) -> Result<Pins<'a>> {
    let aside = request.inputs.channels.keys().map(ToString::to_string).collect();
    Pins::read(request.site, &request.inputs.locking, aside)
}

fn write(manifest: Manifest, files: &Files, out: &Path) -> Result<Bundle> {
    // what we would refuse to read must not be written
    path::check_list(&manifest.files)?;
    let target = out.join(format!("{}.tgz", manifest.release));
    let mut draft = Draft::beside(&target, 0o644)?;
    let buffered = std::io::BufWriter::new(draft.file());
    archive::write(buffered, &manifest, |record| files.open(&record.path))?;
    let (digest, size) = digest_of(draft.path())?;
    draft.replace(&target)?;
    Ok(Bundle { manifest, path: target, digest, size })
}

fn add_modules(
    files: &mut Files,
    site: &Site,
    request: &Request<'_>,
    pins: &mut Pins<'_>,
    work: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Module>> {
    let mut modules = Vec::new();
    for module::Gathered { name, folder, package, commit, source, wanted, ignored } in
        module::gather(site, request, pins, work, progress)?
    {
        let home = format!("modules/{name}");
        let leave_out = |path: &str| left_out::stays_out(path) || ignored.contains(path);
        files.add_folder(&folder, &home, &leave_out)?;
        if !files.paths().any(|path| path.starts_with(&format!("{home}/"))) {
            let message = format!("the module {name} has no files");
            return Err(Error::new(Kind::Input, message).at(folder).remedy(
                "a module has manifests/, lib/, files/, templates/ or data/; tests and hidden files do not count",
            ));
        }
        let digest = files.digest_below(&home)?;
        let version = check::version(files, &home)?;
        if let (Some(wanted), Some(source)) = (wanted, package.clone().or(source.clone())) {
            let (version, commit) = (version.clone(), commit.clone());
            let locked = Locked { wanted, version, source, commit, sha256: digest };
            pins.found_module(name.clone(), locked);
        }
        modules.push(Module { name, version, package, commit, source, digest });
    }
    Ok(modules)
}

fn add_generated(
    files: &mut Files,
    site: &Path,
    release: &str,
    apps: &[App],
    parameters: Option<&Parameters>,
) -> Result<()> {
    let path = site.join("environment.conf");
    let own = match written::text(&path, "environment.conf") {
        Err(e) if e.kind() == Kind::NotFound => String::new(),
        read => read?,
    };
    let paths: Vec<&str> = files.paths().collect();
    let environment = generated::environment(&own, &paths).map_err(|e| e.at(&path))?;
    files.add("environment.conf".to_owned(), 0o644, FileBody::Bytes(environment.into_bytes()))?;
    let facts = generated::facts(release, apps, parameters)?;
    files.add(generated::FACTS.to_owned(), 0o644, FileBody::Bytes(facts))?;
    let id = format!("{release}\n").into_bytes();
    files.add(RELEASE_ID.to_owned(), 0o644, FileBody::Bytes(id))
}
