//! From a site's folder to its bundle. Same sources, same bytes: no clock, no order of a folder, no umask.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::files::{Files, Source};
use super::lock::{LOCK, Locked, Locking, Pins};
use super::manifest::{App, FORMAT, Manifest, Module, RELEASE_ID};
use super::parameter::Parameters;
use super::release::{Version, release_id};
use super::site::{AppSource, Site};
use super::{Base, Bundle, archive, check, digest_of, generated, module, path};
use crate::app::{self, AppName, Channel, Numbering, Reader, Tests};
use crate::blob::{self, Settings};
use crate::error::{Error, Kind, Result};
use crate::key::Trust;
use crate::progress::Progress;
use crate::units::Timestamp;
use crate::whole::{self, Draft, Work};
use crate::written;

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
    /// Where indexes of archives, repositories and apps are kept.
    pub cache: &'a Path,
    /// Where what the site names comes from, and what is checked.
    pub inputs: Inputs,
}

/// Where what a site names comes from, and what is checked of it.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The store of apps, instead of the site's.
    pub apps: Option<String>,
    /// Apps that are taken from another channel, the newest there: a branch that a team tries out.
    pub channels: BTreeMap<AppName, Channel>,
    /// The forge, instead of the site's and the Puppetfile's.
    pub forge: Option<String>,
    /// Credentials of stores.
    pub settings: Settings,
    /// Whose signatures count on apps that come from a store.
    pub trust: Trust,
    /// When they must.
    pub now: Timestamp,
    /// What is done with the site's lock file.
    pub locking: Locking,
    /// Whether apps that are packed now have their tests run.
    pub tests: Tests,
    /// Variables of our environment that tests and scripts of apps see besides the plain ones.
    pub variables: Vec<String>,
    /// Whether puppet checks the manifests and compiles the catalog.
    pub puppet: bool,
    /// The project's bases; none where there is no project.
    pub bases: Option<Vec<Base>>,
}

impl Default for Inputs {
    /// What the site and its lock file say, every check, and nobody who is trusted for an app.
    fn default() -> Self {
        let (apps, forge) = (None, None);
        let (channels, settings) = (BTreeMap::new(), Settings::default());
        let (trust, now, locking) = (Trust::default(), Timestamp::default(), Locking::default());
        let (variables, bases) = (Vec::new(), None);
        Self {
            apps,
            channels,
            forge,
            settings,
            trust,
            now,
            locking,
            tests: Tests::Run,
            variables,
            puppet: true,
            bases,
        }
    }
}

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
    let apps = add_apps(&mut files, &site, request, &mut pins, work.path(), progress)?;
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
        fetch(name, source, None, &site, request, &mut pins, progress)?;
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
        let leave_out = |path: &str| module::stays_out(path) || ignored.contains(path);
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

fn add_apps(
    files: &mut Files,
    site: &Site,
    request: &Request<'_>,
    pins: &mut Pins<'_>,
    work: &Path,
    progress: &dyn Progress,
) -> Result<Vec<App>> {
    let known: BTreeSet<&AppName> = site.apps.keys().collect();
    if let Some(name) = request.inputs.channels.keys().find(|name| !known.contains(name)) {
        return Err(Error::new(Kind::Input, format!("the site has no app {name}"))
            .at(request.site)
            .remedy("--app takes one that SITE.toml names in [apps]"));
    }
    let mut apps = Vec::new();
    for (name, source) in &site.apps {
        let channel = request.inputs.channels.get(name);
        let (app, channel) = match (&source.path, channel) {
            (Some(path), None) => {
                (pack(name, &request.site.join(path), request, work, progress)?, None)
            }
            _ => fetch(name, source, channel, site, request, pins, progress)?,
        };
        let file = format!("apps/{}", app.file_name());
        files.add(file.clone(), 0o644, Source::File(app.path))?;
        let (name, version) = (app.name.to_string(), app.version.to_string());
        let channel = channel.map(|channel| channel.to_string());
        apps.push(App { name, version, file, digest: app.digest, commit: app.commit, channel });
    }
    Ok(apps)
}

/// Packs an app that lies beside the site.
fn pack(
    name: &AppName,
    folder: &Path,
    request: &Request<'_>,
    work: &Path,
    progress: &dyn Progress,
) -> Result<app::App> {
    let ask = app::Request {
        folder,
        numbering: &Numbering::AsIs,
        tests: request.inputs.tests,
        variables: &request.inputs.variables,
        out: work,
        work: &work.join("packing"),
    };
    let app = app::pack(&ask, progress)?.app;
    if app.name == *name {
        return Ok(app);
    }
    let message = format!("the package is named {}, SITE.toml says {name}", app.name);
    Err(Error::new(Kind::Input, message).at(folder))
}

/// Takes an app from a store: what the site asks for, or the newest of the channel that the caller names.
fn fetch(
    name: &AppName,
    source: &AppSource,
    other: Option<&Channel>,
    site: &Site,
    request: &Request<'_>,
    pins: &mut Pins<'_>,
    progress: &dyn Progress,
) -> Result<(app::App, Option<Channel>)> {
    let inputs = &request.inputs;
    let store = inputs.apps.as_ref().or(source.store.as_ref()).or(site.store.apps.as_ref());
    let url = store.ok_or_else(|| {
        Error::new(Kind::Input, format!("no store is named for the app {name}"))
            .at(request.site)
            .remedy("write [store] apps = \"URL\" in SITE.toml, or name one with --apps")
    })?;
    let store = blob::open(url, &inputs.settings)?;
    let channel = other.or(source.channel.as_ref()).cloned().unwrap_or_default();
    let store = store.as_ref();
    let reader = Reader { store, trust: &inputs.trust, now: inputs.now };
    let found = match other {
        // a branch's versions are prereleases, which the site's range does not hold
        Some(channel) => reader.find(name, channel, None, progress)?,
        None => choose(&reader, name, &channel, source, pins, progress)?,
    };
    progress.note(&format!("{name} {} of channel {channel}", found.entry.version));
    Ok((app::fetch(store, &found, request.cache, progress)?, Some(channel)))
}

/// What the lock file has, else the newest that the site's range holds.
fn choose(
    reader: &Reader<'_>,
    name: &AppName,
    channel: &Channel,
    source: &AppSource,
    pins: &mut Pins<'_>,
    progress: &dyn Progress,
) -> Result<app::Found> {
    let range = source.version.as_ref();
    let wanted = match range {
        Some(range) => format!("{range} of {channel}"),
        None => format!("the newest of {channel}"),
    };
    let found = match pins.app(name.as_str(), &wanted)? {
        Some(Locked { version: Some(version), sha256, .. }) => {
            reader.pinned(name, channel, &version.parse()?, sha256, progress)?
        }
        _ => reader.find(name, channel, range, progress)?,
    };
    let (version, sha256) = (Some(found.entry.version.to_string()), found.entry.sha256);
    let source = reader.store.shown().to_owned();
    pins.found_app(name.to_string(), Locked { wanted, version, source, commit: None, sha256 });
    Ok(found)
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
    files.add("environment.conf".to_owned(), 0o644, Source::Bytes(environment.into_bytes()))?;
    let facts = generated::facts(release, apps, parameters)?;
    files.add(generated::FACTS.to_owned(), 0o644, Source::Bytes(facts))?;
    let id = format!("{release}\n").into_bytes();
    files.add(RELEASE_ID.to_owned(), 0o644, Source::Bytes(id))
}
