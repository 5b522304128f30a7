//! The folder that a verb works on, and the profiles in it.

use std::path::{Path, PathBuf};

use crate::base::{self, Definition};
use crate::bundle::Base;
use crate::error::{Context as _, Error, Kind, Result};
use crate::file;
use crate::format;
use crate::key::Trust;
use crate::profile::{self, Diagnostics, Known, Loaded, Style};

use crate::units::ByteSize;

use super::terminal;

/// Names the project's folder when `--project` is not given.
const PROJECT_VARIABLE: &str = "SLIPWAY_PROJECT";
/// Names the cache folder.
const CACHE_VARIABLE: &str = "SLIPWAY_CACHE";

/// Names the file of trusted keys.
const TRUST_VARIABLE: &str = "SLIPWAY_TRUST";
/// That file in a project: beside the profiles, so that whoever changes it is seen in the same history.
const TRUST: &str = "trust/allowed_signers";

/// Keeps the cache of encoded regions below a size, as in "20 GiB".
const LIMIT_VARIABLE: &str = "SLIPWAY_ENCODED_LIMIT";

/// Which project; every verb that reads profiles flattens this into its arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The project: the folder with profiles/ [default: $SLIPWAY_PROJECT, else the nearest one from here
    /// upward]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// The folder of profiles [default: profiles/ of the project]
    #[arg(long = "profiles", value_name = "DIR")]
    profiles_folder: Option<PathBuf>,
}

/// A folder with profiles/. All paths are absolute.
#[derive(Debug)]
pub(super) struct Project {
    /// The folder itself.
    pub root: PathBuf,
    /// One TOML a customer, and shared/ with their parents.
    pub profiles: PathBuf,
    /// One TOML a base image that is not as it comes with the program; it need not be there.
    pub images: PathBuf,
    /// Where artifacts go.
    pub out: PathBuf,
}

impl Options {
    /// Finds the project.
    pub fn open(&self) -> Result<Project> {
        let root = match (&self.project, std::env::var_os(PROJECT_VARIABLE)) {
            (Some(folder), _) => named(folder)?,
            (None, Some(folder)) if !folder.is_empty() => named(Path::new(&folder))?,
            (None, _) => search(&here()?)?,
        };
        let profiles = match &self.profiles_folder {
            Some(folder) => absolute(folder)?,
            None => root.join("profiles"),
        };
        let (images, out) = (root.join("images"), root.join("out"));
        Ok(Project { root, profiles, images, out })
    }

    /// Finds the project; none where nobody names one and there is none.
    pub fn open_if_any(&self) -> Result<Option<Project>> {
        let named = self.project.is_some() || variable(PROJECT_VARIABLE).is_some();
        match self.open() {
            Err(e) if e.kind() == Kind::NotFound && !named => Ok(None),
            project => project.map(Some),
        }
    }

    /// The file of trusted keys: $SLIPWAY_TRUST, else the project's.
    pub fn trust_file(&self) -> Result<PathBuf> {
        match variable(TRUST_VARIABLE) {
            Some(file) => absolute(Path::new(&file)),
            None => self.open()?.trust_file(),
        }
    }

    /// The trusted keys, where a project or a variable names them: whoever publishes may have neither, and
    /// trusts their own key then.
    pub fn trust_if_any(&self) -> Result<Trust> {
        let named = self.project.is_some() || variable(PROJECT_VARIABLE).is_some();
        match self.trust_file() {
            Err(e) if e.kind() == Kind::NotFound && !named => Ok(Trust::default()),
            file => Trust::read(&file?),
        }
    }

    /// The bases that bundles may name, where there is a project: whoever builds a bundle may have none.
    pub fn bases_if_any(&self) -> Result<Option<Vec<Base>>> {
        self.open_if_any()?.map(|project| bases(&project.images)).transpose()
    }
}

fn bases(images: &Path) -> Result<Vec<Base>> {
    let cache = cache()?;
    let base = |name: String| {
        // one that cannot be read is an error where it is used: of its system nothing is known here
        let Ok(definition) = Definition::find(images, &name) else {
            return Ok(Base { name, suites: Vec::new(), packages: None });
        };
        let packages = base::names_at_hand(&cache, &definition)?;
        let suites = definition.archives.into_iter().flat_map(|archive| archive.suites).collect();
        Ok(Base { name, suites, packages })
    };
    Definition::names(images)?.into_iter().map(base).collect()
}

fn here() -> Result<PathBuf> {
    std::env::current_dir().doing("cannot tell the current folder")
}

pub(super) fn absolute(folder: &Path) -> Result<PathBuf> {
    std::path::absolute(folder).at("cannot make absolute", folder)
}

fn is_project(folder: &Path) -> Result<bool> {
    file::is_folder(&folder.join("profiles"))
}

fn named(folder: &Path) -> Result<PathBuf> {
    let folder = absolute(folder)?;
    if is_project(&folder)? {
        return Ok(folder);
    }
    Err(Error::new(Kind::NotFound, "this is no project: it lacks profiles/")
        .at(folder)
        .remedy("make one with `slipway init DIR`"))
}

fn search(start: &Path) -> Result<PathBuf> {
    for folder in start.ancestors() {
        if is_project(folder)? {
            return Ok(folder.to_owned());
        }
    }
    Err(Error::new(Kind::NotFound, "neither here nor above is a folder with profiles/")
        .at(start)
        .remedy(format!(
            "make a project with `slipway init DIR`, go to one, or name it with --project or {PROJECT_VARIABLE}"
        )))
}

impl Project {
    /// The file of trusted keys: $SLIPWAY_TRUST, else trust/allowed_signers.
    pub fn trust_file(&self) -> Result<PathBuf> {
        match variable(TRUST_VARIABLE) {
            Some(file) => absolute(Path::new(&file)),
            None => Ok(self.root.join(TRUST)),
        }
    }

    /// What profiles of this project may name.
    pub fn known(&self) -> Result<Known> {
        let bases = Definition::names(&self.images)?;
        let lacks = |base: &&String| {
            // a definition that cannot be read is an error where the base is used
            Definition::find(&self.images, base).is_ok_and(|d| !d.has_old_time_zones())
        };
        let without_old_zones = bases.iter().filter(lacks).cloned().collect();
        let customers = profile::customers(&self.profiles)?;
        Ok(Known { bases, without_old_zones, customers })
    }

    /// The file that a user means: a customer's name, with .toml or without, or a path.
    pub fn profile_path(&self, wanted: &str) -> Result<PathBuf> {
        let path = Path::new(wanted);
        if wanted.contains('/') || (wanted.ends_with(".toml") && file::is_file(path)?) {
            return absolute(path);
        }
        let name = wanted.strip_suffix(".toml").unwrap_or(wanted);
        profile::find(&self.profiles, name).map_err(|e| e.at(shown(&self.profiles)))
    }

    /// The profile that a user means; its errors are the cause of the one that says how many there are.
    pub fn load(&self, wanted: &str) -> Result<Loaded> {
        let path = self.profile_path(wanted)?;
        profile::load(&path, &self.known()?).map_err(|diagnostics| refused(&path, diagnostics))
    }
}

/// An error that says how many there are, because of them.
pub(super) fn refused(path: &Path, diagnostics: Diagnostics) -> Error {
    let count = counted(diagnostics.errors.len(), "error");
    let error = Error::new(Kind::Input, format!("the profile has {count}"));
    error.at(shown(path)).because(diagnostics)
}

/// Shows every error of a profile on stderr.
pub(super) fn show(diagnostics: &Diagnostics) {
    terminal::complain(&format!("{}\n", diagnostics.render(&style())));
}

/// How errors are shown here: colours are taken away later where they are not wanted.
fn style() -> Style {
    Style { color: true, width: terminal::width(), here: std::env::current_dir().ok() }
}

/// A path as the user would write it.
pub(super) fn shown(path: &Path) -> PathBuf {
    match std::env::current_dir() {
        Ok(here) => path.strip_prefix(&here).unwrap_or(path).to_owned(),
        Err(_) => path.to_owned(),
    }
}

/// "1 error", "2 errors".
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// An environment variable that is set and not empty.
pub(super) fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The cache: $SLIPWAY_CACHE, else slipway/ in the user's cache folder (XDG Base Directory).
pub(super) fn cache() -> Result<PathBuf> {
    if let Some(folder) = variable(CACHE_VARIABLE) {
        return absolute(Path::new(&folder));
    }
    // XDG: a relative path here is invalid and must be ignored
    let xdg = variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let folder = xdg.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".cache")));
    folder.map(|folder| folder.join("slipway")).ok_or_else(|| {
        Error::new(Kind::Input, "there is no home folder for the cache")
            .remedy(format!("name one with {CACHE_VARIABLE}"))
    })
}

/// A size in an environment variable, in bytes.
pub(super) fn size_variable(name: &str) -> Result<Option<u64>> {
    let Some(value) = variable(name) else { return Ok(None) };
    let size: ByteSize = value
        .to_string_lossy()
        .parse()
        .map_err(|e| Error::new(Kind::Input, format!("{name} is wrong")).because(e))?;
    Ok(Some(size.bytes()))
}

/// The cache of encoded regions in a cache folder, to be kept below $SLIPWAY_ENCODED_LIMIT.
pub(super) fn encoded(cache: &Path) -> Result<format::Cache> {
    let limit = size_variable(LIMIT_VARIABLE)?.unwrap_or(format::encode::DEFAULT_LIMIT);
    Ok(format::Cache::new(cache.join(format::CACHE), limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_found_from_a_folder_below_it() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("profiles/shared")).unwrap();
        let below = root.path().join("profiles/shared");
        assert_eq!(search(&below).unwrap(), root.path());
    }

    #[test]
    fn a_folder_without_profiles_is_no_project_and_one_without_definitions_of_bases_is() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(named(root.path()).unwrap_err().kind(), Kind::NotFound);
        std::fs::create_dir(root.path().join("profiles")).unwrap();
        assert_eq!(named(root.path()).unwrap(), root.path());
    }
}
